"""Symptoms of the part that predicts."""

from trainer.advice.knobs import NOISY_TIMES
from trainer.advice.moves import captions, pictures, rate, repeats, steps
from trainer.advice.record import Lean, Move, RuleSeen, Said, Symptom, VerdictSeen, Way, WeightSeen
from trainer.advice.sources import (
    BODY_BURNS,
    BODY_CHANGES,
    BODY_SLOW,
    STEPS_FIRST,
    STYLE,
    TAGS_FIRST,
    notes,
)
from trainer.doneness.record import LaneKind
from trainer.measures.of_parts import OUTPUT_LEAD, OUTPUT_SHARE
from trainer.measures.of_pictures import DRIFT, STATIC
from trainer.measures.of_validation import HELD_OUT_CHANGE

_BODY, _ENCODER = LaneKind.BODY, LaneKind.ENCODER
_UNDER = (VerdictSeen(Lean.UNDER, _BODY), WeightSeen(Lean.UNDER, _BODY))
_OVER = (VerdictSeen(Lean.OVER, _BODY), WeightSeen(Lean.OVER, _BODY))
_PARTS_GRID, _EPOCHS_GRID = "unet-text-encoder", "epochs-weight"

_FEWER_STEPS = steps(
    Way.LOWER, "An earlier epoch is already saved; look there before anything is baked.", STEPS_FIRST,
    Said("burnt parts", "a burnt U-Net is burnt early and gets no worse with the epochs", agrees=False),
)  # fmt: skip
_MORE_STEPS = steps(Way.RAISE, "What still gets better at the end was ended early.", STEPS_FIRST)
_BETTER_PICTURES = pictures(
    "remove bad pictures, add better ones",
    "A part that learns how things look learns it from the pictures.",
    TAGS_FIRST,
)
_LOWER = rate(_BODY, Way.LOWER, "A part that predicts at too high a rate burns.", *BODY_BURNS)
_RAISE = rate(
    _BODY, Way.RAISE, "A part that predicts at too low a rate does not get there in the steps it has.", *BODY_SLOW
)
_LESS_NOISY = Move(
    NOISY_TIMES, Way.LOWER, "Poses and backgrounds are decided at the noisiest times; without these they are not trained.",
    (Said("noisy times", "overfitting to poses and backgrounds sits at the noisiest times"),
     Said("memorization bench", "what is known by heart of a picture shows at half to two thirds of the noise, not at the noisiest", agrees=False)),
)  # fmt: skip

SYMPTOMS_OF_BODY: tuple[Symptom, ...] = (
    Symptom(
        "static",
        "static, or noise in place of pictures",
        "you will just get static, the most obvious sign of massive overcooking",
        (_FEWER_STEPS, _LOWER),
        _BODY,
        (RuleSeen("static-rises", _BODY),),
        (STATIC,),
        _EPOCHS_GRID,
    ),
    Symptom(
        "style-too-much",
        "changes the style too much",
        "The lora is changing the style too much!",
        (
            captions(
                "name the style in the captions, if all pictures share one",
                "A style that no caption names is learned with everything.",
                TAGS_FIRST,
                Said(
                    "memorization bench",
                    "what no caption names is learned with everything; naming it ties it to its word",
                ),
            ),
            pictures(
                "mix pictures of other styles in",
                "What differs between the pictures is not part of what they teach.",
                TAGS_FIRST,
            ),
            _FEWER_STEPS,
            rate(_BODY, Way.LOWER, "The part that predicts decides how things look.", *STYLE),
            rate(
                _ENCODER,
                Way.LOWER,
                "It may be the text encoder: sources disagree which part makes the style.",
                Said("lycoris tests", "the text encoder's rate changed the style more than the U-Net's"),
                Said("style article", "the text encoder is vital for a style"),
                Said("notes", "the U-Net is likely what decides the style", agrees=False),
            ),
        ),
        _BODY,
        _OVER,
        (DRIFT,),
        _PARTS_GRID,
    ),
    Symptom(
        "far-off",
        "far off though I fed plenty of good images",
        "The lora draws the thing I want, but it looks far off from what it ought to even though I fed plenty of good images",
        (
            _BETTER_PICTURES,
            _MORE_STEPS,
            rate(
                _BODY,
                Way.RAISE,
                "The part that predicts has not learned how it looks.",
                notes("raise the U-Net's rate where the thing is drawn but looks far off"),
                *BODY_SLOW,
            ),
        ),
        _BODY,
        (VerdictSeen(Lean.UNDER, _BODY), RuleSeen("validation-falls", _BODY)),
        (HELD_OUT_CHANGE, DRIFT),
        _EPOCHS_GRID,
    ),
    Symptom(
        "learned-bit-by-bit",
        "learned bit by bit, and never gets there",
        "as the epochs progress, the lora learns the glasses bit by bit … it never gets where it needs to",
        (
            repeats(Way.RAISE, "What few pictures show is shown too rarely.", TAGS_FIRST),
            _MORE_STEPS,
            _RAISE,
        ),
        _BODY,
        (RuleSeen("validation-falls", _BODY), RuleSeen("size-grows", _BODY)),
        (HELD_OUT_CHANGE,),
        _EPOCHS_GRID,
    ),
    Symptom(
        "scenery-changes",
        "scenery and things around the subject change",
        "the scenery outside the window changes drastically",
        (
            captions(
                "name the backgrounds in the captions",
                "Scenery that a caption names stays with its word.",
                TAGS_FIRST,
            ),
            _FEWER_STEPS,
            rate(_BODY, Way.LOWER, "A higher rate changes more of what the base would draw.", *BODY_CHANGES),
            _LESS_NOISY,
        ),
        _BODY,
        (RuleSeen("layout-rises", _BODY),),
        (DRIFT, HELD_OUT_CHANGE),
        _PARTS_GRID,
    ),
    Symptom(
        "irregular-poses",
        "odd poses, or hands that hold nothing",
        "I believe the irregular pose is the result of trying to hold straps that don't exist",
        (
            captions(
                "name poses and the things that are held in the captions",
                "A pose without a word is learned with the subject.",
                TAGS_FIRST,
            ),
            pictures(
                "add pictures in which the subject stands differently",
                "What all pictures share cannot be kept apart from the subject.",
                TAGS_FIRST,
            ),
            _FEWER_STEPS,
            rate(
                _BODY,
                Way.LOWER,
                "Poses come through where the part that predicts is too strong.",
                notes("at high weights of the U-Net poses came out as if straps were held that are not there"),
                *BODY_CHANGES[:1],
            ),
            _LESS_NOISY,
        ),
        _BODY,
        (RuleSeen("layout-rises", _BODY),),
        (HELD_OUT_CHANGE,),
        _PARTS_GRID,
    ),
    Symptom(
        "body-undercooked",
        "part that predicts undercooked",
        "I'm not sure if 5/6/7 count as 'done' or if this is undercooked",
        (_BETTER_PICTURES, _MORE_STEPS, _RAISE),
        _BODY,
        (*_UNDER, RuleSeen("validation-falls", _BODY), RuleSeen("size-grows", _BODY)),
        (HELD_OUT_CHANGE, OUTPUT_SHARE),
        _PARTS_GRID,
    ),
    Symptom(
        "body-overcooked",
        "part that predicts overcooked",
        "When UNET is raised too high",
        (_FEWER_STEPS, _LOWER),
        _BODY,
        (*_OVER, RuleSeen("validation-rises", _BODY), RuleSeen("static-rises", _BODY)),
        (HELD_OUT_CHANGE, STATIC, DRIFT),
        _PARTS_GRID,
    ),
    Symptom(
        "works-without-encoder",
        "part that predicts right only at less than full weight",
        "overcooked unet that shows functionality without TE",
        (_FEWER_STEPS, _LOWER),
        _BODY,
        (WeightSeen(Lean.OVER, _BODY),),
        (OUTPUT_SHARE, OUTPUT_LEAD),
        _PARTS_GRID,
    ),
)
"""In the order in which they are shown."""
