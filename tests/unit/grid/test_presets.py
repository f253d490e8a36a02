"""The preset grids, expanded on the demo."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from lora_on_disk import write_lora

from trainer.demo.workspace import demo_subject
from trainer.errors import GridError, ModelError
from trainer.grid.cell import Expanded
from trainer.grid.expand import expand
from trainer.grid.model_files import ModelFiles
from trainer.grid.presets import PRESETS
from trainer.grid.prompt_labels import prompt_labels
from trainer.grid.recipe import ComputeSetup, fingerprint
from trainer.grid.spec import AxisSpec, EpochFile, GridSpec, LoraSpec
from trainer.models.identify import Base, identify_base
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


def test_another_lora_is_crossed_with_the_subjects_own(spec: GridSpec, tmp_path: Path) -> None:
    other = write_lora(tmp_path / "other.safetensors")
    made = _made("other-lora", spec.model_copy(update={"loras": (LoraSpec(), LoraSpec(file=str(other)))}))
    assert (made.x.kind, made.y.kind) == ("weight", "weight:2")
    assert made.x.labels == made.y.labels == ("0", "0.25", "0.5", "0.75", "1")
    both = {tuple(lora.path.name for lora in cell.recipe.loras) for cell in made.cells}
    assert both == {
        (),
        ("hifumi-000002.safetensors",),
        ("other.safetensors",),
        ("hifumi-000002.safetensors", "other.safetensors"),
    }


def test_another_lora_may_stand_in_the_prompt(spec: GridSpec, tmp_path: Path) -> None:
    write_lora(tmp_path / "other.safetensors")
    tagged = spec.model_copy(update={"prompt": f"{spec.prompt} <lora:{tmp_path}/other:1>"})
    assert len(_made("other-lora", tagged).cells[-1].recipe.loras) == 2


@pytest.mark.parametrize("loras", [(), (LoraSpec(),)])
def test_a_grid_with_another_lora_needs_one(spec: GridSpec, loras: tuple[LoraSpec, ...]) -> None:
    with pytest.raises(GridError, match=r"loras: no other LoRA beside the subject's; expected a second file; name it"):
        _made("other-lora", spec.model_copy(update={"loras": loras}))


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of single files: three bases of one family, one of another, one that cannot be read; and a LoRA of the first."""
    for name in ("a", "b", "broken", "other family", "q", "z"):
        (tmp_path / f"{name}.safetensors").touch()
    real: Callable[[str], Base] = identify_base

    def identify(name: str) -> Base:
        stem = Path(name).stem
        if stem == "broken":
            raise ModelError(name, found="cut off")
        return replace(real("demo"), name=stem, path=Path(name), family="sdxl" if stem == "other family" else "sd1")

    monkeypatch.setattr("trainer.grid.presets.identify_base", identify)
    return tmp_path


def test_the_bases_beside_ones_own_are_those_of_its_family(checkpoints: Path) -> None:
    spec = GridSpec(base=str(checkpoints / "q.safetensors"), loras=(LoraSpec(file="x"),))
    made = _BY_KEY["bases"].make(spec, Subject())
    assert made.x is not None
    assert [Path(item).stem for item in made.x.values.split(", ")] == ["q", "a", "b"]
    assert (made.y and made.y.kind, made.y and made.y.values) == ("weight", "0, 1")


def test_bases_that_the_spec_names_stay(spec: GridSpec) -> None:
    named = spec.model_copy(update={"y": AxisSpec(kind="Checkpoint name", values="demo, elsewhere"), "x": None})
    made = _BY_KEY["bases"].make(named, Subject())
    assert made.x == named.y


@pytest.mark.parametrize("base", ["demo", "", "{folder}/alone/one.safetensors"])
def test_a_grid_over_bases_needs_a_second_one(base: str, spec: GridSpec, tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "one.safetensors").touch()
    with pytest.raises(GridError, match=r"base: no other base of its family .*; expected two bases or more; name them"):
        _made("bases", spec.model_copy(update={"base": base.format(folder=tmp_path)}))
