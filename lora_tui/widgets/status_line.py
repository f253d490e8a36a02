"""Everything on one line, for a terminal too small for panes."""

from textual.content import Content

from lora_tui.snapshot import Snapshot
from lora_tui.widgets.card_meter import vram_text
from lora_tui.widgets.pane import first_that_fit
from lora_tui.widgets.snapshot_pane import SnapshotPane
from lora_tui.wording.bake_progress import step_progress
from lora_tui.wording.grids import pictures_text
from lora_tui.wording.job_names import job_label
from lora_tui.wording.numbers import loss, short_duration, speed
from lora_tui.wording.state_symbols import Sign, bake_sign
from trainer.journal.records import BakeState
from trainer.text import printable


class StatusLine(SnapshotPane):
    """Loss, step, time left and VRAM first; then share, number, name, epoch and speed, as far as the width goes."""

    def lines(self, width: int) -> list[Content]:
        """Return the line: the parts that fit."""
        return [first_that_fit(_parts(self._snapshot), width, "  ")]


def _parts(snapshot: Snapshot) -> list[Content]:
    bake = snapshot.bake
    job = snapshot.grid
    if job is not None and job.state.live:
        far = pictures_text(job.stage_done, job.stage_total, snapshot.grid_seconds_left)
        return [_signed(bake_sign(job), job_label(job, 16)), *([Content(far)] if far else []), *_vram(snapshot)]
    if bake is None:
        return [Content.styled("lora-tui", "bold"), Content.styled("no bake yet", "$muted"), *_vram(snapshot)]
    now, sign = step_progress(snapshot, bake), bake_sign(bake)
    named = Content(f"{bake.number:04d} {printable(bake.name, 16)}")
    if now.stage and not now.step:
        return [_signed(sign, now.stage), *_vram(snapshot), named]
    parts = [Content(loss(snapshot.last["loss"][1], 3))] if "loss" in snapshot.last else []
    parts.append(Content(f"{now.step}/{now.steps}"))
    if bake.state is BakeState.PAUSED:
        parts.append(Content.styled("paused", "$warning"))
    if now.seconds_left is not None:
        parts.append(Content(short_duration(now.seconds_left)))
    parts += [*_vram(snapshot), Content(now.percent.replace(" ", "")), named, Content(f"e{now.epoch}/{now.epochs}")]
    if snapshot.step_seconds:
        parts.append(Content(f"{speed(1 / snapshot.step_seconds)}it/s"))
    return [_signed(sign, parts[0]), *parts[1:]]


def _signed(sign: Sign, part: Content | str) -> Content:
    return Content.assemble((f"{sign.mark} ", sign.colour), part)


def _vram(snapshot: Snapshot) -> list[Content]:
    if snapshot.machine is None or not snapshot.machine.cards:
        return []
    return [Content(f"VRAM {vram_text(snapshot.machine.cards[0])}")]
