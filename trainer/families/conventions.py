"""The record of a caption convention: how the pictures that a base was trained on were described."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

CaptionStyle = Literal["tags", "sentences"]
"""Whether captions are tags parted by commas, or sentences."""

TagKind = Literal["people", "character", "series", "artist", "rating", "general", "score", "year", "source"]
"""What a tag is about: how many people, who, from what, by whom, for whom, what is seen, how well liked, when, from which kind of site."""


@dataclass(frozen=True)
class CaptionConvention:
    """How captions are written for some bases of a family.

    Attributes:
        key: its name on the command line, unique in its family.
        title: in a few words.
        bases: names of bases that were trained so.
        style: tags or sentences.
        order: kinds of tags in the order in which they stand; the subject's trigger comes before all of them.
        words: kind -> regular expression of the tags that are known to be of it, in small letters, with blanks for underscores.
        underscored: regular expression of tags that keep their underscores, "" for none.
        sources: where that is known from.
        note: what else should be known.
    """

    key: str
    title: str
    bases: tuple[str, ...]
    style: CaptionStyle
    sources: tuple[str, ...]
    order: tuple[TagKind, ...] = ()
    words: Mapping[TagKind, str] = field(default_factory=dict)
    underscored: str = ""
    note: str = ""

    def keeps_underscores(self, tag: str) -> bool:
        """Return whether a tag is written with underscores."""
        return bool(self.underscored) and re.fullmatch(self.underscored, tag.casefold().replace(" ", "_")) is not None

    def kind_of(self, tag: str) -> TagKind | None:
        """Return what a tag is about where its letters alone say so; None where it may be anything."""
        plain = " ".join(tag.casefold().replace("_", " ").split())
        return next((kind for kind, words in self.words.items() if re.fullmatch(words, plain)), None)


SENTENCES_NOTE = (
    "what the captions say is yours to write: tags are not made into sentences, only the trigger is moved to the front"
)
"""Note of conventions of sentences."""

PEOPLE = r"\d*\+?(?:girl|boy|other)s?|multiple (?:girls|boys|others)|solo|no humans|(?:man|woman|person|people)"
"""Danbooru's tags that say how many people there are."""

RATINGS = r"(?:rating[: ])?(?:safe|general|sensitive|questionable|nsfw|explicit)"
"""Danbooru's ratings, and Gelbooru's."""

SCORES = (
    r"masterpiece|(?:best|amazing|great|high|good|normal|average|low|bad|worst) quality|"
    r"(?:high|great|good|average|bad|low) score|(?:very aesthetic|aesthetic|displeasing|very displeasing)|absurdres|highres|lowres"
)
"""Words for how well liked a picture is, as trainers of anime bases wrote them before or behind the tags."""

YEARS = r"year \d{4}|newest|recent|mid|early|old|late"
"""Words for when a picture was made."""
