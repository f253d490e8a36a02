"""The profiles of trainers by their keys."""

from collections.abc import Mapping
from types import MappingProxyType

from trainer.profiles import others_2023, ours, scripts_2023, sd_scripts, today
from trainer.profiles.record import TrainerProfile

OURS = ours.OURS.key
"""Key of our own defaults and rules."""

PROFILES: Mapping[str, TrainerProfile] = MappingProxyType(
    {
        profile.key: profile
        for profile in (
            ours.OURS,
            sd_scripts.SD_SCRIPTS_2023_01,
            sd_scripts.SD_SCRIPTS_2023_01_ON_LINUX,
            sd_scripts.SD_SCRIPTS_2023_02,
            scripts_2023.LEGACY,
            scripts_2023.ANON_1337,
            scripts_2023.EASY_TRAINING_SCRIPTS,
            scripts_2023.EASY_TRAINING_SCRIPTS_POPUP,
            scripts_2023.KOHYA_SS,
            others_2023.DREAMBOOTH_EXTENSION,
            others_2023.CLONEOFSIMO,
            scripts_2023.SOURCE_NOTES,
            today.EASY_TRAINING_SCRIPTS_2025,
            sd_scripts.SD_SCRIPTS_2026_02,
            today.KOHYA_SS_2026,
            today.ONETRAINER,
            today.AI_TOOLKIT,
        )
    }
)
"""Every profile, ours first, then by day. `behave_like` takes a key; blank stands for OURS."""
