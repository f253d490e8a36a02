"""Records of what is measured on held-out pictures, and on trained ones beside them."""

from trainer.measures.record import MeasureRecord, MeasureSource

VALIDATION, MEMORIZATION = "measure_validation", "measure_memorization"
"""The settings that switch them on."""

HELD_OUT_CHANGE = "validation_change"
MEMBER_CHANGE = "member_change"
GAP, AUC, CHANCE = "memorization_gap", "memorization_auc", "memorization_p"
UNCAPTIONED = "_uncaptioned"
"""Ending of the names of the same without captions."""


def _record(
    key: str, title: str, help: str, *, setting: str = MEMORIZATION, compared: bool = True, by_picture: bool = False
) -> MeasureRecord:
    return MeasureRecord(
        key,
        title,
        help,
        MeasureSource.OUTPUT,
        setting=setting,
        scopes="band",
        by_part=False,
        compared=compared,
        by_picture=by_picture,
        of_held_out=True,
    )


def _memorization(ending: str, words: str, how: str) -> tuple[MeasureRecord, ...]:
    """Return the records of members against held-out pictures, with captions or without."""
    return (
        _record(
            MEMBER_CHANGE + ending,
            f"trained pictures{words}",
            f"How far the loss of trained pictures (members) moved from the base's{how}; negative is a fall. What falls here and not on held-out pictures is memorized.",
        ),
        _record(
            GAP + ending,
            f"memorized gap{words}",
            f"How much further the loss of trained pictures fell than that of held-out ones{how}; negative means that they fell further.",
        ),
        _record(
            AUC + ending,
            f"memorization{words}",
            f"Share of all pairs in which the trained picture's loss fell further than the held-out one's{how}: 0.5 is chance, 1 is every pair. Read it with its p; it never says that a picture was copied.",
            by_picture=True,
        ),
        _record(
            CHANCE + ending,
            f"memorization p{words}",
            f"How often chance alone gives as large a share{how}, by permutation.",
            compared=False,
        ),
    )


OF_VALIDATION: tuple[MeasureRecord, ...] = (
    _record(
        HELD_OUT_CHANGE,
        "held-out pictures",
        "How far the loss of held-out pictures moved from the base's, by bands of noise (layout, form, detail); negative is a fall. The interval is over the pictures, not over bakes.",
        setting=VALIDATION,
    ),
    _record(
        HELD_OUT_CHANGE + UNCAPTIONED,
        "held-out pictures, no caption",
        "The same with an empty caption: what the LoRA does to such pictures whatever is asked for.",
    ),
    *_memorization("", "", ", with their captions"),
    *_memorization(UNCAPTIONED, ", no caption", ", with an empty caption: what is memorized without being named"),
)
