"""Tags that a subject file names: those of its outfits, its checklist and its trigger."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trainer.dataset.trigger import compared
from trainer.settings.subject import Subject


@dataclass(frozen=True)
class SubjectTags:
    """What a subject file names that captions may have.

    Attributes:
        trigger: the word that stands for it.
        outfits: name of an outfit -> its tags.
        outfit_words: the same, name -> words as the file has them.
        checklist: what to look for in a picture, in words of the user's own.
    """

    trigger: str = ""
    outfits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    outfit_words: Mapping[str, str] = field(default_factory=dict)
    checklist: tuple[str, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """Tags of outfits and checklist, each once, as they are compared."""
        tags = (tag for outfit in self.outfits.values() for tag in outfit)
        return tuple(dict.fromkeys(filter(None, map(compared, (*tags, *self.checklist)))))


def subject_tags(subject: Subject) -> SubjectTags:
    """Return what a subject names."""
    outfits = {name: parted(words) for name, words in subject.outfits.items()}
    return SubjectTags(subject.trigger, outfits, dict(subject.outfits), tuple(subject.checklist))


def parted(words: str) -> tuple[str, ...]:
    """Return the tags of words as a prompt or caption has them, each once, in order."""
    tags = (" ".join(part.split()) for part in words.replace("\n", ",").split(","))
    return tuple(dict.fromkeys(filter(None, tags)))
