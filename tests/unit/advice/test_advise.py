"""Advice on a bake of a journal: moves in their order, each with what the ladders of this journal say of it."""

from pathlib import Path

import pytest
from advised_bakes import START, add_ladder, add_measured, workspace_at
from made_twins import EPOCH, add_bake

from trainer.advice.advise import LARGE, advice_for, way_of
from trainer.advice.knobs import ORDER
from trainer.advice.record import Answered, Way
from trainer.advice.symptoms import SYMPTOMS
from trainer.advice.ticks import keep_ticks, ticked
from trainer.errors import SettingsError, WorkspaceError
from trainer.journal.journal import Journal
from trainer.measures.of_pictures import BLEED, TOKEN_EFFECT
from trainer.measures.of_validation import HELD_OUT_CHANGE
from trainer.workspace import Workspace


@pytest.fixture
def here(tmp_path: Path) -> tuple[Workspace, int]:
    """Return a workspace with one bake, and its number."""
    workspace = workspace_at(tmp_path / "ws")
    with Journal(workspace.journal_path) as journal:
        return workspace, add_measured(journal, TOKEN_EFFECT, 0.5)


def advise(here: tuple[Workspace, int], *chosen: str):
    workspace, number = here
    with Journal(workspace.journal_path) as journal:
        return advice_for(journal, workspace, number, chosen)


def test_without_a_symptom_nothing_is_advised(here) -> None:
    advice = advise(here)
    assert advice.moves == () and advice.set_aside == ()
    assert advice.epoch == "epoch 2"
    assert advice.unknown and any("not measured" in line or "noise not known" in line for line in advice.unknown)
    assert len(advice.symptoms) == len(SYMPTOMS)


@pytest.mark.parametrize("key", list(SYMPTOMS))
def test_every_symptom_leads_to_moves_in_order_each_with_a_try_and_a_test(here, key: str) -> None:
    advice = advise(here, key)
    assert advice.symptoms[0].symptom.key == key and advice.symptoms[0].chosen
    assert advice.moves
    steps = [ORDER.index(move.knob.step) for move in advice.moves]
    assert steps == sorted(steps)
    for move in advice.moves:
        assert move.attempts and all(line.startswith("try") for line in move.attempts)
        assert move.ladder is not None or move.by_hand
        assert move.reasons[0].symptom == key
        assert move.answered is Answered.NO


def test_steps_are_said_to_be_large_and_never_right(here) -> None:
    move = advise(here, "token-needs-boost").move("encoder-rate")
    assert move is not None and move.way is Way.RAISE
    assert move.attempts == (f"try ×3 (text_encoder_lr=3e-4): {LARGE}",)
    assert move.title == "learning rate of the text encoder"
    assert move.ladder is not None and move.ladder.twins == 2


def test_symptoms_that_disagree_make_a_ladder_both_ways(here) -> None:
    move = advise(here, "token-needs-boost", "unprompted-objects").move("encoder-rate")
    assert move is not None and move.way is Way.EITHER
    assert [reason.way for reason in move.reasons] == [Way.RAISE, Way.LOWER]
    assert move.ladder is not None
    assert [rung.label for rung in move.ladder.rungs] == ["×0.33", "×1", "×3"]
    assert way_of([Way.LOWER, Way.LOWER]) is Way.LOWER


def test_what_is_of_a_text_encoder_is_left_out_where_none_trains(tmp_path: Path) -> None:
    workspace = workspace_at(tmp_path / "ws")
    with Journal(workspace.journal_path) as journal:
        number = add_bake(journal, network_train_unet_only=True)
        advice = advice_for(journal, workspace, number, ["token-needs-boost", "fingers-halos"])
    first = next(each for each in advice.symptoms if each.symptom.key == "token-needs-boost")
    assert first.missing == "no text encoder trains in this bake" and not first.asks
    assert "encoder-rate" not in [move.key for move in advice.moves]
    assert "body-rate" in [move.key for move in advice.moves]
    assert {reason.symptom for move in advice.moves for reason in move.reasons} == {"fingers-halos"}


def test_a_ladder_inside_the_noise_sets_the_move_aside(here) -> None:
    workspace, _ = here
    with Journal(workspace.journal_path) as journal:
        add_ladder(journal, "text_encoder_lr", ["0.1", "1", "10"], [(0.5, 0.6), (0.55, 0.45), (0.6, 0.5)], TOKEN_EFFECT)
    advice = advise(here, "token-needs-boost")
    move = advice.move("encoder-rate")
    assert move in advice.set_aside and move not in advice.moves
    assert move.answered is Answered.INSIDE
    assert any(
        line.startswith("ladder 1, text_encoder_lr ×0.1 … ×10: inside the noise in token effect")
        for line in move.evidence
    )
    assert "body-rate" not in [each.key for each in advice.set_aside]


def test_a_ladder_that_went_less_far_does_not_answer_the_move(here) -> None:
    workspace, _ = here
    with Journal(workspace.journal_path) as journal:
        add_ladder(
            journal, "text_encoder_lr", ["0.5", "1", "1.5"], [(0.5, 0.6), (0.55, 0.45), (0.6, 0.5)], TOKEN_EFFECT
        )
    move = advise(here, "token-needs-boost").move("encoder-rate")
    assert move is not None and move.answered is Answered.OPEN
    assert any("inside the noise" in line for line in move.evidence)


def test_a_ladder_with_a_difference_stands_beside_the_move(here) -> None:
    workspace, _ = here
    with Journal(workspace.journal_path) as journal:
        add_ladder(
            journal, "text_encoder_lr", ["0.1", "1", "10"], [(0.10, 0.11), (0.50, 0.51), (0.90, 0.91)], TOKEN_EFFECT
        )
    advice = advise(here, "token-needs-boost")
    move = advice.move("encoder-rate")
    assert move in advice.moves and move.answered is Answered.DIFFERS
    assert any("outside the noise" in line for line in move.evidence)


def test_a_ladder_of_another_subject_says_nothing(here) -> None:
    workspace, _ = here
    with Journal(workspace.journal_path) as journal:
        add_ladder(journal, "text_encoder_lr", ["0.1", "1", "10"], [(0.5, 0.6), (0.55, 0.45), (0.6, 0.5)], TOKEN_EFFECT)
        other = add_measured(journal, TOKEN_EFFECT, 0.5, subject="other")
        advice = advice_for(journal, workspace, other, ["token-needs-boost"])
    move = advice.move("encoder-rate")
    assert move is not None and move.answered is Answered.NO and move.evidence == ()


def test_what_was_measured_is_seen_with_its_noise(tmp_path: Path) -> None:
    """The validation still falls at the end, far beyond what twins differ in."""
    from trainer.journal.measure_records import MeasuredValue

    workspace = workspace_at(tmp_path / "ws")
    with Journal(workspace.journal_path) as journal:
        numbers = [add_measured(journal, BLEED, 0.5, seed=seed, max_train_epochs=4) for seed in (1, 2, 3)]
        for number, shift in zip(numbers, (0.0, 0.002, -0.002), strict=True):
            falls = {10: -0.05, 20: -0.1, 30: -0.2, 40: -0.4}
            journal.measures.add(
                number,
                [
                    MeasuredValue(step=step, name=HELD_OUT_CHANGE, value=value + shift, count=8)
                    for step, value in falls.items()
                ],
            )
        advice = advice_for(journal, workspace, numbers[0])
    seen = next(each for each in advice.symptoms if each.symptom.key == "far-off")
    assert seen.seen and "times outside the noise" in seen.seen[0]
    assert advice.move("body-rate") is not None
    assert "noise from 3 bakes" in advice.noise


def test_ticks_are_kept_for_the_bake_and_come_back(here) -> None:
    workspace, number = here
    with Journal(workspace.journal_path) as journal:
        keep_ticks(journal, workspace, number, ["static", "far-off"])
        keep_ticks(journal, workspace, number, ["far-off", "outfit-bleed"])
    with Journal(workspace.journal_path) as journal:
        assert ticked(journal, number) == ("far-off", "outfit-bleed")
        record = journal.records.read(number)
        assert [tick.symptom for tick in record.symptoms] == ["far-off", "outfit-bleed"]
        with pytest.raises(SettingsError, match="expected a symptom's key"):
            keep_ticks(journal, workspace, number, ["nothing"])
        with pytest.raises(WorkspaceError, match="no bake 99"):
            keep_ticks(journal, workspace, 99, ["static"])


def test_ticks_come_back_with_the_record_of_the_bake(here, tmp_path: Path) -> None:
    workspace, number = here
    with Journal(workspace.journal_path) as journal:
        keep_ticks(journal, workspace, number, ["static"])
        record = journal.records.read(number)
    with Journal(tmp_path / "rebuilt.sqlite") as rebuilt:
        rebuilt.records.add(record)
        assert ticked(rebuilt, number) == ("static",)


def test_what_another_version_called_a_symptom_is_left_out(here) -> None:
    workspace, number = here
    with Journal(workspace.journal_path) as journal:
        journal.symptoms.keep(number, ["gone", "static"])
        assert ticked(journal, number) == ("static",)


def test_a_bake_that_is_none_is_named(here) -> None:
    workspace, _ = here
    with Journal(workspace.journal_path) as journal, pytest.raises(WorkspaceError, match="no bake 77"):
        advice_for(journal, workspace, 77)
    with pytest.raises(SettingsError, match="--symptom: odd"):
        advise(here, "odd")


def test_what_was_set_is_what_a_ladder_starts_from(here) -> None:
    move = advise(here, "static").move("body-rate")
    assert move is not None and move.ladder is not None
    assert [rung.position for rung in move.ladder.rungs] == pytest.approx([1e-4, 3.3e-4, START["unet_lr"]])
    assert EPOCH
