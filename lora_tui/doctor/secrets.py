"""What of a workspace and its user is private: collected, so that no bug report holds it."""

import contextlib
import getpass
import os
import pwd
import re
import socket
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from trainer.errors import LoraTuiError
from trainer.journal.journal import Journal
from trainer.regular_file import read_regular
from trainer.settings.model import Settings
from trainer.settings.subject import Subject, load_subject, resolve
from trainer.settings.toml_file import load_settings
from trainer.workspace import Workspace

Secret = tuple[str, str]
"""Its kind, and the text."""

# A larger data set's other captions have hardly a tag that these have not; what is left of a text has its words replaced anyway.
_MAX_FILES = 20_000
_MAX_CAPTION = 2**16
_CAPTIONS = (".txt", ".caption")
_GENERIC = {"data", "train", "images", "pictures", "home", "tmp", "mnt", "work", "user", "root", "lora", "models"}
# Parts of a path that tell nothing of anybody.
_MAX_BAKES = 2000


def secrets_of(workspace: Workspace | None) -> Iterator[Secret]:
    """Yield everything private that is known: the user, the computer, and of a workspace its paths, names, captions, prompts, tags and notes."""
    yield from _of_user()
    if workspace is None:
        return
    yield from _path(workspace.root)
    for file in workspace.settings_files():
        yield "file", file.stem
        with contextlib.suppress(LoraTuiError, OSError):
            yield from _of_settings(resolve(load_settings(file), file))
    if workspace.subjects.is_dir():
        for file in sorted(workspace.subjects.glob("*.toml")):
            yield "name", file.stem
            with contextlib.suppress(LoraTuiError, OSError):
                yield from _of_subject(load_subject(file))
    with contextlib.suppress(LoraTuiError):
        yield from _of_journal(workspace)


def _of_user() -> Iterator[Secret]:
    with contextlib.suppress(Exception):  # getpass raises other errors in each version of Python
        yield "user", getpass.getuser()
    with contextlib.suppress(KeyError):
        entry = pwd.getpwuid(os.getuid())
        yield "user", entry.pw_name
        yield from (("user", part) for part in re.split(r"[,\s]+", entry.pw_gecos) if len(part) > 2)
    home = os.environ.get("HOME", "")
    if len(home) > 1:
        yield "path", home
        yield "user", Path(home).name
    host = socket.gethostname()
    yield "host", host
    yield "host", host.partition(".")[0]


def _path(path: Path) -> Iterator[Secret]:
    yield "path", str(path)
    yield from (("name", part) for part in path.parts[1:] if part.lower() not in _GENERIC)


def _of_settings(settings: Settings) -> Iterator[Secret]:
    folders = []
    for name, value in settings.model_dump().items():
        for text in value if isinstance(value, list) else (value,):
            if isinstance(text, str) and "/" in text:
                yield from _path(Path(text))
        if name in ("train_data_dir", "reg_data_dir", "validation_data_dir") and value:
            folders.append(Path(str(value)))
    for name in ("subject", "output_name"):
        yield "name", str(getattr(settings, name) or "")
    for folder in folders:
        yield from _of_data(folder)


def _of_data(folder: Path) -> Iterator[Secret]:
    with contextlib.suppress(OSError):
        for path in islice(folder.rglob("*"), _MAX_FILES):
            yield "file", path.name
            yield "file", path.stem
            # `10_name`
            yield "name", re.sub(r"^\d+_", "", path.stem)
            if path.suffix.lower() in _CAPTIONS:
                with contextlib.suppress(OSError):
                    yield from _words_of(read_regular(path, _MAX_CAPTION).decode("utf-8", "replace"))


def _words_of(text: str) -> Iterator[Secret]:
    """Yield a caption or prompt, and each tag of it."""
    for line in text.splitlines():
        yield "caption", line
        yield from (("tag", tag.strip()) for tag in line.split(","))


def _of_subject(subject: Subject) -> Iterator[Secret]:
    yield "name", subject.name
    yield "tag", subject.trigger
    for outfit, words in subject.outfits.items():
        yield "name", outfit
        yield from _words_of(words)
    for name, prompt in subject.prompts.items():
        yield "name", name
        yield from _words_of(prompt)
    yield from _words_of(subject.negative_prompt)
    yield from (("tag", item) for item in subject.checklist)
    for path in (subject.train_data_dir, subject.pretrained_model_name_or_path, subject.champion):
        yield "path", path


def _of_journal(workspace: Workspace) -> Iterator[Secret]:
    with Journal(workspace.journal_path) as journal:
        rows = journal.bakes.latest(limit=_MAX_BAKES)
        for bake in rows:
            yield "name", bake.name
            yield "file", Path(bake.folder).name
            yield "note", bake.why
            for saved in journal.results.checkpoints(bake.number):
                yield "file", saved.stem
            yield from (("path", path) for path in re.findall(r'"(/[^"\n]+)"', bake.settings_toml))
        for note in journal.listing.notes().values():
            yield from (("note", line) for line in note.text.splitlines())
            yield from (("tag", tag) for tag in note.tags)
        for grid in journal.grids.latest():
            yield "name", grid.name
            yield from (("prompt", text) for text in re.findall(r'"((?:[^"\\]|\\.){3,})"', grid.spec) if " " in text)
