"""The queue in words: which bakes run, which wait for what, and when each is expected to start and end."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING

from lora_tui.wording.job_names import job_name, state_word
from lora_tui.wording.not_running import NOT_RUNNING
from lora_tui.wording.state_symbols import bake_sign
from trainer.grid.pace import seconds_per_picture
from trainer.journal.records import Bake
from trainer.plan.queue_times import ExpectedTimes, expected_ends
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.journal.journal import Journal
    from trainer.workspace import Workspace

# Steps over which the speed of a running bake is averaged.
_SPEED_STEPS = 20


@dataclass(frozen=True)
class QueueView:
    """The queue at one moment.

    Attributes:
        live: the running bakes.
        waiting: the queued ones, the next one first.
        orphaned: numbers of the queued ones whose engine is gone.
        expected: when each starts and ends; the orphaned ones as if they were taken over now.
        now: epoch seconds.
    """

    live: tuple[Bake, ...]
    waiting: tuple[Bake, ...]
    orphaned: frozenset[int]
    expected: Mapping[int, ExpectedTimes]
    now: float


def read_queue_view(journal: "Journal", workspace: "Workspace", now: float, ours: str = "") -> QueueView:
    """Return the current queue of `workspace`; bakes of the engine with the key `ours` are never orphaned.

    Nor are those of a workspace that cannot be written: what runs them may be another user's or another computer's.
    """
    from trainer.jobs.orphaned import orphaned_jobs

    journal.bakes.mark_lost()
    live = tuple(reversed([bake for bake in journal.bakes.latest() if bake.state.live]))
    waiting = tuple(journal.queue.waiting())
    left = () if journal.read_only else orphaned_jobs(journal, workspace)
    orphaned = frozenset(bake.number for bake in left if not ours or bake.engine != ours)
    return QueueView(live, waiting, orphaned, expected_ends(waiting, live, now, _step_seconds(journal, live)), now)


def queue_lines(view: QueueView) -> Iterator[str]:
    """Yield the queue, one bake a line, and whether nothing processes it."""
    if not view.live and not view.waiting:
        yield "the queue is empty and nothing is running"
        return
    for bake in (*view.live, *view.waiting):
        yield queued_job_line(bake, view)
    if view.orphaned:
        yield NOT_RUNNING


def queued_job_line(bake: Bake, view: QueueView) -> str:
    """Return one job on a line: sign, number, name, when it starts and ends, and why."""
    sign = bake_sign(bake)
    parts = [f"{sign.mark} {job_name(bake, 30)}", expected_times(bake, view)]
    if bake.attempt > 1:
        parts.append(f"attempt {bake.attempt}")
    if bake.on_failure == "hold":
        parts.append("if it fails the rest is held")
    if bake.why:
        parts.append(printable(bake.why, 60))
    return "  ".join(parts)


def expected_times(bake: Bake, view: QueueView) -> str:
    """Return when a bake is expected to start and end: `22:30 – 23:10`, with the day where it is not today's."""
    if bake.held:
        return "held"
    expected = view.expected[bake.number]
    end = clock_text(expected.end, view.now)
    if bake.state.live:
        return f"{state_word(bake)}, ends {end}"
    if expected.start is None and bake.not_before is not None and bake.not_before > view.now:
        return f"not before {clock_text(bake.not_before, view.now)}"
    return f"{clock_text(expected.start, view.now)} – {end}"


def queue_json(view: QueueView) -> dict[str, object]:
    """Return the queue as plain values; times are epoch seconds, None where they are not known."""
    return {
        "live": [_bake_json(bake, view) for bake in view.live],
        "waiting": [_bake_json(bake, view) for bake in view.waiting],
    }


def _step_seconds(journal: "Journal", live: Sequence[Bake]) -> dict[int, float]:
    """Return the seconds per step of each bake that has recorded some, averaged over its last steps; of a grid's job per picture."""
    seconds = {}
    for bake in live:
        if bake.grid is not None:
            grid = journal.grids.find(bake.grid)
            if grid is not None and (pace := seconds_per_picture(grid)) is not None:
                seconds[bake.number] = pace
            continue
        last = journal.curves.last_values(bake.number).get("seconds_per_step")
        if last is not None:
            first = max(1, last[0] - _SPEED_STEPS)
            means = journal.curves.read(bake.number, "seconds_per_step", _SPEED_STEPS, first=first).mean
            known = [mean for mean in means if isfinite(mean)]
            if known:
                seconds[bake.number] = sum(known) / len(known)
    return seconds


def _bake_json(bake: Bake, view: QueueView) -> dict[str, object]:
    values = {name: value for name, value in asdict(bake).items() if name != "settings_toml"}
    return values | {
        "state": str(bake.state),
        "orphaned": bake.number in view.orphaned,
        "expected_start": view.expected[bake.number].start,
        "expected_end": view.expected[bake.number].end,
    }


def clock_text(seconds: float | None, now: float) -> str:
    """Return a time (epoch seconds) as `22:30`, with the day where it is not that of `now`; None is `?`."""
    if seconds is None:
        return "?"
    then, today = datetime.fromtimestamp(seconds), datetime.fromtimestamp(now)
    if then.date() == today.date():
        return then.strftime("%H:%M")
    # Within a week a day's name is enough.
    near = 0 <= (then.date() - today.date()).days < 7
    return then.strftime("%a %H:%M" if near else "%Y-%m-%d %H:%M")
