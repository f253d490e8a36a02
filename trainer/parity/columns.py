"""The columns of the table: what each trainer makes of the same settings and data."""

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache

from pydantic import ValidationError

from trainer.dataset.buckets import bucket_rules, placement_of
from trainer.dataset.records import BucketRules
from trainer.errors import SettingsError
from trainer.profiles.record import DerivedOption, Options, Size, TrainerProfile
from trainer.profiles.registry import OURS, PROFILES
from trainer.profiles.run import TrainerRun, options_in_force, run_with
from trainer.profiles.tally import FoundData
from trainer.settings.describe import fields
from trainer.settings.model import Settings
from trainer.settings.profile_defaults import dependent_defaults
from trainer.settings.refusal import refused_setting
from trainer.text import printable

HERE = "settings"
"""Key of the first column: these settings as they stand."""

BEHAVE_LIKE = "behave_like"
"""The setting that is no option of a trainer but says which trainer it is."""


@dataclass(frozen=True)
class AskedSettings:
    """Settings of a bake, and which of them its author asked for; every trainer has its own default for the others.

    Attributes:
        settings: as they stand, with every path filled in.
        stated: names of those that were asked for.
        own: key of a trainer -> options that it works out from what was asked for, and not from the other options.
    """

    settings: Settings
    stated: frozenset[str]
    own: Mapping[str, tuple[DerivedOption, ...]] = field(default_factory=dict)

    @property
    def like(self) -> TrainerProfile:
        """The trainer that these settings behave like, ours unless they name another."""
        return PROFILES[getattr(self.settings, BEHAVE_LIKE, None) or OURS]

    @property
    def options(self) -> Mapping[str, object]:
        """Every setting with its value."""
        return {name: value for name, value in self.settings.model_dump().items() if name != BEHAVE_LIKE}

    @property
    def stated_options(self) -> Mapping[str, object]:
        """Those that were asked for, with their values."""
        return {name: value for name, value in self.options.items() if name in self.stated}


def asked_settings(settings: Settings, written: Collection[str] | None = None) -> AskedSettings:
    """Return settings with what their author asked for.

    That is what a file writes. A file that writes most settings out, as this program does, says nothing by it: there, and where
    no file is known, it is what differs from the default.

    Args:
        settings: as they stand, with every path filled in.
        written: names of the settings that the file writes, None where they are not known.
    """
    known = fields()
    if written is not None and 2 * len(written) <= len(known):
        like, values = getattr(settings, BEHAVE_LIKE, None), settings.model_dump()
        follows = {name for name, value in dependent_defaults(like, values).items() if values[name] == value}
        return AskedSettings(settings, frozenset(written) - follows)
    return AskedSettings(settings, changed_settings(settings))


def changed_settings(settings: Settings) -> frozenset[str]:
    """Return the names of the settings that differ from the default of the trainer that they behave like."""
    like = getattr(settings, BEHAVE_LIKE, None)
    defaults = Settings.model_validate({BEHAVE_LIKE: like} if like else {}).model_dump()
    defaults |= dependent_defaults(like, settings.model_dump())
    return frozenset(info.name for info in fields() if getattr(settings, info.name) != defaults[info.name])


@dataclass(frozen=True)
class TrainerColumn:
    """One column before it is text.

    Attributes:
        profile: the trainer.
        run: what it makes of the data.
        settings: its options as settings; where they contradict one another, the run stops.
        stated: names of the settings that were asked for.
    """

    profile: TrainerProfile
    run: TrainerRun
    settings: Settings
    stated: frozenset[str]

    def is_unknown(self, names: Iterable[str]) -> bool:
        """Return whether one of these settings was left open, and its default in this trainer is not known."""
        return any(name in self.profile.unknown and name not in self.stated for name in names)


def first_column(asked: AskedSettings, data: FoundData) -> TrainerColumn:
    """Return the column of the settings as they stand."""
    options = dict(asked.options)
    derived = asked.like.derived(options, asked.stated)
    options |= {each.name: each.value for each in derived}
    run = run_with(asked.like, data, options, _buckets(options), derived)
    return TrainerColumn(asked.like, run, settings_of(options), frozenset(options))


def column_of(profile: TrainerProfile, asked: AskedSettings, data: FoundData) -> TrainerColumn:
    """Return the column of one trainer: what was asked for, and its own defaults for the rest."""
    options, derived = options_in_force(profile, asked.stated_options, _our_defaults())
    if own := asked.own.get(profile.key):
        options, derived = {**options, **{each.name: each.value for each in own}}, (*derived, *own)
    run = run_with(profile, data, options, _buckets(options), derived)
    if profile.engine.bucket_of is None and (refusal := _refusal(options)):
        # As sd-scripts ends where a resolution lies outside of its buckets.
        run = replace(run, stops=run.stops or refusal, steps=0, epochs=0)
    return TrainerColumn(profile, run, settings_of(options), asked.stated)


def run_by(profile: TrainerProfile, data: FoundData, options: Options) -> TrainerRun:
    """Return what a trainer makes of the data with options of another."""
    return run_with(profile, data, options, _buckets(options))


def settings_of(options: Options) -> Settings:
    """Return options as settings, without looking whether they go together."""
    known = {name: value for name, value in options.items() if name in Settings.model_fields}
    return Settings.model_construct(**known)  # type: ignore[arg-type]


def chosen_profiles(keys: Sequence[str] = ()) -> tuple[TrainerProfile, ...]:
    """Return the profiles with these keys, each once; all where there are none.

    Raises:
        SettingsError: a key is not known; it names the nearest.
    """
    if not keys:
        return tuple(PROFILES.values())
    return tuple(_profile(key) for key in dict.fromkeys(keys))


def _profile(key: str) -> TrainerProfile:
    if key in PROFILES:
        return PROFILES[key]
    folded = {known.casefold(): known for known in PROFILES}
    near = difflib.get_close_matches(key.casefold(), folded, n=1, cutoff=0.5)
    begun = [known for known in PROFILES if known.casefold().startswith(key.casefold().strip())]
    nearest = begun[0] if begun and key.strip() else folded[near[0]] if near else ""
    raise SettingsError(
        "a trainer",
        found=f"none called {printable(key, 60)}",
        expected="the name and month of a trainer",
        way_out=f"did you mean {nearest or OURS}?",
        details=list(PROFILES),
    )


def _refusal(options: Options) -> str:
    known = {name: value for name, value in options.items() if name in Settings.model_fields and name != BEHAVE_LIKE}
    try:
        Settings.model_validate(known)
    except ValidationError as error:
        return refused_setting(error, lambda name: name).line()
    return ""


def _our_defaults() -> Mapping[str, object]:
    return {name: value for name, value in Settings().model_dump().items() if name != BEHAVE_LIKE}


def _buckets(options: Options) -> Callable[[Size], Size]:
    return _buckets_by(bucket_rules(settings_of(options)))


@lru_cache(maxsize=64)
def _buckets_by(rules: BucketRules) -> Callable[[Size], Size]:
    @cache
    def bucket(size: Size) -> Size:
        return placement_of(*size, rules).bucket

    return bucket
