"""What the user changed in the grid builder, kept for each bake and subject, over restarts too."""

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.message import Message

from lora_tui.actions.bakes import NothingToTell
from trainer.errors import WorkspaceError
from trainer.text import printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.grid.spec import GridSpec
    from trainer.workspace_paths import WorkspacePaths

# A name that no saved spec has.
_FILE = ".builder.json"
_MAX_BYTES = 8 * 2**20
_MAX_KEPT = 40
"""Starts whose changes are kept; the one that was changed longest ago goes first."""
_MAX_OTHERS = 4
# Fields that name the files of one bake.
_FILES = ("name", "subject", "base", "epochs", "of_bakes", "loras")


@dataclass(frozen=True)
class _Entry:
    """The changed fields of one start, and when they were changed, in epoch seconds."""

    fields: dict[str, Any] = field(default_factory=dict)
    changed: float = 0.0


class KeptSpecs:
    """The fields of the builder that differ from what it proposed, by start: `bake 3`, `subject hifumi`.

    Only these are kept, so that epochs saved since are found in the spec that comes back.

    Args:
        workspace: whose file it is.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._path = workspace.grids / _FILE
        self._lock = threading.Lock()
        self._read = False
        self._kept: dict[str, dict[str, Any]] = {}

    def note(self, start: str, first: "GridSpec", now: "GridSpec") -> None:
        """Note the spec in the builder. Reads and writes no file, so that any thread may call it.

        Args:
            start: what `first` was proposed for.
            first: what was proposed.
            now: what it was made into.
        """
        before, after = first.model_dump(mode="json"), now.model_dump(mode="json")
        fields = {name: value for name, value in after.items() if value != before[name]}
        with self._lock:
            self._kept[start] = {"fields": fields, "changed": time.time()}

    def others(self, start: str) -> tuple[str, ...]:
        """Return the other starts with changes, the one changed last first, a few at most. Reads no file."""
        with self._lock:
            changed = {each: entry for each, entry in self._kept.items() if each != start and entry.get("fields")}
        return tuple(sorted(changed, key=lambda each: -float(changed[each].get("changed") or 0))[:_MAX_OTHERS])

    def restored(self, start: str, first: "GridSpec", of: str = "") -> "GridSpec":
        """Return `first` with the changes kept for it; alone where there are none, or where this version cannot use them.

        Args:
            start: what `first` was proposed for.
            first: what was proposed.
            of: the start whose changes are made, "" for its own; another's epochs are left out, for they are of other files.
        """
        from pydantic import ValidationError

        from trainer.grid.spec import GridSpec

        self._load()
        with self._lock:
            fields = self._kept.get(of or start, {}).get("fields")
        if not isinstance(fields, Mapping):
            return first
        if of and of != start:
            fields = {name: value for name, value in fields.items() if name not in _FILES}
        try:
            return GridSpec.model_validate({**first.model_dump(), **fields})
        except (ValidationError, TypeError):
            # Another version's; the bake's own proposal is at hand.
            return first

    def write(self) -> Message:
        """Write what was noted last; for a worker thread.

        Raises:
            WorkspaceError: the file cannot be written.
        """
        from trainer.atomic_file import write_atomically
        from trainer.workspace_paths import workspace_paths

        self._load()
        paths = workspace_paths(self._path.parent.parent)
        with self._lock:
            changed = [(start, entry) for start, entry in self._kept.items() if entry.get("fields")]
            newest = sorted(changed, key=lambda item: -float(item[1].get("changed") or 0))[:_MAX_KEPT]
            newest = [(start, {**entry, "fields": _kept(entry["fields"], paths)}) for start, entry in newest]
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(self._path, (json.dumps(dict(newest), indent=1, ensure_ascii=False) + "\n").encode())
            except OSError as error:
                raise WorkspaceError(
                    printable(str(self._path)),
                    found=f"the grid builder's settings cannot be kept ({error.strerror})",
                    expected="a folder you can write to",
                ) from error
        return NothingToTell()

    def _load(self) -> None:
        """Read the file once; what was noted since stays."""
        with self._lock:
            if not self._read:
                self._read = True
                self._kept = {**_entries(self._path), **self._kept}


def _kept(fields: Mapping[str, Any], paths: "WorkspacePaths") -> dict[str, Any]:
    """Return fields of a spec with files in the workspace named from its root; unchanged where they are another version's."""
    from pydantic import ValidationError

    from trainer.grid.spec import GridSpec, kept_spec

    try:
        kept = kept_spec(GridSpec.model_validate(fields), paths).model_dump(mode="json")
    except ValidationError:
        return dict(fields)
    return {name: kept[name] for name in fields}


def _entries(path: Path) -> dict[str, dict[str, Any]]:
    """Return the entries of the file; none where it is missing or damaged."""
    from trainer.typed_values import WrongValue, read_json

    try:
        entries: dict[str, _Entry] = read_json(path, dict[str, _Entry], _MAX_BYTES)
    except (OSError, WrongValue):
        return {}
    return {start: asdict(entry) for start, entry in entries.items()}
