"""Imports as the dashboard makes them: a path or a paste read, folders of another computer found, settings written; for a thread."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from trainer.errors import SettingsError
from trainer.refusals import user_path
from trainer.text import path_fault, printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.interop.record import SourceDocument
    from trainer.interop.report import ImportReport

_PASTE = "the paste"
# A config, the data set file that it names, the command that runs it.
_MAX_PATHS = 8
# What a line of settings has and the name of a file hardly ever.
_OF_SETTINGS = ("=", "{", "$", " --", ": ")


@dataclass(frozen=True)
class ReadImport:
    """What an import would give.

    Attributes:
        documents: what was read.
        report: what became of every key.
        name: proposed for the settings file.
        foreign: prefixes of paths of another computer, whose place on this one is not known.
        subject: name of the subject that would be written too, "" for none: data are named that none here has.
    """

    documents: "Sequence[SourceDocument]"
    report: "ImportReport"
    name: str
    foreign: tuple[str, ...] = ()
    subject: str = ""


class Imports:
    """Reads imports for one workspace, and writes them into it; every call may take a moment."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def read(self, given: str) -> ReadImport:
        """Return what a path, several paths in lines of their own, or a pasted text would give.

        Raises:
            LoraTuiError: it cannot be read, or is of no trainer that is known.
        """
        from trainer.interop.documents import open_document, read_document

        if paths := given_paths(given, self._workspace.root):
            return self._made([open_document(path) for path in paths])
        return self._made((read_document(given.encode("utf-8", "replace"), _PASTE),))

    def remap(self, read: ReadImport, folders: Mapping[str, str]) -> ReadImport:
        """Return an import with folders of another computer at their places here, and remember these.

        Args:
            read: before.
            folders: prefix there -> folder here.

        Raises:
            SettingsError: a folder is not there.
        """
        from trainer.interop.foreign_paths import remember_map

        for there, here in folders.items():
            if not user_path(here, printable(there)).is_dir():
                raise SettingsError(
                    printable(there),
                    found=f"no folder {printable(here, 80)} here",
                    way_out="give another folder, or none",
                )
        remember_map(self._workspace, folders)
        return self._made(read.documents)

    def save(self, read: ReadImport, name: str) -> Path:
        """Write an import as settings, and as a subject where data are named; return the settings file.

        Raises:
            SettingsError: the name is none, or taken; nothing was written then.
        """
        from trainer.interop.write_import import import_to, write_import
        from trainer.settings.one_setting import check_name

        try:
            check_name(name or ".")
        except ValueError as error:
            raise SettingsError("name", found=printable(repr(name), 80), expected=str(error)) from None
        out = self._workspace.root / f"{name}.toml"
        if out.exists():
            raise SettingsError(out.name, found="already exists", expected="a new name", way_out="choose another name")
        write_import(import_to(read.documents, out), out)
        return out

    def _made(self, documents: "Sequence[SourceDocument]") -> ReadImport:
        from trainer.interop.foreign_paths import prefixes_to_ask_for
        from trainer.interop.write_import import import_to

        imported = import_to(documents, self._workspace.root / "settings.toml")
        subject, report = imported.subject, imported.report
        values = imported.values
        name = subject.name if subject is not None else str(values.get("output_name") or values.get("subject") or "")
        return ReadImport(
            documents,
            report,
            free_name(self._workspace, name or "imported"),
            tuple(prefixes_to_ask_for(report.paths)),
            subject.name if subject is not None else "",
        )


def given_paths(given: str, root: Path) -> list[Path]:
    """Return the paths that were given, none for a text of settings.

    Args:
        given: as typed or pasted; several lines are paths where something is at each.
        root: where a relative path is looked for too.
    """
    lines = [line.strip() for line in given.strip().splitlines() if line.strip()]
    if "\0" in given or len(lines) > _MAX_PATHS:
        return []
    found = [_found_path(line, root) for line in lines]
    there = [path for path in found if path is not None]
    if len(there) == len(lines):
        return there
    if len(lines) > 1 or path_fault(lines[0]) or any(sign in lines[0] for sign in _OF_SETTINGS):
        return []
    return [Path(lines[0])]


def _found_path(line: str, root: Path) -> Path | None:
    for text in _written_ways(line):
        for folder in (Path(), root):
            if text and not path_fault(text) and _is_there(path := folder / _at_home(text)):
                return path
    return None


def _written_ways(line: str) -> Iterator[str]:
    """Yield what a line may name: as it is, and as a shell, a terminal that a file is dropped on, and a desktop write it."""
    yield line
    if line[:1] in ("'", '"') and line[-1:] == line[:1]:
        yield line[1:-1]
    yield re.sub(r"\\(.)", r"\1", line)
    if line.startswith("file://"):
        yield unquote(line.removeprefix("file://"))


def _at_home(text: str) -> Path:
    return user_path(text) if text.startswith("~/") else Path(text)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def free_name(workspace: Workspace, name: str) -> str:
    """Return `name`, or `name-2` and so on, whatever no settings file and no subject of the workspace has yet."""
    taken = {path.stem for folder in (workspace.root, workspace.subjects) for path in folder.glob("*.toml")}
    return next(
        each for each in (name, *(f"{name}-{number}" for number in range(2, len(taken) + 3))) if each not in taken
    )
