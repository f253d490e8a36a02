"""The memory report of a bake: each stage's peak by part, what the card has for it, and which programs hold the rest."""

from collections.abc import Iterator, Sequence

from trainer.machine.card_processes import CardProcess
from trainer.memory.available import AvailableMemory, fits
from trainer.memory.peak import PARTS, MemoryPrediction, Peak, PeakStage
from trainer.plan.report import WIDTH, ReportSection

_GIB = 1024**3
_MIB = 1024**2
_STAGES: dict[PeakStage, str] = {
    "load": "loading",
    "cache": "latents",
    "texts": "texts",
    "step": "step",
    "sample": "samples",
    "decode": "decoding",
}
_PRECISIONS = {"no": "fp32", "fp16": "fp16", "bf16": "bf16"}
_COLUMN = 10
_MAX_HOLDERS = 6


def memory_section(
    prediction: MemoryPrediction, room: AvailableMemory | None, holders: Sequence[CardProcess] = ()
) -> ReportSection:
    """Return the report's section on a prediction.

    Args:
        prediction: of the bake.
        room: memory available now, None where unknown; left out where its policy is not the prediction's.
        holders: processes on the card.
    """
    width, height = prediction.bucket
    kernels = "a GPU" if prediction.policy == "card" else "the CPU"
    title = f"memory on {kernels}: {width} × {height}, {prediction.batch} at once, {_PRECISIONS[prediction.precision]}"
    return ReportSection(title, tuple(_lines(prediction, room, holders)))


def bytes_text(amount: int) -> str:
    """Return bytes as `5.06 GiB`, below a tenth of one as `48.2 MiB`."""
    return f"{amount / _GIB:.2f} GiB" if amount >= _GIB / 10 else f"{amount / _MIB:.1f} MiB"


def _lines(prediction: MemoryPrediction, room: AvailableMemory | None, holders: Sequence[CardProcess]) -> Iterator[str]:
    for peak in prediction.peaks:
        yield from _peak_lines(peak)
    where = "on the GPU" if prediction.policy == "card" else "in RAM"
    yield f"{'at most':<{_COLUMN}}{bytes_text(prediction.reserved):>9}  reserved {where}, the allocator's gaps included"
    if prediction.compiled:
        yield "torch_compile is on: these are the peaks without it, which it does not raise by much"
    if room is None or room.policy != prediction.policy:
        return
    yield from _room_lines(prediction, room, holders)


def _peak_lines(peak: Peak) -> Iterator[str]:
    yield f"{_STAGES[peak.stage]:<{_COLUMN}}{bytes_text(peak.bytes):>9}  {peak.moment}".rstrip()
    held = [f"{name} {bytes_text(peak.parts[name])}" for name in PARTS if peak.parts.get(name)]
    row = ""
    for part in held:
        if row and len(row) + 3 + len(part) > WIDTH - _COLUMN:
            yield " " * _COLUMN + row
            row = ""
        row = f"{row} · {part}" if row else part
    if row:
        yield " " * _COLUMN + row


def _room_lines(prediction: MemoryPrediction, room: AvailableMemory, holders: Sequence[CardProcess]) -> Iterator[str]:
    if room.context:
        yield f"{'context':<{_COLUMN}}{bytes_text(room.context):>9}  reserved for CUDA's context and its libraries"
    left = room.free - prediction.reserved
    verdict = f"fits, {bytes_text(left)} to spare" if fits(prediction, room) else f"{bytes_text(-left)} too much"
    yield f"{'free now':<{_COLUMN}}{bytes_text(room.free):>9}  of {bytes_text(room.total)}: {verdict}"
    others = [holder for holder in holders if not holder.ours] if room.policy == "card" else []
    if room.others:
        yield f"{'others':<{_COLUMN}}{bytes_text(room.others):>9}  {_named(others)}".rstrip()


def _named(holders: Sequence[CardProcess]) -> str:
    """Return programs with what they hold, as far as one reads such a list."""
    named = [
        holder.name if holder.memory is None else f"{holder.name} {bytes_text(holder.memory)}"
        for holder in holders[:_MAX_HOLDERS]
    ]
    more = len(holders) - _MAX_HOLDERS
    return ", ".join([*named, *([f"{more} more"] if more > 0 else [])])
