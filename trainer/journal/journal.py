"""The journal: one door to everything that bakes have said and to every order given to them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from trainer.journal import (
    bake_record,
    bakes,
    curves,
    digest,
    grids,
    logs,
    orders,
    queue,
    results,
    rewind,
    speed,
    telemetry,
)
from trainer.journal.bake_record import BakeRecord
from trainer.journal.database import Database
from trainer.journal.digest import Digest
from trainer.journal.processes import process_alive
from trainer.journal.records import (
    Bake,
    BakeState,
    CellNote,
    Checkpoint,
    Curve,
    GivenOrder,
    Grid,
    GridState,
    LogLine,
    Mark,
    Order,
    SavedState,
)
from trainer.machine.readings import MachineReading


class Journal:
    """One connection to a journal, used only in the thread that opened it.

    Every write is one short transaction of its own that waits up to 5 s for other writers; no transaction is open between calls.
    Texts are kept as they come; who shows them passes them through `foreign_text.shown`.

    Args:
        path: the SQLite file; made if it is not there, in a folder that is.

    Attributes:
        path: the file.
        wal: whether the write-ahead log is in use.
        warning: what the user should know about where the file lies, "" where nothing.

    Raises:
        WorkspaceError: here and in every method: the file cannot be read or written, is no journal, is a newer lora-tui's, or
            another program kept writing for 5 s.
    """

    def __init__(self, path: Path) -> None:
        """Open the journal, making it where there is none."""
        self._database = Database(path)
        self.path = path
        self.wal = self._database.wal
        self.warning = _warning(self._database)

    def __enter__(self) -> Self:
        """Return the journal, closed when the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection; closing again does nothing."""
        self._database.close()

    def data_version(self) -> int:
        """Return a number that changes when another connection (the writer of metrics, another program) has written."""
        return int(self._database.rows("PRAGMA data_version")[0][0])

    # Bakes

    def add_bake(
        self,
        *,
        name: str,
        why: str,
        settings_toml: str,
        engine: str,
        total_steps: int,
        steps_per_epoch: int,
        parent: int | None = None,
        least_number: int = 1,
        not_before: float | None = None,
        held: bool = False,
        on_failure: str = "go on",
        refers: str = "",
        starts_from: str = "",
        planned_seconds: float | None = None,
        grid: int | None = None,
    ) -> Bake:
        """Queue a bake, or with `grid` the making of a grid, at the end under the next number, `least_number` or above, and return it; its folder is not made."""
        return bakes.add_bake(
            self._database,
            name=name,
            why=why,
            settings_toml=settings_toml,
            engine=engine,
            total_steps=total_steps,
            steps_per_epoch=steps_per_epoch,
            parent=parent,
            least_number=least_number,
            not_before=not_before,
            held=held,
            on_failure=on_failure,
            refers=refers,
            starts_from=starts_from,
            planned_seconds=planned_seconds,
            grid=grid,
        )

    def bake(self, number: int) -> Bake:
        """Return bake `number`.

        Raises:
            WorkspaceError: there is none of that number.
        """
        return bakes.read_bake(self._database, number)

    def bakes(self, limit: int = 200) -> list[Bake]:
        """Return the last `limit` bakes and grids' jobs, newest first."""
        return bakes.read_bakes(self._database, limit)

    def set_state(self, number: int, state: BakeState, error: str = "") -> None:
        """Set the state and the line of error; the times of start and end are kept by this."""
        bakes.set_state(self._database, number, state, error)

    def set_stage(self, number: int, stage: str, done: int = 0, total: int = 0) -> None:
        """Say which stage the bake is in, and how far in the stage's own count."""
        bakes.update_bake(self._database, number, "stage = ?, stage_done = ?, stage_total = ?", (stage, done, total))

    def set_plan(self, number: int, total_steps: int, steps_per_epoch: int) -> None:
        """Set the optimizer steps of the plan in force."""
        bakes.update_bake(
            self._database, number, "total_steps = ?, steps_per_epoch = ?", (total_steps, steps_per_epoch)
        )

    def set_device(self, number: int, device: str) -> None:
        """Note the key of the card the bake runs on, `cpu` without one."""
        bakes.update_bake(self._database, number, "device = ?", (device,))

    def set_peak(self, number: int, peak: int) -> None:
        """Note memory of the card taken by us, in bytes; the highest so far stands."""
        bakes.update_bake(self._database, number, "peak_vram = max(coalesce(peak_vram, 0), ?)", (peak,))

    def set_peak_allocated(self, number: int, peak: int) -> None:
        """Note the bytes held at the fullest moment; the highest so far stands."""
        highest = "measured_peak_allocated = max(coalesce(measured_peak_allocated, 0), ?)"
        bakes.update_bake(self._database, number, highest, (peak,))

    def set_predicted_peak(self, number: int, peak: int, parts_json: str) -> None:
        """Note what was predicted for it: bytes that the allocator takes, and the peak by part as JSON."""
        bakes.update_bake(self._database, number, "predicted_peak = ?, predicted_peak_parts = ?", (peak, parts_json))

    def mark_lost(self, alive: Callable[[int, float], bool] = process_alive) -> list[int]:
        """Mark live bakes whose process is gone as lost and return their numbers; queued ones stay.

        Args:
            alive: whether the process of this pid and start (epoch seconds) still runs.
        """
        lost = bakes.mark_lost(self._database, alive)
        if lost:
            grids.cut_grids(self._database, lost)
        return lost

    # The queue

    def queue(self) -> list[Bake]:
        """Return the waiting bakes of every engine, the next one first."""
        return queue.read_queue(self._database)

    def claim_next(self, engine: str, pid: int, pid_started: float, now: float | None = None) -> Bake | None:
        """Take the first waiting bake of `engine` to `starting` for one process alone and return it; None where none may begin.

        Held bakes, and those that shall not begin before a time after `now` (epoch seconds, None: this moment), are passed over.
        """
        return queue.claim_next(self._database, engine, pid, pid_started, now)

    def requeue(self, number: int, engine: str) -> Bake:
        """Put a bake that ended or was parked at the front, for `engine` to take up again, and return it.

        Orders it had not obeyed are answered: the bake had ended.

        Raises:
            WorkspaceError: it waits or is at work.
        """
        return queue.requeue(self._database, number, engine)

    def move_in_queue(self, number: int, before: int | None) -> None:
        """Put a waiting bake before another waiting one, or at the end where `before` is None."""
        queue.move(self._database, number, before)

    def remove_from_queue(self, number: int) -> None:
        """Take a waiting bake out of the queue: it is stopped and says so."""
        queue.remove(self._database, number)

    def set_held(self, number: int, held: bool) -> None:
        """Hold a waiting bake back, or release it."""
        queue.set_held(self._database, number, held)

    def set_not_before(self, number: int, seconds: float | None) -> None:
        """Let a waiting bake begin at `seconds` (epoch) at the earliest, None for at once."""
        queue.set_not_before(self._database, number, seconds)

    def change_waiting(
        self, number: int, *, why: str, settings_toml: str, total_steps: int, steps_per_epoch: int
    ) -> None:
        """Give a waiting bake other settings, the steps of their plan, and another line of why."""
        queue.change_waiting(
            self._database,
            number,
            why=why,
            settings_toml=settings_toml,
            total_steps=total_steps,
            steps_per_epoch=steps_per_epoch,
        )

    def take_over(self, numbers: Sequence[int], engine: str) -> list[int]:
        """Give those of `numbers` that wait to another engine, and return them."""
        return queue.take_over(self._database, numbers, engine)

    def hold_following(self, number: int) -> list[int]:
        """Hold back every bake that waits for the engine of bake `number`, and return their numbers."""
        return queue.hold_following(self._database, number)

    # Orders

    def give_order(self, bake: int, order: Order, argument: str = "") -> int:
        """Write an order to `bake` and return its id; the argument of SET is `name=value`."""
        return orders.give_order(self._database, bake, order, argument)

    def open_orders(self, bake: int) -> list[GivenOrder]:
        """Return the orders to `bake` that were not obeyed yet, oldest first."""
        return orders.open_orders(self._database, bake)

    def obeyed(self, order_id: int, answer: str = "") -> None:
        """Note that the engine took the order, and in `answer` why it was refused if it was."""
        orders.mark_obeyed(self._database, order_id, answer)

    def orders(self, bake: int) -> list[GivenOrder]:
        """Return every order to `bake`, oldest first."""
        return orders.read_orders(self._database, bake)

    # Log

    def log(self, text: str, *, bake: int | None = None, level: str = "info") -> None:
        """Write one line; `level` is `info`, `warning` or `error`."""
        with self._database.writing() as connection:
            logs.write_line(connection, text, bake=bake, level=level)

    def log_after(self, last_id: int = 0, *, bake: int | None = None, limit: int = 500) -> list[LogLine]:
        """Return the last `limit` lines with an id above `last_id`, oldest first; of every bake where `bake` is None."""
        return logs.read_lines(self._database, last_id, bake, limit)

    # Results

    def add_checkpoint(self, bake: int, checkpoint: Checkpoint) -> None:
        """Note a saved LoRA; the same file saved again takes the place of the first."""
        results.add_checkpoint(self._database, bake, checkpoint)

    def checkpoints(self, bake: int) -> list[Checkpoint]:
        """Return the saved LoRAs, newest first."""
        return results.read_checkpoints(self._database, bake)

    def add_state(self, bake: int, state: SavedState) -> None:
        """Note a training state; the same file written again takes the place of the first."""
        results.add_state(self._database, bake, state)

    def states(self, bake: int) -> list[SavedState]:
        """Return the training states, newest first."""
        return results.read_states(self._database, bake)

    def forget_state(self, bake: int, file: str) -> None:
        """Strike a training state that is gone from the disk."""
        results.forget_state(self._database, bake, file)

    def add_mark(self, bake: int, mark: Mark) -> None:
        """Note what happened at a step."""
        results.add_mark(self._database, bake, mark)

    def marks(self, bake: int) -> list[Mark]:
        """Return what happened, by step."""
        return results.read_marks(self._database, bake)

    def rewind(self, bake: int, step: int) -> None:
        """Forget numbers and LoRAs noted after `step`, because the steps behind it are done again.

        What befell the bake (its log and its marks, changes of live settings among them) stays.
        """
        rewind.rewind(self._database, bake, step)

    def add_validation(self, bake: int, step: int, loss: float, change: float | None, error: float | None) -> None:
        """Note the validation loss after `step`, its change against the untrained base and that change's standard error."""
        results.add_validation(self._database, bake, step, loss=loss, change=change, error=error)

    def validations(self, bake: int) -> list[tuple[int, float]]:
        """Return (step, validation loss), by step."""
        return results.read_validations(self._database, bake)

    def add_folder_losses(self, bake: int, epoch: int, losses: Mapping[str, tuple[float, int]]) -> None:
        """Note each folder's (mean loss, pictures) in `epoch`."""
        results.add_folder_losses(self._database, bake, epoch, losses)

    def folder_losses(self, bake: int) -> list[tuple[int, str, float, int]]:
        """Return (epoch, folder, mean loss, pictures), by epoch and folder."""
        return results.read_folder_losses(self._database, bake)

    def set_manifest(self, bake: int, blob: bytes) -> None:
        """Keep the list of the bake's data (the bytes of data.json.gz)."""
        results.set_manifest(self._database, bake, blob)

    def manifest(self, bake: int) -> bytes | None:
        """Return the list of the bake's data, None where it was not kept."""
        return results.read_manifest(self._database, bake)

    # The whole

    def record_of(self, number: int) -> BakeRecord:
        """Return all that is known of bake `number` but its curves and readings."""
        return bake_record.read_bake_record(self._database, number)

    def add_story(self, told: BakeRecord) -> None:
        """Write a story into a journal that has no bake of its number yet."""
        bake_record.write_bake_record(self._database, told)

    def digest(self, since: float, planned_files: Callable[[Bake], int | None] = lambda bake: None) -> Digest:
        """Return what happened since `since` (epoch seconds).

        Args:
            since: when the user last looked.
            planned_files: how many LoRAs a bake was to save, None where that is not known (see plan.planned_files).
        """
        return digest.read_digest(self._database, since, planned_files)

    def looked(self) -> float | None:
        """Return when somebody last looked (epoch seconds), None where nobody did."""
        return digest.read_looked(self._database)

    def set_looked(self, seconds: float) -> None:
        """Note that somebody looked at `seconds` (epoch); the latest look stands."""
        digest.set_looked(self._database, seconds)

    # Grids

    def add_grid(self, *, name: str, spec: str, bake: int | None = None, least_number: int = 1) -> Grid:
        """Note a grid under the next number, `least_number` or above, and return it; its folder is not made.

        Args:
            name: of its folder, behind the number.
            spec: JSON of its GridSpec.
            bake: number of the bake that shall make it between two steps; None for one with a job of its own.
            least_number: a number above every folder there is.
        """
        return grids.add_grid(self._database, name=name, spec=spec, bake=bake, least_number=least_number)

    def grid(self, number: int) -> Grid:
        """Return grid `number`.

        Raises:
            WorkspaceError: there is none of that number.
        """
        return grids.read_grid(self._database, number)

    def grids(self, limit: int = 200) -> list[Grid]:
        """Return the last `limit` grids, newest first."""
        return grids.read_grids(self._database, limit)

    def set_grid_state(self, number: int, state: GridState, error: str = "") -> None:
        """Set the state and the line of error; the times of start and end are kept by this."""
        grids.set_grid_state(self._database, number, state, error)

    def set_grid_spec(self, number: int, spec: str, total: int) -> None:
        """Set the spec as it was spelled out, and how many pictures that makes."""
        grids.update_grid(self._database, number, "spec = ?, total = ?", (spec, total))

    def set_grid_progress(self, number: int, *, done: int, made: int, seconds: float, work: int, look: str) -> None:
        """Say how far a grid is; see Grid."""
        grids.update_grid(
            self._database,
            number,
            "done = ?, made = ?, seconds = ?, work = ?, look = ?",
            (done, made, seconds, work, look),
        )

    def seconds_per_sampling_step(self, look: str) -> float | None:
        """Return how long one sampling step of one picture took in the newest grid of that look, None where none was made."""
        return grids.seconds_per_step(self._database, look)

    def note_picture(self, fingerprint: str, file: str) -> None:
        """Note where the picture of a recipe lies, relative to the workspace; the newest place stands."""
        grids.note_picture(self._database, fingerprint, file)

    def picture(self, fingerprint: str) -> str | None:
        """Return where the picture of a recipe was last, relative to the workspace, None where there was none."""
        return grids.read_picture(self._database, fingerprint)

    def set_cell_note(self, note: CellNote) -> None:
        """Keep what was thought of a picture; it takes the place of what stood there."""
        grids.set_cell_note(self._database, note)

    def cell_notes(self, grid: int) -> list[CellNote]:
        """Return what was thought of a grid's pictures, by cell."""
        return grids.read_cell_notes(self._database, grid)

    # Curves and the machine

    def curve(self, bake: int, metric: str, columns: int, first: int | None = None, last: int | None = None) -> Curve:
        """Return one metric between two steps (None: its ends) with at most two entries a column.

        Args:
            metric: `loss`, `lr_unet`, `lr_text_encoder`, `grad_norm`, `seconds_per_step` …; one never written gives an empty curve.
            columns: width of the drawing; half of it is the least number of entries where there are enough steps.
        """
        return curves.read_curve(self._database, bake, metric, columns, first=first, last=last)

    def add_points(self, bake: int, metric: str, points: Sequence[tuple[int, float]]) -> None:
        """Write one metric's (step, value) pairs; a bake at work writes through a MetricWriter instead."""
        with self._database.writing() as connection:
            curves.write_points(connection, bake, metric, points)

    def last_values(self, bake: int) -> dict[str, tuple[int, float]]:
        """Return each metric's last (step, value)."""
        return curves.read_last_values(self._database, bake)

    def speed(self, settings_like: Callable[[str], bool]) -> float | None:
        """Return the median seconds per step of the newest ended bake whose settings (TOML text) fit, None without one."""
        return speed.measured_speed(self._database, settings_like)

    def add_telemetry(self, reading: MachineReading, bake: int | None) -> None:
        """Keep one reading of the machine (about 200 bytes), of `bake` if one runs."""
        telemetry.add_telemetry(self._database, reading, bake)

    def telemetry(self, since: float, bake: int | None = None) -> list[MachineReading]:
        """Return the readings from `since` (epoch seconds) on, oldest first; of every time where `bake` is None."""
        return telemetry.read_telemetry(self._database, since, bake)


def _warning(database: Database) -> str:
    if not database.network:
        return ""
    return (
        f"the workspace lies on a network file system ({database.network}): the journal is slower there, and only one computer "
        "at a time may bake in it; a local disk is better"
    )
