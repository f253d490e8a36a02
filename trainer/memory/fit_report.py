"""Reports of a fit: lines for a terminal, and plain values for JSON."""

from collections.abc import Iterator, Mapping

from trainer.memory.fit_result import FitResult, LeverEffect, Proposal, Rejected
from trainer.memory.report import bytes_text
from trainer.text import printable

_ESTIMATED = "~"


def fit_lines(result: FitResult) -> tuple[str, ...]:
    """Return a fit as lines: whether the settings fit, the proposal, the levers, the rejected choices.

    Figures with a ~ before them are judged from the others, all the rest is predicted.
    """
    return tuple(_lines(result))


def fit_json(result: FitResult) -> dict[str, object]:
    """Return a fit as plain JSON values; bytes and shares."""
    return {
        "limit": result.limit,
        "fits_now": result.fits_now,
        "current": _proposal_json(result.current),
        "best": None if result.best is None else _proposal_json(result.best),
        "nearest": None if result.nearest is None else _proposal_json(result.nearest),
        "missing": result.missing,
        "levers": [dict(vars(effect)) for effect in result.levers],
        "rejected": [{**vars(one), "changes": dict(one.changes)} for one in result.rejected],
        "hints": list(result.hints),
        "notes": list(result.notes),
        "predictions": result.predictions,
    }


def change_lines(changes: Mapping[str, object]) -> tuple[str, ...]:
    """Return changed settings as they are typed: `gradient_checkpointing = yes`."""
    return tuple(f"{name} = {_value_text(value)}" for name, value in changes.items())


def _lines(result: FitResult) -> Iterator[str]:
    yield _verdict(result)
    if result.best is not None and result.best.changes:
        yield ""
        yield f"fastest that fits: {_proposal_line(result.best)}"
        yield from (f"  {line}" for line in change_lines(result.best.changes))
        if result.best.changes_result:
            yield "  changes the result slightly: no exact settings fit"
    if result.nearest is not None:
        yield ""
        yield f"smallest: {_proposal_line(result.nearest)}, {bytes_text(result.missing)} too much"
        yield from (f"  {line}" for line in change_lines(result.nearest.changes))
        yield from (f"  what else helps: {hint}" for hint in result.hints)
    yield ""
    yield "levers, each on its own"
    yield from (f"  {_lever_line(effect)}" for effect in result.levers)
    yield from (f"  {note}" for note in result.notes)
    if result.rejected:
        yield ""
        yield "rejected, fastest first"
        yield from (f"  {_rejected_line(one)}" for one in result.rejected)
    if any(one.estimated for one in result.rejected) or any(effect.estimated for effect in result.levers):
        yield f"{_ESTIMATED} estimated; everything else predicted"


def _verdict(result: FitResult) -> str:
    now, limit = bytes_text(result.current.bytes), bytes_text(result.limit)
    if not result.fits_now:
        over = bytes_text(result.current.bytes - result.limit)
        end = "nothing that was tried fits" if result.best is None else "other settings would fit"
        return f"does not fit in {limit}: {now}, {over} too much; {end}"
    room = bytes_text(result.limit - result.current.bytes)
    if result.best is not None and result.best.changes:
        return f"fits in {limit}: {now}, {room} to spare; faster settings fit too"
    return f"fits in {limit}: {now}, {room} to spare; nothing faster was found"


def _proposal_line(proposal: Proposal) -> str:
    return f"{bytes_text(proposal.bytes)}, {_time(proposal.relative_seconds - 1)} a step: {printable(proposal.words)}"


def _lever_line(effect: LeverEffect) -> str:
    mark = _ESTIMATED if effect.estimated else " "
    frees = f"{mark}{'+' if effect.frees < 0 else '−' if effect.frees else ''}{bytes_text(abs(effect.frees))}"
    exact = "  changes the result" if effect.changes_result else ""
    missing = f"  ({effect.missing})" if effect.missing else ""
    return f"{effect.name:<19} {frees:>11} {mark}{_time(effect.costs):<12} {effect.words}{exact}{missing}"


def _rejected_line(one: Rejected) -> str:
    mark = _ESTIMATED if one.estimated else " "
    return f"{mark}{bytes_text(one.bytes):>9} {mark}{_time(one.relative_seconds - 1):<12} {printable(one.words)}: {printable(one.why)}"


def _time(share: float) -> str:
    """Return the additional share of a step's time as text: `+12 % time`."""
    percent = round(share * 100)
    if percent == 0:
        return "same time"
    return f"{'+' if percent > 0 else '−'}{abs(percent)} % time"


def _proposal_json(proposal: Proposal) -> dict[str, object]:
    return {
        "changes": dict(proposal.changes),
        "words": proposal.words,
        "bytes": proposal.bytes,
        "relative_seconds": proposal.relative_seconds,
        "changes_result": proposal.changes_result,
        "prediction": proposal.prediction.to_json(),
    }


def _value_text(value: object) -> str:
    match value:
        case None:
            return "(blank)"
        case bool():
            return "yes" if value else "no"
        case "":
            return "(blank)"
        case _:
            return printable(str(value))
