"""State of the bakes and grids of a workspace: one line each, or JSON."""

from collections.abc import Sequence
from dataclasses import asdict

from lora_tui.wording.job_names import job_name, state_word
from lora_tui.wording.memory import measured_text
from lora_tui.wording.numbers import loss, steps_in_all
from lora_tui.wording.queue import QueueView, clock_text, expected_times
from lora_tui.wording.state_symbols import bake_sign
from trainer.journal.journal import Journal
from trainer.journal.records import Bake
from trainer.text import plural, printable
from trainer.workspace import Workspace

# Numbers of withdrawn bakes on one line.
_MAX_NUMBERS = 8


def rows_counted(rows: Sequence[Bake], journal: Journal) -> str:
    """Return `3 bakes`, or where there are grids `3 bakes, 1 grid`; grids' jobs among the rows are not counted as bakes."""
    bakes = plural(sum(row.grid is None for row in rows), "bake")
    grids = len(journal.grids.latest())
    return f"{bakes}, {plural(grids, 'grid')}" if grids else bakes


def bake_line(bake: Bake, journal: Journal, times: str = "") -> str:
    """Return one line: sign, number, name, state, when it is expected to run, how far it is, and why or the error.

    Of a bake that is the step, the last loss and the files; of a grid's job the pictures.

    Args:
        bake: the row.
        journal: its.
        times: of one that waits or runs, as the queue says them; "" for none.
    """
    parts = [f"{bake_sign(bake).mark} {job_name(bake)}", state_word(bake), *([times] if times else [])]
    parts += _training(bake, journal) if bake.grid is None else _pictures(bake.grid, journal)
    if bake.error or bake.why:
        parts.append(printable(bake.error or bake.why))
    return "  ".join(parts)


def times_text(bake: Bake, view: QueueView) -> str:
    """Return when a row that waits or runs is expected to start and end; "" for any other, for one that is held, and where nothing is known."""
    expected = view.expected.get(bake.number)
    if expected is None or bake.held:
        return ""
    if bake.state.live:
        return "" if expected.end is None else f"ends about {clock_text(expected.end, view.now)}"
    if expected.start is None and expected.end is None and bake.not_before is None:
        return ""
    return expected_times(bake, view)


def withdrawn_line(rows: Sequence[Bake]) -> str:
    """Return a line about the rows that are not listed: removed from the queue before they started; "" without any."""
    withdrawn = [row for row in rows if row.withdrawn]
    if not withdrawn:
        return ""
    numbers = ", ".join(f"{row.number:04d}" for row in withdrawn[:_MAX_NUMBERS])
    more = f" and {len(withdrawn) - _MAX_NUMBERS:,} more" if len(withdrawn) > _MAX_NUMBERS else ""
    return f"{len(withdrawn):,} withdrawn from the queue: {numbers}{more} (`--all` lists them)"


def bakes_json(workspace: Workspace, journal: Journal, view: QueueView | None = None) -> dict[str, object]:
    """Return the workspace, its bakes and its grids, newest first, as plain values.

    Args:
        workspace, journal: whose.
        view: its queue, for the expected times of what waits or runs; None for none.
    """
    rows = journal.bakes.latest()
    return {
        "workspace": str(workspace.root),
        "read_only": journal.read_only,
        "bakes": [{**_bake_json(row, journal), **_times_json(row, view)} for row in rows if row.grid is None],
        "grids": [{**asdict(grid), "state": str(grid.state)} for grid in journal.grids.latest()],
        "jobs": [{**_row_json(row), **_times_json(row, view)} for row in rows if row.grid is not None],
    }


def _times_json(bake: Bake, view: QueueView | None) -> dict[str, object]:
    """Return when a row is expected to start and to end, epoch seconds; None where that is not known or it has ended."""
    expected = None if view is None else view.expected.get(bake.number)
    return {
        "expected_start": None if expected is None else expected.start,
        "expected_end": None if expected is None else expected.end,
    }


def _row_json(bake: Bake) -> dict[str, object]:
    """Return a row with its state, and as `shown_state` the word that a person reads: held, withdrawn …"""
    return {**asdict(bake), "state": str(bake.state), "shown_state": state_word(bake)}


def _bake_json(bake: Bake, journal: Journal) -> dict[str, object]:
    return {
        **_row_json(bake),
        "last": {
            name: {"step": step, "value": value}
            for name, (step, value) in journal.curves.last_values(bake.number).items()
        },
        "checkpoints": [asdict(checkpoint) for checkpoint in journal.results.checkpoints(bake.number)],
    }


def _training(bake: Bake, journal: Journal) -> list[str]:
    values = journal.curves.last_values(bake.number)
    step = int(values["loss"][0]) if "loss" in values else 0
    parts = [f"step {step}/{bake.total_steps}" if bake.total_steps else steps_in_all(0)]
    if bake.imported:
        # No step of it ran here.
        parts = []
    if "loss" in values:
        parts.append(f"loss {loss(values['loss'][1])}")
    checkpoints = journal.results.checkpoints(bake.number)
    if checkpoints and checkpoints[0].val is not None:
        parts.append(f"val {loss(checkpoints[0].val)}")
    parts.append(plural(len(checkpoints), "LoRA file"))
    return [*parts, *filter(None, [measured_text(bake)])]


def _pictures(number: int, journal: Journal) -> list[str]:
    grid = journal.grids.find(number)
    if grid is None:
        return [f"grid {number} is damaged"]
    return [f"{grid.done}/{plural(grid.total, 'picture')}", f"in {printable(grid.folder)}"]
