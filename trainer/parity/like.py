"""Settings that make this bake as another trainer would."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trainer.parity.columns import BEHAVE_LIKE, AskedSettings, chosen_profiles, settings_of
from trainer.parity.rows import shown_setting
from trainer.profiles.record import DerivedOption, TrainerProfile
from trainer.profiles.registry import OURS
from trainer.profiles.run import options_in_force
from trainer.settings.model import Settings
from trainer.settings.toml_file import with_values


@dataclass(frozen=True)
class SettingsLike:
    """What makes settings bake as another trainer's.

    Attributes:
        profile: that trainer.
        changes: setting -> its new value, `behave_like` among them; those that stay the same are left out.
        why: setting -> the reason, one sentence without its stop.
        notes: what settings cannot make the same, a sentence each.
    """

    profile: TrainerProfile
    changes: Mapping[str, object]
    why: Mapping[str, str]
    notes: tuple[str, ...]


def settings_like(asked: AskedSettings, profile_key: str) -> SettingsLike:
    """Return what makes settings bake as another trainer's: its defaults for what was not asked for, and its ways of counting.

    What it passes otherwise than it was asked for is not among the changes: a bake that behaves like it does that by itself, and
    what was asked for is still there when another trainer is taken.

    Args:
        asked: the settings, and which of them were asked for.
        profile_key: of the trainer; our own takes back what makes them like another.

    Raises:
        SettingsError: no trainer has this key.
    """
    (profile,) = chosen_profiles((profile_key,))
    ours = {name: value for name, value in Settings().model_dump().items() if name != BEHAVE_LIKE}
    _, derived = options_in_force(profile, asked.stated_options, ours)
    defaults = ours | dict(profile.defaults_beside(asked.stated_options))
    values = {
        name: defaults[name] for name in asked.options if name not in asked.stated and name not in profile.machine
    }
    values[BEHAVE_LIKE] = None if profile.key == OURS else profile.key
    changes = {name: value for name, value in values.items() if getattr(asked.settings, name, None) != value}
    reasons = {name: profile.reasons.get(name, "its default") for name in changes}
    reasons[BEHAVE_LIKE] = "counts pictures, repeats, steps, warm-up and epochs as it does"
    return SettingsLike(
        profile, changes, {name: reasons[name] for name in changes}, tuple(_notes(profile, asked, derived))
    )


def with_changes(settings: Settings, like: SettingsLike) -> Settings:
    """Return the settings of a file with what makes them like another trainer's.

    Raises:
        SettingsError: the other trainer's defaults do not go with what was asked for.
    """
    return with_values(settings, like.changes)


def change_lines(settings: Settings, like: SettingsLike) -> list[str]:
    """Return the changes as lines: `network_dim = 32 → 128: its default`.

    Args:
        settings: before them.
        like: the changes.
    """
    after = settings_of(like.changes)
    lines = []
    for name in like.changes:
        if name == BEHAVE_LIKE:
            before, now = getattr(settings, name, None) or "blank", like.changes[name] or "blank"
        else:
            before, now = shown_setting(settings, name), shown_setting(after, name)
        lines.append(f"{name} = {before} → {now}: {like.why[name]}")
    return lines


def _notes(profile: TrainerProfile, asked: AskedSettings, derived: Sequence[DerivedOption]) -> Iterator[str]:
    passed = settings_of({each.name: each.value for each in derived})
    for each in derived:
        yield f"The bake passes {each.name} = {shown_setting(passed, each.name)}: {each.why}."
    computed = [
        name
        for name, value in profile.machine.items()
        if name not in asked.stated and getattr(asked.settings, name) != value
    ]
    if computed:
        machine = settings_of(profile.machine)
        texts = ", ".join(f"{name} = {shown_setting(machine, name)}" for name in computed)
        stay = "this stays as it is" if len(computed) == 1 else "these stay as they are"
        yield f"It computes with {texts}; {stay}, since a GPU or a package may be missing here."
    unknown = [name for name in profile.unknown if name not in asked.stated]
    if unknown:
        yield f"Its defaults of {', '.join(unknown)} are not known; ours stand in."
