"""The queue in words: who is at work, who waits for what, and when each is expected to begin and end."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING

from lora_tui.wording.job_names import job_name, state_word
from lora_tui.wording.state_symbols import PAUSED, state_sign
from trainer.journal.records import Bake
from trainer.plan.queue_times import Expected, expected_ends
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.journal.journal import Journal
    from trainer.workspace import Workspace

NOBODY = "nobody works on what waits: `lora-tui queue run` begins, the dashboard offers to"

_PACE_STEPS = 20


@dataclass(frozen=True)
class QueueView:
    """The queue at one moment.

    Attributes:
        live: the bakes at work.
        waiting: those in line, the next one first.
        left_behind: numbers of those waiting that no engine will take as they are.
        expected: when each begins and ends; those left behind as if they were taken over now.
        now: epoch seconds.
    """

    live: tuple[Bake, ...]
    waiting: tuple[Bake, ...]
    left_behind: frozenset[int]
    expected: Mapping[int, Expected]
    now: float


def read_queue_view(journal: "Journal", workspace: "Workspace", now: float, ours: str = "") -> QueueView:
    """Return the queue of `workspace` as it stands; bakes of the engine with the key `ours` are never left behind."""
    from trainer.jobs.bakes import orphaned_jobs

    journal.bakes.mark_lost()
    live = tuple(reversed([bake for bake in journal.bakes.latest() if bake.state.live]))
    waiting = tuple(journal.queue.waiting())
    lost = frozenset(bake.number for bake in orphaned_jobs(journal, workspace) if not ours or bake.engine != ours)
    return QueueView(live, waiting, lost, expected_ends(waiting, live, now, _paces(journal, live)), now)


def queue_lines(line: QueueView) -> Iterator[str]:
    """Yield the queue, a bake a line, and what is to be said of all."""
    if not line.live and not line.waiting:
        yield "nothing is at work and nothing waits"
        return
    for bake in (*line.live, *line.waiting):
        yield bake_words(bake, line)
    if line.left_behind:
        yield NOBODY


def bake_words(bake: Bake, line: QueueView) -> str:
    """Return one bake: sign, number, name, when it begins and ends, and why."""
    sign = PAUSED if bake.held else state_sign(bake.state)
    parts = [f"{sign.mark} {job_name(bake, 30)}", when(bake, line)]
    if bake.attempt > 1:
        parts.append(f"attempt {bake.attempt}")
    if bake.on_failure == "hold":
        parts.append("holds those behind if it fails")
    if bake.why:
        parts.append(printable(bake.why, 60))
    return "  ".join(parts)


def when(bake: Bake, line: QueueView) -> str:
    """Return when a bake is expected to begin and end: `22:30 – 23:10`, with the day where it is not today's."""
    if bake.held:
        return "held"
    expected = line.expected[bake.number]
    end = _clock(expected.end, line.now)
    if bake.state.live:
        return f"{state_word(bake)}, ends {end}"
    if expected.begin is None and bake.not_before is not None and bake.not_before > line.now:
        return f"not before {_clock(bake.not_before, line.now)}"
    return f"{_clock(expected.begin, line.now)} – {end}"


def queue_json(line: QueueView) -> dict[str, object]:
    """Return the queue as plain values; times are epoch seconds, None where they are not known."""
    return {
        "live": [_bake_json(bake, line) for bake in line.live],
        "waiting": [_bake_json(bake, line) for bake in line.waiting],
    }


def _paces(journal: "Journal", live: Sequence[Bake]) -> dict[int, float]:
    """Return the seconds a step of each bake that has told them, over its last steps."""
    paces = {}
    for bake in live:
        last = journal.curves.last_values(bake.number).get("seconds_per_step")
        if last is not None:
            first = max(1, last[0] - _PACE_STEPS)
            means = journal.curves.read(bake.number, "seconds_per_step", _PACE_STEPS, first=first).mean
            told = [mean for mean in means if isfinite(mean)]
            if told:
                paces[bake.number] = sum(told) / len(told)
    return paces


def _bake_json(bake: Bake, line: QueueView) -> dict[str, object]:
    values = {name: value for name, value in asdict(bake).items() if name != "settings_toml"}
    return values | {
        "state": str(bake.state),
        "left_behind": bake.number in line.left_behind,
        "expected_begin": line.expected[bake.number].begin,
        "expected_end": line.expected[bake.number].end,
    }


def _clock(seconds: float | None, now: float) -> str:
    if seconds is None:
        return "?"
    then, today = datetime.fromtimestamp(seconds), datetime.fromtimestamp(now)
    if then.date() == today.date():
        return then.strftime("%H:%M")
    # Within a week a day's name is enough.
    near = 0 <= (then.date() - today.date()).days < 7
    return then.strftime("%a %H:%M" if near else "%Y-%m-%d %H:%M")
