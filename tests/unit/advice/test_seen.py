"""Symptoms are seen beyond the noise only: nothing is advised inside it, nor where it is not known."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from made_bakes import estimated, floors, measured, noisy, saved_epochs

from trainer.advice.advise import advised_moves
from trainer.advice.known import FavouriteWeight, KnownOfBake, MeasuredFact, place_of
from trainer.advice.record import BandSeen, Lean, RuleSeen, SideSeen, Sign, Symptom, VerdictSeen, WeightSeen
from trainer.advice.seen import CHANCE, symptom_here, symptoms_here
from trainer.advice.symptoms import SYMPTOMS
from trainer.doneness.place import place
from trainer.doneness.record import (
    Agreement,
    AimedBand,
    Doneness,
    DonenessLane,
    EpochState,
    LaneKind,
    Placed,
    RuleFinding,
    UserMark,
)
from trainer.doneness.rules import RULES
from trainer.doneness.series import FloorOf
from trainer.doneness.verdicts import WHOLE, Verdict
from trainer.journal.measure_records import MeasuredValue
from trainer.judging.direction import Direction, sign_chance
from trainer.ladders.own_settings import OwnSettings
from trainer.measures.of_parts import OUTPUT_SHARE, OUTPUT_TOGETHER
from trainer.measures.of_pictures import BLEED, STATIC, TOKEN_EFFECT
from trainer.measures.of_validation import AUC, HELD_OUT_CHANGE, UNCAPTIONED
from trainer.measures.of_validation import CHANCE as P
from trainer.measures.of_weights import DELTA_SHARE
from trainer.noise_floor.record import Floor
from trainer.noise_floor.spread import compare_change
from trainer.noise_floor.values import ValueKey
from trainer.settings.model import Settings

PARTS = ("unet", "text_encoder")
OWN = OwnSettings("advice", Settings(pretrained_model_name_or_path="demo"), "sd1")
SPREADS = {
    HELD_OUT_CHANGE: 0.01,
    STATIC: 0.05,
    TOKEN_EFFECT: 0.1,
    BLEED: 0.05,
    OUTPUT_SHARE: 0.02,
    DELTA_SHARE.key: 0.03,
}
LEVELS = {HELD_OUT_CHANGE: 0.0, STATIC: 0.0, TOKEN_EFFECT: 1.0, BLEED: 0.5, OUTPUT_SHARE: 0.0, DELTA_SHARE.key: 0.01}
# Two values this far apart at most, in spreads, are inside what twins differ by, however many twins there are.
INSIDE = 0.9


def known(
    doneness: Doneness, weights: tuple[FavouriteWeight, ...] = (), facts: tuple[MeasuredFact, ...] = ()
) -> KnownOfBake:
    return KnownOfBake(bake=1, parts=PARTS, doneness=doneness, weights=weights, facts=facts, place=place_of(doneness))


def fact(value: float, spread: float | None, degrees: float = 4) -> MeasuredFact:
    floor = None if spread is None else Floor(spread=spread, bakes=int(degrees) + 1, degrees=degrees)
    return MeasuredFact(
        ValueKey(OUTPUT_TOGETHER), f"output together {value:g}", "its noise", compare_change(value, floor)
    )


def favourites(
    about: LaneKind | None, lean: str, weight: float, chance: float, beside: float = 0.01
) -> FavouriteWeight:
    return FavouriteWeight(3, about, Direction("unet", "U-Net", lean, weight, 5, chance, beside_full=beside))  # type: ignore[arg-type]


@st.composite
def bakes_inside_the_noise(draw: st.DrawFn) -> KnownOfBake:
    """Draw a bake of which nothing differs from anything by more than twins do, judged as chance would judge it."""
    epochs = draw(st.integers(2, 7))
    degrees = draw(st.sampled_from([1, 2, 4, 30]))
    offsets = st.lists(st.floats(-INSIDE, INSIDE), min_size=epochs, max_size=epochs)
    values: list[MeasuredValue] = []
    for name, part, scope in (
        (HELD_OUT_CHANGE, "", ""),
        (HELD_OUT_CHANGE, "", "layout"),
        (STATIC, "", ""),
        (TOKEN_EFFECT, "", ""),
        (BLEED, "", ""),
        (OUTPUT_SHARE, "text_encoder", ""),
        (DELTA_SHARE.key, "unet", ""),
        (DELTA_SHARE.key, "text_encoder", ""),
    ):
        if draw(st.booleans()):
            continue
        level, spread = LEVELS[name], SPREADS[name]
        by_ratio = name == DELTA_SHARE.key
        drawn = [level * (1 + spread * at) if by_ratio else level + spread * at for at in draw(offsets)]
        base = None if name in (HELD_OUT_CHANGE, OUTPUT_SHARE, DELTA_SHARE.key) else level
        values += measured(name, drawn, part=part, scope=scope, base=base)
    for suffix in ("", UNCAPTIONED):
        values += measured(AUC + suffix, [0.5] * epochs, half=0.1)
        values += measured(P + suffix, [draw(st.floats(0.05, 1.0))] * epochs)
    verdicts = []
    for about in (WHOLE, LaneKind.BODY.value, LaneKind.ENCODER.value):
        said, other = draw(st.sampled_from([("under", "right"), ("over", "right"), ("over", "under")]))
        votes, against = draw(st.integers(0, 12)), draw(st.integers(0, 12))
        assume(sign_chance(max(votes, against), min(votes, against)) >= CHANCE)
        verdicts += [Verdict(100 * epochs, about, said)] * votes + [Verdict(100 * epochs, about, other)] * against
    doneness = place(1, saved_epochs(epochs), values, PARTS, floors(SPREADS, degrees=degrees), verdicts=verdicts)
    lean, weight = draw(st.sampled_from([("under", 1.4), ("over", 0.5), ("right", 1.0)]))
    weights = tuple(
        favourites(about, lean, weight, draw(st.floats(CHANCE, 1.0)))
        for about in (None, LaneKind.BODY, LaneKind.ENCODER)
    )
    # Or the sheet's weights alone would make it, and the favourites lie on both sides of full weight.
    if draw(st.booleans()):
        weights = (favourites(None, lean, weight, 0.01, draw(st.floats(CHANCE, 1.0))), *weights)
    facts = (fact(draw(st.floats(-0.5, 0.5)), 0.3), fact(draw(st.floats(-5, 5)), None))
    return known(doneness, weights, facts)


@given(bakes_inside_the_noise())
def test_no_advice_is_given_inside_the_noise(bake: KnownOfBake) -> None:
    here = symptoms_here(bake)
    assert [each.symptom.key for each in here if each.seen] == []
    assert advised_moves(here, OWN, 1) == ()


@pytest.mark.parametrize(("epochs", "degrees"), [(4, 2), (8, 10)])
def test_of_bakes_of_noise_alone_symptoms_are_rarely_seen(epochs: int, degrees: int) -> None:
    """With noise as twins estimate it, anew for every value: as rarely as the confidence says."""
    random, bakes, seen = Random(epochs), 100, 0
    for _ in range(bakes):
        values: list[MeasuredValue] = []
        for name, level in LEVELS.items():
            parts = PARTS if name == DELTA_SHARE.key else ("text_encoder",) if name == OUTPUT_SHARE else ("",)
            base = name not in (HELD_OUT_CHANGE, OUTPUT_SHARE, DELTA_SHARE.key)
            for part in parts:
                values += noisy(
                    random, name, lambda at, level=level: level, SPREADS[name], epochs, part=part, base=base
                )
        noise: FloorOf = estimated(random, SPREADS, degrees)
        seen += any(here.seen for here in symptoms_here(known(place(1, saved_epochs(epochs), values, PARTS, noise))))
    assert seen <= 0.15 * bakes


def test_a_trend_whose_noise_between_bakes_is_not_known_advises_nothing() -> None:
    falls = measured(HELD_OUT_CHANGE, [-0.05, -0.1, -0.2, -0.4], half=0.01)
    doneness = place(1, saved_epochs(4), falls, ("unet",), floors({}))
    assert any(finding.is_there for finding in doneness.lanes[0].epochs[-1].findings)
    here = symptom_here(SYMPTOMS["far-off"], known(doneness))
    assert here.seen == () and not here.asks
    assert any("noise not known: make a twin" in line for line in here.calm)
    twins = place(1, saved_epochs(4), falls, ("unet",), floors({HELD_OUT_CHANGE: 0.005}))
    assert symptom_here(SYMPTOMS["far-off"], known(twins)).asks


SIGNS = [
    pytest.param(symptom, sign, id=f"{symptom.key}-{place}")
    for symptom in SYMPTOMS.values()
    for place, sign in enumerate(symptom.signs)
]


def shows(sign: Sign) -> KnownOfBake:
    """Return a bake that has a sign, beyond the noise."""
    epochs = saved_epochs(3)
    lanes = [
        DonenessLane(LaneKind.BODY, "unet", "U-Net", (Placed(EpochState.UNKNOWN),) * 3, bands=True),
        DonenessLane(LaneKind.ENCODER, "text_encoder", "text encoder", (Placed(EpochState.UNKNOWN),) * 3, bands=True),
        DonenessLane(LaneKind.MEMORIZED, "", "memorization", (Placed(EpochState.UNKNOWN),) * 3, bands=True),
    ]
    doneness = Doneness(1, tuple(epochs), tuple(lanes))
    match sign:
        case RuleSeen():
            rule = next(each for each in RULES if each.key == sign.rule)
            at = next(at for at, lane in enumerate(lanes) if lane.kind in rule.lanes and sign.lane in (None, lane.kind))
            found = RuleFinding(rule.key, rule.sign, True, rule.words)
            lanes[at] = replace(lanes[at], epochs=(*lanes[at].epochs[:2], Placed(EpochState.FORMING, (found,))))
            return known(replace(doneness, lanes=tuple(lanes)))
        case VerdictSeen():
            about = WHOLE if sign.about is None else sign.about.value
            mark = UserMark(2, sign.lean, about, (9, 10), Agreement.OPEN, "words")
            return known(replace(doneness, marks=(mark,)))
        case WeightSeen():
            weight = 1.4 if sign.lean is Lean.UNDER else 0.5
            return known(doneness, (favourites(sign.about, sign.lean, weight, 0.01),))
        case BandSeen():
            done, forming, over = (Placed(state) for state in (EpochState.DONE, EpochState.FORMING, EpochState.OVER))
            courses = (
                ((done, over, over), (forming, forming, done))
                if sign.apart
                else ((forming, done, over), (forming, done, done))
            )
            lanes[:2] = [replace(lane, epochs=course) for lane, course in zip(lanes[:2], courses, strict=True)]
            band = None if sign.apart else AimedBand(1, 1, ("U-Net", "text encoder"), 0)
            return known(replace(doneness, lanes=tuple(lanes), band=band, no_band="no band: apart"))
        case SideSeen():
            return known(doneness, facts=(fact(-0.5 if sign.below else 0.5, 0.01),))


def silenced(bake: KnownOfBake) -> KnownOfBake:
    """Return the same bake with every sign inside the noise, or with noise that is not known."""
    lanes = tuple(
        replace(
            lane,
            epochs=tuple(
                replace(placed, findings=tuple(replace(each, between_bakes=False) for each in placed.findings))
                for placed in (Placed(EpochState.UNKNOWN, each.findings) for each in lane.epochs)
            ),
        )
        for lane in bake.doneness.lanes
    )
    marks = tuple(replace(mark, pictures=(3, 5)) for mark in bake.doneness.marks)
    weights = tuple(replace(each, direction=replace(each.direction, chance=0.3)) for each in bake.weights)
    facts = tuple(fact(-0.001, 0.01) for _ in bake.facts)
    doneness = replace(bake.doneness, lanes=lanes, marks=marks, band=None)
    return replace(bake, doneness=doneness, weights=weights, facts=facts)


@pytest.mark.parametrize(("symptom", "sign"), SIGNS)
def test_each_sign_shows_its_symptom_beyond_the_noise_and_not_inside_it(symptom: Symptom, sign: Sign) -> None:
    bake = shows(sign)
    assert symptom_here(symptom, bake).seen
    assert symptom_here(symptom, bake).asks
    quiet = symptom_here(symptom, silenced(bake))
    assert quiet.seen == () and not quiet.asks


def test_what_the_user_ticks_is_advised_on_whatever_is_measured() -> None:
    bake = silenced(shows(RuleSeen("static-rises", LaneKind.BODY)))
    here = symptoms_here(bake, ["far-off", "static"])
    assert [each.symptom.key for each in here[:2]] == ["static", "far-off"] or (here[0].chosen and here[1].chosen)
    assert {each.symptom.key for each in here if each.asks} == {"static", "far-off"}


def test_the_users_best_epoch_is_looked_at_in_place_of_the_last() -> None:
    bake = shows(RuleSeen("static-rises", LaneKind.BODY))
    assert symptom_here(SYMPTOMS["static"], bake).seen
    best = UserMark(0, "best", WHOLE, (1, 1), Agreement.OPEN, "words")
    doneness = replace(bake.doneness, marks=(best,))
    assert symptom_here(SYMPTOMS["static"], known(doneness)).seen == ()


def test_members_that_a_folder_tells_apart_are_no_sign_of_memorization() -> None:
    bake = shows(RuleSeen("members-fall"))
    assert symptom_here(SYMPTOMS["copies-pictures"], bake).seen
    lanes = tuple(replace(lane, bands=False) for lane in bake.doneness.lanes)
    assert not symptom_here(SYMPTOMS["copies-pictures"], known(replace(bake.doneness, lanes=lanes))).seen


def test_what_is_too_small_to_be_seen_is_no_sign_however_little_twins_differ() -> None:
    sign = next(each for each in SYMPTOMS["glitches-between-parts"].signs if isinstance(each, SideSeen))
    bake = shows(sign)
    assert symptom_here(SYMPTOMS["glitches-between-parts"], bake).seen
    small = replace(bake, facts=(fact(-0.011, 0.0001),))
    assert symptom_here(SYMPTOMS["glitches-between-parts"], small).seen == ()
