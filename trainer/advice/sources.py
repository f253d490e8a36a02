"""Sources of advice, each once, and what they say of moves that several symptoms ask for."""

from collections.abc import Mapping
from types import MappingProxyType

from trainer.advice.record import AdviceSource, Said, SourceKind

# fmt: off
_ALL: tuple[AdviceSource, ...] = (
    AdviceSource(
        "notes", SourceKind.NOTES, "source notes", "LoRA training logs & notes, 2023: one person, one data set, bakes without twins",
    ),
    AdviceSource("burnt parts", SourceKind.MAKERS, "FollowFox: each part burnt on purpose, full fine-tuning of SD1.5"),
    AdviceSource("lycoris tests", SourceKind.MAKERS, "LyCORIS experiments: rates of both parts compared"),
    AdviceSource("style article", SourceKind.MAKERS, "article on styles at tensor.art, 2026"),
    AdviceSource("memorization bench", SourceKind.MEASUREMENT, "anima_lora's memorization bench: trained against held-out pictures"),
    AdviceSource("seed lottery", SourceKind.PAPER, "The FID Lottery, 2026", "arXiv 2606.20536"),
    AdviceSource("memorization time", SourceKind.PAPER, "Bonnaire et al., Why Diffusion Models Don't Memorize, 2025", "arXiv 2505.17638"),
    AdviceSource("noisy times", SourceKind.PAPER, "T-LoRA, 2026", "arXiv 2507.05964"),
    AdviceSource("early turn", SourceKind.PAPER, "MemFM, Early-stopping too late?, 2025"),
    AdviceSource("dreambooth study", SourceKind.MAKERS, "Hugging Face's DreamBooth study, full fine-tuning of SD1.5"),
    AdviceSource("merge probe", SourceKind.MEASUREMENT, "anima_lora's merge probe: the loss of several LoRAs added up"),
    AdviceSource("alpha algebra", SourceKind.MEASUREMENT, "docs/experiments.md: alpha is a factor on lora_up's rate"),
    AdviceSource("without regret", SourceKind.PAPER, "LoRA Without Regret, 2025", "language models"),
    AdviceSource("demo rates", SourceKind.MEASUREMENT, "docs/experiments.md: ten times and a tenth of each rate on the demo"),
    AdviceSource("demo pictures", SourceKind.MEASUREMENT, "docs/experiments.md: pictures at other rates on the demo"),
    AdviceSource("demo twins", SourceKind.MEASUREMENT, "docs/experiments.md: bakes of the demo that differ in random numbers alone"),
    AdviceSource("demo members", SourceKind.MEASUREMENT, "docs/experiments.md: four pictures memorized, sixteen not"),
    AdviceSource("demo doneness", SourceKind.MEASUREMENT, "docs/experiments.md: doneness at other rates on the demo"),
    AdviceSource("makers' logs", SourceKind.MAKERS, "long logs of makers, 2026: how often each picture was shown"),
    AdviceSource("rounding", SourceKind.MAKERS, "the release that brought alpha, sd-scripts 0.4.0"),
)
# fmt: on

SOURCES: Mapping[str, AdviceSource] = MappingProxyType({source.key: source for source in _ALL})
"""Key -> source."""


def notes(words: str) -> Said:
    """Return what the source notes say for a move."""
    return Said("notes", words)


TAGS_FIRST = notes("steps, data and tags have large effects that are easier to understand than rates: try these first")
STEPS_FIRST = notes("get the steps right before the rates")
STYLE = (
    notes("the U-Net decides how things look, so a lower rate of it changes the style less"),
    Said("lycoris tests", "the text encoder's rate changed the style more than the U-Net's", agrees=False),
    Said("style article", "the text encoder is vital for a style", agrees=False),
)
UNPROMPTED = (
    notes(
        "with the text encoder's rate at ten times, things from the training pictures appeared unasked from the first epoch on"
    ),
    notes("half of the text encoder's rate clearly reduced them"),
    Said(
        "memorization bench",
        "what is memorized stays when the caption is removed: what no caption names comes through the body, not the text encoder",
        agrees=False,
    ),
)
CAPTION_IT = (
    TAGS_FIRST,
    Said("memorization bench", "what no caption names is learned with everything; naming it ties it to its word"),
)
BODY_BURNS = (
    notes("static is the clearest sign of a U-Net rate that is far too high, about ten times where it works"),
    Said("burnt parts", "a burnt U-Net shows early and gets no worse with the epochs: the rate does it, not the steps"),
    Said("demo pictures", "ten times the U-Net's rate made every picture static from step 80 on; a right rate none"),
)
ENCODER_BURNS = (
    notes("a text encoder rate that is far too high makes a LoRA bring the training data whatever is asked for"),
    Said("burnt parts", "the text encoder is far harder to burn than the U-Net", agrees=False),
    Said("demo rates", "ten times the text encoder's rate moved nothing but its own change and output", agrees=False),
)
BODY_CHANGES = (
    notes(
        "at three times the U-Net's rate scenery, poses and the places of objects changed, at a third of it they stayed"
    ),
    Said("noisy times", "poses and backgrounds are overfitted at the noisiest times, whatever the rate"),
)
BODY_SLOW = (
    notes("at a third of the U-Net's rate it may be undercooked, at a tenth it never gets there"),
    Said("demo doneness", "a tenth of the U-Net's rate was never done in 240 steps, for three seeds"),
)
ENCODER_SLOW = (
    notes("tokens that work only with a boosted weight show an undercooked text encoder"),
    Said(
        "demo pictures",
        "the effect of the token followed the text encoder's rate: 0.19 at a tenth, 0.62, and 0.67 to 0.84 at ten times",
    ),
    Said("demo rates", "where the U-Net carries, the text encoder's rate hardly shows in loss or output", agrees=False),
)
NO_STEPS_FOR_ENCODER = Said(
    "notes",
    "the text encoder's rate hardly changes how many steps are needed: ×10 and ×0.1 were both done at the same epoch",
)
MORE_STEPS_FOR_ENCODER = Said(
    "notes", "with half of the text encoder's rate more steps seemed to be needed", agrees=False
)
BALANCE = (
    notes("of several things in one LoRA some are over while others are under; balance their repeats"),
    Said("makers' logs", "makers count how often each picture was shown, 600 to 720 times where a thing sat"),
)
ZONES = (
    notes("the rates should make the parts' ideal steps meet, and the epoch is then picked there"),
    notes("smaller rates likely leave more epochs to pick from"),
    Said(
        "memorization time",
        "the time until memorization grows with the number of pictures, not with the rate",
        agrees=False,
    ),
)
ALPHA = (
    Said("alpha algebra", "alpha times c is lora_up's rate times c; the same factor on both rates is another bake"),
    notes("any alpha seems to work with the right other settings"),
    Said("without regret", "of alpha and the rates only two combinations matter"),
)
CARRIED = (
    notes("either part can do most of the work, and LoRAs behave differently by which one does"),
    Said(
        "demo rates",
        "a U-Net at a tenth of its rate left a third of the output to the text encoder, in place of a seventieth",
    ),
)
TWINS = (
    notes("the same bake again may differ as much as a small change of a setting"),
    Said("seed lottery", "another training seed moved the result 3.2 times as much as other sampling seeds"),
    Said(
        "demo twins",
        "×1.05 of the U-Net's rate was inside the noise in all of 24 values, ×3 outside in 4 of them together",
    ),
)
