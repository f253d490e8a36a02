"""Twins: the same bake with other random numbers, on the same data or not at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from trainer.dataset.manifest import manifest_bytes, manifest_of
from trainer.demo.workspace import make_demo
from trainer.errors import DatasetError, LoraTuiError, ModelError, SettingsError, WorkspaceError
from trainer.jobs.bakes import check, queue_bake
from trainer.jobs.same_content import listed_models, models_now
from trainer.jobs.twin import preview_twins, queue_twins
from trainer.journal.bake_settings import settings_of
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, Mark, MarkKind
from trainer.noise_floor.floors import NoiseFloors
from trainer.settings.random_numbers import RANDOM_SOURCES, RandomSource
from trainer.settings.toml_file import load_settings

INIT, ORDER, NOISE = RandomSource


class Twinned:
    """The demo with few pictures, and bakes as they stand once they began."""

    def __init__(self, root: Path) -> None:
        self.workspace = make_demo(root)
        for picture in sorted((root / "data").rglob("*.png"))[3:]:
            picture.unlink()
            picture.with_suffix(".txt").unlink()
        self.journal = Journal(self.workspace.journal_path)

    def bake(self, *overrides: str, starts_from: str = "", parent: int | None = None) -> Bake:
        path = self.workspace.root / "hifumi.toml"
        ready = check(load_settings(path, ("max_train_epochs=2", *overrides)), path)
        bake = queue_bake(
            self.journal, self.workspace, ready, why="", engine="x", parent=parent, starts_from=starts_from
        )
        self.began(bake)
        return bake

    def began(self, bake: Bake) -> None:
        """Note what a bake stands on, as it does when it starts."""
        settings = settings_of(self.journal, bake)
        ready = check(settings, self.workspace.root / "hifumi.toml")
        manifest = manifest_of(ready.data, ready.validation, listed_models(models_now(settings) or {}))
        self.journal.results.set_manifest(bake.number, manifest_bytes(manifest))
        self.journal.bakes.set_device(bake.number, "cpu")
        self.journal.bakes.set_state(bake.number, BakeState.DONE)

    def twins(self, number: int, *vary: RandomSource, count: int = 1) -> tuple[Bake, ...]:
        found = preview_twins(self.journal, self.workspace, number, vary, count)
        return queue_twins(self.journal, self.workspace, found, engine="x")

    def refusal(self, number: int, *vary: RandomSource, count: int = 1) -> LoraTuiError:
        waiting = len(self.journal.queue.waiting())
        with pytest.raises(LoraTuiError) as caught:
            self.twins(number, *(vary or RandomSource), count=count)
        assert len(self.journal.queue.waiting()) == waiting
        return caught.value


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Twinned]:
    made = Twinned(tmp_path / "demo")
    yield made
    made.journal.close()


VARIED = {
    (INIT,): "twin of 1: other start values",
    (ORDER,): "twin of 1: other order",
    (NOISE,): "twin of 1: other noise",
    (INIT, ORDER, NOISE): "twin of 1: other start values, order and noise",
    (): "repeat of 1",
}


def test_a_twin_is_the_same_bake_but_for_the_seeds_asked_for(here: Twinned) -> None:
    one = settings_of(here.journal, here.bake("seed=7", "noise_seed=3"))
    for vary, why in VARIED.items():
        (twin,) = here.twins(1, *vary)
        assert (twin.parent, twin.why, twin.state) == (1, why, BakeState.QUEUED)
        other = settings_of(here.journal, twin)
        assert {source for source in RandomSource if one.seed_of(source) != other.seed_of(source)} == set(vary)
        names = {RANDOM_SOURCES[source].setting for source in vary}
        assert one.model_dump(exclude=names) == other.model_dump(exclude=names)
        here.began(twin)
    assert NoiseFloors(here.journal).family(1) == [1, 2, 3, 4, 5, 6]


def test_several_twins_draw_numbers_of_their_own(here: Twinned) -> None:
    here.bake()
    twins = here.twins(1, *RandomSource, count=4)
    seeds = [settings_of(here.journal, twin).seed_of(source) for twin in twins for source in RandomSource]
    assert len(set(seeds)) == 12
    assert {twin.parent for twin in twins} == {1}


def test_on_other_pictures_there_is_no_twin_and_the_error_names_them(here: Twinned) -> None:
    here.bake()
    held_out = next((here.workspace.root / "validation").glob("*.png"))
    held_out.unlink()
    here.twins(1, NOISE)
    caption = next((here.workspace.root / "data").rglob("*.txt"))
    caption.write_text("1girl, quite another hat")
    error = here.refusal(1)
    assert isinstance(error, DatasetError)
    assert f"{caption.stem}.png: another caption" in error.line() and "make a twin of that" in error.line()
    caption.with_suffix(".png").unlink()
    assert "removed" in here.refusal(1).line()


def test_on_another_base_there_is_no_twin(here: Twinned, tmp_path: Path) -> None:
    from shutil import copytree

    from trainer.models.identify import model_place

    base = copytree(model_place("demo"), tmp_path / "base")
    here.bake(f"pretrained_model_name_or_path={base}")
    weights = base / "unet" / "diffusion_pytorch_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert isinstance(here.refusal(1), ModelError)


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        (Mark(4, 1e9, MarkKind.SET, "unet_lr=1e-5"), "unet_lr=1e-5 was set at step 4 while it ran"),
        (Mark(6, 1e9, MarkKind.ROLL_BACK, "to step 2"), "was rolled back at step 6 while it ran"),
    ],
)
def test_a_bake_that_ran_otherwise_than_its_settings_say_has_no_twin(here: Twinned, mark: Mark, said: str) -> None:
    here.bake()
    here.journal.results.add_mark(1, Mark(3, 1e9, MarkKind.SET, "sample_steps=9"))
    here.twins(1, NOISE)
    here.journal.results.add_mark(1, mark)
    error = here.refusal(1)
    assert isinstance(error, WorkspaceError) and said in error.line()


def test_a_twin_of_a_fork_starts_from_the_same_state_and_never_varies_the_start(here: Twinned) -> None:
    here.bake()
    state = here.workspace.bakes / ".fork-1234.safetensors"
    state.write_bytes(b"state")
    here.bake(starts_from="bakes/.fork-1234.safetensors", parent=1)
    here.journal.curves.add(2, "loss", [(5, 0.1)])
    (twin,) = here.twins(2, *RandomSource)
    assert (twin.parent, twin.why) == (2, "twin of 2: other order and noise")
    assert (here.workspace.root / twin.starts_from).read_bytes() == b"state"
    assert "starts from a state" in here.refusal(2, INIT).line()
    here.began(twin)
    here.journal.curves.add(twin.number, "loss", [(5, 0.1)])
    assert NoiseFloors(here.journal).family(2) == [2, 3]
    for link in here.workspace.bakes.glob(".fork-*"):
        link.unlink()
    assert "the state it started from is gone" in here.refusal(2).line()
    kept = here.workspace.root / here.journal.bakes.read(1).folder / "state" / "step00000004.safetensors"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"state")
    assert (here.workspace.root / here.twins(2, NOISE)[0].starts_from).samefile(kept)


def test_what_cannot_have_twins_says_so(here: Twinned) -> None:
    assert "no bake 1" in here.refusal(1).line()
    here.bake()
    for count in (0, 21, 2**40):
        assert isinstance(here.refusal(1, count=count), SettingsError)
    Image.new("RGB", (64, 64)).save(here.workspace.root / "data" / "10_hifumi_chan" / "new.png")
    assert "added" in here.refusal(1).line()
