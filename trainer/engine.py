"""The engine: a plain thread that imports torch, takes the next job from the journal, runs it and outlives its failures."""

import gc
import importlib
import importlib.util
import logging
import os
import threading
import time
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainer.errors import ExitCode, LoraTuiError, WorkspaceError, as_bake_failure
from trainer.foreign_text import shown
from trainer.journal.journal import Journal, this_process
from trainer.journal.records import Bake, BakeState
from trainer.machine.cards import CardSource, NvmlCards
from trainer.machine.readings import MachineReading
from trainer.machine.sampler import Sampler
from trainer.workspace import Workspace

_LIBRARIES = ("torch", "diffusers", "transformers", "accelerate")
# The screen calls kick(); this is how soon work queued by another program is seen.
_LOOK_EVERY = 0.5
_TELEMETRY_EVERY = 5.0


class Engine:
    """Runs the jobs queued under its key, one after the other, in a thread of its own.

    Args:
        workspace: whose journal holds the queue.
        cards: where the cards' readings come from; None asks NVML.
    """

    def __init__(self, workspace: Workspace, cards: CardSource | None = None) -> None:
        self.workspace = workspace
        self._cards = cards or NvmlCards()
        self.key = uuid.uuid4().hex
        self.libraries = ""
        """What is being imported, `ready`, or the line that says why it is not."""
        self.exit_codes: dict[int, ExitCode] = {}
        """What a process running only that bake exits with, for each one that failed."""
        self._kicked = threading.Event()
        self._closing = False
        # A daemon: a process told to end must not hang on a long import.
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the thread; it begins by importing the libraries. Call it after the first paint."""
        if not self._thread.is_alive():
            self._thread.start()

    def kick(self) -> None:
        """Look at the queue now instead of at the next turn."""
        self._kicked.set()

    def close(self, wait: float) -> bool:
        """Take no more jobs and wait up to `wait` seconds for the one at work; return whether the thread has ended."""
        self._closing = True
        self._kicked.set()
        if self._thread.is_alive():
            self._thread.join(wait)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._load_libraries()
            with Journal(self.workspace.journal_path) as journal:
                # What a killed process left behind shall not look alive beside what runs now.
                journal.mark_lost()
                while not self._closing:
                    bake = self._next(journal)
                    if bake is not None:
                        self._bake(bake, journal)
        except Exception as error:
            # Nothing is above this frame but the interpreter's own thread printer, which would tear the screen.
            self.libraries = f"engine stopped: {type(error).__name__}: {shown(str(error))}"
            logging.getLogger(__name__).exception("engine stopped")

    def _next(self, journal: Journal) -> Bake | None:
        """Return the next job, or wait for one; a journal that is locked for long is no reason to end."""
        seen = journal.data_version()
        try:
            bake = journal.claim_next(self.key, *this_process())
        except WorkspaceError as error:
            logging.getLogger(__name__).warning("%s", error)
            self._kicked.wait(_LOOK_EVERY)
            return None
        while bake is None and not self._closing and not self._kicked.wait(_LOOK_EVERY):
            if journal.data_version() != seen:
                break
        self._kicked.clear()
        return bake

    def _load_libraries(self) -> None:
        # Read once, at import: nothing is ever asked of a model hub, nor told to one.
        os.environ["HF_HUB_OFFLINE"] = "1"
        os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
        self.libraries = f"loading libraries 1/{len(_LIBRARIES)}: reading torch"
        _read_ahead("torch")
        for position, name in enumerate(_LIBRARIES, start=1):
            self.libraries = f"loading libraries {position}/{len(_LIBRARIES)}: {name}"
            importlib.import_module(name)
        # The classes a bake needs are imported lazily by their packages: this is where most of the time goes.
        importlib.import_module("trainer.bake.loop")
        self.libraries = "ready"

    def _bake(self, bake: Bake, journal: Journal) -> None:
        folder = self.workspace.root / bake.folder
        try:
            folder.mkdir(parents=True)
            with _log_file(folder / "bake.log") as log, self._telemetry(bake.number):
                self._bake_into(bake, folder, journal, log)
        except OSError as error:
            self._fail(journal, bake, as_bake_failure("load", error))

    def _bake_into(self, bake: Bake, folder: Path, journal: Journal, log: logging.Logger) -> None:
        from trainer.bake.loop import run_bake
        from trainer.settings.toml_file import parse_settings

        log.info("bake %d %s: %s", bake.number, bake.name, bake.why or "no why given")
        try:
            settings = parse_settings(bake.settings_toml, f"bake {bake.number}")
            ended = run_bake(bake, settings, folder, journal)
            log.info("ended: %s", ended)
        except Exception as error:
            log.error("%s", traceback.format_exc())
            stage = journal.bake(bake.number).stage or "load"
            self._fail(journal, bake, as_bake_failure(stage, error))
        finally:
            _note_peak(journal, bake.number)
            # A failed bake's frames hold its tensors; the next bake wants the memory.
            gc.collect()

    @contextmanager
    def _telemetry(self, number: int) -> Iterator[None]:
        """Keep a reading of the machine in the journal every few seconds while the block runs."""

        def keep(reading: MachineReading) -> None:
            with Journal(self.workspace.journal_path) as journal:
                journal.add_telemetry(reading, number)

        sampler = Sampler(self._cards, self.workspace.root, _TELEMETRY_EVERY, keep)
        sampler.start()
        try:
            yield
        finally:
            sampler.stop()

    def _fail(self, journal: Journal, bake: Bake, error: LoraTuiError) -> None:
        line = shown(error.line())
        # A bake that began has failed, whatever kind of thing was wrong; only a missing device has a code of its own.
        no_device = error.exit_code is ExitCode.NO_DEVICE
        self.exit_codes[bake.number] = ExitCode.NO_DEVICE if no_device else ExitCode.BAKE_FAILED
        journal.log(line, bake=bake.number, level="error")
        # Last: whoever waits for the end shall find the reason already there.
        journal.set_state(bake.number, BakeState.FAILED, line)


def _note_peak(journal: Journal, number: int) -> None:
    """Write down the most memory torch held on the card, and begin to count anew for the next bake."""
    import torch

    if torch.cuda.is_available():
        journal.set_peak(number, torch.cuda.max_memory_reserved())
        torch.cuda.reset_peak_memory_stats()


def _read_ahead(package: str) -> None:
    """Bring a package's shared libraries into the page cache.

    Linking them holds the interpreter lock until every page has come from the disk; reading lets the screen answer keys.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return
    for name in ("libtorch_cpu.so", "libtorch_python.so"):
        path = Path(spec.origin).parent / "lib" / name
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                while file.read(1 << 22):
                    pass


@contextmanager
def _log_file(path: Path) -> Iterator[logging.Logger]:
    """Send what the libraries and the bake log to `path` while the block runs."""
    log = logging.getLogger("trainer")
    handler = logging.FileHandler(path, encoding="utf-8")
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        yield log
    finally:
        root.setLevel(before)
        root.removeHandler(handler)
        handler.close()
