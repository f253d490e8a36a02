"""The pictures that are trained on, with their captions and what their subject names, for whoever looks at all of them."""

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lora_tui.actions.captions import CaptionPlace
    from trainer.captions.record import CaptionFile
    from trainer.data_index.subject_tags import SubjectTags
    from trainer.data_index.tagged import TaggedPicture
    from trainer.families.conventions import CaptionConvention


@dataclass(frozen=True)
class CaptionedData:
    """Pictures with their captions.

    Attributes:
        place: where they are, and how captions are read.
        pictures: those that are trained on.
        subject: what the subject's file names; where there is none, the trigger that the captions seem to have, if any.
    """

    place: "CaptionPlace"
    pictures: "tuple[TaggedPicture, ...]"
    subject: "SubjectTags"

    def files(self, pictures: Collection[Path]) -> "list[CaptionFile]":
        """Return the caption files of pictures, also of those that have none yet.

        Raises:
            DatasetError: a folder cannot be read.
        """
        from trainer.captions.find import caption_files, found_pictures

        ways = self.place.ways
        return caption_files([each for each in found_pictures(ways) if each.path in pictures], ways)


def captioned_data(place: "CaptionPlace") -> CaptionedData:
    """Return the pictures of a place that are trained on, none of them opened.

    Raises:
        SettingsError, DatasetError: the subject's file or a folder cannot be read.
    """
    from trainer.data_index.tagged import tagged_in, tagged_under

    if place.settings is None:
        pictures = tagged_under(place.root)
        return CaptionedData(place, pictures, _guessed(place.root.name, pictures))
    settings = place.settings
    pictures = tagged_in(settings)
    subject = _subject(place.root, settings.subject)
    return CaptionedData(place, pictures, subject or _guessed(settings.subject or settings.output_name, pictures))


def conventions_for(place: "CaptionPlace") -> "tuple[tuple[str, tuple[CaptionConvention, ...]], ...]":
    """Return the title of each family of bases with its conventions: that of the settings' base, or all where it is not known."""
    from trainer.errors import ModelError
    from trainer.families.registry import FAMILIES, family_record
    from trainer.models.identify import identify_base

    records = list(FAMILIES.values())
    if place.settings is not None:
        # Captions can be put in order before the base is there.
        with contextlib.suppress(ModelError):
            records = [family_record(identify_base(place.settings.pretrained_model_name_or_path).family)]
    return tuple((record.title, record.conventions) for record in records)


def _subject(settings_file: Path, name: str) -> "SubjectTags | None":
    from trainer.data_index.subject_tags import subject_tags
    from trainer.settings.subject import load_subject, subject_path

    file = subject_path(settings_file, name) if name else None
    return None if file is None else subject_tags(load_subject(file))


def _guessed(name: str, pictures: "Sequence[TaggedPicture]") -> "SubjectTags":
    from trainer.data_index.subject_tags import SubjectTags
    from trainer.dataset.trigger import guessed_trigger, has_trigger

    captions = [picture.text for picture in pictures if picture.captioned]
    guess = guessed_trigger(name, {picture.folder for picture in pictures}, captions)
    # A name that no caption has is nobody's trigger.
    return SubjectTags(guess if any(has_trigger(text, guess) for text in captions) else "")
