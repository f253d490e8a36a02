"""Symptoms of text encoders."""

from trainer.advice.moves import all_rates, captions, pictures, rate, repeats, steps, stop, token
from trainer.advice.record import Lean, RuleSeen, Said, Symptom, VerdictSeen, Way, WeightSeen
from trainer.advice.sources import (
    BALANCE,
    CAPTION_IT,
    CARRIED,
    ENCODER_BURNS,
    ENCODER_SLOW,
    MORE_STEPS_FOR_ENCODER,
    NO_STEPS_FOR_ENCODER,
    STEPS_FIRST,
    TAGS_FIRST,
    UNPROMPTED,
    notes,
)
from trainer.doneness.record import LaneKind
from trainer.measures.of_parts import OUTPUT_LEAD, OUTPUT_SHARE
from trainer.measures.of_pictures import BLEED, TOKEN_EFFECT
from trainer.measures.of_validation import AUC, UNCAPTIONED

_ENCODER, _BODY = LaneKind.ENCODER, LaneKind.BODY
_UNDER = (VerdictSeen(Lean.UNDER, _ENCODER), WeightSeen(Lean.UNDER, _ENCODER))
_OVER = (VerdictSeen(Lean.OVER, _ENCODER), WeightSeen(Lean.OVER, _ENCODER))
_PARTS_GRID = "unet-text-encoder"

_NAME_EACH = captions(
    "name the token in every caption of its pictures, and nothing that belongs to it",
    "What the token is to mean is what the captions leave to it.",
    TAGS_FIRST,
)
_NAME_WHAT_COMES = captions(
    "name in the captions whatever comes unasked, in every picture that shows it",
    "A thing that a caption names is tied to its word; one that none names is learned with everything.",
    *CAPTION_IT,
)
_REMOVE_WHAT_COMES = pictures(
    "remove the pictures that show it, or crop it out of them",
    "What is in no picture is not learned.",
    TAGS_FIRST,
)
_LOWER = rate(
    _ENCODER,
    Way.LOWER,
    "A text encoder trained too hard brings the training data whatever is asked for.",
    *ENCODER_BURNS,
)
_RAISE = rate(
    _ENCODER, Way.RAISE, "An undercooked text encoder ties the token too weakly to what was trained.", *ENCODER_SLOW,
    NO_STEPS_FOR_ENCODER, MORE_STEPS_FOR_ENCODER,
)  # fmt: skip
_MORE_STEPS = steps(
    Way.RAISE, "A token that is still gaining effect gains it with more steps.", STEPS_FIRST, MORE_STEPS_FOR_ENCODER
)
_FEWER_STEPS = steps(
    Way.LOWER, "An earlier epoch has seen less of what comes unasked, and is already saved.", STEPS_FIRST,
    notes("an encoder that is over has an earlier epoch at which it was not"),
)  # fmt: skip
_STOP = stop(
    _ENCODER, "The other part continues to learn while the text encoder stays as it was.",
    notes("the text encoder's step count need not be that of the U-Net: stopping it earlier is a feature that was missing"),
)  # fmt: skip

SYMPTOMS_OF_ENCODER: tuple[Symptom, ...] = (
    Symptom(
        "token-needs-boost",
        "tokens not showing unless boosted",
        "the tokens I trained aren't really showing their effect consistently, unless I boost the weights",
        (_NAME_EACH, _MORE_STEPS, _RAISE),
        _ENCODER,
        (*_UNDER, RuleSeen("token-grows", _ENCODER)),
        (TOKEN_EFFECT, OUTPUT_SHARE),
        _PARTS_GRID,
    ),
    Symptom(
        "half-learned-token",
        "token brings only some of what it should",
        "the trained tag not introducing the elements you are expecting",
        (
            _NAME_EACH,
            repeats(Way.RAISE, "A tag that few pictures carry is shown too rarely.", *BALANCE),
            _MORE_STEPS,
            _RAISE,
        ),
        _ENCODER,
        (VerdictSeen(Lean.UNDER, _ENCODER), RuleSeen("token-grows", _ENCODER)),
        (TOKEN_EFFECT,),
        "token",
    ),
    Symptom(
        "old-meaning-wins",
        "token still means what it meant before",
        "existing interpretations of the tag taking priority over what you were trying to train",
        (
            token(
                "give the subject a token that the base ties to nothing",
                "A word with a strong meaning of its own must be overwritten first.",
                notes("a strong tag has concepts of its own that need to be overwritten"),
            ),
            repeats(Way.RAISE, "Overwriting a strong word takes more pictures of it.", *BALANCE),
            _MORE_STEPS,
            _RAISE,
        ),
        _ENCODER,
        _UNDER,
        (TOKEN_EFFECT,),
        "token",
    ),
    Symptom(
        "weak-tag",
        "a tag that the base hardly knew is not learned",
        "tag never existed/was really weak and needs to be trained up from scratch",
        (
            captions(
                "put the tag into every caption whose picture shows it",
                "A new word learns only from the captions that have it.",
                TAGS_FIRST,
            ),
            repeats(Way.RAISE, "A new word must be shown more often than a known one.", *BALANCE),
            _MORE_STEPS,
            _RAISE,
        ),
        _ENCODER,
        (VerdictSeen(Lean.UNDER, _ENCODER),),
        (TOKEN_EFFECT,),
        "token",
    ),
    Symptom(
        "token-without-effect",
        "pictures are the same with and without the token",
        "there is basically no difference, the token has no effect",
        (_NAME_WHAT_COMES, _FEWER_STEPS, _LOWER),
        _ENCODER,
        (RuleSeen("token-fades", _ENCODER),),
        (TOKEN_EFFECT, BLEED),
        "token",
    ),
    Symptom(
        "unprompted-objects",
        "unprompted objects keep showing up",
        "a LOT of unrelated/unprompted … objects from the training materials keep showing up",
        (
            _NAME_WHAT_COMES,
            _REMOVE_WHAT_COMES,
            _FEWER_STEPS,
            _STOP,
            rate(
                _ENCODER,
                Way.LOWER,
                "The text encoder ties stray things to the token and to words beside it.",
                *UNPROMPTED,
            ),
        ),
        _ENCODER,
        (*_OVER, RuleSeen("members-fall-uncaptioned")),
        (BLEED, AUC + UNCAPTIONED),
        _PARTS_GRID,
    ),
    Symptom(
        "out-of-scope-objects",
        "things of one outfit appear on another",
        "backpack straps appear on her school uniform … sunglasses appear on untrained outfits",
        (
            _NAME_WHAT_COMES,
            _REMOVE_WHAT_COMES,
            _FEWER_STEPS,
            rate(
                _ENCODER,
                Way.LOWER,
                "The text encoder decides which changes a word brings.",
                notes(
                    "9e-5 in place of 1e-4 showed nothing, 5e-5 clearly fewer straps, with the same seeds and epochs"
                ),
                *UNPROMPTED[2:],
                MORE_STEPS_FOR_ENCODER,
            ),
        ),
        _ENCODER,
        (VerdictSeen(Lean.OVER, _ENCODER),),
        (BLEED,),
        _PARTS_GRID,
    ),
    Symptom(
        "insensitive-to-prompt",
        "prompt hardly matters, the training data come anyway",
        "no matter what you ask for it just dumps a bunch of random … from your training data",
        (_NAME_WHAT_COMES, _FEWER_STEPS, _STOP, _LOWER),
        _ENCODER,
        (RuleSeen("token-fades", _ENCODER), *_OVER),
        (TOKEN_EFFECT, BLEED),
        _PARTS_GRID,
    ),
    Symptom(
        "chaos-from-first-epoch",
        "chaotic from the first epoch on",
        "an extremely chaotic effect … The changes are drastic from the very first epoch",
        (
            captions(
                "read the captions of a few pictures against what they show",
                "Captions that name what is not there teach the wrong words from the first step on.",
                TAGS_FIRST,
            ),
            steps(Way.LOWER, "Where the first epoch is over already, save more often and look before it.", STEPS_FIRST),
            _LOWER,
            all_rates(
                Way.LOWER, "It may be either part: the rates together say whether rates are the reason.", *CARRIED
            ),
        ),
        None,
        (RuleSeen("validation-rises", _BODY),),
        (BLEED, TOKEN_EFFECT),
        "epochs-weight",
    ),
    Symptom(
        "fabricated-details",
        "details appear that are not there in the training pictures",
        "light embroidery on clothing becomes 'badges'",
        (
            captions(
                "name the details that are there, so that none is taken for another",
                "A detail without a word takes the nearest one that has a word.",
                *CAPTION_IT,
            ),
            _FEWER_STEPS,
            rate(
                _ENCODER,
                Way.LOWER,
                "Too much of the text encoder makes details up.",
                notes(
                    "at weights of the text encoder far above 1 embroidery became badges, and a backpack became something else"
                ),
                *ENCODER_BURNS[1:],
            ),
        ),
        _ENCODER,
        _OVER,
        (OUTPUT_SHARE,),
        _PARTS_GRID,
    ),
    Symptom(
        "objects-vanish",
        "a trained object loses its shape or vanishes",
        "backpack and it's straps just vanish / completely stop being backpacks",
        (
            repeats(Way.RAISE, "What is trained on the side sits between learned and broken.", *BALANCE),
            _FEWER_STEPS,
            rate(
                _ENCODER,
                Way.LOWER,
                "The object is overcooked while the rest of the picture is still right.",
                notes(
                    "at extreme weights of the text encoder the backpack broke while the rest of the picture was passable"
                ),
                *ENCODER_BURNS[1:],
            ),
        ),
        _ENCODER,
        _OVER,
        (OUTPUT_SHARE,),
        _PARTS_GRID,
    ),
    Symptom(
        "fingers-halos",
        "fingers and halos are mangled or doubled",
        "the halo just gets mangled and starts duplicating wings/rings … Fingers appear to be influenced by TE",
        (
            pictures(
                "sort out the pictures with bad hands or cut-off halos",
                "Small shapes are learned as they are drawn.",
                TAGS_FIRST,
            ),
            _FEWER_STEPS,
            _STOP,
            rate(
                _ENCODER,
                Way.LOWER,
                "Small shapes break first where a part is over, or where the parts disagree.",
                notes(
                    "fingers and halos followed the text encoder's weight, and the halo was mangled at low weights already"
                ),
                Said(
                    "notes",
                    "not sure which part matters more: some of it may come from the two settings disagreeing",
                    agrees=False,
                ),
            ),
            rate(
                _BODY,
                Way.LOWER,
                "It may be the other part: the parts disagree where one is over.",
                notes("it is open which part has the larger effect on fingers and halos"),
            ),
        ),
        None,
        (VerdictSeen(Lean.OVER, _ENCODER), WeightSeen(Lean.OVER, _ENCODER)),
        (OUTPUT_SHARE,),
        _PARTS_GRID,
    ),
    Symptom(
        "encoder-brings-faults",
        "right without the text encoder, wrong with it",
        "in several of these UNET produces a perfectly fine image but the addition of TE brings issues",
        (
            _NAME_WHAT_COMES,
            _STOP,
            rate(
                _ENCODER,
                Way.LOWER,
                "What is right without the text encoder needs less of it.",
                notes(
                    "accurate shoes became generic ones, and outfits got straps and bows, once the text encoder was added"
                ),
                Said("notes", "in the same pictures it also corrected colours and removed an emblem", agrees=False),
            ),
        ),
        _ENCODER,
        (WeightSeen(Lean.OVER, _ENCODER),),
        (OUTPUT_SHARE, OUTPUT_LEAD),
        _PARTS_GRID,
    ),
    Symptom(
        "encoder-undercooked",
        "text encoder undercooked",
        "symptoms of it being 'undercooked' is making weaker associations to what you are trying to train",
        (_NAME_EACH, _MORE_STEPS, _RAISE),
        _ENCODER,
        (*_UNDER, RuleSeen("token-grows", _ENCODER)),
        (TOKEN_EFFECT, OUTPUT_SHARE),
        _PARTS_GRID,
    ),
    Symptom(
        "encoder-overcooked",
        "text encoder overcooked",
        "when TE-LR is overcooked/set way too high, it becomes insensitive to your prompt",
        (_NAME_WHAT_COMES, _FEWER_STEPS, _STOP, _LOWER),
        _ENCODER,
        (*_OVER, RuleSeen("token-fades", _ENCODER)),
        (TOKEN_EFFECT, OUTPUT_SHARE, BLEED),
        _PARTS_GRID,
    ),
    Symptom(
        "encoder-idle",
        "text encoder does almost nothing",
        "TE contributes almost nothing, but the LoRA still functions via UNET training",
        (
            rate(
                _ENCODER,
                Way.RAISE,
                "A higher rate gives it a share of the work; whether that is better only pictures say.",
                *CARRIED,
            ),
            rate(
                _BODY,
                Way.LOWER,
                "A part that learns more slowly leaves work to the other.",
                Said(
                    "demo rates",
                    "a U-Net at a tenth of its rate left a third of the output to the text encoder, in place of a seventieth",
                ),
                notes("UNET appears to be able to create results almost entirely alone"),
            ),
        ),
        _ENCODER,
        (),
        (OUTPUT_SHARE, OUTPUT_LEAD),
        _PARTS_GRID,
    ),
    Symptom(
        "encoder-carries",
        "text encoder does nearly all of the work",
        "undercooked unet being propped up by TE",
        (
            steps(Way.RAISE, "The other part may need more steps than the text encoder.", STEPS_FIRST),
            rate(_BODY, Way.RAISE, "A part that is propped up by the other has not learned its own work.", *CARRIED),
            rate(_ENCODER, Way.LOWER, "With less of the text encoder the other part has to learn it.", *CARRIED),
        ),
        _ENCODER,
        (),
        (OUTPUT_SHARE, OUTPUT_LEAD),
        _PARTS_GRID,
    ),
)
"""In the order in which they are shown."""
