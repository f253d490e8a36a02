"""The clock of a replay, and the thread that follows it."""

import time
from pathlib import Path

import pytest
from past_bake import END, EPOCHS, START, add_past_bake

from lora_tui.workers.replay_player import SPEEDS, ReplayClock, ReplayPlayer
from trainer.errors import WorkspaceError
from trainer.journal.journal import Journal
from trainer.journal.replay import BakeReplay, ReplayTimeline

LINE = ReplayTimeline(100.0, 1000.0, (110.0, 1000.0), (0, 90), (300.0, 600.0), ((400.0, 500.0),))


class Watch:
    """Seconds that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_it_runs_at_its_speed_and_stops_at_the_end(watch: Watch) -> None:
    clock = ReplayClock(LINE, 60.0, watch)
    assert clock.now() == 100.0
    watch.now = 2.0
    assert clock.now() == 220.0
    watch.now = 1000.0
    assert clock.now() == 1000.0


def test_a_stretch_without_anything_is_skipped(watch: Watch) -> None:
    clock = ReplayClock(LINE, 60.0, watch)
    watch.now = 5.5
    assert clock.now() == 500.0


def test_paused_it_stands_still_and_goes_on_from_there(watch: Watch) -> None:
    clock = ReplayClock(LINE, 10.0, watch)
    watch.now = 1.0
    clock.toggle()
    watch.now = 50.0
    assert (clock.now(), clock.runs) == (110.0, False)
    clock.toggle()
    watch.now = 51.0
    assert (clock.now(), clock.runs) == (120.0, True)


def test_at_the_end_it_starts_again(watch: Watch) -> None:
    clock = ReplayClock(LINE, 1000.0, watch)
    watch.now = 60.0
    assert clock.now() == 1000.0
    clock.toggle()
    assert (clock.now(), clock.runs) == (100.0, True)


def test_it_jumps_from_epoch_to_epoch(watch: Watch) -> None:
    clock = ReplayClock(LINE, 1.0, watch)
    seen = []
    for by in (1, 1, 1, -1, -1, -1):
        clock.jump(by)
        seen.append(clock.now())
    assert seen == [300.0, 600.0, 1000.0, 600.0, 300.0, 100.0]


def test_speeds_are_taken_one_after_the_other_and_end(watch: Watch) -> None:
    clock = ReplayClock(LINE, 77.0, watch)
    clock.change_speed(-1)
    assert clock.speed == 60.0
    for _ in range(20):
        clock.change_speed(1)
    assert clock.speed == SPEEDS[-1]
    for _ in range(20):
        clock.change_speed(-1)
    assert clock.speed == SPEEDS[0]


def test_the_thread_writes_what_the_clock_says_and_has_the_readings_of_then(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        add_past_bake(journal)
    (tmp_path / "replay").mkdir()
    target = tmp_path / "replay" / "journal.sqlite"
    player = ReplayPlayer(tmp_path / "journal.sqlite", 1, target, 1.0)
    player.start()
    try:
        clock = player.wait_ready()
        clock.toggle()
        clock.jump(1)
        player.look()
        with Journal(target) as journal:
            end = time.monotonic() + 60
            while not journal.results.checkpoints(1):
                assert time.monotonic() < end
                time.sleep(0.02)
            assert journal.curves.last_values(1)["loss"][0] == 40
        reading = player.latest()
        assert reading is not None and reading.seconds <= START + EPOCHS[0]
        assert reading.cards[0].power == 200.0 + EPOCHS[0]
    finally:
        player.stop()
        player.join(10)
    assert not player.is_alive()
    assert clock.timeline.end == END


def test_what_is_wrong_reaches_whoever_waits(tmp_path: Path) -> None:
    Journal(tmp_path / "journal.sqlite").close()
    player = ReplayPlayer(tmp_path / "journal.sqlite", 5, tmp_path / "x.sqlite", 60.0)
    player.start()
    with pytest.raises(WorkspaceError, match="no bake 5"):
        player.wait_ready()


def test_what_breaks_later_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        add_past_bake(journal)
    (tmp_path / "replay").mkdir()
    player = ReplayPlayer(tmp_path / "journal.sqlite", 1, tmp_path / "replay" / "journal.sqlite", 1.0)
    told: list[str] = []
    player.tell = told.append
    player.start()
    clock = player.wait_ready()

    def show(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(BakeReplay, "show", show)
    clock.jump(1)
    player.look()
    player.join(10)
    assert not player.is_alive()
    (line,) = told
    assert "disk" in line or "space" in line
