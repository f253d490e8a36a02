"""The user's verdicts on the axis of epochs: confirmed or contradicted by the lanes, and counted at full strength alone."""

from dataclasses import replace

from trainer.doneness.record import Agreement, DonenessLane, EpochState, LaneKind, Placed, SavedEpoch
from trainer.doneness.verdicts import Verdict, marks_of

EPOCHS = [SavedEpoch(100 * epoch, epoch) for epoch in (1, 2, 3)]
BODY = DonenessLane(
    LaneKind.BODY,
    "unet",
    "U-Net",
    tuple(map(Placed, (EpochState.FORMING, EpochState.DONE, EpochState.OVER))),
    bands=True,
)
ENCODER = DonenessLane(
    LaneKind.ENCODER,
    "text_encoder",
    "text encoder",
    tuple(map(Placed, (EpochState.RAW, EpochState.DONE, EpochState.DONE))),
)
LANES = (BODY, ENCODER)


def said(
    *verdicts: Verdict, best: int | None = None, lanes: tuple[DonenessLane, ...] = LANES
) -> list[tuple[str, Agreement]]:
    return [(mark.words, mark.agreement) for mark in marks_of(verdicts, best, lanes, EPOCHS)]


def test_right_where_every_lane_is_done_agrees() -> None:
    assert said(Verdict(200, "whole", "right")) == [("you called epoch 2 right: agrees", Agreement.AGREES)]


def test_right_where_a_lane_is_over_is_contradicted_by_that_lane() -> None:
    assert said(Verdict(300, "whole", "right")) == [
        ("you called epoch 3 right: contradicts (U-Net is over)", Agreement.CONTRADICTS)
    ]


def test_over_agrees_where_any_lane_is_over() -> None:
    assert said(Verdict(300, "whole", "over"))[0][1] is Agreement.AGREES
    assert said(Verdict(200, "whole", "over"))[0][1] is Agreement.CONTRADICTS


def test_under_agrees_with_raw_and_forming() -> None:
    assert said(Verdict(100, "whole", "under"))[0][1] is Agreement.AGREES
    assert said(Verdict(100, "encoder", "under")) == [
        ("you called the text encoder of epoch 1 under: agrees", Agreement.AGREES)
    ]


def test_a_verdict_on_a_part_is_held_against_its_lane_alone() -> None:
    assert said(Verdict(300, "encoder", "right"))[0][1] is Agreement.AGREES
    assert said(Verdict(300, "body", "right")) == [
        ("you called the U-Net of epoch 3 right: contradicts (U-Net is over)", Agreement.CONTRADICTS)
    ]


def test_most_pictures_decide_and_a_tie_is_open() -> None:
    right, under = Verdict(200, "whole", "right"), Verdict(200, "whole", "under")
    assert said(right, right, under)[0][0] == "you called epoch 2 right on 2 of 3 pictures: agrees"
    assert said(right, under) == [("your verdicts on epoch 2 are divided: right 1, under 1", Agreement.OPEN)]


def test_the_best_epoch_and_favourites_count_as_right() -> None:
    assert said(best=300) == [("you call epoch 3 the best: contradicts (U-Net is over)", Agreement.CONTRADICTS)]
    favourite = Verdict(200, "favourite", "favourite")
    assert said(favourite, favourite) == [("2 favourites of epoch 2: agrees", Agreement.AGREES)]


def test_where_no_part_is_placed_a_verdict_is_not_decided() -> None:
    empty = replace(BODY, epochs=())
    assert said(Verdict(200, "whole", "right"), lanes=(empty,)) == [
        ("you called epoch 2 right: not decided (no part is placed there)", Agreement.OPEN)
    ]


def test_verdicts_of_epochs_that_are_gone_are_left_out() -> None:
    assert said(Verdict(150, "whole", "right"), best=999) == []


def test_verdicts_stand_by_step() -> None:
    marks = marks_of([Verdict(300, "whole", "over"), Verdict(100, "whole", "under")], 200, LANES, EPOCHS)
    assert [mark.place for mark in marks] == [0, 1, 2]


def test_a_mild_sign_of_memorization_is_named_and_contradicts_nothing() -> None:
    mild = DonenessLane(LaneKind.MEMORIZED, "", "memorization", tuple([Placed(EpochState.MILD)] * 3), bands=True)
    assert said(Verdict(200, "whole", "right"), lanes=(*LANES, mild)) == [
        ("you called epoch 2 right: agrees (memorization is mild)", Agreement.AGREES)
    ]
