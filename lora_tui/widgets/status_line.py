"""Everything on one line, for a terminal too small for panes."""

from textual.content import Content

from lora_tui.snapshot import Snapshot
from lora_tui.widgets.card_meter import vram_text
from lora_tui.widgets.snapshot_pane import SnapshotPane
from lora_tui.wording.bake_progress import step_progress
from lora_tui.wording.grids import pictures_text
from lora_tui.wording.job_names import job_label
from lora_tui.wording.numbers import loss, short_duration, speed
from lora_tui.wording.state_symbols import bake_sign
from trainer.journal.records import BakeState
from trainer.text import printable


class StatusLine(SnapshotPane):
    """Number, name, epoch, step, share, loss, speed, time left and VRAM, as far as the width goes."""

    def lines(self, width: int) -> list[Content]:
        """Return the line, cut at the width."""
        return [Content.assemble(*_parts(self._snapshot)).truncate(max(1, width), ellipsis=True)]


def _parts(snapshot: Snapshot) -> list[tuple[str, str]]:
    bake = snapshot.bake
    job = snapshot.grid
    if job is not None and job.state.live:
        sign = bake_sign(job)
        far = pictures_text(job.stage_done, job.stage_total, snapshot.grid_seconds_left)
        return [(f"{sign.mark} ", sign.colour), (f"{job_label(job, 16)}  {far}".rstrip(), "")]
    if bake is None:
        return [("lora-tui", "bold"), ("  no bake yet", "$muted")]
    now, sign = step_progress(snapshot, bake), bake_sign(bake)
    parts = [(f"{sign.mark} ", sign.colour), (f"{bake.number:04d} {printable(bake.name, 16)}", "")]
    if now.stage and not now.step:
        parts.append((f"  {now.stage}", ""))
    else:
        parts.append((f"  e{now.epoch}/{now.epochs}  {now.step}/{now.steps} {now.percent.replace(' ', '')}", ""))
    if bake.state is BakeState.PAUSED:
        parts.append(("  paused", "$warning"))
    if "loss" in snapshot.last:
        parts.append((f"  {loss(snapshot.last['loss'][1], 3)}", ""))
    if snapshot.step_seconds:
        parts.append((f"  {speed(1 / snapshot.step_seconds)}it/s", ""))
    if now.seconds_left is not None:
        parts.append((f"  {short_duration(now.seconds_left)}", ""))
    if snapshot.machine is not None and snapshot.machine.cards:
        parts.append((f"  VRAM {vram_text(snapshot.machine.cards[0])}", ""))
    return parts
