"""What the trainer that a bake behaves like makes of folders and files."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from trainer.profiles.record import EngineRules, FolderName, PictureRules, Repeats
from trainer.profiles.tally import counts_ending
from trainer.settings.model import Settings
from trainer.settings.profile_defaults import imitated

FolderRule = Callable[[FolderName], int | None]
"""From a folder to its repeats, None for one that is left out; raises ValueError where the trainer stops."""

CaptionOfName = Callable[[str], str]
"""From the name of a picture's file to its caption."""


def engine_of(settings: Settings) -> EngineRules | None:
    """Return the rules of what trains in the end, None for our own."""
    profile = imitated(settings.behave_like)
    return profile.engine if profile is not None else None


def pictures_loaded(settings: Settings) -> PictureRules | None:
    """Return what is loaded of a folder, None where everything is that can be read."""
    engine = engine_of(settings)
    return engine.pictures if engine is not None else None


def caption_endings(settings: Settings) -> tuple[str, ...]:
    """Return the endings of caption files, none where the trainer reads no captions."""
    engine = engine_of(settings)
    return tuple(settings.caption_extension) if engine is None or engine.reads_captions else ()


def caption_of_name(settings: Settings) -> CaptionOfName | None:
    """Return how the name of a picture without a caption file gives its caption, None where the folder's name does."""
    engine = engine_of(settings)
    return engine.caption_of_name if engine is not None else None


def engine_rule(settings: Settings) -> FolderRule | None:
    """Return the rule of what trains in the end, None for our own."""
    engine = engine_of(settings)
    return folder_rule(engine.repeats, settings) if engine is not None else None


def folder_rule(repeats: Repeats, settings: Settings) -> FolderRule:
    """Return a trainer's rule for the repeats of folders, with the options in force."""
    return partial(_repeats, repeats, settings.model_dump())


def counts(rules: PictureRules, name: str) -> bool:
    """Return whether a file of that name counts as a picture."""
    return counts_ending(rules, Path(name).suffix)


def _repeats(repeats: Repeats, options: dict[str, object], folder: FolderName) -> int | None:
    return repeats(folder, options)
