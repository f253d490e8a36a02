"""A user's own settings as a preset ladder sees them: the parts that train, and rates, length, alpha and stops relative to theirs."""

from collections.abc import Mapping
from dataclasses import dataclass

from trainer.errors import SettingsError
from trainer.families.registry import family_record, first_family
from trainer.models.identify import known_family
from trainer.settings.amounts import is_share, parse_step_rules
from trainer.settings.describe import value_text
from trainer.settings.model import Settings
from trainer.settings.parts import (
    STOP_SETTINGS,
    Family,
    Part,
    body_of,
    label_of,
    parts_of,
    rate_setting,
    settings_of_part,
    stop_setting,
)

# The rate of every part without one of its own.
_GENERAL = "learning_rate"
# Those that count steps where they do not count a share.
_AMOUNTS = ("lr_warmup_steps", "text_encoder_lr_warmup_steps", "lr_decay_steps")


@dataclass(frozen=True)
class OwnSettings:
    """Settings that a preset ladder is made relative to.

    Attributes:
        preset: key of the preset, for errors.
        settings: every path filled in.
        family: of the base.
        choice: which of several things the user wants varied; "" for the preset's own choice.
    """

    preset: str
    settings: Settings
    family: Family
    choice: str = ""

    @property
    def trained(self) -> tuple[Part, ...]:
        """The parts that train, the predicting one first."""
        return tuple(part for part in parts_of(self.family) if self.settings.rate(part))

    @property
    def body(self) -> Part:
        """The part that predicts.

        Raises:
            SettingsError: it does not train.
        """
        body = body_of(self.family)
        if body not in self.trained:
            raise self._idle(label_of(body), rate_setting(body), "network_train_text_encoder_only")
        return body

    @property
    def encoders(self) -> tuple[Part, ...]:
        """The text encoders that train.

        Raises:
            SettingsError: none does, or bases of the family have none that a LoRA sits on.
        """
        known = family_record(self.family).encoders
        if not known:
            title = family_record(self.family).title
            raise self.refused(
                f"a base of {title}, whose text encoder a LoRA does not train", "a base whose text encoder trains"
            )
        found = tuple(part.key for part in known if part.key in self.trained)
        if not found:
            raise self._idle(known[0].label, rate_setting(known[0].key), "network_train_unet_only", known[0].switch)
        return found

    @property
    def both(self) -> tuple[Part, tuple[Part, ...]]:
        """The part that predicts, and the text encoders that train.

        Raises:
            SettingsError: as `body` and `encoders`.
        """
        return self.body, self.encoders

    def rate_changes(self, wanted: Mapping[Part, float]) -> dict[str, object]:
        """Return the settings to change so that these parts have these rates and all others keep theirs.

        A part whose rate follows from another's changes with it where that is what is wanted.
        """
        layered = (part for part in parts_of(self.family) if self.settings.has_layers(part))
        changes: dict[str, object] = {}
        for part, rate in ({part: self.settings.rate(part) for part in layered} | dict(wanted)).items():
            if self.settings.model_copy(update=changes).rate(part) != rate:
                changes[rate_setting(part)] = rate
        return changes

    def scaled_rates(self, factors: Mapping[Part, float]) -> dict[str, object]:
        """Return the settings to change so that the rates of these parts are multiplied."""
        return self.rate_changes({part: scaled(self.settings.rate(part), factor) for part, factor in factors.items()})

    def rates_written_out(self) -> dict[str, object]:
        """Return the settings to change so that no part's rate is the general learning_rate; every part keeps its rate."""
        changes: dict[str, object] = {}
        for part in self.trained:
            names = settings_of_part(part).rate
            now = self.settings.model_copy(update=changes)
            source = next((name for name in names if getattr(now, name) is not None), names[0])
            if source == _GENERAL:
                changes[names[0]] = now.rate(part)
        return changes

    def stop_changes(self, parts: tuple[Part, ...], stop: str) -> dict[str, object]:
        """Return the settings to change so that these parts stop then; "" for never."""
        changes: dict[str, object] = {}
        for part in parts:
            if self.settings.model_copy(update=changes).stop_of(part) != stop:
                changes[stop_setting(part)] = stop
        return changes

    def refused(self, found: str, expected: str, way_out: str = "") -> SettingsError:
        """Return the error for settings that the preset does not fit."""
        return SettingsError(f"preset {self.preset}", found=found, expected=expected, way_out=way_out)

    def _idle(self, label: str, rate: str, only: str, switch: str = "") -> SettingsError:
        if switch and not getattr(self.settings, switch):
            return self.refused(
                f"settings with which the {label} does not train ({switch} is off)",
                f"a bake whose {label} trains",
                f"set {switch} = true",
            )
        return self.refused(
            f"settings with which the {label} does not train ({rate} is 0, or {only} is on)",
            f"a bake whose {label} trains",
            f"set {rate} above 0",
        )


def family_of(settings: Settings) -> Family:
    """Return the family of the base that settings name; the first one where none is named or it cannot be read.

    A base that cannot be read is refused with its reason where bakes are planned.
    """
    return known_family(settings) or first_family().key


def overrides(changes: Mapping[str, object]) -> tuple[str, ...]:
    """Return changes of settings as `name=value`, as `--set` takes them."""
    return tuple(f"{name}={value_text(value)}" for name, value in changes.items())


def scaled(value: float, factor: float) -> float:
    """Return a value times a factor, without the last digits that only rounding makes: 0.33 × 2e-3 is 6.6e-4."""
    return float(f"{value * factor:.12g}")


def stretched(settings: Settings, factor: float) -> dict[str, object]:
    """Return the settings to change so that a bake has `factor` times the steps, and everything in it its place in the whole.

    Warm-up, decay, step rules and stops that are counted in steps or epochs are stretched with it; shares stay.

    Raises:
        SettingsError: epochs would not be whole.
    """
    if factor == 1:
        return {}
    changes: dict[str, object] = {}
    if settings.train_minutes is not None:
        changes["train_minutes"] = scaled(settings.train_minutes, factor)
    elif settings.max_train_epochs is not None:
        changes["max_train_epochs"] = _whole(settings.max_train_epochs, factor, "max_train_epochs", "epochs")
    else:
        changes["max_train_steps"] = max(1, round(settings.max_train_steps * factor))
    for name in _AMOUNTS:
        amount = getattr(settings, name)
        if amount and not is_share(amount) and (steps := int(float(amount))):
            changes[name] = str(max(1, round(steps * factor)))
    if settings.lr_scheduler_timescale is not None:
        changes["lr_scheduler_timescale"] = max(1, round(settings.lr_scheduler_timescale * factor))
    if settings.lr_scheduler_args:
        changes["lr_scheduler_args"] = [_stretched_rules(each, factor) for each in settings.lr_scheduler_args]
    for name in STOP_SETTINGS:
        if stop := getattr(settings, name):
            changes[name] = _stretched_stop(stop, factor, name)
    return changes


def length_of(settings: Settings) -> tuple[str, float]:
    """Return the setting that decides a bake's length, and its value."""
    for name in ("train_minutes", "max_train_epochs"):
        if (value := getattr(settings, name)) is not None:
            return name, float(value)
    return "max_train_steps", float(settings.max_train_steps)


def _whole(number: int, factor: float, where: str, unit: str) -> int:
    wanted = number * factor
    if wanted < 1 or abs(wanted - round(wanted)) > 1e-9:
        raise SettingsError(
            where,
            found=f"{number} × {factor:g} is not a whole number of {unit}",
            expected=f"whole {unit}",
            way_out="another number of epochs, or leave max_train_epochs blank and count in steps",
        )
    return round(wanted)


def _stretched_stop(stop: str, factor: float, where: str) -> str:
    if stop.endswith("ep"):
        return f"{_whole(int(stop.removesuffix('ep')), factor, where, 'epochs')}ep"
    return stop if is_share(stop) else str(max(1, round(int(float(stop)) * factor)))


def _stretched_rules(argument: str, factor: float) -> str:
    name, _, text = argument.partition("=")
    rules = parse_step_rules(text)
    pairs = [f"{value:g}:{max(1, round(until * factor))}" for until, value in rules.until]
    return f"{name}={','.join([*pairs, f'{rules.rest:g}'])}"
