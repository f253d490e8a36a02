"""A worker of a cluster: it takes one bake at a time into a workspace of its own, and tells how far it is. Free of torch.

The workspace lies in a folder that stands for the root of the file system at home: what is `/data/x.png` there is
`FOLDER/data/x.png` here. So every path in settings and states keeps its place relative to the workspace, by which what comes home finds
its files again (`jobs.moved_files`).
"""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil
from pydantic import TypeAdapter

from trainer.atomic_file import move_into_place, write_atomically
from trainer.cluster.record import AwayProgress, InputFile, SentBake
from trainer.errors import BakeFailed, LoraTuiError
from trainer.journal.bake_record import BakeRecord
from trainer.journal.journal import Journal
from trainer.journal.processes import process_alive
from trainer.journal.records import BakeState, Order
from trainer.machine.python_child import isolated_environment, isolated_python
from trainer.private_files import make_private_folder
from trainer.refusals import refusal_of
from trainer.regular_file import open_regular, read_regular
from trainer.text import printable
from trainer.typed_values import value_from_json
from trainer.workspace import Workspace, cache_home, make_workspace

_RECORD = TypeAdapter(BakeRecord)
_BLOCK = 4 * 2**20
_MAX_LINES = 500
_END_SECONDS = 30.0
_MAX_NOTE_BYTES = 4096
# Half-written files, and what SQLite and the disk guard put beside theirs.
_PASSED_OVER = (".", "~")


class ClusterWorker:
    """One worker; its methods take and return plain values, so that they may be called from another computer.

    Args:
        scratch: folder for what it keeps: copies of files by content, shared by all workers of a computer, and its workspace; "" for
            the user's own cache folder there.
        name: tells it from the others of its computer and workspace.
        threads: CPU threads of a bake.
        look_in: folders to search for files that are not in their place.
        own_locks: whether it locks the computer for itself alone: several bakes on one CPU side by side.
    """

    def __init__(
        self, scratch: str, name: str, threads: int, look_in: Sequence[str] = (), own_locks: bool = False
    ) -> None:
        self._scratch = Path(scratch) if scratch else default_scratch()
        self._root = self._scratch / "workers" / name
        self._threads = threads
        self._look_in = [Path(folder) for folder in look_in]
        self._own_locks = own_locks
        self._by_size: dict[int, list[Path]] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._sent: SentBake | None = None
        self._places: dict[str, Path] = {}

    def answer(self, method: str, arguments: Sequence[Any]) -> dict[str, Any]:
        """Return what a method returns under `value`, or under `error` in one line why it failed: no exception travels."""
        try:
            return {"value": getattr(self, method)(*arguments)}
        except LoraTuiError as error:
            return {"error": error.line()}
        except OSError as error:
            return {"error": refusal_of(error).line()}

    def about(self) -> dict[str, Any]:
        """Return the computer's name, this process, and the folder that stands for the root of the file system."""
        return {"host": socket.gethostname(), "pid": os.getpid(), "root": str(self._root)}

    def begin(self, sent: Mapping[str, Any]) -> list[str]:
        """Take a bake; return the hashes of the files that are not here and have to be sent.

        A file is here where one of its content lies in the same place as at home, in a folder that is searched, or in this
        computer's copies.
        """
        self._end_process()
        self._end_former_process()
        shutil.rmtree(self._root, ignore_errors=True)
        files = tuple(InputFile(**each) for each in sent["files"])
        self._sent = SentBake(sent["number"], sent["home"], files, sent["record"])
        make_private_folder(self._copies)
        self._places = {}
        missing: dict[str, None] = {}
        for file in files:
            if file.sha256 in self._places or file.sha256 in missing:
                continue
            place = self._found(file)
            if place is None:
                missing[file.sha256] = None
            else:
                self._places[file.sha256] = place
        return list(missing)

    def receive(self, sha256: str, offset: int, content: bytes) -> None:
        """Write a piece of a file that was missing; pieces come in order."""
        part = self._copies / f".{_digits(sha256)}.{os.getpid()}"
        with open(part, "r+b" if offset else "wb") as file:
            file.seek(offset)
            file.write(content)

    def received(self, sha256: str) -> None:
        """Keep a file whose last piece was written.

        Raises:
            BakeFailed: it is not what was to be sent.
        """
        part = self._copies / f".{_digits(sha256)}.{os.getpid()}"
        if not part.exists():
            # A file without content has no pieces.
            self.receive(sha256, 0, b"")
        if _sha256(part) != sha256:
            part.unlink()
            raise BakeFailed("a file for the worker", found="it changed while it was sent", way_out="start again")
        place = self._copies / sha256
        move_into_place(part, place)
        self._places[sha256] = place

    def start(self) -> None:
        """Build the workspace and start the bake in a process of its own.

        Raises:
            OSError, WorkspaceError: the workspace cannot be made.
        """
        sent = self._begun()
        for file in sent.files:
            self._put(file)
        workspace = make_workspace(self._workspace.root)
        record: BakeRecord = value_from_json(BakeRecord, sent.record)
        key = uuid.uuid4().hex
        with Journal(workspace.journal_path) as journal:
            journal.records.add(replace(record, bake=replace(record.bake, engine=key, state=BakeState.QUEUED)))
        words = ["-m", "trainer.engine.lone_bake", str(workspace.root), str(sent.number), key, str(os.getpid())]
        self._process = start_process([*isolated_python(), *words], self._environment())
        about = psutil.Process(self._process.pid)
        write_atomically(self._note, json.dumps([about.pid, about.create_time()]).encode())

    def progress(self, last_line: int, last_step: int) -> dict[str, Any]:
        """Return a AwayProgress as a plain value.

        Args:
            last_line: id of the last line that was read.
            last_step: the last step whose numbers were read.
        """
        sent = self._begun()
        # Before the journal is read: what a process that has ended wrote is all there.
        end = self._process.poll() if self._process is not None else None
        with Journal(self._workspace.journal_path) as journal:
            record = replace(journal.records.read(sent.number), log=())
            lines = journal.log.read(last_line, bake=sent.number, limit=_MAX_LINES)
            curves = journal.curves.after(sent.number, last_step)
        folder = self._workspace.root / record.bake.folder
        unfinished = end is not None and (record.bake.state.live or record.bake.state is BakeState.QUEUED)
        return asdict(
            AwayProgress(
                record=_RECORD.dump_json(record).decode(),
                log=tuple((line.id, line.seconds, str(line.level), line.text) for line in lines),
                curves=curves,
                files={path.relative_to(folder).as_posix(): mark for path, mark in _files_in(folder)},
                running=end is None,
                end=f"its process ended with {_how_it_ended(end)}" if unfinished and end is not None else "",
            )
        )

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return a piece of a file of the bake's folder; b"" where it is gone, or ends before."""
        sent = self._begun()
        folder = next(self._workspace.bakes.glob(f"{sent.number:04d}-*"), None)
        try:
            if folder is None:
                return b""
            with open_regular(folder / name) as file:
                file.seek(offset)
                return file.read(length)
        except OSError:
            return b""

    def order(self, word: str, argument: str) -> int:
        """Give the bake an order; return its id there."""
        with Journal(self._workspace.journal_path) as journal:
            return journal.orders.give(self._begun().number, Order(word), argument)

    def stop(self) -> None:
        """End the bake's process at once, and remove its workspace."""
        self._end_process()
        shutil.rmtree(self._root, ignore_errors=True)

    @property
    def _note(self) -> Path:
        """The file that names the process of this worker's bake, for the worker that takes its place."""
        return self._root.with_name(f"{self._root.name}.json")

    @property
    def _copies(self) -> Path:
        return self._scratch / "files"

    @property
    def _workspace(self) -> Workspace:
        return Workspace(self._here(self._begun().home))

    def _here(self, path: str) -> Path:
        """Return where something lies here that is at the absolute `path` at home."""
        return Path(os.path.normpath(f"{self._root}/{path}"))

    def _begun(self) -> SentBake:
        assert self._sent is not None, "no bake was sent"
        return self._sent

    def _found(self, file: InputFile) -> Path | None:
        """Return a file of the wanted content that this computer has, None where it has none."""
        copy = self._copies / _digits(file.sha256)
        with contextlib.suppress(OSError):
            if copy.stat().st_size == file.size:
                return copy
        for place in (Path(file.path), *self._of_size(file.size)):
            with contextlib.suppress(OSError):
                if place.is_file() and place.stat().st_size == file.size and _sha256(place) == file.sha256:
                    return place
        return None

    def _of_size(self, size: int) -> list[Path]:
        """Return the files of a size in the folders that are searched."""
        if self._by_size is None:
            self._by_size = {}
            for folder in self._look_in:
                for path, (bytes_, _) in _files_in(folder):
                    self._by_size.setdefault(bytes_, []).append(path)
        return self._by_size.get(size, [])

    def _put(self, file: InputFile) -> None:
        """Let a file be in its place of the workspace, or beside it."""
        place, source = self._here(file.path), self._places[file.sha256]
        place.parent.mkdir(parents=True, exist_ok=True)
        if file.own:
            shutil.copyfile(source, place)
        else:
            # Nothing of these is ever written to. A hard link would change the file's own times, by which it is known.
            place.symlink_to(source)

    def _environment(self) -> dict[str, str]:
        threads = str(self._threads)
        own = {"XDG_STATE_HOME": str(self._root / "state")} if self._own_locks else {}
        return (
            isolated_environment()
            | {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "HF_HUB_OFFLINE": "1"}
            | own
        )

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_END_SECONDS)

    def _end_former_process(self) -> None:
        """End the bake of a worker of this name that is gone, if it still runs: it ends by itself in a moment, but writes until then."""
        with contextlib.suppress(OSError, ValueError, TypeError, psutil.Error):
            pid, started = json.loads(read_regular(self._note, _MAX_NOTE_BYTES))
            if process_alive(pid, started):
                former = psutil.Process(pid)
                former.kill()
                former.wait(_END_SECONDS)


def start_process(command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start a program whose output nobody reads: what there is to say stands in its journal and its log."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(environment),
        # A key that interrupts who drives the cluster reaches the bake as an order.
        start_new_session=True,
    )


def default_scratch() -> Path:
    """Return the folder in which workers keep their files where none is named."""
    return cache_home() / "cluster"


def _files_in(folder: Path) -> Iterator[tuple[Path, tuple[int, int]]]:
    """Yield the complete files in a folder and below, each with its size and time of change; what is hidden is passed over."""
    for top, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(_PASSED_OVER)]
        for name in names:
            if name.startswith(_PASSED_OVER):
                continue
            with contextlib.suppress(OSError):
                path = Path(top, name)
                about = path.stat()
                yield path, (about.st_size, about.st_mtime_ns)


def _sha256(path: Path) -> str:
    whole = hashlib.sha256()
    with open_regular(path, buffered=False) as file:
        while piece := file.read(_BLOCK):
            whole.update(piece)
    return whole.hexdigest()


def _digits(sha256: str) -> str:
    """Return a hash that is safe as a file's name."""
    if len(sha256) != 64 or not all(digit in "0123456789abcdef" for digit in sha256):
        raise BakeFailed("a file for the worker", found=f"named by {printable(sha256, 80)}", expected="its sha256")
    return sha256


def _how_it_ended(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
