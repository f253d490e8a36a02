"""Defaults of the trainer that a bake behaves like."""

from collections.abc import Mapping

from trainer.profiles.record import TrainerProfile
from trainer.profiles.registry import OURS, PROFILES

SETTING = "behave_like"
"""The setting that names the trainer."""


def imitated(key: object) -> TrainerProfile | None:
    """Return the profile of the trainer that a bake behaves like, None where it is our own (blank) or not known."""
    if not isinstance(key, str) or key == OURS:
        return None
    return PROFILES.get(key)


def defaults_of(values: Mapping[str, object]) -> Mapping[str, object]:
    """Return the values of settings that are not set, as far as the trainer that `values` behave like has other ones than we have.

    Args:
        values: those that are set.
    """
    profile = imitated(values.get(SETTING))
    return profile.defaults_beside(values) if profile is not None else {}


def dependent_defaults(key: object, values: Mapping[str, object]) -> Mapping[str, object]:
    """Return the defaults that follow from other values in the trainer called `key`."""
    profile = imitated(key)
    return profile.dependent(values) if profile is not None else {}


def others() -> tuple[str, ...]:
    """Return the keys of all profiles but our own."""
    return tuple(key for key in PROFILES if key != OURS)


def check_profile(key: str | None) -> str | None:
    """Return the key of a profile, or None for our own ways, blank or by their name.

    Raises:
        ValueError: no profile has it.
    """
    if not key or key == OURS:
        return None
    if key not in PROFILES:
        raise ValueError(f"one of {', '.join(others())}, or blank")
    return key
