"""How far is the bake, how fast, and how long yet?"""

from textual.content import Content

from lora_tui.feed import Snapshot
from lora_tui.figures import count, gib, loss, rate, short_span, span, speed
from lora_tui.signs import FAILED, state_sign
from lora_tui.widgets.card_meter import vram_text
from lora_tui.widgets.pane import NARROW, Pane, bar, spread
from trainer.foreign_text import shown
from trainer.journal.records import Bake, BakeState

_GAP = "   "


class BakeProgress(Pane):
    """Epoch, step, bar, share and time left; speed, loss and rates below."""

    title = "progress"

    def __init__(self, *, id: str | None = None) -> None:
        """Start with nothing to show."""
        super().__init__(id=id)
        self._snapshot = Snapshot()

    def show(self, snapshot: Snapshot) -> None:
        """Show the bake of `snapshot`."""
        before, self._snapshot = self._snapshot, snapshot
        if _told(before) != _told(snapshot):
            self.redraw()

    def lines(self, width: int) -> list[Content]:
        """Return two lines: how far, how fast; one when narrow."""
        snapshot = self._snapshot
        if snapshot.bake is None:
            return [Content(" ")]
        narrow = self.screen.has_class(NARROW)
        first = _how_far(snapshot, snapshot.bake, width, narrow=narrow)
        return [first] if narrow else [first, _how_fast(snapshot)]


class StatusLine(Pane):
    """Everything on one line, for a terminal too small for panes."""

    def __init__(self, *, id: str | None = None) -> None:
        """Start with nothing to show."""
        super().__init__(id=id)
        self._snapshot = Snapshot()

    def show(self, snapshot: Snapshot) -> None:
        """Show the bake and the card of `snapshot`."""
        self._snapshot = snapshot
        self.redraw()

    def lines(self, width: int) -> list[Content]:
        """Return the line, cut at the width."""
        return [Content.assemble(*_status_parts(self._snapshot)).truncate(max(1, width), ellipsis=True)]


def step_now(snapshot: Snapshot) -> int:
    """Return the optimizer steps done by the bake of `snapshot`."""
    if "loss" in snapshot.last:
        return snapshot.last["loss"][0]
    bake = snapshot.bake
    return bake.stage_done if bake is not None and bake.stage == "step" else 0


def seconds_left(snapshot: Snapshot) -> float | None:
    """Return the seconds of stepping that are left, None while no speed is known."""
    if snapshot.bake is None or snapshot.step_seconds is None:
        return None
    return max(0, snapshot.bake.total_steps - step_now(snapshot)) * snapshot.step_seconds


def stage_text(snapshot: Snapshot) -> str:
    """Return what a bake that does not step yet is doing; empty while it steps."""
    bake = snapshot.bake
    if bake is None:
        return ""
    if bake.state is BakeState.QUEUED:
        return f"waits · {shown(snapshot.libraries)}" if snapshot.libraries not in ("", "ready") else "waits for the engine"
    if not bake.state.live or bake.stage in ("", "step") or step_now(snapshot) >= bake.total_steps > 0:
        return ""
    words = {"load": "loading the base", "cache": "caching latents", "save": "saving"}.get(bake.stage, shown(bake.stage))
    return f"{words} {bake.stage_done}/{bake.stage_total}" if bake.stage_total else words


def _told(snapshot: Snapshot) -> tuple[object, ...]:
    """Return what of a snapshot this pane shows."""
    return (snapshot.bake, snapshot.last, snapshot.step_seconds, snapshot.validations, snapshot.libraries)


def _how_far(snapshot: Snapshot, bake: Bake, width: int, *, narrow: bool) -> Content:
    sign = state_sign(bake.state)
    head = Content.styled(f"{sign.mark} ", sign.colour)
    stage = stage_text(snapshot)
    step = step_now(snapshot)
    if stage and not step:
        return Content.assemble(head, stage).truncate(width, ellipsis=True)
    share = step / bake.total_steps if bake.total_steps else 0.0
    per_epoch = bake.steps_per_epoch or bake.total_steps or 1
    epochs = -(-bake.total_steps // per_epoch)
    # The step after the last one of an epoch belongs to the next; before the first step epoch 1 is at work.
    epoch = min(max(1, -(-step // per_epoch)), epochs)
    total = count(bake.total_steps)
    where = Content.assemble(
        head,
        ("" if narrow else "epoch ", "$muted"),
        f"{'e' if narrow else ''}{epoch}/{epochs}",
        _GAP[: 2 if narrow else 3],
        ("" if narrow else "step ", "$muted"),
        f"{count(step).rjust(len(total))}/{total}  ",
    )
    left = seconds_left(snapshot) if bake.state.live else None
    after = Content.assemble(f"  {_percent(share):>5}", *_remaining(bake, left, stage))
    if narrow:
        after = Content.assemble(after, *_throughput(snapshot, narrow=True))
    room = width - where.cell_length - after.cell_length
    return Content.assemble(where, bar(share, min(room, 48), sign.colour), after).truncate(width)


def _how_fast(snapshot: Snapshot) -> Content:
    bake = snapshot.bake
    if bake is not None and bake.state in (BakeState.FAILED, BakeState.LOST):
        return Content.assemble((f"{FAILED.mark} ", FAILED.colour), (shown(bake.error or str(bake.state)), "$error"))
    return Content.assemble("  ", *_throughput(snapshot, narrow=False))


def _throughput(snapshot: Snapshot, *, narrow: bool) -> list[Content | str | tuple[str, str]]:
    parts: list[Content | str | tuple[str, str]] = []
    seconds = snapshot.step_seconds
    if seconds:
        parts += [f"{'  ' if narrow else ''}{speed(1 / seconds)}", (" it/s", "$muted")]
        if snapshot.asked is not None:
            pictures = snapshot.asked.train_batch_size * snapshot.asked.gradient_accumulation_steps
            parts += [f"{'  ' if narrow else _GAP}{speed(pictures / seconds)}", (" img/s", "$muted")]
    if narrow:
        return parts
    if "loss" in snapshot.last:
        parts += [("   loss ", "$muted"), loss(snapshot.last["loss"][1])]
    if snapshot.validations:
        parts += [("   val ", "$muted"), (loss(snapshot.validations[-1][1]), "$plot-validation")]
    rates = [rate(snapshot.last[name][1]) for name in ("lr_unet", "lr_text_encoder") if name in snapshot.last]
    if rates:
        parts += [("   rates ", "$muted"), " · ".join(rates)]
    return parts


def _remaining(bake: Bake, left: float | None, stage: str) -> list[str | tuple[str, str]]:
    if bake.state is BakeState.PAUSED:
        return [("   paused", "$warning")]
    if stage:
        return [f"   {stage}"]
    if not bake.state.live:
        return [f"   {bake.state}"]
    return [] if left is None else [("   left ", "$muted"), span(left)]


def _percent(share: float) -> str:
    # 100 % only when it is: 99.6 % of a long bake may be an hour from its end.
    return f"{min(int(share * 100), 100)} %"


def _status_parts(snapshot: Snapshot) -> list[str | tuple[str, str]]:
    bake = snapshot.bake
    if bake is None:
        return ["lora-tui  no bake yet"]
    sign = state_sign(bake.state)
    step, total = step_now(snapshot), bake.total_steps
    per_epoch = bake.steps_per_epoch or total or 1
    parts: list[str | tuple[str, str]] = [(f"{sign.mark} ", sign.colour), f"{bake.number:04d} {shown(bake.name, 16)}"]
    if stage := stage_text(snapshot):
        parts.append(f"  {stage}")
    else:
        epoch = max(1, -(-step // per_epoch))
        parts.append(f"  e{epoch}/{-(-total // per_epoch)}  {step}/{total} {_percent(step / total if total else 0)}")
    if "loss" in snapshot.last:
        parts.append(f"  {loss(snapshot.last['loss'][1], 3)}")
    if snapshot.step_seconds:
        parts.append(f"  {speed(1 / snapshot.step_seconds)}it/s")
    left = seconds_left(snapshot)
    if bake.state.live and left is not None:
        parts.append(f"  {short_span(left)}")
    if snapshot.machine is not None and snapshot.machine.cards:
        parts.append(f"  VRAM {vram_text(snapshot.machine.cards[0])}")
    return parts


def peak_text(bake: Bake | None, peak_ours: int | None) -> str:
    """Return the highest memory of the card taken by the bake, else by us since the start, in GiB; N/A where unknown."""
    return gib(bake.peak_vram if bake is not None and bake.peak_vram is not None else peak_ours, 2)


__all__ = ["BakeProgress", "StatusLine", "peak_text", "seconds_left", "spread", "stage_text", "step_now"]
