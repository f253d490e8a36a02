"""Ladders made from knobs and typed rungs, and the settings of each rung."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from trainer.errors import LoraTuiError, SettingsError
from trainer.ladders.record import LadderSpec, Rung
from trainer.ladders.typed_rungs import MAX_LABEL, KnobPlace, parts_of_rung, place_of_knob
from trainer.settings.describe import fields, is_setting
from trainer.settings.model import Settings
from trainer.settings.random_numbers import SEEDS
from trainer.settings.refusal import unknown_key
from trainer.settings.toml_file import apply_overrides
from trainer.text import plural, printable, shortened

DEFAULT_TWINS = 2
"""Bakes of each rung: with fewer nothing is known of the noise."""

MAX_TWINS = 20
MAX_RUNGS = 60
MAX_BAKES = 500
"""Of one ladder: what is typed by mistake, such as a step of 0.001, does not fill the queue."""

_FEWER = "take fewer that are further apart: what changes little is inside the noise"
# From this ratio of the largest value to the smallest one on, equal factors are equal distances.
_LOG_RATIO = 10.0


@dataclass(frozen=True, kw_only=True)
class LadderAxis:
    """A row of rungs.

    Attributes:
        knobs: the settings that move together along it; mostly one.
        rungs: as typed, see `typed_rungs`.
    """

    knobs: tuple[str, ...]
    rungs: tuple[str, ...]


def ladder_of_knob(
    settings: Settings,
    knob: str,
    rungs: Sequence[str],
    *,
    twins: int = DEFAULT_TWINS,
    title: str = "",
    question: str = "",
    preset: str = "",
) -> LadderSpec:
    """Return a ladder over one setting, or over several that move together (`unet_lr,text_encoder_lr`).

    Args:
        settings: what factors count from, and what the rung `1` is.
        knob: the setting; several are separated by commas.
        rungs: as typed: `0.1` is a factor on a positive number, `=1e-4` a value; for several settings one part for all, or one for
            each, separated by `:`.
        twins: bakes of each rung.
        title, question, preset: as in LadderSpec; "" makes a title of knob and rungs.

    Raises:
        SettingsError: an unknown setting, a seed, a rung that the settings do not take, or two rungs that are the same.
    """
    return ladder_of_axes(settings, [axis_of(knob, rungs)], twins=twins, title=title, question=question, preset=preset)


def axis_of(knob: str, rungs: Iterable[str]) -> LadderAxis:
    """Return the row of rungs of one typed knob, which may name several settings separated by commas."""
    return LadderAxis(knobs=tuple(part.strip().replace("-", "_") for part in knob.split(",")), rungs=tuple(rungs))


def ladder_of_axes(
    settings: Settings,
    axes: Sequence[LadderAxis],
    *,
    twins: int = DEFAULT_TWINS,
    title: str = "",
    question: str = "",
    preset: str = "",
    base_settings: Sequence[str] = (),
) -> LadderSpec:
    """Return a ladder over one row of rungs, or over every pair of places on two.

    Args:
        settings: that the ladder starts from.
        axes: one or two.
        base_settings: `name=value` for every rung; factors count from these.
        twins, title, question, preset: as in ladder_of_knob.

    Raises:
        SettingsError: as ladder_of_knob.
    """
    _check_axes(axes)
    base = apply_overrides(settings, base_settings)
    rows = [_rungs_of(base, axis) for axis in axes]
    rungs = rows[0] if len(rows) == 1 else tuple(_joined(axes, pair) for pair in product(*rows))
    spec = LadderSpec(
        title=title or _title(axes, rows, rungs),
        knobs=in_order_of_settings(knob for axis in axes for knob in axis.knobs),
        rungs=rungs,
        twins=twins,
        log_axis=_is_log(base, axes, rungs),
        preset=preset,
        question=question,
        base_settings=tuple(base_settings),
    )
    settings_of_rungs(settings, spec)
    return spec


def more_rungs(settings: Settings, spec: LadderSpec, typed: Sequence[str]) -> LadderSpec:
    """Return a ladder with more rungs, typed in the same grammar; those it has stay as they are.

    Args:
        settings: that the ladder starts from.
        spec: the ladder.
        typed: rungs of its knobs.

    Raises:
        SettingsError: a rung that the settings do not take, or that the ladder has.
    """
    if not spec.knobs:
        raise SettingsError(
            "--rungs",
            found="the ladder's rungs differ in no setting",
            expected="a ladder with a knob",
            way_out="start a new one: bakes that are there already are taken",
        )
    base = apply_overrides(settings, spec.base_settings)
    added = _rungs_of(base, LadderAxis(knobs=spec.knobs, rungs=tuple(typed)), others=spec.rungs)
    longer = replace(spec, rungs=_sorted((*spec.rungs, *added)))
    settings_of_rungs(settings, longer)
    return longer


def settings_of_rungs(settings: Settings, spec: LadderSpec) -> tuple[Settings, ...]:
    """Return the settings of each rung's first bake.

    Args:
        settings: that the ladder starts from.
        spec: the ladder, whoever made it.

    Raises:
        SettingsError: the ladder has no rung, too many, two of one name, or one that the settings do not take: it is named.
    """
    _check_counts(spec)
    base = apply_overrides(settings, spec.base_settings)
    return tuple(_settings_of(base, rung) for rung in spec.rungs)


def in_rung(rung: Rung, error: LoraTuiError) -> LoraTuiError:
    """Return an error that says which rung it is about."""
    return type(error)(
        f"rung {printable(rung.label, MAX_LABEL)}: {error.where.removeprefix('--set ')}",
        found=error.found,
        expected=error.expected,
        way_out=error.way_out,
        details=error.details,
    )


def overridden_names(overrides: Iterable[str]) -> tuple[str, ...]:
    """Return the settings that `name=value` texts name."""
    return tuple(text.partition("=")[0].strip().replace("-", "_") for text in overrides)


def in_order_of_settings(names: Iterable[str]) -> tuple[str, ...]:
    """Return settings in the order of the form, each once."""
    wanted = set(names)
    return tuple(info.name for info in fields() if info.name in wanted)


def title_of(knobs: Sequence[str], rungs: Sequence[Rung]) -> str:
    """Return the title of a row of rungs that was given none: `unet_lr ×0.1 … ×10`."""
    labels = [rung.label for rung in rungs]
    shown = f"{labels[0]} … {labels[-1]}" if len(labels) > 2 else ", ".join(labels)
    return f"{' and '.join(knobs)} {shown}"


def outwards(spec: LadderSpec) -> tuple[int, ...]:
    """Return the places of the rungs from the centre outwards, so that an early end has told something."""
    middle = spec.centre if spec.centre is not None else (len(spec.rungs) - 1) // 2
    return tuple(sorted(range(len(spec.rungs)), key=lambda place: (abs(place - middle), place)))


def _settings_of(base: Settings, rung: Rung) -> Settings:
    for name in overridden_names(rung.overrides):
        _refuse_seed(name)
    try:
        return apply_overrides(base, rung.overrides)
    except SettingsError as error:
        raise in_rung(rung, error) from None


def _check_axes(axes: Sequence[LadderAxis]) -> None:
    knobs = [knob for axis in axes for knob in axis.knobs]
    if not 1 <= len(axes) <= 2:
        raise SettingsError(
            "--knob",
            found=f"{plural(len(axes), 'row')} of rungs",
            expected="one, or two whose every pair is baked",
            way_out="settings that move together are one: --knob unet_lr,text_encoder_lr",
        )
    for knob in knobs:
        if not is_setting(knob):
            raise unknown_key(f"knob {printable(knob, 60)}", knob)
        _refuse_seed(knob)
    twice = next((knob for knob, count in Counter(knobs).items() if count > 1), None)
    if twice is not None:
        raise SettingsError(f"knob {twice}", found="named twice", expected="each setting once", way_out="remove one")
    for axis in axes:
        if not axis.rungs:
            raise SettingsError(
                f"rungs of {','.join(axis.knobs)}",
                found="none",
                expected="at least two, such as 0.1,1,10",
                way_out="name them with --rungs",
            )
        if len(axis.rungs) > MAX_RUNGS:
            raise SettingsError(
                f"rungs of {','.join(axis.knobs)}",
                found=plural(len(axis.rungs), "rung"),
                expected=f"at most {MAX_RUNGS}",
                way_out=_FEWER,
            )


def _refuse_seed(knob: str) -> None:
    if knob in SEEDS:
        raise SettingsError(
            f"knob {knob}",
            found="decides random numbers alone, and what they change is noise",
            expected="a setting that changes more than they do",
            way_out="--twins makes bakes of every rung with other random numbers; `lora-tui twin N` of bake N alone",
        )


def _check_counts(spec: LadderSpec) -> None:
    if not 1 <= spec.twins <= MAX_TWINS:
        raise SettingsError(
            "twins", found=str(spec.twins), expected=f"a whole number from 1 to {MAX_TWINS}", way_out="change it"
        )
    bakes = len(spec.rungs) * spec.twins
    if not spec.rungs or len(spec.rungs) > MAX_RUNGS or bakes > MAX_BAKES:
        found = f"{plural(len(spec.rungs), 'rung')} of {plural(spec.twins, 'bake')}" if spec.rungs else "no rungs"
        raise SettingsError(
            "rungs",
            found=found,
            expected=f"at least one, at most {MAX_RUNGS}, and {plural(MAX_BAKES, 'bake')} in all",
            way_out=_FEWER,
        )
    label, count = Counter(rung.label for rung in spec.rungs).most_common(1)[0]
    if count > 1:
        raise SettingsError(
            f"rung {printable(label, MAX_LABEL)}",
            found="given twice",
            expected="rungs that differ",
            way_out="remove one; --twins is how often each is baked",
        )
    if sum(rung.is_centre for rung in spec.rungs) > 1:
        raise SettingsError("rungs", found="several centres", expected="at most one", way_out="leave one the centre")


def _rungs_of(base: Settings, axis: LadderAxis, others: Sequence[Rung] = ()) -> tuple[Rung, ...]:
    """Return the rungs of one row in their order; none may be another's, or one of `others`."""
    made: list[Rung] = []
    units: set[str] = set()
    for typed in axis.rungs:
        rung, unit = _rung(base, axis.knobs, typed)
        same = next((each for each in (*others, *made) if each.overrides == rung.overrides), None)
        if same is not None:
            raise SettingsError(
                f"rung {rung.label}",
                found=f"the same bake as rung {printable(same.label, MAX_LABEL)}: {_said(rung)}",
                expected="rungs that differ",
                way_out="remove one; --twins is how often each is baked",
            )
        made.append(rung)
        units.add(unit)
    if len(units) > 1:
        # `10%` and `100` are no numbers of one axis.
        made = [replace(rung, position=None) for rung in made]
    return _sorted(made)


def _said(rung: Rung) -> str:
    return printable(", ".join(rung.overrides), 120) or "the settings as they are"


def _rung(base: Settings, knobs: Sequence[str], typed: str) -> tuple[Rung, str]:
    """Return a rung, and the unit of its position."""
    parts = parts_of_rung(typed, knobs)
    places = [place_of_knob(base, knob, part) for knob, part in zip(knobs, parts, strict=True)]
    if len(set(parts)) == 1 and len({place.factor for place in places}) > 1:
        raise SettingsError(
            f"rung {printable(typed, MAX_LABEL)}",
            found=f"a factor on {_named(knobs, places, True)} and a value of {_named(knobs, places, False)}",
            expected="the same for all settings that move together",
            way_out="name one for each, separated by `:`",
        )
    labels = [place.label for place in places]
    label = shortened(labels[0] if len(set(labels)) == 1 else ", ".join(labels), MAX_LABEL)
    changed = tuple(f"{knob}={place.text}" for knob, place in zip(knobs, places, strict=True) if not place.own)
    rung = Rung(label=label, overrides=changed, position=places[0].position, is_centre=not changed)
    return rung, places[0].unit


def _named(knobs: Sequence[str], places: Sequence[KnobPlace], factor: bool) -> str:
    return ", ".join(knob for knob, place in zip(knobs, places, strict=True) if place.factor is factor)


def _joined(axes: Sequence[LadderAxis], pair: Sequence[Rung]) -> Rung:
    """Return the rung at one place of each of two rows; it has no position, because a pair of numbers is none."""
    labels = [f"{'+'.join(axis.knobs)} {rung.label}" for axis, rung in zip(axes, pair, strict=True)]
    return Rung(
        label=", ".join(labels),
        overrides=tuple(text for rung in pair for text in rung.overrides),
        is_centre=all(rung.is_centre for rung in pair),
    )


def _sorted(rungs: Iterable[Rung]) -> tuple[Rung, ...]:
    """Return rungs in the order of their positions; those that have none stay in the order they were given in."""
    given = tuple(rungs)
    if any(rung.position is None for rung in given):
        return given
    return tuple(sorted(given, key=lambda rung: rung.position or 0.0))


def _is_log(base: Settings, axes: Sequence[LadderAxis], rungs: Sequence[Rung]) -> bool:
    """Return whether equal factors are equal distances on the axis; a rung at 0 has a place of its own before them."""
    positions = [rung.position for rung in rungs]
    numbers = [position for position in positions if position is not None]
    positive = [number for number in numbers if number > 0]
    if len(numbers) < len(rungs) or len(positive) < 2 or min(numbers) < 0:
        return False
    knob = axes[0].knobs[0]
    factors = all(place_of_knob(base, knob, parts_of_rung(typed, axes[0].knobs)[0]).factor for typed in axes[0].rungs)
    return factors or max(positive) / min(positive) >= _LOG_RATIO


def _title(axes: Sequence[LadderAxis], rows: Sequence[Sequence[Rung]], rungs: Sequence[Rung]) -> str:
    """Return a ladder's title: `unet_lr ×0.1 … ×10`."""
    if len(rows) > 1:
        names = [" and ".join(axis.knobs) for axis in axes]
        return f"{' by '.join(names)}, {plural(len(rungs), 'pair')}"
    return title_of(axes[0].knobs, rungs)
