"""Progress of the bake: step, speed, time left, loss and rates."""

from textual.content import Content

from lora_tui.snapshot import Snapshot
from lora_tui.widgets.pane import NARROW
from lora_tui.widgets.snapshot_pane import SnapshotPane
from lora_tui.wording.bake_progress import StepProgress, step_progress
from lora_tui.wording.bars import bar
from lora_tui.wording.job_names import state_word
from lora_tui.wording.numbers import count, loss, rate, speed
from lora_tui.wording.state_symbols import FAILED, bake_sign
from trainer.journal.records import Bake, BakeState
from trainer.settings.parts import all_parts, metric_of
from trainer.text import duration, printable

_MAX_BAR_WIDTH = 48


class BakeProgress(SnapshotPane):
    """Epoch, step, bar, share and time left; speed, loss and rates below."""

    title = "progress"

    def lines(self, width: int) -> list[Content]:
        """Return two lines, progress and speed; one when narrow."""
        bake = self._snapshot.bake
        if bake is None:
            return [Content(" ")]
        if self.screen.has_class(NARROW):
            return [_one_line(self._snapshot, bake, width)]
        return [_how_far(self._snapshot, bake, width), _how_fast(self._snapshot, bake)]


def _how_far(snapshot: Snapshot, bake: Bake, width: int) -> Content:
    progress, sign = step_progress(snapshot, bake), bake_sign(bake)
    head = Content.styled(f"{sign.mark} ", sign.colour)
    if progress.stage and not progress.step:
        return Content.assemble(head, progress.stage)
    total = count(progress.steps)
    where = Content.assemble(
        head,
        ("epoch ", "$muted"),
        f"{progress.epoch}/{progress.epochs}   ",
        ("step ", "$muted"),
        f"{count(progress.step):>{len(total)}}/{total}  ",
    )
    after = Content.assemble(f"  {progress.percent:>5}   ", *_what_next(bake, progress))
    return Content.assemble(
        where, bar(progress.share, min(width - len(where) - len(after), _MAX_BAR_WIDTH), sign.colour), after
    )


def _how_fast(snapshot: Snapshot, bake: Bake) -> Content:
    if bake.state in (BakeState.FAILED, BakeState.LOST):
        return Content.assemble(
            (f"{FAILED.mark} ", FAILED.colour), (printable(bake.error or str(bake.state)), "$error")
        )
    parts: list[tuple[str, str]] = [("  ", "")]
    parts += _throughput(snapshot)
    if "loss" in snapshot.last:
        parts += [("loss ", "$muted"), (f"{loss(snapshot.last['loss'][1])}   ", "")]
    if snapshot.validations:
        parts += [("val ", "$muted"), (f"{loss(snapshot.validations[-1][1])}   ", "$plot-validation")]
    if rates := _rates(snapshot):
        parts += [("lr ", "$muted"), (" · ".join(rates), "")]
    return Content.assemble(*parts)


def _rates(snapshot: Snapshot) -> list[str]:
    """Return the rate of each part, in the order of the curves' names."""
    known = [snapshot.last[name] for name in map(metric_of, all_parts()) if name in snapshot.last]
    newest = max((step for step, _ in known), default=0)
    # A part that has stopped has no rate: its last one would look as if it still applied.
    return [rate(value) if step == newest else "stopped" for step, value in known]


def _one_line(snapshot: Snapshot, bake: Bake, width: int) -> Content:
    progress, sign = step_progress(snapshot, bake), bake_sign(bake)
    head = Content.styled(f"{sign.mark} ", sign.colour)
    if bake.state in (BakeState.FAILED, BakeState.LOST):
        return Content.assemble(head, (printable(bake.error or str(bake.state)), "$error"))
    if progress.stage and not progress.step:
        return Content.assemble(head, progress.stage)
    where = Content.assemble(
        head, f"e{progress.epoch}/{progress.epochs}  {count(progress.step)}/{count(progress.steps)}  "
    )
    after = Content.assemble(f" {progress.percent:>5}  ", *_throughput(snapshot), *_what_next(bake, progress))
    return Content.assemble(where, bar(progress.share, min(width - len(where) - len(after), 24), sign.colour), after)


def _throughput(snapshot: Snapshot) -> list[tuple[str, str]]:
    if not snapshot.step_seconds:
        return []
    parts = [(speed(1 / snapshot.step_seconds), ""), (" it/s   ", "$muted")]
    if snapshot.asked is not None:
        pictures = snapshot.asked.train_batch_size * snapshot.asked.gradient_accumulation_steps
        parts += [(speed(pictures / snapshot.step_seconds), ""), (" img/s   ", "$muted")]
    return parts


def _what_next(bake: Bake, progress: StepProgress) -> list[tuple[str, str]]:
    if bake.state is BakeState.PAUSED:
        return [("paused", "$warning")]
    if progress.stage:
        return [(progress.stage, "")]
    if not bake.state.live:
        return [(state_word(bake), "$muted")]
    return [] if progress.seconds_left is None else [(duration(progress.seconds_left), ""), (" left", "$muted")]
