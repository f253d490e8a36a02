"""The profiles of trainers by their keys."""

from collections.abc import Mapping

from trainer.profiles.record import TrainerProfile

OURS = "lora-tui"
"""Key of our own defaults and rules."""

PROFILES: Mapping[str, TrainerProfile] = {}
"""Every profile, ours first, then by day. `behave_like` takes a key; blank stands for OURS."""
