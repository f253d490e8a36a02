"""A past bake in a journal of its own is at each moment what it was then, forwards and backwards."""

from pathlib import Path

import pytest
from past_bake import END, EPOCHS, SETUP, START, add_past_bake

from trainer.errors import WorkspaceError
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState, NewBake, Stage
from trainer.journal.replay import BakeReplay


@pytest.fixture
def source(tmp_path: Path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        add_past_bake(journal, 3)
        yield journal


@pytest.fixture
def replay(source: Journal, tmp_path: Path):
    (tmp_path / "replay").mkdir()
    made = BakeReplay(source, 3, tmp_path / "replay" / "journal.sqlite")
    yield made
    made.close()


def shown(tmp_path: Path) -> dict[str, object]:
    with Journal(tmp_path / "replay" / "journal.sqlite") as journal:
        bake = journal.bakes.read(3)
        return {
            "state": bake.state,
            "stage": bake.stage,
            "done": bake.stage_done,
            "last": journal.curves.last_values(3).get("loss", (0, 0.0))[0],
            "epochs": [each.epoch for each in journal.results.checkpoints(3)],
            "marks": len(journal.results.marks(3)),
            "validations": len(journal.results.validations(3)),
            "log": [line.text for line in journal.log.read(bake=3)],
            "peak": bake.peak_vram,
        }


def test_it_starts_with_nothing_done(replay: BakeReplay, tmp_path: Path) -> None:
    replay.show(replay.timeline.start)
    now = shown(tmp_path)
    assert (now["state"], now["stage"], now["last"], now["epochs"]) == (BakeState.STARTING, Stage.LOAD, 0, [])


def test_epochs_curves_and_log_lines_appear_at_their_times(replay: BakeReplay, tmp_path: Path) -> None:
    replay.show(START + EPOCHS[0] - 1)
    before = shown(tmp_path)
    assert (before["state"], before["epochs"], before["log"]) == (BakeState.BAKING, [], ["loading", "first step"])
    assert 38 <= int(str(before["last"])) < 40
    replay.show(START + EPOCHS[0])
    after = shown(tmp_path)
    assert (after["epochs"], after["last"], after["done"], after["validations"]) == ([1], 40, 40, 1)
    assert (after["marks"], after["peak"]) == (0, None)


def test_half_way_between_two_moments_half_of_the_steps_are_done(replay: BakeReplay) -> None:
    first, second = START + SETUP, START + EPOCHS[0]
    assert replay.timeline.step_at((first + second) / 2) == 20
    assert replay.timeline.step_at(first - 1) == 0
    assert replay.timeline.step_at(END + 1e6) == 120


def test_at_its_end_it_is_what_it_is(replay: BakeReplay, tmp_path: Path) -> None:
    replay.show(replay.timeline.end)
    now = shown(tmp_path)
    assert (now["state"], now["last"], now["epochs"], now["marks"]) == (BakeState.DONE, 120, [3, 2, 1], 1)
    assert now["peak"] == 5 * 2**30
    assert len(now["log"]) == 5  # type: ignore[arg-type]


def test_a_long_way_ends_where_nobody_waits_for_it_any_more(
    replay: BakeReplay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.journal.replay._STEPS_AT_ONCE", 10)
    answers = iter([False, False, True])
    replay.show(replay.timeline.end, lambda: next(answers))
    now = shown(tmp_path)
    assert (now["last"], now["epochs"], now["state"]) == (20, [], BakeState.STARTING)
    replay.show(replay.timeline.end)
    assert shown(tmp_path)["epochs"] == [3, 2, 1]


def test_back_at_a_moment_everything_is_as_it_was_the_first_time(replay: BakeReplay, tmp_path: Path) -> None:
    replay.show(START + 150)
    first = shown(tmp_path)
    replay.show(END)
    replay.show(START + 150)
    assert shown(tmp_path) == first


def test_an_hour_in_which_nothing_happened_is_skipped_but_for_a_minute(replay: BakeReplay) -> None:
    timeline = replay.timeline
    (idle,) = timeline.idle
    assert idle == (START + 221 + 60, START + 5210)
    assert timeline.without_idle(START + 3000) == START + 5210
    assert timeline.without_idle(START + 150) == START + 150


def test_the_next_epoch_and_the_one_before_are_found(replay: BakeReplay) -> None:
    timeline = replay.timeline
    assert timeline.neighbour(START, 1) == START + EPOCHS[0]
    assert timeline.neighbour(START + EPOCHS[0], 1) == START + EPOCHS[1]
    assert timeline.neighbour(START + EPOCHS[1] + 10, -1) == START + EPOCHS[1]
    assert timeline.neighbour(START + EPOCHS[0], -1) == START
    assert timeline.neighbour(END, 1) == END


def test_nothing_is_written_into_the_journal_that_has_the_bake(source: Journal, tmp_path: Path) -> None:
    before = source.own_changes(), source.data_version(), source.bakes.read(3)
    (tmp_path / "other").mkdir()
    made = BakeReplay(source, 3, tmp_path / "other" / "journal.sqlite")
    made.show(END)
    made.close()
    assert (source.own_changes(), source.data_version(), source.bakes.read(3)) == before


def test_what_has_no_steps_cannot_be_replayed(source: Journal, tmp_path: Path) -> None:
    new = NewBake(name="x", settings_toml="", engine="e", total_steps=4, steps_per_epoch=2)
    number = source.bakes.add(new).number
    with pytest.raises(WorkspaceError, match=r"no steps of it are in this journal; expected a bake that ran here"):
        BakeReplay(source, number, tmp_path / "none.sqlite")
    with pytest.raises(WorkspaceError, match="no bake 99"):
        BakeReplay(source, 99, tmp_path / "none.sqlite")
    assert not (tmp_path / "none.sqlite").exists()
