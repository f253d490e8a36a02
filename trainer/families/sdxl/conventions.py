"""How the pictures were described that SDXL and what came of it were trained on."""

from types import MappingProxyType

from trainer.families.conventions import PEOPLE, RATINGS, SCORES, SENTENCES_NOTE, YEARS, CaptionConvention

_BEHIND = "score tags and years stand behind the others where a caption has them; none are added"

CONVENTIONS = (
    CaptionConvention(
        key="illustrious",
        title="Illustrious: booru tags",
        bases=("Illustrious XL", "WAI-illustrious", "and their merges"),
        style="tags",
        order=("people", "character", "series", "general", "artist", "rating", "score", "year"),
        words=MappingProxyType({"people": PEOPLE, "score": SCORES, "rating": RATINGS, "year": YEARS}),
        sources=(
            "Danbooru's tags beside sentences: Park et al. 2024, arXiv 2409.19946",
            "people, characters, what is seen, artists, score tags last: rentry.co/bextoper_illustrious_guide",
        ),
        note=_BEHIND,
    ),
    CaptionConvention(
        key="noobai",
        title="NoobAI-XL: booru tags in a fixed order",
        bases=("NoobAI-XL", "NoobAI-XL V-Pred", "and their merges"),
        style="tags",
        order=("people", "character", "series", "artist", "general", "rating", "score", "year"),
        words=MappingProxyType({"people": PEOPLE, "score": SCORES, "rating": RATINGS, "year": YEARS}),
        sources=(
            "Laxhar/noobai-XL-1.0, README: people, character, series, artists, special tags, general tags, other tags",
            "civitai.com/articles/9986 (its makers' guide)",
        ),
        note=_BEHIND,
    ),
    CaptionConvention(
        key="animagine",
        title="Animagine XL: booru tags in a fixed order",
        bases=("Animagine XL 3.0", "Animagine XL 3.1", "Animagine XL 4.0"),
        style="tags",
        order=("people", "character", "series", "rating", "general", "artist", "year", "score"),
        words=MappingProxyType({"people": PEOPLE, "score": SCORES, "rating": RATINGS, "year": YEARS}),
        sources=(
            "cagliostrolab/animagine-xl-4.0 on its model page: people, character, series, rating, everything else, score tags at the end",
            "Animagine XL 3.1 on its model page: people, character, series, everything else in any order",
        ),
        note=_BEHIND,
    ),
    CaptionConvention(
        key="pony",
        title="Pony: score_ tags in front, sentences and tags mixed",
        bases=("Pony Diffusion V6 XL", "and its merges"),
        style="tags",
        order=("score", "source", "rating", "people", "character", "series", "general", "artist"),
        words=MappingProxyType(
            {
                "score": r"score \d(?: up)?",
                "source": r"source (?:pony|furry|cartoon|anime)",
                "rating": r"rating (?:safe|questionable|explicit)",
                "people": PEOPLE,
            }
        ),
        underscored=r"score_\d(?:_up)?|source_(?:pony|furry|cartoon|anime)|rating_(?:safe|questionable|explicit)",
        sources=(
            "civitai.com/models/257749 (its maker): the row of score_9, score_8_up … first, then words, then tags; source_ and rating_ tags",
        ),
        note="score_, source_ and rating_ tags keep their underscores and stand in front where a caption has them; none are added",
    ),
    CaptionConvention(
        key="sentences",
        title="sentences",
        bases=("SDXL 1.0", "Juggernaut XL", "photographic bases"),
        style="sentences",
        sources=("prompts in plain words: stabilityai/stable-diffusion-xl-base-1.0 on its model page",),
        note=SENTENCES_NOTE,
    ),
)
"""The conventions of SDXL's bases."""
