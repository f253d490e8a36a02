"""Grids checked and queued: expanded, checked and timed before anything is written, then queued or ordered from a bake."""

from dataclasses import dataclass
from pathlib import Path

from trainer.errors import GridError, WorkspaceError
from trainer.gallery.same_files import check_same_files
from trainer.grid.cell import Expanded
from trainer.grid.cost import speed_class, unet_passes
from trainer.grid.expand import expand
from trainer.grid.first_spec import spec_for_bake, with_epochs
from trainer.grid.model_files import ModelFiles
from trainer.grid.presets import PRESETS
from trainer.grid.recipe import ComputeSetup, fingerprint
from trainer.grid.spec import GridSpec, LoraSpec, kept_spec, parse_spec, spec_json
from trainer.jobs.moved_files import with_moved_files_of_grid
from trainer.journal.grid_records import Grid, GridState
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, NewBake, Order
from trainer.machine.devices import card_device
from trainer.models.lora_numbers import check_lora_numbers
from trainer.plan.disk import check_disk_space
from trainer.settings.subject import subject_named
from trainer.workspace import Workspace, first_free_number

# PNG leaves about two of three bytes of a drawn or generated picture, and its sheet repeats it.
_BYTES_A_PIXEL = 4


@dataclass(frozen=True)
class PlannedGrid:
    """A grid that may be made; nothing is written yet.

    Attributes:
        expanded: its cells, checked.
        wanted: pictures to sample; equal recipes count once, and those of earlier grids not at all.
        seconds: time expected for them without loading; None if no grid of that speed class was made yet.
    """

    expanded: Expanded
    new_pictures: int
    seconds: float | None


def check_grid(spec: GridSpec, journal: Journal, workspace: Workspace) -> PlannedGrid:
    """Return the grid that `spec` describes. Writes nothing but remembered hashes.

    Raises:
        GridError, ModelError: the first thing found wrong.
    """
    model_files = ModelFiles(workspace.root)
    expanded = expand(with_epochs(spec, journal, workspace), model_files)
    for path in _lora_files(expanded):
        check_lora_numbers(path)
    compute_setup = _compute_setup(expanded)
    hashes: dict[Path, str] = {}

    def content(path: Path) -> str:
        if path not in hashes:
            hashes[path] = model_files.hash_of(path)
        return hashes[path]

    recipes = {fingerprint(cell.recipe, compute_setup, content): cell.recipe for cell in expanded.cells}
    new = [recipe for digest, recipe in recipes.items() if not _exists(journal.grids.picture(digest), workspace)]
    classes = {speed_class(recipe, compute_setup) for recipe in new}
    seconds_per_pass = {each: journal.grids.seconds_per_unet_pass(each) for each in classes}
    seconds = 0.0
    for recipe in new:
        per_pass = seconds_per_pass[speed_class(recipe, compute_setup)]
        if per_pass is None:
            return PlannedGrid(expanded, len(new), None)
        seconds += per_pass * unet_passes(recipe)
    return PlannedGrid(expanded, len(new), seconds)


def queue_grid(
    journal: Journal, workspace: Workspace, ready: PlannedGrid, *, engine: str, why: str = ""
) -> tuple[Grid, Bake]:
    """Add the grid and queue its making at the end, for the engine with key `engine`.

    Raises:
        DiskFull: the disk has no space for its pictures.
        WorkspaceError: the journal cannot be written.
    """
    grid = _add_grid(journal, workspace, ready, None)
    return grid, _queue(journal, grid, ready.new_pictures, ready.seconds, engine, why)


def queue_test_grid(journal: Journal, workspace: Workspace, *, engine: str, why: str = "") -> Bake:
    """Queue the subject's test grid over the epochs of the running bake and of those before it in the queue, and the champion's.

    Those epochs do not exist yet: the grid is expanded and checked when its turn comes.

    Raises:
        GridError: no bake runs or waits, or the subject has no test prompts.
        SettingsError, ModelError: the subject's file or the base cannot be read.
        WorkspaceError: the journal cannot be written.
    """
    live = [bake for bake in journal.bakes.latest() if bake.state.live]
    bakes = [bake.number for bake in (*reversed(live), *journal.queue.waiting()) if bake.grid is None]
    if not bakes:
        raise GridError("test grid", found="no bake is running or queued", way_out="`lora-tui grid` makes a grid now")
    spec = spec_for_bake(journal, workspace, bakes[-1])
    subject = subject_named(workspace.subjects, spec.subject)
    coming = {"epochs": (), "of_bakes": tuple(bakes), "champion": bool(subject.champion), "loras": (LoraSpec(),)}
    test = next(each for each in PRESETS if each.key == "test")
    spec = test.make(spec.model_copy(update=coming), subject)
    kept = spec_json(kept_spec(spec, journal.paths))
    grid = journal.grids.add(name=spec.name, spec=kept, least_number=first_free_number(workspace.grids))
    return _queue(journal, grid, 0, None, engine, why or f"test grid of bakes {', '.join(map(str, bakes))}")


def order_grid(journal: Journal, workspace: Workspace, ready: PlannedGrid, bake: int) -> Grid:
    """Add the grid and order it from the running bake, which makes it on its loaded base between two steps.

    Raises:
        DiskFull: the disk has no space for its pictures.
        WorkspaceError: the journal cannot be written.
    """
    grid = _add_grid(journal, workspace, ready, bake)
    journal.orders.give(bake, Order.GRID, str(grid.number))
    return grid


def resume_grid(journal: Journal, number: int, engine: str) -> Bake:
    """Queue an unfinished or failed grid again; what is made stays.

    Raises:
        WorkspaceError: no grid has that number, or it waits, is being made or is done.
        GridError: a file has another content than the one its pictures so far were made from; the grid stays as it was.
        ModelError: a file of it is missing.
    """
    grid = journal.grids.read(number)
    if grid.state not in (GridState.CUT, GridState.FAILED):
        raise WorkspaceError(f"grid {number}", found=f"is {grid.state}", expected="an unfinished or failed grid")
    root = journal.path.parent
    grid = with_moved_files_of_grid(journal, grid)
    check_same_files(number, root / grid.folder, ModelFiles(root).hash_of)
    return _queue(journal, grid, grid.total - grid.done, None, engine, "")


def stop_grid(journal: Journal, number: int) -> None:
    """End a grid that is queued or being made, keeping what is made.

    Raises:
        WorkspaceError: no grid has that number, or it is neither.
    """
    job = job_of(journal, journal.grids.read(number))
    if job.grid is None:
        journal.orders.give(job.number, Order.CANCEL_GRID)
    elif job.state.live:
        journal.orders.give(job.number, Order.STOP)
    else:
        journal.queue.remove(job.number)
        journal.grids.set_state(number, GridState.CUT)


def drop_epoch(journal: Journal, number: int, label: str) -> None:
    """Leave an epoch out of the rest of a grid that is being made.

    Raises:
        WorkspaceError: no grid has that number, or it is not being made.
    """
    journal.orders.give(job_of(journal, journal.grids.read(number)).number, Order.DROP_EPOCH, label)


def job_of(journal: Journal, grid: Grid) -> Bake:
    """Return the job that makes a grid: the bake it was ordered from, or its own.

    Raises:
        WorkspaceError: nothing does.
    """
    if grid.state in (GridState.WAITING, GridState.MAKING):
        if grid.bake is not None:
            return journal.bakes.read(grid.bake)
        for job in journal.bakes.latest():
            if job.grid == grid.number:
                return job
    raise WorkspaceError(
        f"grid {grid.number}", found=f"is {grid.state}", expected="a grid that is queued or being made"
    )


def spec_of(grid: Grid) -> GridSpec:
    """Return the spec a grid was requested with.

    Raises:
        GridError: another version wrote it.
    """
    return parse_spec(grid.spec, f"grid {grid.number}")


def _lora_files(expanded: Expanded) -> dict[Path, None]:
    return dict.fromkeys(path for cell in expanded.cells for path in cell.recipe.lora_files())


def _compute_setup(expanded: Expanded) -> ComputeSetup:
    """Return what the grid will be made with, as far as that is known before torch is loaded."""
    device, asked = "cuda" if card_device() else "cpu", expanded.spec.precision
    auto = expanded.half if device == "cuda" else "fp32"
    return ComputeSetup(device, auto if asked == "auto" else asked)


def _exists(file: str | None, workspace: Workspace) -> bool:
    return file is not None and (workspace.root / file).is_file()


def _add_grid(journal: Journal, workspace: Workspace, ready: PlannedGrid, bake: int | None) -> Grid:
    pixels = sum(cell.recipe.width * cell.recipe.height for cell in ready.expanded.cells)
    check_disk_space(pixels * _BYTES_A_PIXEL, workspace.root)
    spec = kept_spec(ready.expanded.spec, journal.paths)
    number = first_free_number(workspace.grids)
    return journal.grids.add(name=spec.name, spec=spec_json(spec), bake=bake, least_number=number)


def _queue(journal: Journal, grid: Grid, pictures: int, seconds: float | None, engine: str, why: str) -> Bake:
    return journal.bakes.add(
        NewBake(
            name=grid.name,
            why=why,
            settings_toml="",
            engine=engine,
            total_steps=pictures,
            steps_per_epoch=0,
            planned_seconds=seconds,
            grid=grid.number,
        )
    )
