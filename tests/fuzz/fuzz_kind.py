"""The record of a kind of file that the program opens: what is valid, what makes it wrong, and what a user does with it."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fuzz_workspace import BAKE, STEPS
from mutators import (
    Mutator,
    mutated,
    of_json,
    of_safetensors,
    of_safetensors_body,
    of_script,
    of_text,
    of_toml,
    of_yaml,
)

from trainer.journal.state_files import file_name


@dataclass(frozen=True)
class Command:
    """A command line; `{root}`, `{file}` and `{suffix}` in it stand for the workspace, the mutated file and its ending.

    Attributes:
        words: behind `lora-tui`.
        content: whether the mutated content itself is the last word, in place of a file.
        data: whether it prints the file's own text to standard output, for other programs.
        without: files of the workspace that are removed before.
    """

    words: tuple[str, ...]
    content: bool = False
    data: bool = False
    without: tuple[str, ...] = ()


Call = Callable[[Path, Path], object]
"""A function of the program, given the workspace's folder and the mutated file, where no command alone reaches it."""


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    Attributes:
        name: in words.
        files: valid ones, relative to the workspace or, with `~` in front, to the home -> mutators that know their form.
        modules: of the program, which open such files.
        opens: what a user does with one, each tried on every input.
        torch: the same, of what needs torch; not in the sample.
        share: one input of so many is tried, where each takes a second.
    """

    name: str
    files: Mapping[str, tuple[Mutator, ...]]
    modules: tuple[str, ...]
    opens: tuple[Command | Call, ...]
    torch: tuple[Call, ...] = ()
    share: int = 1

    def input(self, seed: int, index: int, valid: Callable[[str], bytes]) -> tuple[str, bytes]:
        """Return the file and the content of one input; 0 and those after it, as many as there are files, are the valid ones."""
        names = list(self.files)
        if index < len(names):
            return names[index], valid(names[index])
        rng = random.Random(f"{seed} {self.name} {index}")
        name = rng.choice(names)
        return name, mutated(valid(name), self.files[name], rng)


def command(*words: str, content: bool = False, data: bool = False, without: tuple[str, ...] = ()) -> Command:
    """Return a command of these words."""
    return Command(words, content, data, without)


PLAN, CHECK = ("plan", "--no-memory"), ("check",)
TOML, JSON, TEXT = (of_toml, of_toml, of_text), (of_json, of_json, of_json, of_text), (of_text,)
YAML, SCRIPT = (of_yaml, of_yaml, of_text), (of_script, of_script, of_text)
BY_ENDING: Mapping[str, tuple[Mutator, ...]] = {
    "toml": TOML,
    "json": JSON,
    "yaml": YAML,
    "ps1": SCRIPT,
    "sh": SCRIPT,
    "txt": SCRIPT,
}
HEADER, BODY = (of_safetensors,), (of_safetensors_body,)


SHOW = (
    command("status", "{root}"),
    command("status", "{root}", "--json"),
    command("queue", "--in", "{root}"),
    command("queue", "--in", "{root}", "--json"),
    command("grid", "--list", "--in", "{root}"),
    command("grid", "--dry-run", "--in", "{root}"),
    command("order", "2", "set", "unet_lr=1e-4", "--wait", "0", "--in", "{root}"),
    command("page", "1", "--in", "{root}"),
    command("bakes", "--all", "--in", "{root}", "unet_lr>1e-9"),
    command("show", "1", "--in", "{root}"),
    command("diff", "1", "2", "--in", "{root}"),
    command("ladder", "list", "--in", "{root}"),
    command("ladder", "show", "1", "--json", "--in", "{root}"),
    command("search", "--list", "--in", "{root}"),
    command("search", "--show", "1", "--json", "--in", "{root}"),
)
STATE = f"{BAKE}/state/{file_name(STEPS)}"
FROM_PICTURE = (
    command("grid", "--like", "{file}", "--dry-run", "--in", "{root}"),
    command("style", "read", "{file}", "--name", "read", "--in", "{root}"),
)
REBUILD = command("journal", "rebuild", "{root}", without=("journal.sqlite",))
