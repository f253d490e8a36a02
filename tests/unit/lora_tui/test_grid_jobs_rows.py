"""Jobs that make grids, among the bakes: named so, counted in pictures, never taken for a bake."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lora_tui.headless.progress import ProgressPrinter
from lora_tui.headless.status import bake_line, bakes_json, rows_counted
from lora_tui.screens.digest import digest_lines
from lora_tui.snapshot import Snapshot
from lora_tui.terminal.console import Console
from lora_tui.widgets.title_line import Title, TitleLine
from lora_tui.wording.bake_progress import step_progress
from lora_tui.wording.queue import queue_lines, read_queue_view
from lora_tui.workers.feed import Feed, FeedSources, SnapshotReady
from trainer.journal.journal import Journal
from trainer.journal.processes import this_process
from trainer.journal.records import BakeState, GridState, NewBake, Stage
from trainer.settings.model import Settings
from trainer.settings.toml_file import settings_toml
from trainer.workspace import Workspace


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.sqlite") as journal:
        yield journal


def add_bake(journal: Journal, engine: str = "mine") -> int:
    return journal.bakes.add(
        NewBake(
            name="hifumi",
            why="",
            settings_toml=settings_toml(Settings()),
            engine=engine,
            total_steps=100,
            steps_per_epoch=50,
        )
    ).number


def add_grid(journal: Journal, engine: str = "mine", planned: float | None = None) -> tuple[int, int]:
    """Queue a grid of twelve pictures; return the numbers of grid and job."""
    grid = journal.grids.add(name="weights", spec="{}").number
    job = journal.bakes.add(
        NewBake(
            name="weights",
            why="",
            settings_toml="",
            engine=engine,
            total_steps=12,
            steps_per_epoch=0,
            planned_seconds=planned,
            grid=grid,
        )
    )
    return grid, job.number


def make(journal: Journal, job: int, grid: int, done: int) -> None:
    journal.queue.claim("mine", *this_process())
    journal.bakes.set_state(job, BakeState.BAKING)
    journal.grids.set_state(grid, GridState.MAKING)
    journal.grids.set_spec(grid, "{}", 12)
    journal.grids.set_progress(grid, done=done, sampled=done, sampling_seconds=1.0, unet_passes=1, speed_class="")
    journal.bakes.set_stage(job, Stage.GRID, done, 12)


def seen(journal: Journal) -> Snapshot:
    """Return the first look of a feed of the engine `mine`."""
    heard: list[Snapshot] = []

    def post(message: object) -> bool:
        assert isinstance(message, SnapshotReady)
        heard.append(message.snapshot)
        feed.stop()
        return True

    feed = Feed(journal.path, FeedSources("mine", lambda: "ready", lambda: None, lambda: None), post, interval=0.01)
    feed.start()
    feed.join(15)
    return heard[0]


def test_a_grid_s_job_is_never_the_bake_on_the_screen(journal: Journal) -> None:
    bake = add_bake(journal)
    journal.bakes.set_state(bake, BakeState.DONE)
    grid, job = add_grid(journal)
    make(journal, job, grid, 3)
    now = seen(journal)
    assert now.bake is not None and now.bake.number == bake
    assert now.newest == now.asked
    assert now.grid is not None and now.grid.number == job


def test_leaving_over_a_running_grid_is_asked_about(journal: Journal) -> None:
    grid, job = add_grid(journal)
    make(journal, job, grid, 3)
    now = seen(journal)
    assert now.bake is None
    assert now.ours is not None and now.ours.number == job


def test_a_bake_behind_many_grids_is_still_the_newest(journal: Journal) -> None:
    bake = add_bake(journal)
    journal.bakes.set_state(bake, BakeState.DONE)
    for _ in range(60):
        _, job = add_grid(journal)
        journal.bakes.set_state(job, BakeState.DONE)
    now = seen(journal)
    assert now.bake is not None and now.bake.number == bake
    assert now.grid is None


def test_another_program_s_waiting_grid_is_not_shown(journal: Journal) -> None:
    add_grid(journal, "another")
    assert seen(journal).grid is None


def test_a_bake_that_waits_behind_a_grid_says_so(journal: Journal) -> None:
    grid, job = add_grid(journal)
    make(journal, job, grid, 3)
    add_bake(journal)
    now = seen(journal)
    assert now.bake is not None and now.bake.state is BakeState.QUEUED
    assert step_progress(now, now.bake).stage == "waiting · grid 1 weights is running"


def test_the_title_shows_how_many_pictures_there_are(journal: Journal) -> None:
    grid, job = add_grid(journal)
    make(journal, job, grid, 3)
    line = TitleLine()
    line._title = Title(grid=journal.bakes.read(job))
    assert "● grid 1 weights 3/12" in line.lines(80)[0].plain


def test_status_counts_pictures(journal: Journal) -> None:
    bake = add_bake(journal)
    grid, job = add_grid(journal)
    journal.bakes.set_state(bake, BakeState.DONE)
    make(journal, job, grid, 3)
    assert (
        bake_line(journal.bakes.read(job), journal)
        == "● 0002 grid 1 weights  making  3/12 pictures  in grids/0001-weights"
    )
    assert rows_counted(journal.bakes.latest(), journal) == "1 bake, 1 grid"


def test_status_as_json_keeps_grids_apart(journal: Journal, tmp_path: Path) -> None:
    bake = add_bake(journal)
    grid, job = add_grid(journal)
    told = bakes_json(Workspace(tmp_path), journal)
    assert [each["number"] for each in told["bakes"]] == [bake]
    assert [each["number"] for each in told["grids"]] == [grid]
    assert [each["number"] for each in told["jobs"]] == [job]


def test_the_queue_names_grids_and_counts_with_their_pictures(journal: Journal, tmp_path: Path) -> None:
    grid, job = add_grid(journal, planned=120.0)
    make(journal, job, grid, 6)
    add_grid(journal)
    line = read_queue_view(journal, Workspace(tmp_path), 1000.0, ours="mine")
    first, second, *_ = queue_lines(line)
    assert first.startswith("● 0001 grid 1 weights  making, ends")
    assert second.startswith("◦ 0002 grid 2 weights")
    assert line.expected[job].end == 1000.0 + 60.0


def test_the_digest_names_a_grid_that_ended_and_misses_no_lora_files_of_it(journal: Journal) -> None:
    _, job = add_grid(journal)
    journal.queue.claim("mine", *this_process())
    journal.bakes.set_state(job, BakeState.DONE)
    digest = journal.digests.read(0.0, lambda bake: 6)
    assert digest.surprises == ()
    assert any("0001 grid 1 weights  done" in line.plain for line in digest_lines(digest, 1000.0))


def test_a_failed_grid_is_named_as_one(journal: Journal) -> None:
    _, job = add_grid(journal)
    journal.queue.claim("mine", *this_process())
    journal.bakes.set_state(job, BakeState.FAILED, "x: gone")
    assert journal.digests.read(0.0).surprises == ("grid 1 weights failed: x: gone",)


def test_without_a_screen_a_grid_says_its_pictures_and_where_they_are(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    grid, job = add_grid(journal)
    make(journal, job, grid, 3)
    with Console(sys.stdout) as console:
        printer = ProgressPrinter(journal, job, console)
        printer.update(journal.bakes.read(job), "")
        journal.grids.set_progress(grid, done=12, sampled=9, sampling_seconds=1.0, unet_passes=1, speed_class="")
        journal.bakes.set_state(job, BakeState.DONE)
        printer.end(journal.bakes.read(job))
    printed = capsys.readouterr().out
    assert "picture 3/12  25 %" in printed
    assert "✓ grid 1 done: 12 of 12 pictures, 3 of them from earlier grids in grids/0001-weights" in printed
