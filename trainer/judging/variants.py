"""Variants for the next bake that follow a direction: another rate, another stop, a fork from an epoch."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from trainer.errors import GridError
from trainer.judging.direction import Direction, Part
from trainer.settings.describe import number_text
from trainer.settings.model import Settings
from trainer.settings.parts import label_of, rate_setting, stop_setting
from trainer.text import plural

# Factors on a rate where only verdicts exist: large enough to show on a grid.
_UNDER_FACTOR, _OVER_FACTOR = 1.5, 0.5
_MIN_WEIGHT, _MAX_WEIGHT = 0.25, 3.0


@dataclass(frozen=True)
class Variant:
    """One bake to try.

    Attributes:
        kind: what it changes.
        why: its note in the journal.
        overrides: `name=value` on top of the judged bake's settings.
        fork_epoch: the epoch it forks from; None for a bake from the start.
    """

    kind: Literal["rate", "stop", "fork"]
    why: str
    overrides: tuple[str, ...]
    fork_epoch: int | None = None


@dataclass(frozen=True)
class Judged:
    """The bake that was judged.

    Attributes:
        settings: as it ran.
        epochs: their number.
        kept: epochs at whose ends a state is kept.
        epoch: the one that was judged; the last where several were.
    """

    settings: Settings
    epochs: int
    kept: tuple[int, ...]
    epoch: int


def variants(judged: Judged, leans: Sequence[Direction]) -> tuple[Variant, ...]:
    """Return the three bakes that follow a direction, two where no state is kept to fork from.

    Args:
        judged: what the next bake starts from.
        leans: of the predicting part and of the text encoders.

    Raises:
        GridError: no part is under or over.
    """
    clear = [lean for lean in leans if lean.lean in ("under", "over") and judged.settings.rate(lean.part) > 0]
    if not clear:
        raise GridError(
            "proposals",
            found="no part was rated under or over, and the favourites show no direction",
            expected=f"favourites on a sheet of {' by '.join(f'{lean.label} weight' for lean in leans)}, or verdicts",
            way_out="rate some pictures first, with U or T before 1, 2 or 3: for one part",
        )
    found = [_other_rates(judged, clear), _other_stop(judged, clear), _fork(judged, clear)]
    return tuple(each for each in found if each is not None)


def factor_of(lean: Direction) -> float:
    """Return the factor for a part's rate: the favourites' weight, else 0.5 or 1.5."""
    if lean.weight is not None:
        return min(_MAX_WEIGHT, max(_MIN_WEIGHT, lean.weight))
    return _UNDER_FACTOR if lean.lean == "under" else _OVER_FACTOR


def _other_rates(judged: Judged, leans: Sequence[Direction]) -> Variant:
    overrides = []
    for lean in leans:
        rate = _rounded(judged.settings.rate(lean.part) * factor_of(lean))
        overrides.append(f"{rate_setting(lean.part)}={number_text(rate)}")
    return Variant("rate", f"{_lean_text(leans)}: {', '.join(overrides)}", tuple(overrides))


def _other_stop(judged: Judged, leans: Sequence[Direction]) -> Variant:
    """Let the part that is over stop earlier, or train a part that is under longer with the other one stopped."""
    over = next((lean for lean in leans if lean.lean == "over"), None)
    if over is not None:
        stop = max(1, min(judged.epoch - 1, round(judged.epoch * factor_of(over))))
        return Variant(
            "stop", f"{_lean_text([over])}: it stops after epoch {stop}", (f"{stop_setting(over.part)}={stop}ep",)
        )
    under = leans[0]
    other: Part = "text_encoder" if under.part == "unet" else "unet"
    epochs = _more(judged, under)
    if judged.settings.rate(other) == 0 or len(leans) == 2:
        # The other part does not train, or both are under.
        return Variant("stop", f"{_lean_text(leans)}: {plural(epochs, 'epoch')}", _length(epochs))
    overrides = (*_length(epochs), f"{stop_setting(other)}={judged.epoch}ep")
    return Variant(
        "stop",
        f"{_lean_text([under])}: {plural(epochs, 'epoch')}, the {label_of(other)} to {judged.epoch}",
        overrides,
    )


def _fork(judged: Judged, leans: Sequence[Direction]) -> Variant | None:
    """Fork from a state: where a part is over from the epoch at which it was still right, without it; else from the end."""
    if not judged.kept:
        return None
    over = next((lean for lean in leans if lean.lean == "over"), None)
    if over is not None:
        wanted = max(1, round(judged.epoch * factor_of(over)))
        epoch = max((kept for kept in judged.kept if kept <= wanted), default=min(judged.kept))
        # A state of the last epoch has no step left: the other part gets a few more.
        total = max(judged.epochs, epoch + max(1, math.ceil(judged.epochs / 3)))
        length = _length(total) if total > judged.epochs else ()
        overrides = (f"{stop_setting(over.part)}={epoch}ep", *length)
        return Variant("fork", f"{_lean_text([over])}: without it from epoch {epoch} on", overrides, epoch)
    epoch, total = max(judged.kept), _more(judged, leans[0])
    return Variant("fork", f"{_lean_text(leans)}: from epoch {epoch} to {total}", _length(total), epoch)


def _more(judged: Judged, under: Direction) -> int:
    return max(judged.epochs + 1, math.ceil(judged.epoch * factor_of(under)))


def _length(epochs: int) -> tuple[str, ...]:
    return (f"max_train_epochs={epochs}",)


def _lean_text(leans: Sequence[Direction]) -> str:
    return ", ".join(f"{lean.label} {lean.lean}" for lean in leans)


def _rounded(rate: float) -> float:
    """Return a rate rounded to two digits; no grid is more precise."""
    return float(f"{rate:.1e}")
