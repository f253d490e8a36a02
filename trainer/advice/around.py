"""Ladders around a point: rates at the factors that a judgement or a model points to, beside the settings as they are."""

from collections.abc import Iterable, Mapping, Sequence

from trainer.doneness.record import LaneKind
from trainer.errors import GridError
from trainer.gallery.sidecar import MadeGrid
from trainer.jobs.proposals import judged_bake
from trainer.journal.bake_settings import settings_of
from trainer.journal.grid_records import CellNote
from trainer.journal.journal import Journal
from trainer.judging.direction import Direction, directions
from trainer.judging.variants import factor_of
from trainer.ladders.build import DEFAULT_TWINS
from trainer.ladders.own_settings import OwnSettings, family_of
from trainer.ladders.preset_draft import LadderDraft, finished, rate_rungs, times
from trainer.ladders.record import LadderSpec
from trainer.settings.parts import Part, is_encoder, label_of
from trainer.workspace import Workspace

# Rungs nearer to each other than this are lost between twins.
_NEAR = 1.2
_AROUND = 3.0


def rates_around(
    own: OwnSettings,
    parts: Sequence[Part],
    factors: Sequence[float],
    *,
    question: str,
    twins: int = DEFAULT_TWINS,
) -> LadderSpec:
    """Return a ladder over the rates of parts at these factors, with the settings as they are among them.

    Args:
        own: the settings.
        parts: whose rates are multiplied, all by the same factor.
        factors: on the rates; what is too near to another is left out.
        question: what it asks, in words.
        twins: bakes of each rung.

    Raises:
        SettingsError: the settings take none of the factors.
    """
    rungs = rate_rungs(own, parts, spread_out(factors))
    title = f"rate of the {' and '.join(label_of(part) for part in parts)} around {times(_middle(factors))}"
    return finished(LadderDraft(title=title, rungs=rungs, log_axis=True), own, question, twins).spec


def spread_out(factors: Iterable[float]) -> tuple[float, ...]:
    """Return 1 and these factors, to two digits, in order; of two that are near each other the one nearer to 1 is left out, and 1 stays."""
    kept: list[float] = [1.0]
    # Those farthest from the settings as they are say most.
    for factor in sorted((_rounded(each) for each in factors), key=lambda each: -max(each, 1 / each)):
        if all(max(factor / other, other / factor) >= _NEAR for other in kept):
            kept.append(factor)
    return tuple(sorted(kept))


def ladder_of_judgement(
    journal: Journal, workspace: Workspace, made: MadeGrid, notes: Mapping[str, CellNote]
) -> tuple[int, LadderSpec]:
    """Return the bake that a grid's verdicts are about, and a ladder around the rate that they point to.

    Of two parts that point somewhere, the one that chance explains least is taken.

    Raises:
        GridError: the verdicts show no direction, or no judged picture is of a bake of this workspace.
        SettingsError: the bake's settings take none of the rungs.
    """
    number, _ = judged_bake(journal, workspace, made, notes)
    settings = settings_of(journal, journal.bakes.read(number))
    own = OwnSettings("", settings, family_of(settings))
    leans = sorted(
        (lean for lean in directions(made, notes) if lean.lean in ("under", "over") and parts_of_lean(own, lean)),
        key=lambda lean: lean.chance,
    )
    if not leans:
        raise GridError(
            "ladder",
            found="no part that trains was rated under or over, and the favourites show no direction",
            expected="favourites on a sheet of the parts' weights, or verdicts",
            way_out="rate some pictures first, with U or T before 1, 2 or 3: for one part",
        )
    lean = leans[0]
    point = factor_of(lean)
    question = f"{lean.summary}: where is it right?"
    return number, rates_around(own, parts_of_lean(own, lean), around(point), question=question)


def around(point: float) -> tuple[float, float, float]:
    """Return a factor with one far below and one far above it."""
    return point / _AROUND, point, point * _AROUND


def parts_of_lean(own: OwnSettings, lean: Direction) -> tuple[Part, ...]:
    """Return the trained parts that a direction is about: all text encoders, or what predicts."""
    kind = LaneKind.BODY if lean.part == "unet" else LaneKind.ENCODER
    return tuple(part for part in own.trained if (LaneKind.ENCODER if is_encoder(part) else LaneKind.BODY) is kind)


def _middle(factors: Sequence[float]) -> float:
    ordered = sorted(_rounded(each) for each in factors)
    return ordered[len(ordered) // 2]


def _rounded(factor: float) -> float:
    return float(f"{factor:.1e}")
