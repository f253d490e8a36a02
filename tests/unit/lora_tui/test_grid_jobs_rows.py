"""Jobs that make grids, among the bakes: named so, counted in pictures, never taken for a bake."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lora_on_disk import write_lora

from lora_tui.headless.progress import ProgressPrinter
from lora_tui.headless.status import bake_line, bakes_json, rows_counted, withdrawn_line
from lora_tui.screens.digest import digest_lines
from lora_tui.snapshot import Snapshot
from lora_tui.terminal.console import Console
from lora_tui.widgets.title_line import Title, TitleLine
from lora_tui.wording.bake_progress import other_jobs, step_progress
from lora_tui.wording.job_names import state_word
from lora_tui.wording.queue import queue_lines, read_queue_view
from lora_tui.workers.feed import Feed, FeedSources, SnapshotReady
from trainer.history.imports import find_loras, import_loras
from trainer.journal.grid_records import GridState
from trainer.journal.journal import Journal
from trainer.journal.processes import this_process
from trainer.journal.records import BakeState, NewBake, Stage
from trainer.settings.model import Settings
from trainer.settings.toml_file import settings_toml
from trainer.workspace import Workspace, make_workspace


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
    assert now.compared == now.asked
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
    line._title = Title(others=other_jobs(seen(journal)))
    assert "● grid 1 weights 3/12 · 3 s left" in line.lines(80)[0].plain


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


def test_status_counts_the_files_of_a_lora_from_elsewhere_and_no_steps(journal: Journal, tmp_path: Path) -> None:
    lora = write_lora(tmp_path / "cat.safetensors", metadata={"ss_steps": "9", "ss_max_train_steps": "9"})
    import_loras(journal, make_workspace(tmp_path), find_loras([lora]))
    assert bake_line(journal.bakes.read(1), journal) == "✓ 0001 cat  imported  1 LoRA file"


def test_status_says_held_queued_and_withdrawn_and_a_withdrawn_one_leaves_the_list(journal: Journal) -> None:
    ran, waits, held, gone = (add_bake(journal) for _ in range(4))
    journal.queue.claim("mine", *this_process())
    journal.bakes.set_state(ran, BakeState.DONE)
    journal.queue.set_held(held, True)
    journal.queue.remove(gone)
    words = [state_word(journal.bakes.read(number)) for number in (ran, waits, held, gone)]
    assert words == ["done", "queued", "held", "withdrawn"]
    lines = [bake_line(journal.bakes.read(number), journal) for number in (waits, held, gone)]
    assert [line.split("  ")[:2] for line in lines] == [
        ["◦ 0002 hifumi", "queued"],
        ["◌ 0003 hifumi", "held"],
        ["■ 0004 hifumi", "withdrawn"],
    ]
    rows = journal.bakes.latest()
    assert withdrawn_line(rows) == "1 withdrawn from the queue: 0004 (`--all` lists them)"
    assert withdrawn_line([row for row in rows if not row.withdrawn]) == ""
    assert [each["shown_state"] for each in bakes_json(Workspace(journal.path.parent), journal)["bakes"]] == [
        "withdrawn",
        "held",
        "queued",
        "done",
    ]


def test_the_digest_says_held_queued_and_withdrawn_and_a_withdrawal_alone_is_no_news(journal: Journal) -> None:
    _, held, gone = (add_bake(journal) for _ in range(3))
    journal.queue.set_held(held, True)
    journal.queue.remove(gone)
    digest = journal.digests.read(0.0)
    assert digest.empty
    assert (digest.stopped, digest.surprises) == ((), ())
    told = "\n".join(line.plain for line in digest_lines(digest, 1000.0))
    assert "■ 0003 hifumi  withdrawn" in told
    assert "◦ 0001 hifumi  queued" in told
    assert "◌ 0002 hifumi  held" in told


def test_one_that_ran_is_what_it_was_when_it_is_removed_from_the_queue_and_stays_in_the_lists(journal: Journal) -> None:
    number = add_bake(journal)
    journal.queue.claim("mine", *this_process())
    journal.bakes.set_state(number, BakeState.PARKED)
    journal.queue.requeue(number, "mine")
    journal.queue.remove(number)
    bake = journal.bakes.read(number)
    assert (state_word(bake), bake.ran, bake.withdrawn) == ("parked", True, False)
    assert journal.bakes.last_that_ran() == bake


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
    # Six pictures in one second: its own pace holds, whatever was planned.
    assert line.expected[job].end == 1000.0 + 1.0


def test_a_grid_whose_speed_nobody_knew_has_an_end_from_its_first_picture_on(journal: Journal, tmp_path: Path) -> None:
    grid, job = add_grid(journal)
    make(journal, job, grid, 0)
    assert read_queue_view(journal, Workspace(tmp_path), 1000.0, ours="mine").expected[job].end is None
    assert seen(journal).grid_seconds_left is None
    journal.grids.set_progress(grid, done=1, sampled=1, sampling_seconds=4.0, unet_passes=1, speed_class="")
    journal.bakes.set_stage(job, Stage.GRID, 1, 12)
    assert read_queue_view(journal, Workspace(tmp_path), 1000.0, ours="mine").expected[job].end == 1000.0 + 44.0
    assert seen(journal).grid_seconds_left == 44.0


def test_the_digest_names_a_grid_that_ended_and_misses_no_lora_files_of_it(journal: Journal) -> None:
    _, job = add_grid(journal)
    journal.queue.claim("mine", *this_process())
    journal.bakes.set_state(job, BakeState.DONE)
    digest = journal.digests.read(0.0, lambda bake, after: 6)
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
    assert "picture 3/12  25 %  3 s left" in printed
    folder = journal.path.parent / "grids/0001-weights"
    assert f"✓ grid 1 done: 12 of 12 pictures, 3 of them from earlier grids in {folder}" in printed


def test_what_is_printed_at_the_end_leads_to_the_files_and_back_to_a_stopped_bake(
    journal: Journal, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = add_bake(journal)

    def printed(state: BakeState) -> str:
        journal.bakes.set_state(number, state)
        with Console(sys.stdout) as console:
            ProgressPrinter(journal, number, console).end(journal.bakes.read(number))
        return capsys.readouterr().out

    folder = journal.bakes.read(number).folder
    stopped = printed(BakeState.STOPPED)
    assert f"0 LoRA files in {journal.path.parent / folder}\n" in stopped
    assert f"lora-tui resume {number}\n" in stopped
    monkeypatch.chdir(journal.path.parent)
    done = printed(BakeState.DONE)
    assert f" in {folder}\n" in done
    assert "resume" not in done
