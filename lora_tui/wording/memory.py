"""How is a bake's memory said? The peak beside what is free, before a bake; beside what was measured, after it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from lora_tui.wording.bars import bar
from lora_tui.wording.numbers import file_size, gib

if TYPE_CHECKING:
    from trainer.journal.records import Bake
    from trainer.memory.available import AvailableMemory
    from trainer.memory.peak import MemoryPrediction

_BAR = 10
# Below a tenth of a GiB its one decimal says nothing.
_LEAST_GIB = 0.1 * 1024**3
# A prediction may be so much too low (see docs/benchmarks.md).
_ALMOST = 0.97


@dataclass(frozen=True)
class PeakView:
    """What the plan's line says of memory.

    Attributes:
        prediction: of the settings as they stand, or, while that is worked out, as they stood; None where nothing is known.
        room: what there is now, None where nothing says it.
        pending: whether a new figure is being worked out.
    """

    prediction: "MemoryPrediction | None" = None
    room: "AvailableMemory | None" = None
    pending: bool = False

    @property
    def free(self) -> int | None:
        """Bytes there are for the bake; None where that is not known for the kernels that were predicted."""
        if self.prediction is None or self.room is None or self.room.policy != self.prediction.policy:
            return None
        return self.room.free

    @property
    def too_much(self) -> int:
        """Bytes that are missing; 0 where it fits or nothing is known."""
        if self.prediction is None or self.free is None:
            return 0
        return max(0, self.prediction.reserved - self.free)


def peak_parts(view: PeakView, width: int) -> list[Content]:
    """Return the parts of the plan's line about memory, none where there is nothing to say.

    Args:
        view: what is known.
        width: columns there are; the bar gives way.
    """
    if view.prediction is None:
        return [Content.styled("peak …", "$muted")] if view.pending else []
    text = _figures(view.prediction, view.free)
    if view.pending:
        return [Content.styled(f"{text} …", "$muted")]
    if view.free is None:
        return [Content(text)]
    share = view.prediction.reserved / max(1, view.free)
    verdict = Content.styled(*_verdict(view, share))
    drawn = bar(share, _BAR, "$error" if view.too_much else "$meter-ours")
    part = Content.assemble(text, " ", drawn, " ", verdict)
    if part.cell_length > width:
        part = Content.assemble(text, " ", verdict)
    return [part, Content("f fit")] if view.too_much else [part]


def peak_line(view: PeakView) -> str:
    """Return the same as plain text without the bar; empty while nothing is known of the settings as they stand."""
    if view.prediction is None or view.pending:
        return ""
    text = _figures(view.prediction, view.free)
    return text if view.free is None else f"{text}: {_verdict(view, view.prediction.reserved / max(1, view.free))[0]}"


def measured_text(bake: "Bake") -> str:
    """Return `peak 5.1 GiB (predicted 5.0)` of a bake, as far as either is known; empty without both."""
    measured, predicted = bake.measured_peak, bake.predicted_peak
    if measured is None:
        return "" if predicted is None else f"peak predicted {amount(predicted)}"
    return f"peak {amount(measured)}{beside(predicted)}"


def beside(predicted: int | None) -> str:
    """Return ` (predicted 5.0)`, to stand behind a measured peak; empty without a prediction."""
    return "" if predicted is None else f" (predicted {amount(predicted).removesuffix(' GiB')})"


def amount(size: int) -> str:
    """Return bytes as `5.1 GiB`, or in the unit that leaves something of them."""
    return f"{gib(size)} GiB" if size >= _LEAST_GIB else file_size(size)


def _figures(prediction: "MemoryPrediction", free: int | None) -> str:
    eager = " (eager)" if prediction.compiled else ""
    on_cpu = prediction.policy == "cpu"
    whole = amount(prediction.reserved)
    if free is None:
        return f"peak {whole}{eager}{' (CPU)' if on_cpu else ''}"
    if on_cpu:
        return f"peak {whole}{eager} of {gib(free)} GiB free (CPU)"
    return f"peak {whole.removesuffix(' GiB')}{eager} of {gib(free)} GiB free"


def _verdict(view: PeakView, share: float) -> tuple[str, str]:
    """Return whether it fits, and the colour of that."""
    if view.too_much:
        return f"does not fit: {amount(view.too_much)} too much", "$error"
    return ("barely fits", "$warning") if share > _ALMOST else ("fits", "$success")
