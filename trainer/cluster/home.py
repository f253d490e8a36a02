"""A bake that runs on a worker, as its home sees it: sent there with its files, and brought home as it goes on."""

import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path, PurePosixPath

from pydantic import TypeAdapter

from trainer.atomic_file import atomic_path
from trainer.cluster.inputs import inputs_of
from trainer.cluster.record import AwayProgress, InputFile, SentBake, WorkerHandle, WorkerLost
from trainer.dataset.manifest import FILE as MANIFEST
from trainer.errors import BakeFailed
from trainer.journal.bake_folder import BAKE_JSON, write_bake_json
from trainer.journal.bake_record import BakeRecord
from trainer.journal.bake_settings import settings_of
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, LogLine, Order
from trainer.journal.state_files import FOLDER, states_of, step_of
from trainer.regular_file import open_regular, read_regular
from trainer.settings.describe import FieldInfo, fields
from trainer.settings.kept import kept_settings, kept_toml, save_beside
from trainer.settings.model import Settings
from trainer.text import printable
from trainer.typed_values import WrongValue, value_from_json
from trainer.workspace import Workspace
from trainer.workspace_paths import WorkspacePaths, note_places

_RECORD = TypeAdapter(BakeRecord)
_PIECE = 8 * 2**20
_MAX_MANIFEST_BYTES = 256 * 2**20
_SETTINGS = "settings.toml"
# Written anew at home, where paths are others.
_WRITTEN_HERE = (BAKE_JSON, _SETTINGS)
_LOG = "bake.log"
_COMMANDS = ("on_done", "on_trouble")
_FORWARDED = (Order.PAUSE, Order.RESUME, Order.STOP, Order.STOP_AT_EPOCH, Order.SAVE, Order.FREE, Order.SET)


class AwayBake:
    """One bake on a worker.

    Args:
        journal, workspace: its home. Use it in the thread that opened the journal.
        bake: its row, claimed by this process.
        worker: where it runs.
    """

    def __init__(self, journal: Journal, workspace: Workspace, bake: Bake, worker: WorkerHandle) -> None:
        self.number = bake.number
        self.worker = worker
        self._journal, self._workspace = journal, workspace
        self._folder = workspace.root / bake.folder
        self._asked = settings_of(journal, bake)
        self._last_line = 0
        self._last_step = self._newest_step() if bake.attempt > 1 else 0
        self._root = ""
        self._known: dict[str, tuple[int, int]] = {}
        self._brought = ""
        self._ordered: dict[int, int] = {}

    def send(self, progress: Callable[[str], None] = lambda line: None) -> None:
        """Send everything the bake needs to the worker, and start it there.

        Args:
            progress: takes a line about what is sent.

        Raises:
            WorkerLost: the worker is gone.
            LoraTuiError: files are missing, or the worker cannot take them.
        """
        bake = self._journal.bakes.read(self.number)
        about = self.worker.call("about")
        self._root = str(about["root"])
        files = inputs_of(self._workspace, bake, self._asked)
        home = os.path.abspath(self._workspace.root)
        # What comes back names places under the worker's root: to this workspace they mean what lies here.
        note_places(self._workspace.root, [Path(self._there(home))])
        self._journal.note_former_places()
        record = _RECORD.dump_json(self._record_for_worker(bake)).decode()
        sent = SentBake(self.number, home, files, record)
        missing = self.worker.call("begin", asdict(sent))
        by_hash = {file.sha256: file for file in files}
        for sha256 in missing:
            file = by_hash[sha256]
            if file.size > _PIECE:
                progress(f"sending {printable(Path(file.path).name, 80)} to {self.worker.name}")
            self._send_file(file)
        if bake.attempt > 1:
            self._journal.rewind(self.number, self._last_step)
        self.worker.call("start")
        self._log(f"runs on {self.worker.name} ({printable(str(about['host']), 80)})")

    def bring(self) -> bool:
        """Bring home what is new, and hand on orders; return whether the bake goes on.

        Raises:
            WorkerLost: the worker is gone, or its process ended in the middle.
            BakeFailed: what it sent is no record of a bake.
        """
        self._hand_on_orders()
        found = AwayProgress(**self.worker.call("progress", self._last_line, self._last_step))
        record = self._read_record(found)
        self._bring_files(found)
        lines = [LogLine(number, self.number, seconds, level, text) for number, seconds, level, text in found.log]
        self._bring_rows(record, lines)
        self._bring_curves(found)
        self._answer_orders(record)
        if found.end:
            raise WorkerLost(self.worker.name, found=found.end)
        if found.running:
            self._bring_state(record.bake)
            return True
        self._end(record.bake)
        return False

    def _there(self, path: str) -> str:
        return os.path.normpath(f"{self._root}/{path}")

    def _record_for_worker(self, bake: Bake) -> BakeRecord:
        """Return what the worker's journal is to know: without what is only of this place."""
        settings = self._asked.model_copy(
            update={info.name: self._value_there(info) for info in fields() if info.stays_here}
        )
        # Its workspace is another one: absolute paths inside it become relative ones, as here.
        toml = kept_toml(settings, WorkspacePaths(Path(self._there(os.path.abspath(self._workspace.root)))))
        record = self._journal.records.read(self.number)
        own = replace(
            bake, settings_toml=toml, parent=None, grid=None, held=False, not_before=None, pid=None, pid_started=None
        )
        if bake.attempt == 1:
            return BakeRecord(bake=own)
        step = self._last_step
        return replace(
            record,
            bake=own,
            checkpoints=tuple(saved for saved in record.checkpoints if saved.step <= step),
            states=tuple(state for state in record.states if state.step == step),
            validations=tuple(row for row in record.validations if row.step <= step),
            measures=tuple(value for value in record.measures if value.step <= step),
            orders=(),
            log=(),
            note=None,
        )

    def _value_there(self, info: FieldInfo) -> object:
        """Return a setting that means something in this place alone as the worker has it: a path under its root, and no command."""
        value = getattr(self._asked, info.name)
        if info.name in _COMMANDS:
            return ""
        return self._there(value) if isinstance(value, str) and os.path.isabs(value) else value

    def _send_file(self, file: InputFile) -> None:
        offset = 0
        with open_regular(Path(file.path)) as content:
            while piece := content.read(_PIECE):
                self.worker.call("receive", file.sha256, offset, piece)
                offset += len(piece)
        self.worker.call("received", file.sha256)

    def _newest_step(self) -> int:
        """Return the step of the newest state at home, 0 without one."""
        files = states_of(self._folder)
        return step_of(files[-1]) if files else 0

    def _read_record(self, found: AwayProgress) -> BakeRecord:
        try:
            record: BakeRecord = value_from_json(BakeRecord, found.record)
        except WrongValue as fault:
            raise BakeFailed(self.worker.name, found=f"sent a damaged record of its bake ({fault})") from None
        if record.bake.number != self.number:
            raise BakeFailed(self.worker.name, found=f"sent bake {record.bake.number}", expected=f"bake {self.number}")
        return replace(
            record,
            checkpoints=tuple(saved for saved in record.checkpoints if _is_inside(saved.file)),
            states=tuple(state for state in record.states if _is_inside(state.file)),
        )

    def _bring_files(self, found: AwayProgress) -> None:
        """Fetch the files that are new or changed, complete ones only, and remove states that the worker removed."""
        for name, (size, changed) in found.files.items():
            mark = size, changed
            # A log grows with every line; it comes once, at the end.
            if name in _WRITTEN_HERE or self._known.get(name) == mark or (name == _LOG and found.running):
                continue
            if _is_inside(name) and self._fetch(name, size):
                self._known[name] = mark
                if name == MANIFEST:
                    self._journal.results.set_manifest(
                        self.number, read_regular(self._folder / name, _MAX_MANIFEST_BYTES)
                    )
        for name in [name for name in self._known if name.startswith(f"{FOLDER}/") and name not in found.files]:
            (self._folder / name).unlink(missing_ok=True)
            del self._known[name]

    def _fetch(self, name: str, size: int) -> bool:
        """Fetch one file; return False where it is gone or became a shorter one meanwhile: the next look finds that."""
        place = self._folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        private = name.startswith(f"{FOLDER}/") or name == _LOG
        try:
            with atomic_path(place, private=private) as beside, open(beside, "wb") as file:
                for offset in range(0, size, _PIECE):
                    wanted = min(_PIECE, size - offset)
                    piece = self.worker.call("read", name, offset, wanted)
                    if len(piece) < wanted:
                        raise _GoneError
                    file.write(piece)
        except _GoneError:
            return False
        return True

    def _bring_rows(self, record: BakeRecord, lines: list[LogLine]) -> None:
        told = _RECORD.dump_json(replace(record, orders=())).decode()
        if told == self._brought and not lines:
            return
        settings = self._settings_here(record.bake)
        self._journal.records.bring_home(record, lines, kept_toml(settings, self._journal.paths))
        if told != self._brought and self._folder.is_dir():
            save_beside(settings, self._folder / _SETTINGS, self._journal.paths)
            write_bake_json(self._journal, self.number, self._folder)
        self._brought = told
        if lines:
            self._last_line = lines[-1].id

    def _settings_here(self, bake: Bake) -> Settings:
        """Return the settings that the worker has in force, with what means something in this place alone as it is here."""
        there = kept_settings(bake.settings_toml, self.worker.name, self._journal.paths)
        return there.model_copy(
            update={info.name: getattr(self._asked, info.name) for info in fields() if info.stays_here}
        )

    def _bring_curves(self, found: AwayProgress) -> None:
        last = self._last_step
        for metric, points in found.curves.items():
            self._journal.curves.add(self.number, metric, [(int(step), float(value)) for step, value in points])
            last = max(last, *(int(step) for step, _ in points))
        self._last_step = last

    def _bring_state(self, bake: Bake) -> None:
        """Let the bake have the state here that it has there; one that waits for the worker's GPU is starting."""
        state = bake.state if bake.state.live else BakeState.STARTING
        if self._journal.bakes.read(self.number).state is not state:
            self._journal.bakes.set_state(self.number, state)

    def _end(self, bake: Bake) -> None:
        if bake.state is BakeState.FAILED:
            self._journal.queue.give_up(self.number, bake.error)
        else:
            self._journal.bakes.set_state(self.number, bake.state, bake.error)
        write_bake_json(self._journal, self.number, self._folder)

    def _hand_on_orders(self) -> None:
        for given in self._journal.orders.pending(self.number):
            if given.id in self._ordered.values():
                continue
            if given.order not in _FORWARDED:
                self._journal.orders.mark_obeyed(
                    given.id, "a bake on a cluster makes no grids: order them when it is home"
                )
                continue
            self._ordered[int(self.worker.call("order", str(given.order), given.argument))] = given.id

    def _answer_orders(self, record: BakeRecord) -> None:
        for given in record.orders:
            if given.obeyed is not None and given.id in self._ordered:
                self._journal.orders.mark_obeyed(self._ordered.pop(given.id), given.answer)

    def _log(self, text: str) -> None:
        self._journal.log.write(text, bake=self.number)


class _GoneError(Exception):
    """A file that a worker no longer has as it was listed."""


def _is_inside(name: str) -> bool:
    """Return whether a file's name stays inside the folder of its bake."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name
