"""How the pictures were described that Anima was trained on."""

from types import MappingProxyType

from trainer.families.conventions import PEOPLE, RATINGS, SCORES, YEARS, CaptionConvention

CONVENTIONS = (
    CaptionConvention(
        key="anima",
        title="Anima: booru tags with scores in front",
        bases=("Anima", "and what was trained from it"),
        style="tags",
        order=("score", "year", "rating", "people", "character", "series", "artist", "general"),
        words=MappingProxyType(
            {
                "people": PEOPLE,
                "score": rf"{SCORES}|score \d",
                "rating": RATINGS,
                "year": YEARS,
                "artist": r"@.+",
            }
        ),
        underscored=r"score_\d",
        sources=(
            "circlestone-labs/Anima on its model page: quality, score, year and rating, then people, character, series, artist as @name, general tags",
        ),
        note="artists are written @name; tags of scores keep their underscores; none are added",
    ),
)
"""The convention of Anima's bases."""
