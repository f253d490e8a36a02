"""A bake's peak memory in words: before the bake beside what is free, after it beside what was measured."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lora_tui.wording.numbers import file_size, gib

if TYPE_CHECKING:
    from textual.content import Content

    from trainer.journal.records import Bake
    from trainer.memory.available import AvailableMemory
    from trainer.memory.peak import MemoryPrediction

_BAR_WIDTH = 10
# Below a tenth of a GiB its one decimal says nothing.
_MIN_GIB = 0.1 * 1024**3
# Above this share of the free memory a bake "barely fits": predictions may be 3 % too low (see docs/benchmarks.md).
_BARELY_FITS = 0.97


@dataclass(frozen=True)
class PeakView:
    """The memory part of the plan bar.

    Attributes:
        prediction: for the current settings, or while that is pending for the previous ones; None where nothing is known.
        room: the memory available now, None where it is unknown.
        pending: whether a new prediction is being made.
    """

    prediction: "MemoryPrediction | None" = None
    room: "AvailableMemory | None" = None
    pending: bool = False

    @property
    def free(self) -> int | None:
        """Bytes available to the bake; None where that is unknown for the device that was predicted."""
        if self.prediction is None or self.room is None or self.room.policy != self.prediction.policy:
            return None
        return self.room.free

    @property
    def too_much(self) -> int:
        """Bytes that are missing; 0 where it fits or nothing is known."""
        if self.prediction is None or self.free is None:
            return 0
        return max(0, self.prediction.reserved - self.free)


def peak_parts(view: PeakView, width: int) -> "list[Content]":
    """Return the parts of the plan bar about memory, none where nothing is known.

    Args:
        view: what is known.
        width: available columns; the bar is dropped if it does not fit.
    """
    # Here, since plain lists of bakes say a peak as well.
    from textual.content import Content

    from lora_tui.wording.bars import bar

    if view.prediction is None:
        return [Content.styled("peak …", "$muted")] if view.pending else []
    text = _figures(view.prediction, view.free)
    if view.pending:
        return [Content.styled(f"{text} …", "$muted")]
    if view.free is None:
        return [Content(text)]
    share = view.prediction.reserved / max(1, view.free)
    verdict = Content.styled(*_verdict(view, share))
    drawn = bar(share, _BAR_WIDTH, "$error" if view.too_much else "$meter-ours")
    part = Content.assemble(text, " ", drawn, " ", verdict)
    if part.cell_length > width:
        part = Content.assemble(text, " ", verdict)
    return [part, Content("f fit")] if view.too_much else [part]


def peak_line(view: PeakView) -> str:
    """Return the same as plain text without the bar; empty while nothing is known of the current settings."""
    if view.prediction is None or view.pending:
        return ""
    text = _figures(view.prediction, view.free)
    return text if view.free is None else f"{text}: {_verdict(view, view.prediction.reserved / max(1, view.free))[0]}"


def measured_text(bake: "Bake") -> str:
    """Return `peak 5.1 GiB (predicted 5.0)` of a bake, as far as either is known; empty without both.

    On a CPU the process's growth is what can be measured. Its code, libraries and caches are in it, which no prediction of tensors
    counts and which outweigh them on a small base, so that the two are not called the same.
    """
    measured, predicted = bake.measured_peak, bake.predicted_peak
    if measured is not None and bake.peak_vram is None:
        tensors = "" if predicted is None else f" (tensors predicted: {amount(predicted)})"
        return f"process grew by {amount(measured)}{tensors}"
    if measured is None:
        return "" if predicted is None else f"peak predicted {amount(predicted)}"
    return f"peak {amount(measured)}{predicted_suffix(predicted)}"


def predicted_suffix(predicted: int | None) -> str:
    """Return ` (predicted 5.0)`, to stand behind a measured peak; empty without a prediction."""
    return "" if predicted is None else f" (predicted {amount(predicted).removesuffix(' GiB')})"


def amount(size: int) -> str:
    """Return bytes as `5.1 GiB`, or in a smaller unit if that would round to nothing."""
    return f"{gib(size)} GiB" if size >= _MIN_GIB else file_size(size)


def _figures(prediction: "MemoryPrediction", free: int | None) -> str:
    eager = " (eager)" if prediction.compiled else ""
    on_cpu = prediction.policy == "cpu"
    peak = amount(prediction.reserved)
    if free is None:
        return f"peak {peak}{eager}{' (CPU)' if on_cpu else ''}"
    if on_cpu:
        return f"peak {peak}{eager} of {gib(free)} GiB free (CPU)"
    return f"peak {peak.removesuffix(' GiB')}{eager} of {gib(free)} GiB free"


def _verdict(view: PeakView, share: float) -> tuple[str, str]:
    """Return whether it fits, and the colour of that."""
    if view.too_much:
        return f"does not fit: {amount(view.too_much)} too much", "$error"
    return ("barely fits", "$warning") if share > _BARELY_FITS else ("fits", "$success")
