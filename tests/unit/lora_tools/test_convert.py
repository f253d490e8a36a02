"""LoRAs of other kinds converted to plain ones: the best approximation in each rank, and the loss that is said."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lora_kinds import FORMS, tensors_of, write_kinds
from lora_of_numbers import write_tensors

from trainer.errors import ModelError, SettingsError, WorkspaceError
from trainer.formats.safetensors_header import read_header
from trainer.lora_tools.convert import Loss, convert_lora
from trainer.lora_tools.decompose import RankRule
from trainer.lora_tools.made_lora import MadeLora, Output
from trainer.lora_tools.references import LoraReference
from trainer.measures.change_factors import Matrix
from trainer.measures.lora_factors import LoraFactors
from trainer.models.identify import Base, LoraShape, identify_base
from trainer.models.lora_header import read_plain_header
from trainer.settings.subject import DEMO_BASE

UNET = "lora_unet_mid_block_attentions_0_proj_in"
RESNET = "lora_unet_mid_block_resnets_0_conv1"
TEXT = "lora_te_text_model_encoder_layers_0_mlp_fc1"
PLACES: Mapping[str, LoraShape] = {
    UNET: LoraShape(20, 24, 1, is_conv=False, needs_conv_dim=False),
    RESNET: LoraShape(6, 24, 3, is_conv=True, needs_conv_dim=True),
    TEXT: LoraShape(12, 32, 1, is_conv=False, needs_conv_dim=False),
}


@pytest.fixture(scope="module")
def demo() -> Base:
    return identify_base(DEMO_BASE)


def converted(
    path: Path, rule: RankRule, *, base: Base | None = None, dtype: str = "", out: str = "out"
) -> tuple[MadeLora, Loss]:
    reference = LoraReference(path, path.stem)
    return convert_lora(reference, rule, Output(path.with_name(f"{out}.safetensors"), dtype), base=base)


def changes(path: Path, base: Base | None = None) -> dict[str, Matrix]:
    with LoraFactors(path, weights=base.weights if base else None) as file:
        return {name: file.read(name).dense() for name in file}


def share(found: Mapping[str, Matrix], expected: Mapping[str, Matrix], start: str = "") -> float:
    names = [name for name in expected if name.startswith(start)]
    lost = sum(float(np.square(found[name] - expected[name]).sum()) for name in names)
    return float(np.sqrt(lost / sum(float(np.square(expected[name]).sum()) for name in names)))


@pytest.mark.parametrize("form", [form for form in FORMS if form not in ("lokr flat",)])
def test_all_of_a_change_kept_is_the_change(tmp_path: Path, form: str) -> None:
    # A kernel in the inputs needs a base to be told.
    places = {name: place for name, place in PLACES.items() if form != "loha" or place.kernel == 1}
    path = write_kinds(tmp_path / "x.safetensors", places, [form])
    made, loss = converted(path, RankRule(energy=1.0))
    expected = changes(path)
    found = changes(made.path)
    assert share(found, expected) < 1e-6
    assert loss.parts[""] < 1e-6
    assert read_plain_header(made.path).kinds == {"LoRA": len(places)}
    assert {name: module.rank for name, module in read_plain_header(made.path).modules.items()} == {
        name: int((np.linalg.svd(change, compute_uv=False) > 1e-6 * np.linalg.norm(change)).sum())
        for name, change in expected.items()
    }


@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("form", ["loha tucker", "lokr", "lokr whole", "lokr tucker", "full"])
def test_a_rank_is_the_best_approximation_and_its_loss_is_said_for_each_part(
    tmp_path: Path, form: str, rank: int
) -> None:
    path = write_kinds(tmp_path / "x.safetensors", PLACES, [form])
    made, loss = converted(path, RankRule(rank=rank))
    found, expected = changes(made.path), changes(path)
    sizes = {name: np.linalg.svd(change, compute_uv=False) for name, change in expected.items()}
    for name, change in expected.items():
        best = float(np.sqrt(np.square(sizes[name][rank:]).sum()))
        assert float(np.linalg.norm(found[name] - change)) == pytest.approx(best, rel=1e-5, abs=1e-6)
    assert loss.parts.keys() == {"", "unet", "text_encoder"}
    for part, start in (("", ""), ("unet", "lora_unet"), ("text_encoder", "lora_te")):
        assert loss.parts[part] == pytest.approx(share(found, expected, start), rel=1e-4)
    assert loss.kinds == {
        form.split(maxsplit=1)[0].replace("loha", "LoHa").replace("lokr", "LoKr").replace("full", "full difference"): 3
    }


def test_an_energy_is_held_with_as_few_directions_as_possible(tmp_path: Path) -> None:
    path = write_kinds(tmp_path / "x.safetensors", PLACES, ["lokr"])
    made, _ = converted(path, RankRule(energy=0.9))
    for name, module in read_plain_header(made.path).modules.items():
        squares = np.square(np.linalg.svd(changes(path)[name], compute_uv=False))
        assert module.rank == 1 + int(np.searchsorted(np.cumsum(squares) / squares.sum(), 0.9))
    # One alpha for all, since diffusers' loader takes one for all.
    assert len({module.alpha for module in read_plain_header(made.path).modules.values()}) == 1


@pytest.mark.parametrize("dtype", ["F16", "BF16"])
def test_what_the_type_rounds_off_is_in_the_loss(tmp_path: Path, dtype: str) -> None:
    path = write_kinds(tmp_path / "x.safetensors", PLACES, ["lokr"])
    made, loss = converted(path, RankRule(energy=1.0), dtype=dtype)
    assert set(read_header(made.path).dtypes.values()) == {dtype}
    assert loss.parts[""] == pytest.approx(share(changes(made.path), changes(path)), rel=0.05)
    assert loss.parts[""] > 1e-5


@pytest.mark.parametrize("dora", ["outputs", "inputs", "peft"])
def test_a_dora_is_converted_beside_its_base(tmp_path: Path, demo: Base, dora: str) -> None:
    some = dict(list(demo.lora_shapes.items())[::17])
    path = write_kinds(tmp_path / "x.safetensors", some, ("lora", "loha", "lokr flat"), dora=dora)
    made, loss = converted(path, RankRule(energy=1.0), base=demo)
    assert share(changes(made.path), changes(path, demo)) < 1e-6
    assert loss.parts[""] < 1e-6


def test_a_dora_without_its_base_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    path = write_kinds(tmp_path / "x.safetensors", PLACES, ["lora"], dora="outputs")
    with pytest.raises(ModelError, match=r"a DoRA in 3 modules; expected its base.*--base"):
        converted(path, RankRule(rank=4))
    assert [each.name for each in tmp_path.iterdir()] == ["x.safetensors"]


def test_a_matrix_that_may_be_a_convolution_needs_a_base(tmp_path: Path, demo: Base) -> None:
    wide = {name: place for name, place in demo.lora_shapes.items() if place.kernel == 3}
    path = write_kinds(tmp_path / "x.safetensors", wide, ["loha"])
    with pytest.raises(ModelError, match="a matrix, or a 3x3 convolution"):
        converted(path, RankRule(rank=4))
    made, _ = converted(path, RankRule(rank=4), base=demo)
    for name, module in read_plain_header(made.path).modules.items():
        assert module.fits(wide[name].outputs, wide[name].inputs, 3) and module.down[2:] == (3, 3)


def test_a_plain_layer_in_the_file_stays_what_it_is(tmp_path: Path) -> None:
    path = write_kinds(tmp_path / "x.safetensors", PLACES, ["lora", "lokr", "lora"], rank=5)
    made, loss = converted(path, RankRule(rank=1))
    found, expected = changes(made.path), changes(path)
    for name in (UNET, TEXT):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-6)
    assert read_plain_header(made.path).modules[UNET].rank == 5
    assert loss.parts["text_encoder"] < 1e-6 < loss.parts["unet"]


def test_biases_and_modules_without_effect_are_named(tmp_path: Path) -> None:
    tensors = {f"{UNET}.{end}": of for end, of in tensors_of("full", PLACES[UNET]).items()}
    tensors[f"{UNET}.diff_b"] = np.ones(24)
    tensors |= {f"{TEXT}.{end}": of * 0 for end, of in tensors_of("lokr", PLACES[TEXT]).items()}
    path = write_tensors(tmp_path / "x.safetensors", {key: ("F32", numbers) for key, numbers in tensors.items()})
    made, loss = converted(path, RankRule(rank=2))
    assert made.left_out == {TEXT: "it changes nothing"}
    assert "1 bias left out" in made.notes
    assert loss.kinds == {"full difference with a bias": 1, "LoKr": 1}


def test_the_new_file_says_that_it_is_a_plain_one_and_what_it_is_of(tmp_path: Path) -> None:
    texts = {"ss_network_module": "lycoris.kohya", "ss_network_args": '{"algo": "lokr"}', "ss_unet_lr": "1e-4"}
    path = write_kinds(tmp_path / "x.safetensors", PLACES, ["lokr"], metadata=texts)
    made, _ = converted(path, RankRule(rank=2))
    found = read_header(made.path).metadata
    assert (found["ss_network_module"], found["ss_network_dim"], found["ss_unet_lr"]) == ("networks.lora", "2", "1e-4")
    assert "ss_network_args" not in found
    assert json.loads(found["ss_lora_tui_made"])["operation"] == "convert"


def test_what_cannot_be_kept_or_written_is_refused(tmp_path: Path) -> None:
    path = write_kinds(tmp_path / "x.safetensors", PLACES, ["lokr"])
    with pytest.raises(SettingsError):
        converted(path, RankRule(rank=0))
    with pytest.raises(WorkspaceError):
        converted(path, RankRule(rank=2), out="x")
    wrong = replace(identify_base(DEMO_BASE), lora_shapes={UNET: PLACES[TEXT]})
    with pytest.raises(ModelError):
        converted(path, RankRule(rank=2), base=wrong)
