"""Drafts of preset ladders, and how one becomes a ladder: what the settings do not take is left out, and what is the same is one rung."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from trainer.errors import SettingsError
from trainer.ladders.build import DEFAULT_TWINS, in_order_of_settings, overridden_names, settings_of_rungs
from trainer.ladders.own_settings import OwnSettings, overrides, scaled
from trainer.ladders.record import LadderSpec, Rung
from trainer.settings.describe import number_text
from trainer.settings.model import Settings
from trainer.settings.parts import Part
from trainer.settings.toml_file import apply_overrides
from trainer.text import printable


@dataclass(frozen=True, kw_only=True)
class DraftRung:
    """One point of a preset ladder, before it is known whether the settings take it.

    Attributes:
        label: as people read it.
        changes: setting -> value, on top of the draft's settings; none for these as they are.
        position: the knob's value on the axis, None where it is no number.
    """

    label: str
    changes: Mapping[str, object] = field(default_factory=dict)
    position: float | None = None


@dataclass(frozen=True, kw_only=True)
class LadderDraft:
    """A preset ladder as its rungs are wanted.

    Attributes:
        title: in words.
        rungs: in the order of the axis.
        base: setting -> value for every rung.
        log_axis: whether equal factors are equal distances.
        remarks: what to know before it is baked, one line each.
    """

    title: str
    rungs: Sequence[DraftRung]
    base: Mapping[str, object] = field(default_factory=dict)
    log_axis: bool = False
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class FinishedLadder:
    """A preset ladder that the settings take, and what to know before it is baked, one line each."""

    spec: LadderSpec
    remarks: tuple[str, ...]


def finished(draft: LadderDraft, own: OwnSettings, question: str, twins: int = DEFAULT_TWINS) -> FinishedLadder:
    """Return a draft as a ladder.

    A rung that the settings do not take is left out with a remark; two rungs that are the same bake are one; the rung that is the
    settings as they are is the centre.

    Args:
        draft: from a preset.
        own: what it was made relative to.
        question: what it tests.
        twins: bakes of each rung.

    Raises:
        SettingsError: fewer than two rungs are left, or the number of twins is wrong.
    """
    base_settings = overrides(draft.base)
    base = apply_overrides(own.settings, base_settings)
    rungs: list[Rung] = []
    made: list[Settings] = []
    left_out: list[str] = []
    for wanted in draft.rungs:
        changes = overrides(wanted.changes)
        try:
            settings = apply_overrides(base, changes)
        except SettingsError as error:
            left_out.append(_left_out(wanted, error))
            continue
        if settings in made:
            continue
        is_centre = settings == base
        made.append(settings)
        rungs.append(
            Rung(
                label=wanted.label,
                overrides=() if is_centre else changes,
                position=wanted.position,
                is_centre=is_centre,
            )
        )
    if len(rungs) < 2:
        raise own.refused(
            "; ".join(left_out) or "every rung is the same bake with these settings",
            "two rungs or more",
            "start from other settings, or choose a knob: --knob and --rungs",
        )
    spec = LadderSpec(
        title=draft.title,
        knobs=in_order_of_settings(name for rung in rungs for name in overridden_names(rung.overrides)),
        rungs=tuple(rungs),
        twins=twins,
        log_axis=draft.log_axis and all(rung.position is not None for rung in rungs),
        preset=own.preset,
        question=question,
        base_settings=base_settings,
    )
    settings_of_rungs(own.settings, spec)
    return FinishedLadder(spec, (*draft.remarks, *left_out))


def with_own(rungs: Sequence[DraftRung], own: DraftRung) -> list[DraftRung]:
    """Return rungs with the user's own among them, in the order of their positions; one at its position is it."""
    others = [rung for rung in rungs if rung.position != own.position]
    return sorted([*others, replace(own, changes={})], key=lambda rung: rung.position or 0.0)


def rate_rungs(own: OwnSettings, parts: Sequence[Part], factors: Sequence[float]) -> list[DraftRung]:
    """Return a rung for each factor on the rates of these parts, all by the same; its position is the first part's rate."""
    first = own.settings.rate(parts[0])
    return [
        DraftRung(
            label=times(factor),
            changes=own.scaled_rates(dict.fromkeys(parts, factor)),
            position=scaled(first, factor),
        )
        for factor in factors
    ]


def times(factor: float) -> str:
    """Return a factor as people read it: `×0.33`."""
    return f"×{number_text(factor)}"


def _left_out(rung: DraftRung, error: SettingsError) -> str:
    name = error.where.removeprefix("--set ")
    # What was refused is quoted as text, as on a command line; here it is a number.
    found = error.found.strip('"')
    return f"{printable(rung.label, 60)} is left out: {name} {found}, expected {error.expected}"
