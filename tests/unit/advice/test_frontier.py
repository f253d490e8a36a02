"""The frontier of a subject: minutes against measures and verdicts, each with its noise, and where more time stopped paying."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from advised_bakes import add_measured, workspace_at
from made_twins import EPOCH

from trainer.advice.frontier import CHECKLIST, RIGHT, Frontier, frontier_lines, frontier_of
from trainer.errors import WorkspaceError
from trainer.journal.derived_records import GridTally
from trainer.journal.journal import Journal
from trainer.journal.measure_records import MeasuredValue
from trainer.measures.of_pictures import BLEED
from trainer.measures.of_validation import HELD_OUT_CHANGE
from trainer.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return workspace_at(tmp_path / "ws")


def add(
    journal: Journal, minutes: float, values: Sequence[float], name: str = HELD_OUT_CHANGE, **settings: object
) -> list[int]:
    """Write twins whose steps took so long, each with a value of a measure; return their numbers."""
    numbers = []
    for twin, value in enumerate(values):
        number = add_measured(journal, name, value, seed=twin, **settings)
        steps = range(1, 2 * EPOCH + 1)
        journal.curves.add(number, "seconds_per_step", [(step, 60 * minutes / len(steps)) for step in steps])
        numbers.append(number)
    return numbers


def found(workspace: Workspace, subject: str = "hifumi") -> Frontier:
    with Journal(workspace.journal_path) as journal:
        return frontier_of(journal, workspace, subject)


def test_more_time_stops_paying_where_nothing_is_better_beyond_the_noise(workspace: Workspace) -> None:
    with Journal(workspace.journal_path) as journal:
        add(journal, 5, (-0.100, -0.102), unet_lr=1e-4)
        add(journal, 20, (-0.200, -0.202), unet_lr=2e-4)
        add(journal, 60, (-0.201, -0.2015), unet_lr=3e-4)
    shown = found(workspace)
    assert [group.minutes for group in shown.groups] == pytest.approx([5, 20, 60], rel=0.01)
    assert [group.bakes for group in shown.groups] == [(1, 2), (3, 4), (5, 6)]
    (curve,) = shown.curves
    assert [point.pays for point in curve.points] == [False, True, False]
    assert [point.group for point in curve.front] == [0, 1]
    assert (
        curve.words
        == "more time than 20 min (bakes 3, 4) did not pay: 1 setting of up to 60 min is not better beyond the noise"
        or (curve.words.startswith("more time than 20 min (bakes 3, 4) did not pay: 1 setting of up to 1 h 00 min"))
    )
    assert "outside the noise against bakes 1, 2 (2 bakes × 8 pictures on each side)" in curve.points[1].against
    assert "inside the noise" in curve.points[2].against


def test_where_the_longest_is_best_more_time_may_still_pay(workspace: Workspace) -> None:
    with Journal(workspace.journal_path) as journal:
        add(journal, 5, (-0.100, -0.102), unet_lr=1e-4)
        add(journal, 20, (-0.200, -0.202), unet_lr=2e-4)
    (curve,) = found(workspace).curves
    assert "more time may still pay" in curve.words


def test_lower_bleed_is_better_and_a_worse_value_pays_for_nothing(workspace: Workspace) -> None:
    with Journal(workspace.journal_path) as journal:
        add(journal, 5, (0.50, 0.51), BLEED, unet_lr=1e-4)
        add(journal, 20, (0.90, 0.91), BLEED, unet_lr=2e-4)
    (curve,) = found(workspace).curves
    assert "lower is better" in curve.title and [point.pays for point in curve.points] == [False, False]


def test_without_a_twin_nothing_is_claimed(workspace: Workspace) -> None:
    with Journal(workspace.journal_path) as journal:
        add(journal, 5, (-0.1,), unet_lr=1e-4)
        add(journal, 20, (-0.9,), unet_lr=2e-4)
    (curve,) = found(workspace).curves
    assert not any(point.pays for point in curve.points)
    assert curve.words.startswith("not known whether more than 5 min (bake 1) paid: noise not known: make a twin")


def test_verdicts_are_a_curve_of_their_own_and_bakes_without_any_are_shown_as_such(workspace: Workspace) -> None:
    with Journal(workspace.journal_path) as journal:
        few = add(journal, 5, (-0.1,), unet_lr=1e-4)[0]
        many = add(journal, 20, (-0.9,), unet_lr=2e-4)[0]
        add(journal, 30, (-0.9,), unet_lr=3e-4)
        counts = {
            str(few): {str(2 * EPOCH): {"right": 1, "under": 15}},
            str(many): {str(2 * EPOCH): {"right": 18, "over": 2, "favourite": 3}},
        }
        journal.grids.add(name="g", spec="{}")
        journal.derived.keep_tally(GridTally(grid=1, counts=counts))
    shown = found(workspace)
    curve = next(each for each in shown.curves if each.key == RIGHT)
    assert [point.pays for point in curve.points] == [False, True]
    assert "1 of 16" in curve.points[0].text and "18 of 20" in curve.points[1].text
    assert [group.judged for group in shown.groups] == [True, True, False]
    assert "1 setting not judged" in shown.notes
    text = "\n".join(frontier_lines(shown))
    assert "3 favourite, 18 right, 2 over" in text and "not judged" in text
    assert "quality" not in text.casefold()
    assert CHECKLIST not in [each.key for each in shown.curves]


def test_the_epoch_that_the_user_calls_the_best_counts_with_its_minutes(workspace: Workspace) -> None:
    from trainer.history.notes import keep_best

    with Journal(workspace.journal_path) as journal:
        number = add(journal, 20, (-0.2,), unet_lr=1e-4)[0]
        keep_best(journal, workspace, number, EPOCH)
    (group,) = found(workspace).groups
    assert group.minutes == pytest.approx(10, rel=0.01) and group.epoch == "epoch 1" and group.step == EPOCH


def test_a_bake_whose_time_is_not_known_is_counted_and_left_out(workspace: Workspace) -> None:
    with Journal(workspace.journal_path) as journal:
        add(journal, 5, (-0.1,), unet_lr=1e-4)
        number = add_measured(journal, HELD_OUT_CHANGE, -0.2, unet_lr=2e-4)
        journal.measures.add(number, [MeasuredValue(step=EPOCH, name=BLEED, value=0.1)])
    shown = found(workspace)
    assert len(shown.groups) == 1 and any(note.startswith("1 bake left out") for note in shown.notes)


def test_without_a_subject_it_is_that_of_the_newest_bake(workspace: Workspace) -> None:
    with Journal(workspace.journal_path) as journal:
        add(journal, 5, (-0.1,), subject="first")
        add(journal, 5, (-0.1,), subject="second")
    assert found(workspace, "").subject == "second"
    with pytest.raises(
        WorkspaceError, match="subject third: no bake of it has saved a LoRA; expected one of first, second"
    ):
        found(workspace, "third")


def test_of_no_bakes_there_is_no_frontier(workspace: Workspace) -> None:
    with (
        Journal(workspace.journal_path),
        pytest.raises(WorkspaceError, match="no bake with a subject has saved a LoRA"),
    ):
        found(workspace, "")
