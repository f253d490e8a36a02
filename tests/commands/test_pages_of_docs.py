"""The pages of docs are true: every command in a block is run by a test, every other one exists with its options, every link leads somewhere."""

import re
import shlex
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import click
import pytest
from every_command import furnish

from lora_tui.cli import main

LoraTui = Callable[..., "CompletedProcess[str]"]
ROOT = Path(__file__).parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
}

RUN_BY = {
    "README.md": "test_readme.py",
    "docs/first-bake.md": "test_readme.py",
    "docs/other-trainers.md": "test_readme.py",
    "docs/shell.md": "test_shell_page.py",
    "docs/captions.md": "test_captions.py",
    "docs/captions-tagger.md": "test_caption_looks.py",
    "docs/conventions.md": "test_caption_looks.py",
    "docs/dataset.md": "test_dataset_command.py",
}
"""Page -> the test beside this one that runs its commands."""

HERE = {"docs/checks.md", "docs/filter.md", "docs/importing.md", "docs/ladders.md"}
"""Pages whose commands are run below."""

NOT_RUN = {
    "docs/captions-tagger.md": "tests/unit/tagger and test_caption_looks.py run a tagger, which no page can bring along; pip is not run",
    "docs/several-gpus.md": "tests/engine and test_cluster_command.py start several processes and a cluster",
    "docs/experiments.md": "a ladder of 15 bakes, made once for the page",
}
"""Page -> why commands of its blocks are not run as they stand; their options are still checked."""


def blocks(text: str) -> Iterator[str]:
    """Yield the lines of code of a page, fenced or indented."""
    for block in re.findall(r"^```(?:sh|console)?\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
        yield from block.splitlines()
    yield from re.findall(
        r"^    (\S.*)$", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE), flags=re.MULTILINE
    )


def typed(text: str) -> list[str]:
    """Return the commands of a page's blocks that are ours."""
    return [
        line.partition("  #")[0].rstrip()
        for line in blocks(text)
        if re.match(r"(lora-tui |accelerate launch )(?!.*: )", line)
    ]


@pytest.mark.parametrize("page", [page for page, text in PAGES.items() if typed(text)])
def test_the_commands_of_a_page_are_run_or_it_says_why_not(page: str) -> None:
    assert page in {*RUN_BY, *HERE, *NOT_RUN}
    if page in RUN_BY:
        source = (Path(__file__).parent / RUN_BY[page]).read_text(encoding="utf-8")
        assert f'"{Path(page).name}"' in source, f"{RUN_BY[page]} does not read {page}"


@pytest.mark.parametrize("page", sorted(HERE))
def test_the_commands_of_a_page_run(page: str, lora_tui_here: LoraTui, furnished: Path, tmp_path: Path) -> None:
    lines = typed(PAGES[page])
    assert lines
    folder = tmp_path / "ws"
    shutil.copytree(furnished, folder)
    next((folder / "data").rglob("*.txt")).unlink()
    (folder / "old.json").write_text(
        '{"pretrained_model_name_or_path": "demo", "train_data_dir": "data", "network_dim": 8, "LoRA_type": "Standard"}'
    )
    for line in lines:
        ran = lora_tui_here(*shlex.split(line)[1:], folder=folder)
        # A check that found warnings says 1.
        assert ran.returncode in ((0, 1) if " check " in line else (0,)), f"{line}: {ran.stderr}"
        assert ran.stdout


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return furnish(tmp_path_factory.mktemp("pages") / "ws").root


def named(text: str) -> Iterator[str]:
    """Yield the commands of a page, those in its sentences too."""
    yield from (
        line.removeprefix("accelerate launch --num_processes 2 -m ").replace("lora_tui ", "lora-tui ")
        for line in typed(text)
    )
    yield from re.findall(r"`(lora-tui [^`]+)`", text)


def faults(line: str) -> list[str]:
    """Return the words of a command that the program does not have."""
    line = re.sub(r"\s[|>&]+ .*", "", line.replace("\\|", "|"))
    words = shlex.split(re.sub(r"[\[\]…]|\.\.\.", " ", line), posix=True)[1:]
    command: click.Command = main
    while isinstance(command, click.Group):
        found = command.commands.get(words[0]) if words else None
        if found is None:
            break
        command, words = found, words[1:]
    # The two groups that take words of their own pass them to one of their commands.
    known = [command, *(command.commands.values() if isinstance(command, click.Group) and command is not main else ())]
    options = {name for each in known for param in each.params for name in (*param.opts, *param.secondary_opts)} | {
        "--help"
    }
    wrong = [word for word in words if word.startswith("--") and word.partition("=")[0] not in options]
    takes_words = command is not main and (not isinstance(command, click.Group) or "Command" in type(command).__name__)
    return wrong + (
        []
        if takes_words
        else [word for word in words[:1] if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")]
    )


@pytest.mark.parametrize("page", [page for page, text in PAGES.items() if next(named(text), "")])
def test_every_command_that_a_page_names_exists_with_its_options(page: str) -> None:
    assert {line: wrong for line in named(PAGES[page]) if (wrong := faults(line))} == {}


def test_every_command_that_the_program_names_exists_with_its_options() -> None:
    texts = (
        path.read_text(encoding="utf-8") for room in ("lora_tui", "trainer") for path in (ROOT / room).rglob("*.py")
    )
    lines = [
        re.sub(r"\{[^}]*\}", "X", line) for text in texts for line in re.findall(r"`(lora-tui [a-z][^`\n]+)`", text)
    ]
    assert len(lines) > 50
    assert {line: wrong for line in lines if (wrong := faults(line))} == {}


def test_a_command_that_does_not_exist_is_found() -> None:
    assert faults("lora-tui bakke hifumi.toml") == ["bakke"]
    assert faults("lora-tui plan hifumi.toml --fits 8GB") == ["--fits"]
    assert (
        faults("lora-tui queue hold 3")
        == faults("lora-tui bakes 'tag:te'")
        == faults("lora-tui ladder --knob unet_lr")
        == []
    )


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    text = re.sub(r"```.*?```", "", PAGES[page], flags=re.DOTALL)
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", text)) if "://" not in link]
    for link in links:
        name, _, anchor = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        assert target.exists(), f"{page}: {link}"
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{page}: {link}"


def anchors(text: str) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_the_index_has_every_page() -> None:
    index = PAGES["docs/README.md"]
    names = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert [name for name in sorted(names) if f"]({name})" not in index] == []


def test_no_change_stands_in_the_changelog_twice() -> None:
    starts = Counter(line[:60] for line in (ROOT / "CHANGELOG.md").read_text("utf-8").splitlines() if line[:2] == "- ")
    assert [start for start, times in starts.items() if times > 1] == []
