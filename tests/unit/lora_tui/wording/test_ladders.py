"""Ladders as text: how far a rung is, when the last bake ends, what is left to continue."""

import pytest

from lora_tui.wording.ladders import (
    RungStanding,
    bake_line,
    counts,
    end_text,
    ladder_sign,
    progress_text,
    standing_line,
    standing_of,
    to_continue,
)
from lora_tui.wording.state_symbols import DONE, FAILED, LIVE, PAUSED, WAITING
from trainer.history.records import BakeEntry
from trainer.journal.records import BakeState
from trainer.ladders.record import BakeOfRung, LadderSpec, LadderState, Rung

NOON = 1_700_000_000.0
QUEUED = BakeState.QUEUED


def bake(rung: int, twin: int, state: BakeState | None, **values: object) -> BakeOfRung:
    number = None if state is None else 10 * rung + twin + 1
    fields = {"bake": number, **values}
    return BakeOfRung(rung=rung, twin=twin, state=state, **fields)  # type: ignore[arg-type]


def ladder(
    *bakes: BakeOfRung, rungs: int = 3, seconds_left: float | None = None, of_bake: int | None = None
) -> LadderState:
    made = tuple(Rung(label=f"×{place}", position=float(place), is_centre=place == 1) for place in range(rungs))
    spec = LadderSpec(title="t", knobs=("unet_lr",), rungs=made)
    return LadderState(number=4, spec=spec, bakes=bakes, seconds_left=seconds_left, of_bake=of_bake)


@pytest.mark.parametrize(
    ("states", "standing"),
    [
        ([BakeState.DONE, BakeState.DONE], RungStanding.DONE),
        ([BakeState.DONE, QUEUED], RungStanding.WAITING),
        ([BakeState.DONE, None], RungStanding.WAITING),
        ([BakeState.DONE, BakeState.PARKED], RungStanding.WAITING),
        ([BakeState.DONE, BakeState.FAILED], RungStanding.FAILED),
        ([BakeState.LOST, QUEUED], RungStanding.FAILED),
        ([BakeState.STOPPED, BakeState.DONE], RungStanding.FAILED),
        ([BakeState.FAILED, BakeState.BAKING], RungStanding.BAKING),
        ([BakeState.PAUSED, QUEUED], RungStanding.BAKING),
    ],
)
def test_what_runs_counts_before_what_failed_and_that_before_what_waits(states, standing) -> None:
    assert standing_of([bake(0, twin, state) for twin, state in enumerate(states)]) is standing


def test_a_rung_that_was_cut_counts_nowhere() -> None:
    state = ladder(bake(0, 0, BakeState.FAILED, cut=True), bake(1, 0, BakeState.DONE), bake(2, 0, QUEUED))
    assert counts(state) == {RungStanding.DONE: 1, RungStanding.WAITING: 1}
    assert to_continue(state) == ()
    assert standing_line(state, NOON).startswith("1 of 2 rungs done, 1 waiting · 2 bakes each")


def test_the_end_is_a_time_where_one_is_known() -> None:
    running = ladder(bake(0, 0, BakeState.BAKING), seconds_left=3600)
    # The time zone is the tests'.
    assert end_text(running, NOON) not in ("", "?", "held")
    assert end_text(ladder(bake(0, 0, QUEUED)), NOON) == "?"
    assert end_text(ladder(bake(0, 0, QUEUED, held=True), seconds_left=9), NOON) == "held"
    assert end_text(ladder(bake(0, 0, QUEUED, held=True), bake(1, 0, BakeState.BAKING)), NOON) == "?"
    assert end_text(ladder(bake(0, 0, BakeState.DONE), seconds_left=0), NOON) == ""
    assert "end not known yet" in standing_line(ladder(bake(0, 0, QUEUED), of_bake=7), NOON)
    assert "from bake 7" in standing_line(ladder(bake(0, 0, QUEUED), of_bake=7), NOON)


@pytest.mark.parametrize(
    ("bakes", "sign"),
    [
        ([bake(0, 0, BakeState.DONE)], DONE),
        ([bake(0, 0, BakeState.DONE), bake(1, 0, BakeState.FAILED)], FAILED),
        ([bake(0, 0, BakeState.FAILED), bake(1, 0, BakeState.BAKING)], LIVE),
        ([bake(0, 0, QUEUED), bake(1, 0, BakeState.DONE)], WAITING),
        ([bake(0, 0, QUEUED, held=True), bake(1, 0, BakeState.DONE)], PAUSED),
        ([], WAITING),
    ],
)
def test_a_ladder_has_the_sign_of_what_matters_most(bakes, sign) -> None:
    assert ladder_sign(ladder(*bakes)) == sign


def test_what_is_continued_ended_early_or_was_never_queued() -> None:
    bakes = [bake(0, twin, state) for twin, state in enumerate([*BakeState, None])]
    left = {each.state for each in to_continue(ladder(*bakes))}
    assert left == {BakeState.FAILED, BakeState.LOST, BakeState.STOPPED, BakeState.PARKED, None}


def entry(**values: object) -> BakeEntry:
    fields = {"name": "x", "folder": "bakes/x", "state": BakeState.BAKING, "created": 0.0, **values}
    return BakeEntry(number=1, **fields)  # type: ignore[arg-type]


def test_a_bake_of_a_rung_is_told_with_its_twin_and_what_went_wrong() -> None:
    state = ladder(bake(0, 0, BakeState.DONE, reused=True), bake(2, 1, BakeState.FAILED, error="no\x1b[2Jroom"))
    assert bake_line(state, state.bakes[0], None) == "×0: bake 1, done, was there before the ladder"
    assert bake_line(state, state.bakes[1], None) == "×2, twin 1: bake 22, failed, no\\x1b[2Jroom"
    assert bake_line(state, bake(1, 0, None), None) == "×1: not queued yet"
    assert (
        bake_line(state, bake(1, 0, BakeState.BAKING), entry(steps=3, total_steps=8))
        == "×1: bake 11, baking, 3 of 8 steps"
    )


def test_only_what_runs_has_a_progress_and_never_a_whole_one() -> None:
    running = bake(0, 0, BakeState.BAKING)
    assert progress_text(running, entry(steps=45, total_steps=100)) == "45%"
    assert progress_text(running, entry(steps=100, total_steps=100)) == "99%"
    assert progress_text(running, entry()) == progress_text(running, None) == ""
    assert progress_text(bake(0, 0, BakeState.DONE), entry(steps=9, total_steps=9)) == ""
