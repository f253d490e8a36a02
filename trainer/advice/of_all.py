"""Symptoms of the LoRA as a whole, of its parts together, and of several things in one LoRA."""

from trainer.advice.knobs import (
    ALL_RATES,
    ALPHA_AT_PAIR,
    BASE,
    LAYER_LIMIT,
    PRECISION,
    SCHEDULER,
    STEPS,
    TWIN,
)
from trainer.advice.moves import all_rates, captions, pictures, rate, repeats, steps, stop
from trainer.advice.record import BandSeen, Lean, Move, RuleSeen, Said, SideSeen, Symptom, VerdictSeen, Way, WeightSeen
from trainer.advice.sources import (
    ALPHA,
    BALANCE,
    BODY_SLOW,
    CAPTION_IT,
    CARRIED,
    ENCODER_SLOW,
    STEPS_FIRST,
    TAGS_FIRST,
    TWINS,
    UNPROMPTED,
    ZONES,
    notes,
)
from trainer.doneness.record import LaneKind
from trainer.measures.of_parts import OUTPUT_INTERACTION, OUTPUT_LEAD, OUTPUT_SHARE, OUTPUT_TOGETHER
from trainer.measures.of_pictures import BLEED, DRIFT, OUTFIT_SEEN, TOKEN_EFFECT
from trainer.measures.of_validation import AUC, HELD_OUT_CHANGE, UNCAPTIONED
from trainer.measures.of_weights import DELTA_SHARE, MOVEMENT, ROUNDED_OFF

_BODY, _ENCODER = LaneKind.BODY, LaneKind.ENCODER
_PARTS_GRID, _EPOCHS_GRID, _SEEDS_GRID = "unet-text-encoder", "epochs-weight", "prompts-seeds"

_EITHER_ENCODER = rate(
    _ENCODER, Way.EITHER, "Bleed may come from a part that is over, and a thing may be bled and half learned at once.",
    notes("outfit bleed can come from either part, or both; the right way out is open"), *UNPROMPTED[2:],
)  # fmt: skip
_EITHER_BODY = rate(
    _BODY, Way.EITHER, "Bleed may come from the part that predicts as well.",
    notes("try the weights of the text encoder first, then those of the U-Net, to see which way to go"),
    Said("memorization bench", "what no caption names comes through the body"),
)  # fmt: skip
_NAME_OUTFITS = captions(
    "name in every caption the outfit and each piece of it, and give each outfit a word of its own",
    "A piece that one outfit's captions leave out is learned with the subject, and comes with every outfit.",
    *CAPTION_IT,
)
_BALANCE = repeats(
    Way.CHANGE, "What is shown too often is over while the rest is still under.", *BALANCE,
    what="more repeats for the folders of what is under, fewer for what is over",
)  # fmt: skip
_MORE_STEPS = steps(Way.RAISE, "What still gets better at the end was ended early.", STEPS_FIRST)
_FEWER_STEPS = steps(Way.LOWER, "An earlier epoch is already saved; look there before anything is baked.", STEPS_FIRST)
_RAISE_BODY = rate(
    _BODY, Way.RAISE, "There is room above the rate where more than full weight looks better.", *BODY_SLOW
)
_LOWER_ALL = all_rates(
    Way.LOWER, "Less of everything: at lower rates each epoch changes less.",
    notes("larger rates likely have fewer right epochs, smaller ones more"),
    Said("burnt parts", "burning follows the rate, not the number of epochs"),
)  # fmt: skip
_RAISE_ALL = all_rates(Way.RAISE, "More of everything in the same steps.", *BODY_SLOW, *ENCODER_SLOW[:1])

SYMPTOMS_OF_ALL: tuple[Symptom, ...] = (
    Symptom(
        "outfit-bleed",
        "outfit bleed: pieces of one outfit on others",
        "thighhighs showing up aggressively on different outfits that aren't supposed to have them",
        (_NAME_OUTFITS, _BALANCE, _FEWER_STEPS, _EITHER_ENCODER, _EITHER_BODY),
        None,
        (RuleSeen("bleed-rises"),),
        (BLEED, OUTFIT_SEEN),
        _PARTS_GRID,
    ),
    Symptom(
        "bleeds-yet-unreliable",
        "an outfit bleeds, and still does not come when asked for",
        "you can have outfits bleeding while the lora is still unable to reliably produce",
        (
            _NAME_OUTFITS,
            _BALANCE,
            Move(
                STEPS,
                Way.EITHER,
                "It is both over and under, so neither more nor fewer steps alone answer it.",
                (notes("bleed and unreliability together are no simple matter of over against under"),),
            ),
            _EITHER_ENCODER,
            _EITHER_BODY,
        ),
        None,
        (),
        (BLEED, OUTFIT_SEEN, TOKEN_EFFECT),
        _PARTS_GRID,
    ),
    Symptom(
        "uneven-outfit",
        "one piece of an outfit is over, another under",
        "bunny ears on a bunnygirl underfit while the thighhighs are overfit",
        (
            captions(
                "name both pieces in the captions, each only where a picture shows it",
                "Pieces with words of their own are learned apart.",
                *CAPTION_IT,
            ),
            pictures(
                "add pictures that show the weak piece and not the strong one",
                "What always comes together is learned together.",
                TAGS_FIRST,
            ),
            _BALANCE,
            _LOWER_ALL,
        ),
        None,
        (),
        (OUTFIT_SEEN,),
        _SEEDS_GRID,
    ),
    Symptom(
        "uneven-things",
        "of several things in one LoRA some are over, some under",
        "when including multiple different things in a single lora, some components may be over while others are under",
        (
            _BALANCE,
            stop(_ENCODER, "The strong thing's words stay as they are while the rest is still learned.", *CARRIED[:1]),
            _LOWER_ALL,
        ),
        None,
        (),
        (OUTFIT_SEEN,),
        _SEEDS_GRID,
    ),
    Symptom(
        "bleeds-without-token",
        "subject comes through without its token",
        "bleeding into untrained outfits",
        (
            captions(
                "name in the captions whatever is not the subject's own",
                "What no caption names is learned with everything.",
                *CAPTION_IT,
            ),
            pictures(
                "add regularisation pictures of the same kind without the subject",
                "They hold what the base draws without the token.",
                Said("dreambooth study", "pictures of the class beside the subject's keep the class as it was"),
            ),
            _FEWER_STEPS,
            _EITHER_ENCODER,
            _EITHER_BODY,
        ),
        None,
        (RuleSeen("bleed-rises"),),
        (BLEED, TOKEN_EFFECT),
        "token",
    ),
    Symptom(
        "better-above-1",
        "better at a weight above 1",
        "if it looks better with weight past 1, there is probably room to calibrate for higher steps/unet_lr",
        (
            steps(
                Way.RAISE,
                "More than full weight stands for more training, though it is not the same.",
                notes("better above full weight likely means room for more steps or a higher U-Net rate"),
            ),
            _RAISE_BODY,
        ),
        None,
        (WeightSeen(Lean.UNDER), WeightSeen(Lean.UNDER, _BODY)),
        (HELD_OUT_CHANGE, DRIFT),
        _EPOCHS_GRID,
    ),
    Symptom(
        "better-below-1",
        "better at a weight below 1",
        "with these settings, I suspect the backpack is already overcooked by 1.0",
        (
            _FEWER_STEPS,
            rate(
                _BODY,
                Way.LOWER,
                "Less than full weight stands for less training, though it is not the same.",
                notes("what is better below full weight is likely overcooked"),
            ),
            _LOWER_ALL,
        ),
        None,
        (WeightSeen(Lean.OVER), WeightSeen(Lean.OVER, _BODY)),
        (HELD_OUT_CHANGE, DRIFT),
        _EPOCHS_GRID,
    ),
    Symptom(
        "undercooked",
        "undercooked: the subject is missing or weak",
        "the dealwithit glasses are missing in most images",
        (
            captions(
                "see that the token stands in every caption of the subject",
                "A picture without the token does not teach it.",
                TAGS_FIRST,
            ),
            repeats(Way.RAISE, "More repeats are more steps for these pictures.", *BALANCE),
            _MORE_STEPS,
            _RAISE_ALL,
        ),
        None,
        (VerdictSeen(Lean.UNDER),),
        (HELD_OUT_CHANGE, TOKEN_EFFECT),
        _EPOCHS_GRID,
    ),
    Symptom(
        "overcooked",
        "overcooked: burnt, stiff, or always the same",
        "being over/under cooked by a new step count",
        (_FEWER_STEPS, _LOWER_ALL),
        None,
        (VerdictSeen(Lean.OVER), RuleSeen("validation-rises", _BODY)),
        (HELD_OUT_CHANGE, BLEED),
        _EPOCHS_GRID,
    ),
    Symptom(
        "wrong-details",
        "wrong colours, or parts that do not belong",
        "the school uniform having the wrong color, as well as an emblem on the chest which shouldn't exist",
        (
            captions(
                "name colours and emblems in the captions",
                "A colour with a word is learned as that word's.",
                *CAPTION_IT,
            ),
            pictures(
                "remove pictures with other colours, or give them a word of their own",
                "Colours that differ are learned as their mean.",
                TAGS_FIRST,
            ),
            rate(
                _ENCODER,
                Way.RAISE,
                "The text encoder ties a colour to its word.",
                notes("adding the text encoder corrected the uniform's colour, an emblem and a bow tie"),
                Said("notes", "in the same pictures it made accurate shoes generic and changed frills", agrees=False),
            ),
            rate(_BODY, Way.RAISE, "It may not have learned the colours yet.", *BODY_SLOW),
        ),
        None,
        (),
        (OUTFIT_SEEN, OUTPUT_SHARE),
        _PARTS_GRID,
    ),
    Symptom(
        "glitches-between-parts",
        "glitches where the parts meet",
        "a half baked UNET or TE will interfere with the other component? (I feel this is a source of lora glitches)",
        (
            steps(
                Way.RAISE,
                "A part that is half done may come to terms with the other.",
                notes("suspects that a half-baked part disturbs the other"),
            ),
            stop(_ENCODER, "One part stays as it is while the other catches up.", *ZONES[:1]),
            rate(_ENCODER, Way.EITHER, "The parts may disagree because one of them is ahead.", *ZONES),
            rate(_BODY, Way.EITHER, "It may be the other part that is behind or ahead.", *ZONES),
        ),
        _ENCODER,
        (SideSeen(OUTPUT_TOGETHER, below=True, least=0.05),),
        (OUTPUT_TOGETHER, OUTPUT_INTERACTION, OUTPUT_LEAD),
        _PARTS_GRID,
    ),
    Symptom(
        "zones-apart",
        "parts are right at different epochs",
        "calibrate UNET LR and TE-LR such that their ideal step count zones are aligned as closely as possible",
        (
            stop(_BODY, "What is done first can stop there while the other continues.", *ZONES[:1]),
            stop(
                _ENCODER,
                "A part that is done earlier can stop there while the other continues.",
                *ZONES[:1],
                notes("a stop of one part alone was missing in 2023 and would answer it"),
            ),
            rate(_ENCODER, Way.EITHER, "Its rate moves the epochs at which it is right.", *ZONES),
            rate(_BODY, Way.EITHER, "Its rate moves the epochs at which it is right.", *ZONES),
        ),
        _ENCODER,
        (BandSeen(apart=True),),
        (HELD_OUT_CHANGE, TOKEN_EFFECT),
        _PARTS_GRID,
    ),
    Symptom(
        "zone-too-narrow",
        "one epoch is under, the next one over",
        "Epoch5 was looking decent but somewhat undercooked whereas epoch6+ … starts bleeding into untrained outfits",
        (
            Move(
                STEPS,
                Way.RAISE,
                "At lower rates the same way takes more steps; save more often, too.",
                (notes("the rates seemed too coarse: lower ones were to be tried"),),
            ),
            Move(
                ALL_RATES,
                Way.LOWER,
                "At lower rates there are more epochs between under and over.",
                ZONES[1:],
                preset="rate-steps",
            ),
        ),
        None,
        (BandSeen(apart=False),),
        (HELD_OUT_CHANGE, BLEED),
        _EPOCHS_GRID,
    ),
    Symptom(
        "no-more-progress",
        "no more progress after some epoch",
        "other schedulers … may get in a rut and stop making useful progress at a certain number of steps",
        (
            Move(
                SCHEDULER,
                Way.CHANGE,
                "A schedule that has fallen to 0 trains no more, whatever the steps.",
                (notes("restarts of the cosine may let a bake get further than schedules that get stuck"),),
                "another schedule, or more restarts",
            ),
            _RAISE_ALL,
        ),
        None,
        (),
        (HELD_OUT_CHANGE, MOVEMENT.key, DELTA_SHARE.key),
        _EPOCHS_GRID,
    ),
    Symptom(
        "copies-pictures",
        "training pictures come back nearly as they are",
        "",
        (
            pictures(
                "add pictures, as different ones as you have",
                "More pictures take longer to be memorized.",
                Said("memorization time", "the time until memorization grows in proportion to the number of pictures"),
                Said("demo members", "four pictures were memorized after 40 steps, sixteen showed no sign after 240"),
            ),
            captions(
                "name in the captions what differs between the pictures",
                "What is known by heart stays when the caption is removed.",
                *CAPTION_IT,
            ),
            repeats(
                Way.LOWER,
                "The most shown pictures are memorized first.",
                *BALANCE[1:],
                Said("demo members", "pictures shown 40 times were memorized where there were four of them"),
            ),
            steps(
                Way.LOWER,
                "Memorization comes with the number of times that a picture was shown.",
                Said("memorization time", "it comes after a time that does not depend on when the LoRA is useful"),
                Said("early turn", "generalisation turns before the lowest point of validation"),
            ),
            _LOWER_ALL,
        ),
        None,
        (RuleSeen("members-fall"), RuleSeen("members-fall-uncaptioned")),
        (AUC, AUC + UNCAPTIONED),
        _SEEDS_GRID,
    ),
    Symptom(
        "poor-with-other-lora",
        "breaks beside another LoRA",
        "differences in how loras interact with other models, other loras",
        (
            Move(
                LAYER_LIMIT,
                Way.LOWER,
                "Changes that are added up are as large as both together.",
                (
                    Said(
                        "merge probe", "three LoRAs added up were worse than the base; with their sizes limited hardly"
                    ),
                ),
                "limit the size of each layer's change",
            ),
            rate(
                _BODY,
                Way.LOWER,
                "A smaller change leaves more room for another.",
                Said("merge probe", "with their sizes limited, added LoRAs lost far less"),
            ),
        ),
        None,
        (),
        (DELTA_SHARE.key,),
        "other-lora",
    ),
    Symptom(
        "poor-on-other-base",
        "works on its own base, not on another",
        "differences in how loras interact with other models",
        (
            Move(
                BASE,
                Way.CHANGE,
                "Another family or another kind of prediction cannot work; among bases alike it is open.",
                (notes("asks what makes LoRAs act differently on other models, and has no answer"),),
                "look at one epoch on all of these bases first, with their families and predictions",
            ),
            _LOWER_ALL,
        ),
        None,
        (),
        (DELTA_SHARE.key, DRIFT),
        "bases",
    ),
    Symptom(
        "cannot-tell",
        "cannot tell whether a change made it better",
        "it can be very hard to say whether it produces better or worse results on just a few comparisons",
        (
            Move(
                TWIN,
                Way.CHANGE,
                "Without twins nobody knows which differences are noise.",
                TWINS,
                "bake it again with other random numbers",
            ),
            all_rates(
                Way.EITHER,
                "Small steps are lost in the noise; trends, cliffs and thresholds show over a large range.",
                notes("look at what a setting does over a large range of values, not at a step of a quarter"),
                *TWINS[1:],
            ),
        ),
        None,
        (),
        (),
        _SEEDS_GRID,
    ),
    Symptom(
        "lost-to-rounding",
        "changes are lost to rounding at a large dim or a small alpha",
        "a problem that you would sometimes face when using 128, 256, and larger dims",
        (
            Move(
                PRECISION,
                Way.CHANGE,
                "fp16 rounds small numbers off that bf16 and fp32 keep.",
                (Said("rounding", "alpha was added because small weights of lora_up were rounded off"),),
                "another number type",
            ),
            Move(
                ALPHA_AT_PAIR,
                Way.EITHER,
                "Alpha sets how large the numbers in lora_up are; the pair of rates stays the same.",
                ALPHA,
                "another alpha, with lora_up's rate changed so that the pair stays the same",
            ),
        ),
        None,
        (),
        (ROUNDED_OFF.key,),
        "",
    ),
)
"""In the order in which they are shown."""
