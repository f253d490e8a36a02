"""The table of symptoms: each of the notes is there, each leads to something to try with a source, and nothing named in it is missing."""

import re
from itertools import pairwise

import pytest

from trainer.advice.knobs import KNOBS, ORDER, STEP_WORDS
from trainer.advice.ladder_of_move import BY_HAND_KNOBS, LADDER_KNOBS, RATE_FACTORS
from trainer.advice.record import Answered, MoveStep, RuleSeen, SideSeen, Symptom, Way
from trainer.advice.sources import SOURCES
from trainer.advice.symptoms import SYMPTOMS, symptoms_named, why_not
from trainer.doneness.rules import RULES
from trainer.errors import SettingsError
from trainer.grid.presets import PRESETS as GRIDS
from trainer.ladders.presets import PRESETS as LADDERS
from trainer.measures.registry import MEASURES

ALL = [pytest.param(symptom, id=symptom.key) for symptom in SYMPTOMS.values()]

# What the source notes complain of, each in a few words of theirs, and the symptom that it is here.
COMPLAINTS = {
    "unless I boost the weights": "token-needs-boost",
    "not introducing the elements": "half-learned-token",
    "existing interpretations of the tag": "old-meaning-wins",
    "tag never existed": "weak-tag",
    "the token has no effect": "token-without-effect",
    "from the training materials keep showing up": "unprompted-objects",
    "backpack straps appear": "out-of-scope-objects",
    "no matter what you ask for": "insensitive-to-prompt",
    "extremely chaotic": "chaos-from-first-epoch",
    "becomes 'badges'": "fabricated-details",
    "just vanish": "objects-vanish",
    "the halo just gets mangled": "fingers-halos",
    "addition of TE brings issues": "encoder-brings-faults",
    "weaker associations": "encoder-undercooked",
    "TE-LR is overcooked": "encoder-overcooked",
    "TE contributes almost nothing": "encoder-idle",
    "propped up by TE": "encoder-carries",
    "just get static": "static",
    "changing the style too much": "style-too-much",
    "far off from what it ought to": "far-off",
    "bit by bit": "learned-bit-by-bit",
    "scenery outside the window": "scenery-changes",
    "irregular pose": "irregular-poses",
    "if this is undercooked": "body-undercooked",
    "raised too high": "body-overcooked",
    "functionality without TE": "works-without-encoder",
    "thighhighs showing up aggressively": "outfit-bleed",
    "unable to reliably produce": "bleeds-yet-unreliable",
    "bunny ears": "uneven-outfit",
    "some components may be over": "uneven-things",
    "untrained outfits": "bleeds-without-token",
    "weight past 1": "better-above-1",
    "already overcooked by 1.0": "better-below-1",
    "missing in most images": "undercooked",
    "wrong color": "wrong-details",
    "source of lora glitches": "glitches-between-parts",
    "step count zones are aligned": "zones-apart",
    "Epoch5 was looking decent": "zone-too-narrow",
    "get in a rut": "no-more-progress",
    "interact with other models, other loras": "poor-with-other-lora",
    "very hard to say": "cannot-tell",
    "using 128, 256, and larger dims": "lost-to-rounding",
}


def test_every_complaint_of_the_notes_is_a_symptom() -> None:
    assert {words: key for words, key in COMPLAINTS.items() if words not in SYMPTOMS[key].quote} == {}


def test_a_quote_says_where_it_leaves_words_out() -> None:
    quotes = [symptom.quote for symptom in SYMPTOMS.values() if symptom.quote]
    # Two sentences of the notes are joined by an ellipsis, never by a sign that is not theirs.
    assert [quote for quote in quotes if ";" in quote] == []
    pieces = [piece for quote in quotes for piece in quote.split("…")]
    assert [piece for piece in pieces if len(piece.split()) < 2] == []
    assert sum("…" in quote for quote in quotes) >= 5


def test_a_symptom_without_a_quote_is_not_in_the_notes() -> None:
    assert [key for key, symptom in SYMPTOMS.items() if not symptom.quote] == ["copies-pictures"]


@pytest.mark.parametrize("symptom", ALL)
def test_a_symptom_leads_to_something_to_try_with_a_source_for_it(symptom: Symptom) -> None:
    assert symptom.moves
    assert symptom.key == re.sub(r"[^a-z0-9-]", "", symptom.key)
    for move in symptom.moves:
        assert move.knob in KNOBS, move
        assert move.why.endswith("."), move
        assert any(said.agrees for said in move.sources), f"{move.knob}: nobody speaks for it"
        assert {said.source for said in move.sources} <= set(SOURCES), move
        assert move.way is not Way.CHANGE or move.what, f"{move.knob}: what is to be changed?"
        assert not move.preset or move.preset in LADDERS


@pytest.mark.parametrize("symptom", ALL)
def test_what_a_symptom_names_is_there(symptom: Symptom) -> None:
    assert set(symptom.measures) <= set(MEASURES)
    assert not symptom.grid or symptom.grid in {preset.key for preset in GRIDS}
    rules = {rule.key: rule for rule in RULES}
    for sign in symptom.signs:
        if isinstance(sign, RuleSeen):
            assert sign.lane is None or sign.lane in rules[sign.rule].lanes
        if isinstance(sign, SideSeen):
            assert MEASURES[sign.measure].compared


@pytest.mark.parametrize("symptom", ALL)
def test_the_moves_of_a_symptom_stand_in_the_order_in_which_they_are_tried(symptom: Symptom) -> None:
    steps = [ORDER.index(KNOBS[move.knob].step) for move in symptom.moves]
    assert steps == sorted(steps)
    assert len({move.knob for move in symptom.moves}) == len(symptom.moves)


@pytest.mark.parametrize("symptom", ALL)
def test_every_symptom_of_the_notes_reaches_a_ladder(symptom: Symptom) -> None:
    by_hand = {"poor-on-other-base"}
    reaches = any(move.knob in LADDER_KNOBS for move in symptom.moves)
    assert reaches or symptom.key in by_hand


def test_every_knob_has_a_ladder_or_a_way_to_do_it_by_hand_and_is_used() -> None:
    assert set(KNOBS) == LADDER_KNOBS | BY_HAND_KNOBS
    assert not LADDER_KNOBS & BY_HAND_KNOBS
    assert {move.knob for symptom in SYMPTOMS.values() for move in symptom.moves} == set(KNOBS)


def test_every_source_is_used() -> None:
    used = {said.source for symptom in SYMPTOMS.values() for move in symptom.moves for said in move.sources}
    assert used == set(SOURCES)


def test_sources_that_disagree_are_shown_beside_those_that_agree() -> None:
    """Two that outside work disputes: that style is the U-Net's, and that stray things come through the text encoder."""
    for key, knob in (("style-too-much", "body-rate"), ("unprompted-objects", "encoder-rate")):
        move = next(move for move in SYMPTOMS[key].moves if move.knob == knob)
        assert {said.agrees for said in move.sources} == {True, False}


def test_steps_are_large_and_a_ladder_has_three_rungs() -> None:
    for factors in RATE_FACTORS.values():
        assert len(factors) == 3 and 1 in factors
        assert all(after / before >= 3 for before, after in pairwise(factors))


def test_the_steps_are_tried_in_the_order_of_the_notes() -> None:
    assert ORDER == (MoveStep.DATA, MoveStep.REPEATS, MoveStep.STEPS, MoveStep.RATES)
    assert set(STEP_WORDS) == set(MoveStep)
    assert len(Answered) == 4


def test_a_symptom_of_a_part_does_not_apply_where_none_trains() -> None:
    assert "no text encoder trains" in why_not(SYMPTOMS["token-needs-boost"], ["unet"])
    assert why_not(SYMPTOMS["token-needs-boost"], ["unet", "text_encoder_2"]) == ""
    assert "does not train" in why_not(SYMPTOMS["static"], ["text_encoder"])
    assert why_not(SYMPTOMS["overcooked"], []) == ""


def test_an_unknown_symptom_is_named_with_the_nearest_one() -> None:
    assert [symptom.key for symptom in symptoms_named(["static", "far-off", "static"])] == ["static", "far-off"]
    with pytest.raises(SettingsError, match=r"--symptom: statik; expected a symptom's key, such as static; .*--list"):
        symptoms_named(["statik"])
    with pytest.raises(SettingsError, match="zzzzzz; expected a symptom's key;"):
        symptoms_named(["zzzzzz"])


def test_nothing_in_the_table_is_sold_as_right() -> None:
    texts = [symptom.title for symptom in SYMPTOMS.values()]
    texts += [text for symptom in SYMPTOMS.values() for move in symptom.moves for text in (move.why, move.what)]
    forbidden = re.compile(
        r"\b(quality|best value|optimal|correct value|you should|must be set|recommended)\b", re.IGNORECASE
    )
    assert [text for text in texts if forbidden.search(text)] == []
