"""How the pictures were described that SD1.x and what came of it were trained on."""

from types import MappingProxyType

from trainer.families.conventions import PEOPLE, RATINGS, SCORES, SENTENCES_NOTE, CaptionConvention

CONVENTIONS = (
    CaptionConvention(
        key="booru",
        title="booru tags",
        bases=("NAI", "Anything", "AbyssOrangeMix", "Counterfeit", "and most anime merges"),
        style="tags",
        order=("score", "people", "character", "series", "general", "artist", "rating"),
        words=MappingProxyType({"people": PEOPLE, "score": SCORES, "rating": RATINGS}),
        sources=(
            "NovelAI's own way, some tags in front and the rest shuffled: kohya-ss/sd-scripts#975 (it quotes their documentation)",
            "the earlier a tag stands the stronger it is: docs.novelai.net/image/tags.html",
            "blanks and underscores make no difference on merges with NAI: gist thenolifer/0614d4eddb09a924684441a65e276c2e",
        ),
        note="score tags stand in front where a caption has them; none are added",
    ),
    CaptionConvention(
        key="sentences",
        title="sentences",
        bases=("SD 1.4", "SD 1.5", "photographic bases"),
        style="sentences",
        sources=(
            "trained on the English texts beside the pictures of LAION-2B: Stable_Diffusion_v1_Model_Card.md in CompVis/stable-diffusion",
        ),
        note=SENTENCES_NOTE,
    ),
)
"""The conventions of SD1.x's bases."""
