"""ladder.toml: what the journal knows of a ladder, in a folder of its own, from which a lost journal is rebuilt."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.atomic_file import write_atomically
from trainer.errors import LoraTuiError, WorkspaceError
from trainer.journal.journal import Journal
from trainer.journal.ladder_records import LadderBakeRow, LadderRow
from trainer.journal.records import Count, EpochSeconds
from trainer.settings.toml_file import value_toml, visible_toml
from trainer.settings.toml_text import parse_toml, read_text
from trainer.text import printable
from trainer.typed_values import WrongValue, value_from_row
from trainer.workspace import Workspace

LADDER_TOML = "ladder.toml"

_HEAD = """\
# A ladder as its journal has it; `lora-tui journal rebuild` reads it back where the journal is lost.
# The text behind `spec` is a file for `lora-tui ladder`.
"""


@dataclass(frozen=True, kw_only=True)
class _KeptPlace:
    """A place of a ladder as its file has it."""

    rung: str
    twin: Count
    bake: int | None = None
    reused: bool = False
    cut: bool = False


@dataclass(frozen=True, kw_only=True)
class _KeptLadder:
    """A ladder as its file has it."""

    title: str
    spec: str
    settings: str
    created: EpochSeconds
    of_bake: int | None = None
    bakes: tuple[_KeptPlace, ...] = ()


def write_ladder_toml(journal: Journal, workspace: Workspace, number: int) -> None:
    """Write what the journal knows of a ladder into its folder, completely or not at all.

    Raises:
        WorkspaceError: it cannot be written.
    """
    row = journal.ladders.find(number)
    if row is None:
        return
    folder = workspace.ladder_folder(number)
    path = folder / LADDER_TOML
    text = _toml(row, journal.ladders.bakes_of(number))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode("utf-8"), private=True)
    except OSError as error:
        raise WorkspaceError(printable(str(path)), found=f"cannot be written ({error.strerror})") from error


def read_ladder_toml(folder: Path, number: int) -> tuple[LadderRow, tuple[LadderBakeRow, ...]] | None:
    """Return the ladder in a folder under the number that the folder has now, None without a ladder.toml.

    Raises:
        WorkspaceError: it cannot be read or is damaged.
    """
    path = folder / LADDER_TOML
    if not path.exists():
        return None
    try:
        kept = value_from_row(_KeptLadder, parse_toml(read_text(path, "a ladder"), LADDER_TOML))
    except LoraTuiError as error:
        raise WorkspaceError(printable(str(path)), found=f"cannot be read ({error.found})") from None
    except WrongValue as fault:
        raise WorkspaceError(printable(str(path)), found=f"is damaged ({fault})") from None
    settings_toml = kept.settings
    row = LadderRow(
        number=number,
        title=kept.title,
        spec_toml=kept.spec,
        settings_toml=settings_toml,
        of_bake=kept.of_bake,
        created=kept.created,
    )
    places = {(each.rung, each.twin): each for each in kept.bakes}
    return row, tuple(
        LadderBakeRow(ladder=number, rung=each.rung, twin=each.twin, bake=each.bake, reused=each.reused, cut=each.cut)
        for each in places.values()
    )


def _toml(row: LadderRow, places: Sequence[LadderBakeRow]) -> str:
    lines = [_HEAD, f"title = {value_toml(row.title)}", f"created = {value_toml(float(row.created))}"]
    if row.of_bake is not None:
        lines.append(f"of_bake = {row.of_bake}")
    lines += [f"spec = {_lines_toml(row.spec_toml)}", f"settings = {_lines_toml(row.settings_toml)}"]
    for place in places:
        lines += ["", "[[bakes]]", f"rung = {value_toml(place.rung)}", f"twin = {place.twin}"]
        if place.bake is not None:
            lines.append(f"bake = {place.bake}")
        lines += [f"{name} = true" for name, is_so in (("reused", place.reused), ("cut", place.cut)) if is_so]
    return "\n".join([*lines, ""])


def _lines_toml(text: str) -> str:
    """Return a text of several lines as TOML in which it can be read."""
    escaped = text.replace("\\", "\\\\").replace('"""', '""\\"').replace("\r", "\\r")
    return f'"""\n{visible_toml(escaped)}"""'
