"""One plain frame of what a workspace is doing: no colours, no codes, no line wider than asked, for `watch`, cron and a log."""

import time
from collections.abc import Iterator

from lora_tui.headless.progress import LEVEL_MARKS, step_text
from lora_tui.headless.status import bake_line
from lora_tui.wording.cell_width import cut
from lora_tui.wording.job_names import job_name, state_word
from lora_tui.wording.not_running import NOT_RUNNING
from lora_tui.wording.numbers import gib
from lora_tui.wording.queue import QueueView, clock_text, expected_times
from lora_tui.wording.state_symbols import WARNING, bake_sign
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, LogLine
from trainer.machine.readings import CardReading, MachineReading
from trainer.text import plural, printable
from trainer.workspace import Workspace

# A bake reads its GPU every five seconds; an older reading is none of now.
_READING_SECONDS = 30.0
_MAX_QUEUED, _MAX_LOG = 8, 5
_LEAST_WIDTH = 20


def status_frame(
    journal: Journal, workspace: Workspace, view: QueueView, width: int, machine: MachineReading | None = None
) -> Iterator[str]:
    """Yield the frame, line by line.

    Args:
        journal, workspace: what is shown.
        view: its queue, read just before.
        width: cells of a line; a longer one ends in `…`.
        machine: a reading of this moment, shown where no bake keeps readings; None for none.
    """
    for line in _lines(journal, workspace, view, machine):
        yield cut(line, max(_LEAST_WIDTH, width)).rstrip()


def live_text(journal: Journal, bake: Bake, view: QueueView) -> str:
    """Return how far a running bake or grid's job is, and when it is expected to end."""
    parts = [step_text(bake, journal.curves.last_values(bake.number))]
    end = view.expected[bake.number].end if bake.number in view.expected else None
    if end is not None:
        parts.append(f"ends about {clock_text(end, view.now)}")
    return "  ".join(filter(None, parts))


def _lines(journal: Journal, workspace: Workspace, view: QueueView, machine: MachineReading | None) -> Iterator[str]:
    clock = time.strftime("%Y-%m-%d %H:%M", time.localtime(view.now))
    yield f"{printable(workspace.root.name or str(workspace.root))}  {clock}"
    if journal.unwritable:
        yield f"{WARNING.mark} {journal.unwritable}"
    for bake in view.live:
        yield f"{bake_sign(bake).mark} {job_name(bake)}  {state_word(bake)}"
        yield f"  {live_text(journal, bake, view)}"
    if not view.live:
        yield "nothing is running"
        if (last := journal.bakes.last_that_ran()) is not None:
            yield f"last: {bake_line(last, journal)}"
    yield from _machine(journal, view, machine)
    if view.waiting:
        yield f"queue: {plural(len(view.waiting), 'job')}"
        for bake in view.waiting[:_MAX_QUEUED]:
            yield f"  {bake_sign(bake).mark} {job_name(bake)}  {expected_times(bake, view)}"
        if len(view.waiting) > _MAX_QUEUED:
            yield f"  and {len(view.waiting) - _MAX_QUEUED:,} more"
        if view.orphaned:
            yield NOT_RUNNING
    for line in journal.log.read(limit=_MAX_LOG):
        yield f"{time.strftime('%H:%M', time.localtime(line.seconds))} {log_text(line)}"


def log_text(line: LogLine) -> str:
    """Return a line of the log with the mark of its level."""
    return LEVEL_MARKS.get(line.level, "") + printable(line.text)


def _machine(journal: Journal, view: QueueView, machine: MachineReading | None) -> Iterator[str]:
    kept = journal.telemetry.read(view.now - _READING_SECONDS)
    reading = kept[-1] if kept else machine
    if reading is None:
        return
    for card in reading.cards:
        yield card_text(card)
    host = reading.host
    parts = [
        f"RAM {gib(host.memory_used)}/{gib(host.memory_total)} GiB" if host.memory_used is not None else "",
        f"disk {gib(host.disk_free)} GiB free" if host.disk_free is not None else "",
    ]
    if text := "  ".join(filter(None, parts)):
        yield text


def card_text(card: CardReading) -> str:
    """Return what a GPU does on one line; what it does not report is left out."""
    parts = [
        printable(card.name, 40),
        f"VRAM {gib(card.memory_used)}/{gib(card.memory_total)} GiB" if card.memory_used is not None else "",
        f"{card.gpu_percent} %" if card.gpu_percent is not None else "",
        f"{card.power:.0f} W" if card.power is not None else "",
        f"{card.temperature} °C" if card.temperature is not None else "",
    ]
    return "  ".join(filter(None, parts))
