"""Grids made by the engine: between two steps of a bake, which ends as if there had been none, and as jobs of their own."""

from collections.abc import Callable
from typing import Any

import pytest
from run_engine import SMALL
from small_base import small_base

import trainer.bake.loop
import trainer.bake.pictures.grid_in_bake
import trainer.sampling.make_grid
from trainer.bake.step import train_step
from trainer.errors import ExitCode
from trainer.gallery.sidecar import read_sidecar
from trainer.grid.spec import AxisSpec, GridSpec, LoraSpec, spec_json
from trainer.jobs.grids import check_grid, order_grid, queue_grid, resume_grid
from trainer.journal.grid_records import Grid, GridState
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, NewBake, Order, Stage

SIX = (
    *SMALL,
    "max_train_epochs=",
    "max_train_steps=6",
    "save_every_n_epochs=",
    "save_every_n_steps=2",
    "train_batch_size=2",
)
PLAIN = (*SIX, "validation_data_dir=")


def grid_over(bake: int, **changes: object) -> GridSpec:
    """A grid of two epochs to come or there, and two seeds."""
    asked: dict[str, object] = {
        "name": "over",
        "base": str(small_base()),
        "prompt": "1girl, smile",
        "seeds": "1,2",
        "steps": 2,
        "width": 64,
        "height": 64,
        "loras": (LoraSpec(),),
        "of_bakes": (bake,),
        "x": AxisSpec(kind="epoch", values="all"),
        "y": AxisSpec(kind="weight", values="0,1"),
    }
    return GridSpec.model_validate({**asked, **changes})


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch, runner) -> Callable[..., None]:
    """Return a function that lets something be done, on a connection of its own, once a step is taken."""

    def hook(step: int, do: Callable[[Journal, int], object]) -> None:
        def train_and_do(session: Any, work: Any) -> Any:
            result = train_step(session, work)
            if work.step == step:
                with Journal(runner.workspace.journal_path) as journal:
                    do(journal, next(bake.number for bake in journal.bakes.latest() if bake.state is BakeState.BAKING))
            return result

        monkeypatch.setattr(trainer.bake.loop, "train_step", train_and_do)

    return hook


def ask(spec: Callable[[int], GridSpec]) -> Callable[[Journal, int], object]:
    """Order a grid as a screen does, without looking at it first."""

    def do(journal: Journal, bake: int) -> None:
        grid = journal.grids.add(name="over", spec=spec_json(spec(bake)), bake=bake)
        journal.orders.give(bake, Order.GRID, str(grid.number))

    return do


def pictures(runner, grid: Grid) -> list[str]:
    return sorted(path.stem for path in (runner.workspace.root / grid.folder).glob("x*.png"))


@pytest.mark.parametrize(
    "changes",
    [
        ("network_dropout=0.2", "text_encoder_stop=2", "shuffle_caption=no", "optimizer_type=Lion"),
        ("mixed_precision=bf16", "gradient_checkpointing=yes", "conv_dim=4"),
    ],
    ids=["dropout and a kept encoder", "bf16, checkpointing and convolutions"],
)
def test_a_bake_with_a_grid_in_its_middle_is_the_bake_without_it_bit_for_bit(runner, at_step, changes) -> None:
    plain = runner.bake(*PLAIN, *changes)

    def order(journal: Journal, bake: int) -> None:
        order_grid(journal, runner.workspace, check_grid(grid_over(bake), journal, runner.workspace), bake)

    at_step(5, order)
    baked = runner.bake(*PLAIN, *changes)
    grid = runner.journal.grids.read(1)
    # Both epochs at weight 0 are one picture of each seed, made once.
    assert (grid.state, grid.error, grid.done, grid.sampled) == (GridState.DONE, "", 8, 6)
    assert len(pictures(runner, grid)) == 8
    assert runner.tensors(baked) == runner.tensors(plain)
    assert (5, "grid 1") in [(mark.step, mark.text) for mark in runner.journal.results.marks(baked.number)]


def test_a_grid_in_a_bake_has_the_pictures_of_one_of_its_own(runner, at_step) -> None:
    at_step(4, ask(grid_over))
    runner.bake(*PLAIN)
    root = runner.workspace.root
    first = read_sidecar(root / runner.journal.grids.read(1).folder)
    assert first is not None
    assert [epoch.label for epoch in first.spec.epochs] == ["s2", "s4"]
    assert {cell.recipe.base for cell in first.cells} == {str(small_base())}
    ready = check_grid(first.spec, runner.journal, runner.workspace)
    assert ready.new_pictures == 0
    again = check_grid(first.spec.model_copy(update={"seeds": "3"}), runner.journal, runner.workspace)
    assert again.new_pictures == 3


def test_a_grid_cut_in_a_bake_continues_as_a_job(runner, at_step, monkeypatch: pytest.MonkeyPatch) -> None:
    say_after_pictures(runner, monkeypatch, 2, [(Order.CANCEL_GRID, "")])
    at_step(4, ask(lambda bake: grid_over(bake, batch_size=1)))
    assert runner.bake(*PLAIN).state is BakeState.DONE
    assert runner.journal.grids.read(1).state is GridState.CUT
    job = resume_grid(runner.journal, 1, runner.engine.key)
    assert runner.finish(job.number).state is BakeState.DONE
    grid = runner.journal.grids.read(1)
    assert (grid.done, grid.state, len(pictures(runner, grid))) == (8, GridState.DONE, 8)


def say_after_pictures(runner, monkeypatch: pytest.MonkeyPatch, count: int, orders: list[tuple[Order, str]]) -> None:
    """Give orders to the bake once a grid in it has so many pictures."""
    make_grid = trainer.bake.pictures.grid_in_bake.make_grid
    given: list[Order] = []

    def watched(number: int, journal: Journal, workspace: Any, provider: Any, control: Any, progress: Any) -> GridState:
        bake = journal.grids.read(number).bake
        assert bake is not None

        def report(done: int, total: int) -> None:
            progress.report(done, total)
            if done >= count and not given:
                with Journal(runner.workspace.journal_path) as other:
                    for order, argument in orders:
                        given.append(order)
                        other.orders.give(bake, order, argument)

        return make_grid(number, journal, workspace, provider, control, type(progress)(report, progress.say))

    # The grid reports picture by picture: on the small base all eight are made within the time between two reports.
    monkeypatch.setattr(trainer.sampling.make_grid, "_PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(trainer.bake.pictures.grid_in_bake, "make_grid", watched)


@pytest.fixture
def queued(runner) -> Callable[..., Bake]:
    """Return a function that queues a grid of the base alone as a job."""

    def queue(**changes: object) -> Bake:
        spec = grid_over(0, **{"loras": (), "of_bakes": (), "x": None, "y": None, **changes})
        _, job = queue_grid(
            runner.journal,
            runner.workspace,
            check_grid(spec, runner.journal, runner.workspace),
            engine=runner.engine.key,
        )
        runner.engine.wake()
        return job

    return queue


def test_a_queued_grid_is_made_like_a_bake_and_says_so(runner, queued) -> None:
    job = runner.finish(queued().number)
    grid = runner.journal.grids.read(1)
    assert (job.state, job.stage, job.stage_done, job.stage_total) == (BakeState.DONE, "grid", 2, 2)
    assert (grid.state, pictures(runner, grid)) == (GridState.DONE, ["x1-y1-z1-s1", "x1-y1-z1-s2"])
    assert "grid 1" in (runner.folder(job) / "grid.log").read_text()
    assert not (runner.workspace.root / "bakes" / f"{job.number:04d}-over").exists()


def test_a_job_that_is_stopped_can_be_queued_again_and_continues(runner, queued) -> None:
    job = queued(seeds="1-6", batch_size=1, steps=12)
    runner.wait(job.number, lambda row: row.stage is Stage.GRID and row.stage_done >= 1)
    runner.journal.orders.give(job.number, Order.STOP)
    assert runner.finish(job.number).state is BakeState.STOPPED
    cut = runner.journal.grids.read(1)
    assert cut.state is GridState.CUT
    assert runner.resume(job.number).state is BakeState.DONE
    done = runner.journal.grids.read(1)
    assert (done.state, done.done, done.sampled) == (GridState.DONE, 6, 6)


def test_a_job_that_fails_says_where_and_the_next_one_is_run(runner, queued) -> None:
    first = runner.journal.grids.add(name="broken", spec=spec_json(grid_over(0, of_bakes=(77,))))
    broken = runner.journal.bakes.add(
        NewBake(
            name="broken",
            why="",
            settings_toml="",
            engine=runner.engine.key,
            total_steps=1,
            steps_per_epoch=0,
            grid=first.number,
        )
    )
    after = queued(seeds="1", steps=1)
    assert runner.finish(broken.number).state is BakeState.FAILED
    assert "no bake 77" in runner.journal.bakes.read(broken.number).error
    assert runner.journal.grids.read(first.number).state is GridState.FAILED
    assert runner.engine.exit_codes[broken.number] is ExitCode.BAKE_FAILED
    assert runner.finish(after.number).state is BakeState.DONE
