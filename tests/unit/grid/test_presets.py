"""The preset grids, expanded on the demo."""

from pathlib import Path

import pytest
from lora_on_disk import write_lora

from trainer.demo.workspace import demo_subject
from trainer.errors import GridError
from trainer.grid.cell import Expanded
from trainer.grid.expand import expand
from trainer.grid.model_files import ModelFiles
from trainer.grid.presets import PRESETS
from trainer.grid.prompt_labels import prompt_labels
from trainer.grid.recipe import ComputeSetup, fingerprint
from trainer.grid.spec import EpochFile, GridSpec, LoraSpec
from trainer.settings.subject import Subject

_BY_KEY = {ready.key: ready for ready in PRESETS}
_WEIGHTS = ("0", "0.25", "0.5", "0.75", "1", "1.25")


@pytest.fixture
def spec(tmp_path: Path) -> GridSpec:
    """Two epochs of the demo's character."""
    epochs = tuple(
        EpochFile(label=str(epoch), file=str(write_lora(tmp_path / f"hifumi-{epoch:06d}.safetensors")))
        for epoch in (1, 2)
    )
    prompt = demo_subject().prompts["school"]
    return GridSpec(base="demo", prompt=prompt, width=64, height=64, epochs=epochs, loras=(LoraSpec(),), token="hifumi")


def _made(key: str, spec: GridSpec, subject: Subject | None = None) -> Expanded:
    return expand(_BY_KEY[key].make(spec, subject or demo_subject()), ModelFiles(Path("/")))


def test_every_epoch_is_combined_with_every_weight(spec: GridSpec) -> None:
    made = _made("epochs-weight", spec)
    assert (made.x.labels, made.y.labels) == (_WEIGHTS, ("1", "2"))


def test_unet_weights_cross_text_encoder_weights_on_the_newest_epoch(spec: GridSpec) -> None:
    made = _made("unet-text-encoder", spec)
    assert (made.x.labels, made.y.labels) == (_WEIGHTS, _WEIGHTS)
    assert {lora.path.name for cell in made.cells for lora in cell.recipe.loras} == {"hifumi-000002.safetensors"}


def test_the_token_is_switched_at_every_epoch(spec: GridSpec) -> None:
    made = _made("token", spec)
    assert (made.x.labels, made.y.labels) == (("on", "off"), ("1", "2"))
    assert [demo_subject().trigger in cell.recipe.prompt for cell in made.cells if cell.place.seed == 0] == [
        True,
        False,
    ] * 2


def test_all_test_prompts_get_four_seeds(spec: GridSpec) -> None:
    made = _made("prompts-seeds", spec, demo_subject().model_copy(update={"seeds": [9, 8]}))
    assert made.y.labels == prompt_labels(tuple(demo_subject().prompts.values()))
    assert [cell.recipe.prompt for cell in made.cells[::4]] == list(demo_subject().prompts.values())
    assert made.seeds.labels[:2] == ("9", "8")
    assert len(set(made.seeds.labels)) == 4


def test_the_noise_check_makes_one_picture_twice(spec: GridSpec) -> None:
    made = _made("noise", spec)
    first, second = (cell.recipe for cell in made.cells)
    assert (first.seed, first.prompt, first.loras) == (second.seed, second.prompt, second.loras)
    marks = {fingerprint(recipe, ComputeSetup("cpu", "fp32"), str) for recipe in (first, second)}
    assert len(marks) == 2


def test_the_test_grid_has_every_epoch_prompt_and_seed_in_the_fair_order(spec: GridSpec) -> None:
    made = _made("test", spec.model_copy(update={"order": "axes"}))
    assert made.shape == (2, 4, 1, 4)
    assert made.spec.order == "fair"


def test_a_ready_made_grid_leaves_nothing_of_the_axes_before(spec: GridSpec) -> None:
    first = _BY_KEY["test"].make(spec, demo_subject())
    assert _BY_KEY["noise"].make(first, demo_subject()).y is None


@pytest.mark.parametrize(
    ("key", "said"),
    [("prompts-seeds", "the subject has no test prompts"), ("test", "the subject has no test prompts")],
)
def test_a_subject_that_lacks_what_a_grid_needs_is_refused(spec: GridSpec, key: str, said: str) -> None:
    with pytest.raises(GridError, match=said):
        _made(key, spec, Subject())


def test_a_subject_without_a_token_has_none_to_switch(spec: GridSpec) -> None:
    with pytest.raises(GridError, match="token: the subject has no token"):
        _made("token", spec.model_copy(update={"token": ""}), Subject())


@pytest.mark.parametrize("key", ["epochs-weight", "token", "test"])
def test_a_grid_over_epochs_needs_one(spec: GridSpec, key: str) -> None:
    with pytest.raises(GridError, match="epochs: no epoch is saved yet"):
        _made(key, spec.model_copy(update={"epochs": ()}))
