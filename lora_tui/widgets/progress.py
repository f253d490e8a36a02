"""Progress of the bake: step, speed, time left, loss and rates."""

from typing import ClassVar

from textual.content import Content

from lora_tui.snapshot import Snapshot
from lora_tui.widgets.pane import COMPACT, first_that_fit
from lora_tui.widgets.snapshot_pane import SnapshotPane
from lora_tui.wording.bake_progress import StepProgress, step_progress
from lora_tui.wording.bars import bar
from lora_tui.wording.job_names import state_word
from lora_tui.wording.numbers import count, loss, rate, speed
from lora_tui.wording.pane_terms import PaneTerms, Term
from lora_tui.wording.state_symbols import FAILED, bake_sign
from trainer.journal.records import Bake, BakeState
from trainer.settings.parts import all_parts, metric_of
from trainer.text import duration, printable

_GAP = "   "
_MAX_BAR_WIDTH = 48
_NARROW_BAR_WIDTH = 24
# A shorter bar says less than the share beside it.
_MIN_BAR_WIDTH = 5


class BakeProgress(SnapshotPane):
    """Epoch, step, bar, share and time left; speed, loss and rates below."""

    title = "progress"
    TERMS: ClassVar[PaneTerms] = PaneTerms(
        title,
        (
            Term("epoch", "of how many; the one that is being trained"),
            Term("step", "optimizer steps done, of how many"),
            Term("left", "time to the end, at the speed of the last steps"),
            Term("it/s", "optimizer steps in a second"),
            Term("img/s", "pictures in a second"),
            Term("loss", "training loss, smoothed over the last steps"),
            Term("val", "the newest loss on held-out pictures"),
            Term("lr", "the rate of each part now; 0 for one that trains no more"),
        ),
    )

    def lines(self, width: int) -> list[Content]:
        """Return two lines, progress and speed; one where there is little room."""
        bake = self._snapshot.bake
        if bake is None:
            return [Content(" ")]
        if self.screen.has_class(COMPACT):
            return [_one_line(self._snapshot, bake, width)]
        return [_how_far(self._snapshot, bake, width), _how_fast(self._snapshot, bake, width)]


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
    if where.cell_length + after.cell_length > width:
        return _one_line(snapshot, bake, width)
    return Content.assemble(
        where, bar(progress.share, min(width - len(where) - len(after), _MAX_BAR_WIDTH), sign.colour), after
    )


def _how_fast(snapshot: Snapshot, bake: Bake, width: int) -> Content:
    if bake.state in (BakeState.FAILED, BakeState.LOST):
        return Content.assemble(
            (f"{FAILED.mark} ", FAILED.colour), (printable(bake.error or str(bake.state)), "$error")
        )
    parts = _loss(snapshot)
    if snapshot.validations:
        val = loss(snapshot.validations[-1][1])
        parts.append(Content.assemble(("val ", "$muted"), (val, "$plot-validation")))
    parts += _throughput(snapshot)
    if rates := _rates(snapshot):
        parts.append(Content.assemble(("lr ", "$muted"), " · ".join(rates)))
    return Content.assemble("  ", first_that_fit(parts, width - 2, _GAP))


def _rates(snapshot: Snapshot) -> list[str]:
    """Return the rate of each part, in the order of the curves' names."""
    known = [snapshot.last[name] for name in map(metric_of, all_parts()) if name in snapshot.last]
    newest = max((step for step, _ in known), default=0)
    # A part that has stopped has no rate: its last one would look as if it still applied.
    return [rate(value) if step == newest else "stopped" for step, value in known]


def _one_line(snapshot: Snapshot, bake: Bake, width: int) -> Content:
    """Return loss, step and time left first, then what else fits, and a bar in the room that is left."""
    progress, sign = step_progress(snapshot, bake), bake_sign(bake)
    head = Content.styled(f"{sign.mark} ", sign.colour)
    if bake.state in (BakeState.FAILED, BakeState.LOST):
        return Content.assemble(head, (printable(bake.error or str(bake.state)), "$error"))
    if progress.stage and not progress.step:
        return Content.assemble(head, progress.stage)
    step = Content(f"{count(progress.step)}/{count(progress.steps)}")
    parts = [*_loss(snapshot), step, *_what_next(bake, progress), Content(f"e{progress.epoch}/{progress.epochs}")]
    # The pictures per second follow from the steps; the bar is worth more than they are.
    parts += [Content(progress.percent), *_throughput(snapshot)[:1]]
    line = Content.assemble(head, first_that_fit(parts, width - len(head), _GAP))
    room = min(width - line.cell_length - len(_GAP), _NARROW_BAR_WIDTH)
    return Content.assemble(line, _GAP, bar(progress.share, room, sign.colour)) if room >= _MIN_BAR_WIDTH else line


def _loss(snapshot: Snapshot) -> list[Content]:
    return [Content.assemble(("loss ", "$muted"), loss(snapshot.last["loss"][1]))] if "loss" in snapshot.last else []


def _throughput(snapshot: Snapshot) -> list[Content]:
    if not snapshot.step_seconds:
        return []
    parts = [Content.assemble(speed(1 / snapshot.step_seconds), (" it/s", "$muted"))]
    if snapshot.asked is not None:
        pictures = snapshot.asked.pictures_per_step
        parts.append(Content.assemble(speed(pictures / snapshot.step_seconds), (" img/s", "$muted")))
    return parts


def _what_next(bake: Bake, progress: StepProgress) -> list[Content]:
    if bake.state is BakeState.PAUSED:
        return [Content.styled("paused", "$warning")]
    if progress.stage:
        return [Content(progress.stage)]
    if not bake.state.live:
        return [Content.styled(state_word(bake), "$muted")]
    if progress.seconds_left is None:
        return []
    return [Content.assemble(duration(progress.seconds_left), (" left", "$muted"))]
