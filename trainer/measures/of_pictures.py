"""Records of what is measured on pictures of the subject's prompts, made with fixed seeds: in latents, and again in pixels."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from trainer.measures.record import MeasureRecord, MeasureSource

SETTING = "measure_pictures"
"""The setting that switches them on."""

PIXELS = "_pixels"
"""Ending of the names of what is measured in pixels."""

DRIFT, TOKEN_EFFECT, BLEED = "drift", "token_effect", "bleed"
OUTFIT_DISTANCE, OUTFIT_SEEN = "outfit_distance", "outfit_seen"
HIGH_FREQUENCY, SATURATION, STATIC = "high_frequency", "saturation", "static"

PICTURE_SET = "picture_set"
"""Name of the values that tell one set of pictures from another: base, prompts, seeds and how they are made."""

AGAINST_TRAINING = "training pictures"
"""Scope of what is compared with the training pictures; without a scope it is compared with the base's."""

TOKEN_REMOVED, OTHER_PROMPTS = "token removed", "other prompts"
"""Scopes of bleed: over prompts that had the token, and over those for something else."""

_UNIT = "1 is as far as two of the base's pictures with different seeds are apart"


_record = partial(MeasureRecord, source=MeasureSource.PICTURE, setting=SETTING, by_part=False, basis=PICTURE_SET)


def _in_both(record: MeasureRecord) -> Iterator[MeasureRecord]:
    """Yield the records of a measure that is made in latents and in pixels; `{what}` in its help stands for either."""
    for ending, suffix, what in (("", "", "latents"), (PIXELS, " (pixels)", "pixels")):
        yield replace(record, key=record.key + ending, title=record.title + suffix, help=record.help.format(what=what))


_IN_BOTH = (
    _record(
        DRIFT,
        "drift",
        "How far pictures for the subject are from the base's of the same prompt and seed, in {what}: "
        f"{_UNIT}. It does not say whether they got nearer to the subject.",
        scopes="prompt",
    ),
    _record(
        TOKEN_EFFECT,
        "token effect",
        "How far a picture with the activation token is from the one without it, both with the LoRA, in {what}: "
        f"{_UNIT}. After step 0 it is what the word does to the base alone.",
        scopes="prompt",
    ),
    _record(
        BLEED,
        "bleed",
        "How far pictures whose prompt lacks the activation token are from the base's, in {what}: "
        f"{_UNIT}. It does not say what came through. Where the token alone was removed, the other words may ask for the subject still; "
        f"scope `{OTHER_PROMPTS}` is of prompts for something else.",
        scopes="prompt",
    ),
    _record(
        OUTFIT_DISTANCE,
        "outfit asked × seen",
        "How far the pictures for one outfit are from the training pictures of each, in {what} averaged over 4 × 4 fields, by the mean "
        "of all outfits: below 1 is nearer than the others. Colours and layout count; whether it is that outfit the eye must say.",
        scopes="outfit asked × outfit seen",
    ),
    _record(
        OUTFIT_SEEN,
        "outfit seen as asked",
        "Share of the pictures for an outfit that are nearest to the training pictures of that outfit, in {what} averaged over 4 × 4 "
        f"fields. Scope `{AGAINST_TRAINING}`: how many of the training pictures themselves are recognised in this way, each left out in turn.",
        scopes="training pictures",
        unit="%",
        by_picture=True,
    ),
    _record(
        HIGH_FREQUENCY,
        "fine detail",
        "Energy of the differences of {what} one latent apart, as a multiple of the base's pictures of the same prompts and seeds, or of "
        "the training pictures. Much above 1 is grain or static, below 1 is smooth.",
        scopes="training pictures",
        log_scale=True,
    ),
    _record(
        STATIC,
        "static pictures",
        "Share of the pictures that have far more fine detail in {what} than any of the base's and of the training pictures, or that hold "
        "values that are no numbers. A grainy style of the training pictures does not count. Latents show it first: blotches without a "
        "motif may be smooth in pixels.",
        unit="%",
        by_picture=True,
    ),
)

OF_PICTURES: tuple[MeasureRecord, ...] = (
    *(record for measure in _IN_BOTH for record in _in_both(measure)),
    _record(
        SATURATION,
        "spread of latents",
        "Standard deviation of latents as a multiple of the base's pictures of the same prompts and seeds, or of the training pictures. "
        "Above 1 is more contrast and colour.",
        scopes="training pictures",
        log_scale=True,
    ),
    _record(
        SATURATION + PIXELS,
        "saturation",
        "Mean difference of a pixel's strongest and weakest colour, as a multiple of the base's pictures of the same prompts and seeds, or "
        "of the training pictures.",
        scopes="training pictures",
        log_scale=True,
    ),
)
