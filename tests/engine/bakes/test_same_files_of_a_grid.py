"""A grid continues with the very files its first pictures were made from, or not at all."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from replaced_file import ReplacedFile
from run_bakes import BakeRunner
from small_base import small_base

from trainer.errors import GridError
from trainer.gallery.sidecar import read_sidecar, write_sidecar
from trainer.grid.model_files import ModelFiles
from trainer.grid.recipe import LoraUse, Recipe
from trainer.grid.spec import AxisSpec, GridSpec, LoraSpec, spec_json
from trainer.jobs.grids import resume_grid
from trainer.journal.grid_records import GridState
from trainer.sampling.make_grid import Progress, make_grid
from trainer.sampling.sampler import GridSampler
from trainer.sampling.standalone import StandaloneProvider
from trainer.workspace import Workspace

FILES = {
    "base": "base/unet/diffusion_pytorch_model.safetensors",
    "the base's scheduler": "base/scheduler/scheduler_config.json",
    "vae": "vae/diffusion_pytorch_model.safetensors",
    "LoRA": "one.safetensors",
    "second LoRA": "two.safetensors",
}


class StopsAfter:
    """Ends a grid after so many pictures, and calls `then` whenever one is made."""

    def __init__(self, pictures: int) -> None:
        self.left = pictures

    def stop(self) -> bool:
        return self.left <= 0

    def dropped(self) -> tuple[str, ...]:
        return ()


class Grid:
    """A grid of four seeds on files that lie in the workspace."""

    def __init__(self, runner: BakeRunner, make_settings: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
        self.runner, self.journal, root = runner, runner.journal, runner.root
        shutil.copytree(small_base(), root / "base")
        shutil.copytree(small_base() / "vae", root / "vae")
        for seed, name in ((1, "one"), (2, "two")):
            settings = make_settings(max_train_steps=1, validation_data_dir="", v_parameterization="no", seed=seed)
            shutil.copy(runner.bake(settings) / "x.safetensors", root / f"{name}.safetensors")
        spec = GridSpec(
            name="g",
            base=str(root / "base"),
            vae=str(root / "vae"),
            prompt="1girl, red",
            seeds="1,2,3,4",
            steps=1,
            width=64,
            height=64,
            sampler="Euler",
            batch_size=1,
            loras=(LoraSpec(file="one.safetensors"), LoraSpec(file="two.safetensors", weight=0.5)),
        )
        self.number = self.journal.grids.add(name="g", spec=spec_json(spec)).number
        self.folder = root / self.journal.grids.read(self.number).folder
        self.made: list[int] = []
        self.control = StopsAfter(99)
        sample = GridSampler.sample

        def counted(sampler: GridSampler, recipes: Any, **others: Any) -> Any:
            pictures = sample(sampler, recipes, **others)
            self.made += [recipe.seed for recipe in recipes]
            self.control.left -= 1
            return pictures

        monkeypatch.setattr(GridSampler, "sample", counted)

    def make(self, pictures: int = 99) -> GridState:
        """Make that many pictures of it."""
        self.control.left = pictures
        with StandaloneProvider() as provider:
            progress = Progress(lambda done, total: None, lambda line: None)
            workspace = Workspace(self.runner.root)
            return make_grid(self.number, self.journal, workspace, provider, self.control, progress)


@pytest.fixture
def grid(runner: BakeRunner, make_settings: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Grid:
    return Grid(runner, make_settings, monkeypatch)


def test_every_file_of_a_recipe_is_one_of_its_files() -> None:
    lora = LoraUse(Path("/a"), text_encoder_path=Path("/b"))
    recipe = Recipe("/base", "/vae", "epsilon", False, "", "", 1, 1, 1.0, 0.0, "Euler a", 64, 64, 1, loras=(lora,))
    assert recipe.files() == tuple(map(Path, ("/base", "/vae", "/a", "/b")))
    named = {name for name, hint in get_type_hints(LoraUse).items() if "Path" in str(hint)}
    assert named == {"path", "text_encoder_path"}


def test_a_grid_cut_in_its_middle_is_not_continued_with_another_file_under_the_same_path(grid: Grid) -> None:
    assert grid.make(2) is GridState.CUT
    row, jobs = grid.journal.grids.read(grid.number), len(grid.journal.bakes.latest())
    files = {path.name: path.read_bytes() for path in grid.folder.iterdir()}
    model_files = ModelFiles(grid.runner.root)
    for what, name in FILES.items():
        path = grid.runner.root / name
        place = path if path.parent == grid.runner.root else grid.runner.root / Path(name).parts[0]
        before = model_files.hash_of(place)
        with ReplacedFile(path):
            now = model_files.hash_of(place)
            for attempt in (lambda: resume_grid(grid.journal, grid.number, "test"), grid.make):
                with pytest.raises(GridError) as caught:
                    attempt()
                line = caught.value.line()
                assert before[:12] in line and now[:12] in line and str(place) in line, what
                assert caught.value.details == (f"sha256 {before} then", f"sha256 {now} now")
    assert (grid.journal.grids.read(grid.number), len(grid.journal.bakes.latest())) == (row, jobs)
    assert {path.name: path.read_bytes() for path in grid.folder.iterdir()} == files
    assert resume_grid(grid.journal, grid.number, "test").grid == grid.number
    assert grid.make() is GridState.DONE
    assert grid.made == [1, 2, 3, 4]


def test_a_file_replaced_while_the_grid_is_made_ends_it_before_a_picture_of_it_is_kept(grid: Grid) -> None:
    replaced = ReplacedFile(grid.runner.root / "one.safetensors")
    stop = grid.control.stop

    def stop_or_replace() -> bool:
        if grid.made == [1, 2] and not replaced.done:
            replaced.replace()
        return stop()

    grid.control.stop = stop_or_replace  # type: ignore[method-assign]
    with pytest.raises(GridError, match=r"one\.safetensors: sha256 \w{12}…, and its pictures are made from \w{12}…"):
        grid.make()
    assert sorted(path.name for path in grid.folder.glob("x*.png")) == ["x1-y1-z1-s1.png", "x1-y1-z1-s2.png"]
    assert grid.journal.grids.read(grid.number).state is GridState.FAILED
    replaced.put_back()
    assert grid.make() is GridState.DONE


def test_a_sidecar_of_an_older_version_is_checked_but_for_its_folders(grid: Grid) -> None:
    grid.make(1)
    made = read_sidecar(grid.folder)
    assert made is not None
    hashes = {place: "0" * 64 if Path(place).is_dir() else digest for place, digest in made.hashes.items()}
    object.__setattr__(made, "format", 1)
    object.__setattr__(made, "hashes", hashes)
    write_sidecar(made, grid.folder)
    with ReplacedFile(grid.runner.root / "one.safetensors"), pytest.raises(GridError, match="are made from"):
        resume_grid(grid.journal, grid.number, "test")
    resume_grid(grid.journal, grid.number, "test")


def test_a_grid_in_a_bake_names_the_base_that_is_loaded_whatever_lies_there_now(
    runner: BakeRunner, make_settings: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import trainer.bake.loop
    from trainer.bake.step import train_step
    from trainer.journal.journal import Journal
    from trainer.journal.records import Order

    base = Path(shutil.copytree(small_base(), runner.root / "base"))
    replaced = ReplacedFile(base / "unet" / "diffusion_pytorch_model.safetensors")
    before = ModelFiles(runner.root).hash_of(base)
    settings = make_settings(
        pretrained_model_name_or_path=str(base), validation_data_dir="", max_train_steps=2, save_every_n_steps=1
    )
    bake = runner.queue(settings)
    spec = GridSpec(
        name="g",
        base=str(base),
        prompt="cat",
        steps=1,
        width=64,
        height=64,
        sampler="Euler",
        loras=(LoraSpec(),),
        of_bakes=(bake.number,),
        x=AxisSpec(kind="epoch", values="all"),
    )

    def order(session: Any, work: Any) -> Any:
        if work.step == 2:
            replaced.replace()
            with Journal(runner.journal.path) as other:
                number = other.grids.add(name="g", spec=spec_json(spec), bake=bake.number).number
                other.orders.give(bake.number, Order.GRID, str(number))
        return train_step(session, work)

    monkeypatch.setattr(trainer.bake.loop, "train_step", order)
    runner.run(bake, settings)
    row = runner.journal.grids.read(1)
    made = read_sidecar(runner.root / row.folder)
    assert made is not None and (row.state, row.error) == (GridState.DONE, "")
    assert made.hashes[str(base)] == before != ModelFiles(runner.root).hash_of(base)
