"""The engine: a plain thread that imports torch, claims the next job from the journal, runs it and survives its failures."""

import contextlib
import gc
import importlib
import importlib.util
import logging
import os
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.atomic_file import remove_partial_files
from trainer.engine.idle_release import KEEP_SECONDS, IdleRelease
from trainer.errors import ExitCode, LoraTuiError, WorkspaceError, as_bake_failure
from trainer.journal.grid_records import GridState
from trainer.journal.records import Bake, BakeState, Stage
from trainer.machine.imports import without_garbage_collection
from trainer.machine.launch import launched
from trainer.machine.peak_rss import PeakRss
from trainer.machine.readings import MachineReading
from trainer.private_files import make_private_file
from trainer.text import numbered, printable
from trainer.workspace import Workspace, remove_leftovers

if TYPE_CHECKING:
    from trainer.engine.next_job import ClaimedJob, JobQueue
    from trainer.engine.notify import Notifier
    from trainer.jobs.preflight import PlannedBake
    from trainer.journal.journal import Journal
    from trainer.machine.cards import CardSource
    from trainer.memory.background import BackgroundPrediction
    from trainer.memory.lazy_predictor import Predictor

_LIBRARIES = ("torch", "diffusers", "transformers", "accelerate")
# The screen calls wake(); this is how soon work queued by another program is seen.
_POLL_SECONDS = 0.5
_TELEMETRY_SECONDS = 5.0


class Engine:
    """Runs the jobs queued under its key, one after the other, in a thread of its own.

    Args:
        workspace: whose journal holds the queue.
        cards: where the cards' readings come from; None asks NVML.
        predictor: predicts the memory of each bake, kept in the journal beside what it used; None for no prediction.
    """

    def __init__(
        self, workspace: Workspace, cards: "CardSource | None" = None, predictor: "Predictor | None" = None
    ) -> None:
        self.workspace = workspace
        if cards is None:
            from trainer.machine.cards import NvmlCards

            cards = NvmlCards()
        self._cards: CardSource = cards
        self.key = uuid.uuid4().hex
        self.libraries = ""
        """What is being imported, `ready`, or why the engine stopped."""
        self.exit_codes: dict[int, ExitCode] = {}
        """Number of each bake that failed -> exit code of a process that runs only that bake."""
        self.waiting_for = ""
        """Who holds the card that a queued bake waits for; empty if none waits for it."""
        self._predictor = predictor
        self._prediction: BackgroundPrediction | None = None
        self._rss = PeakRss()
        self._min_resident: int | None = None
        self._woken = threading.Event()
        self._closing = False
        # A daemon: a process asked to end must not hang on a long import.
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the thread; it first imports the libraries. Call it after the first paint."""
        if not self._thread.is_alive():
            self._thread.start()

    def wake(self) -> None:
        """Look at the queue now instead of at the next poll."""
        self._woken.set()

    def close(self, wait: float) -> bool:
        """Claim no more jobs and wait up to `wait` seconds for the running one; return whether the thread has ended."""
        self._closing = True
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(wait)
        return not self._thread.is_alive()

    def _run(self) -> None:
        # Here and below, since the screen is first painted with an engine that has not started.
        from trainer.engine.next_job import JobQueue
        from trainer.journal.journal import Journal

        try:
            self._load_libraries()
            with Journal(self.workspace.journal_path) as journal:
                # What a killed process left behind must not look alive beside what runs now.
                journal.bakes.mark_lost()
                remove_leftovers(self.workspace)
                queue = JobQueue(self.workspace, self.key)
                kept = IdleRelease(_forget_base, KEEP_SECONDS)
                while not self._closing:
                    claimed = self._claim_next(queue, journal)
                    if claimed is None:
                        kept.idle()
                        self._woken.wait(_POLL_SECONDS)
                        self._woken.clear()
                        continue
                    with claimed.card:
                        self._run_job(claimed.bake, journal)
                    kept.job_ended()
        except Exception as error:
            # Above this frame only the interpreter prints a thread's error, which would garble the screen.
            self.libraries = f"engine stopped: {type(error).__name__}: {printable(str(error))}"
            logging.getLogger(__name__).exception("engine stopped")
        finally:
            _forget_base()

    def _claim_next(self, queue: "JobQueue", journal: "Journal") -> "ClaimedJob | None":
        """Return the next job with the card held for it; a journal that is locked for long is not a reason to end."""
        try:
            claimed = queue.claim(journal)
        except WorkspaceError as error:
            logging.getLogger(__name__).warning("%s", error)
            return None
        self.waiting_for = queue.waiting_for
        return claimed

    def _load_libraries(self) -> None:
        # Read once, at import: no model hub is ever contacted.
        os.environ["HF_HUB_OFFLINE"] = "1"
        os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
        self.libraries = f"loading libraries 1/{len(_LIBRARIES)}: reading torch"
        _read_ahead("torch")
        first = "torch" not in sys.modules
        with without_garbage_collection():
            for position, name in enumerate(_LIBRARIES, start=1):
                self.libraries = f"loading libraries {position}/{len(_LIBRARIES)}: {name}"
                importlib.import_module(name)
            # The classes a bake needs are imported lazily by their packages: this is where most of the time goes.
            importlib.import_module("trainer.bake.run")
            importlib.import_module("trainer.bake.pictures.grid_job")
        if first:
            # What the imports made is never garbage: no later search looks through it, which would take half a second.
            gc.freeze()
        self.libraries = "ready"

    def _run_job(self, job: Bake, journal: "Journal") -> None:
        self.exit_codes.pop(job.number, None)
        with PeakRss() as self._rss:
            # A base that an earlier job left loaded counts as this one's, which uses it.
            self._min_resident = min(self._rss.start_bytes, self._min_resident or self._rss.start_bytes)
            if job.grid is None:
                self._bake(job, journal)
            else:
                self._make_grid(job, job.grid, journal)

    def _make_grid(self, job: Bake, number: int, journal: "Journal") -> None:
        from trainer.bake.pictures.grid_job import run_grid
        from trainer.engine.notify import Notifier

        notifier = Notifier(self.workspace, journal, job.number)
        folder = self.workspace.root / job.folder
        try:
            # It exists if a bake or an earlier job was cut in the middle of this grid.
            folder.mkdir(parents=True, exist_ok=True)
            remove_partial_files(folder)
            with _log_file(folder / "grid.log") as log, self._telemetry(job.number, journal):
                log.info("job %d: grid %d %s: %s", job.number, number, job.name, job.why or "no note")
                try:
                    log.info("ended: %s", run_grid(job.number, number, self.workspace, journal, notifier.trouble))
                except Exception as error:
                    self._record_failure(job, journal, log, notifier, error)
                finally:
                    self._finish_job(journal, job)
        except OSError as error:
            failure = as_bake_failure("load", error)
            with contextlib.suppress(WorkspaceError):
                journal.grids.set_state(number, GridState.FAILED, printable(failure.line()))
            self._fail(journal, job, failure)

    def _bake(self, bake: Bake, journal: "Journal") -> None:
        folder = self.workspace.root / bake.folder
        try:
            # An existing folder belongs to a bake that is resumed; no other is ever written into.
            folder.mkdir(parents=True, exist_ok=bake.attempt > 1)
            remove_partial_files(folder)
            with _log_file(folder / "bake.log") as log, self._telemetry(bake.number, journal):
                self._bake_into(bake, folder, journal, log)
        except OSError as error:
            self._fail(journal, bake, as_bake_failure("load", error))
        _keep_record(journal, bake.number, folder)

    def _bake_into(self, bake: Bake, folder: Path, journal: "Journal", log: logging.Logger) -> None:
        from trainer.bake.run import run_bake
        from trainer.engine.notify import Notifier
        from trainer.journal.bake_settings import settings_of

        log.info("bake %d %s: %s", bake.number, bake.name, bake.why or "no note")
        notifier = Notifier(self.workspace, journal, bake.number)
        try:
            settings = settings_of(journal, bake)
            notifier.settings = settings
            _keep_record(journal, bake.number, folder)
            state = run_bake(
                bake, settings, folder, journal, notifier.trouble, self._memory_prediction_for(bake.number)
            )
            log.info("ended: %s", state)
            if state is BakeState.DONE:
                notifier.done()
        except Exception as error:
            self._record_failure(bake, journal, log, notifier, error)
        finally:
            self._finish_job(journal, bake)

    def _memory_prediction_for(self, number: int) -> "Callable[[PlannedBake], None]":
        """Return what takes the planned bake `number` and has its memory predicted outside the bake's thread."""
        if self._predictor is None:
            return lambda planned: None
        from trainer.memory.background import BackgroundPrediction

        self._prediction = self._prediction or BackgroundPrediction(self._predictor, self.workspace.journal_path)
        background = self._prediction
        return lambda planned: background.start(number, planned)

    def _finish_job(self, journal: "Journal", job: Bake) -> None:
        """Note the memory predicted and measured for a job that ended, and release what it held."""
        if self._prediction is not None:
            self._prediction.end()
        try:
            now = journal.bakes.read(job.number)
            is_parked = now.state is BakeState.PARKED
            # An attempt that fails before the bake continues is not counted, nor is what it measured.
            counts = now.attempt == job.attempt
            _note_peak(journal, job.number if counts else None, self._rss.peak - (self._min_resident or 0))
        except WorkspaceError as error:
            # A missing number in the journal is not a reason to end.
            logging.getLogger(__name__).warning("%s", error)
            is_parked = False
        # A failed job's frames hold its tensors; the next one needs the memory.
        gc.collect()
        if is_parked or self.exit_codes.get(job.number) is ExitCode.OUT_OF_MEMORY:
            # Somebody needs the memory that the base would keep.
            _forget_base()

    def _record_failure(
        self, job: Bake, journal: "Journal", log: logging.Logger, notifier: "Notifier", error: Exception
    ) -> None:
        log.error("%s", "".join(traceback.format_exception(error)))
        failure = as_bake_failure(journal.bakes.read(job.number).stage or Stage.LOAD, error)
        self._fail(journal, job, failure)
        notifier.trouble(failure.line())

    @contextlib.contextmanager
    def _telemetry(self, number: int, journal: "Journal") -> Iterator[None]:
        """Keep a reading of the machine in the journal every few seconds while the block runs, and add up what the GPU takes."""
        from trainer.journal.journal import Journal
        from trainer.machine.card_lock import CPU
        from trainer.machine.energy import EnergyCount
        from trainer.machine.sampler import MachineSampler

        # The energy of one GPU would be no energy of a bake over several.
        device = "" if launched() is not None else journal.bakes.read(number).device
        count = EnergyCount(device)

        def keep(reading: MachineReading) -> None:
            with Journal(self.workspace.journal_path) as own:
                own.telemetry.add(reading, number)
                if (taken := count.add(reading)) is not None:
                    own.bakes.add_energy(number, taken.joules, taken.by)

        sampler = MachineSampler(self._cards, self.workspace.root, _TELEMETRY_SECONDS, keep)
        sampler.start()
        try:
            yield
        finally:
            sampler.stop()
            # What it took since the last reading of that thread.
            if device not in ("", CPU) and (taken := count.add(sampler.read())) is not None:
                with contextlib.suppress(WorkspaceError):
                    journal.bakes.add_energy(number, taken.joules, taken.by)

    def _fail(self, journal: "Journal", bake: Bake, error: LoraTuiError) -> None:
        line = printable(error.line())
        # A bake that started has failed, whatever the error; a few errors have their own exit code.
        own = error.exit_code in (ExitCode.NO_DEVICE, ExitCode.OUT_OF_MEMORY, ExitCode.DISK_FULL)
        self.exit_codes[bake.number] = error.exit_code if own else ExitCode.BAKE_FAILED

        def write() -> None:
            journal.log.write(line, bake=bake.number, level="error")
            if bake.on_failure == "hold":
                held = journal.queue.hold_following(bake.number)
                if held:
                    which = numbered("bake", held)
                    journal.log.write(f"holding {which}, as requested", bake=bake.number, level="warning")
            # Last: whoever waits for the end must find the reason already there.
            journal.queue.give_up(bake.number, line)

        _write_persistently(write)


def _write_persistently(write: Callable[[], None]) -> None:
    """Write what must not be lost: retry while the journal is locked or full.

    Raises:
        WorkspaceError: it stays so for minutes.
    """
    for wait in (1.0, 5.0, 30.0, 60.0):
        try:
            write()
        except WorkspaceError as error:
            logging.getLogger(__name__).warning("%s", error)
            time.sleep(wait)
        else:
            return
    write()


def _keep_record(journal: "Journal", number: int, folder: Path) -> None:
    """Write the bake's record into its folder; a full disk is reported by the bake itself."""
    from trainer.journal.bake_folder import write_bake_json

    try:
        write_bake_json(journal, number, folder)
    except (OSError, LoraTuiError) as error:
        logging.getLogger(__name__).warning("bake.json not written: %s", error)


def _note_peak(journal: "Journal", number: int | None, grown: int) -> None:
    """Note the peak memory torch reserved and allocated on the card, and reset the peaks for the next bake.

    Without a card only the system counts: `grown` is the largest growth of the process, in bytes. Without a number nothing is noted.
    """
    import torch

    if torch.cuda.is_available():
        if number is not None:
            journal.bakes.set_peak(number, torch.cuda.max_memory_reserved())
            journal.bakes.set_peak_allocated(number, torch.cuda.max_memory_allocated())
        torch.cuda.reset_peak_memory_stats()
    elif grown > 0 and number is not None:
        journal.bakes.set_peak_allocated(number, grown)


def _forget_base() -> None:
    """Release the base and the latents that are kept for the next job."""
    # If they were never imported, nothing is kept.
    if base_cache := sys.modules.get("trainer.models.base_cache"):
        base_cache.forget_base()
    if latent_store := sys.modules.get("trainer.bake.latent_cache"):
        latent_store.forget_latents()


def _read_ahead(package: str) -> None:
    """Bring a package's shared libraries into the page cache.

    Linking them holds the interpreter lock until every page is read from disk; reading lets the screen respond to keys.
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


@contextlib.contextmanager
def _log_file(path: Path) -> Iterator[logging.Logger]:
    """Send what the libraries and the bake log to `path` while the block runs."""
    log = logging.getLogger("trainer")
    make_private_file(path)
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
