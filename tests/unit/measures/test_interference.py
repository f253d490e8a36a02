"""How two LoRAs meet: equal to the dense computation, whatever programs wrote them."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lora_of_numbers import Layer, kohya, write_lora_of_numbers
from numpy.typing import NDArray

from trainer.errors import ModelError
from trainer.measures.blocks import block_of
from trainer.measures.interference import common_name, interference
from trainer.measures.weights import MeasuringStopped
from trainer.network.lora_content import load_lora

MID = "lora_unet_mid_block_attentions_0"
FIRST = {
    f"{MID}_transformer_blocks_0_attn1_to_q": Layer(24, 24, 4, alpha=2.0),
    f"{MID}_proj_in": Layer(24, 24, 5, kernel=1),
    "lora_unet_up_blocks_0_resnets_1_conv1": Layer(20, 12, 6, kernel=3, alpha=3.0),
    "lora_te_text_model_encoder_layers_0_mlp_fc1": Layer(48, 12, 12),
}
SECOND = {
    f"{MID}_transformer_blocks_0_attn1_to_q": Layer(24, 24, 9),
    f"{MID}_proj_out": Layer(24, 24, 5, kernel=1),
    "lora_unet_up_blocks_0_resnets_1_conv1": Layer(20, 12, 2, kernel=3),
    "lora_te_text_model_encoder_layers_0_mlp_fc1": Layer(48, 12, 3, size=0),
}


def test_numbers_that_are_none_have_no_directions_and_no_cosine(tmp_path: Path) -> None:
    whole = write_lora_of_numbers(tmp_path / "whole.safetensors", FIRST)
    for size in (float("nan"), float("inf"), 1e300):
        layers = {name: replace(layer, size=size) for name, layer in FIRST.items()}
        file = write_lora_of_numbers(tmp_path / "broken.safetensors", layers, dtype="F64")
        found = interference([whole, file])[0, 1]["", ""]
        assert (found.cosine, found.modules) == (None, len(FIRST))


def dense(path: Path) -> dict[str, NDArray[np.float64]]:
    file = load_lora(path)
    return {
        name: file.alpha(name)
        / file.rank(name)
        * file.tensors[f"{name}.lora_up.weight"].double().flatten(1).numpy()
        @ file.tensors[f"{name}.lora_down.weight"].double().flatten(1).numpy()
        for name in file.modules
    }


def directions(change: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    left, sizes, right = np.linalg.svd(change)
    count = 1 + int(np.searchsorted(np.cumsum(sizes**2) / (sizes**2).sum(), 0.95))
    return left[:, :count], right[:count].T


def overlap(one: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[float, float]:
    sides = (one.shape[1], other.shape[1])
    return float(((one.T @ other) ** 2).sum()) / min(sides), max(sides) / len(one)


@pytest.mark.parametrize("near", [None, 0.2])
def test_it_equals_the_dense_computation(tmp_path: Path, near: float | None) -> None:
    one = write_lora_of_numbers(tmp_path / "1.safetensors", FIRST, dtype="F16")
    other = write_lora_of_numbers(
        tmp_path / "2.safetensors", SECOND if near is None else FIRST, seed=5 if near is None else 0, near=near
    )
    found = interference([one, other])[0, 1]
    first, second = dense(one), dense(other)
    for scope in {("", ""), *(block_of(name) for name in first), *((block_of(name)[0], "") for name in second)}:
        names = [name for name in first | second if scope in (("", ""), (block_of(name)[0], ""), block_of(name))]
        both = [name for name in names if name in first and name in second]
        lengths = [
            math.sqrt(sum((each[name] ** 2).sum() for name in names if name in each)) for each in (first, second)
        ]
        assert found[scope].modules == len(both)
        if math.prod(lengths) == 0:
            assert found[scope].cosine is None
            continue
        cosine = sum(float((first[name] * second[name]).sum()) for name in both) / math.prod(lengths)
        assert found[scope].cosine == pytest.approx(cosine, abs=1e-6)
        changed = [name for name in both if first[name].any() and second[name].any()]
        if changed:
            pairs = [(directions(first[name]), directions(second[name])) for name in changed]
            outputs, inputs = ([overlap(a[side], b[side]) for a, b in pairs] for side in (0, 1))
            assert found[scope].outputs == pytest.approx(np.mean([value for value, _ in outputs]), abs=1e-6)
            assert found[scope].inputs == pytest.approx(np.mean([value for value, _ in inputs]), abs=1e-6)
            assert found[scope].inputs_chance == pytest.approx(np.mean([chance for _, chance in inputs]))


def test_random_loras_meet_as_chance_would_have_it_and_a_lora_meets_itself_wholly(tmp_path: Path) -> None:
    layers = {f"lora_unet_down_blocks_0_attentions_{number}_proj_in": Layer(200, 160, 8) for number in range(20)}
    files = [write_lora_of_numbers(tmp_path / f"{seed}.safetensors", layers, seed=seed) for seed in range(2)]
    found = interference([*files, files[0]])
    apart, same = found[0, 1]["", ""], found[0, 2]["", ""]
    assert set(found) == {(0, 1), (0, 2), (1, 2)}
    assert apart.inputs == pytest.approx(apart.inputs_chance, rel=0.1)
    assert apart.outputs == pytest.approx(apart.outputs_chance, rel=0.1)
    assert apart.cosine == pytest.approx(0, abs=0.03)
    assert (same.cosine, same.inputs, same.outputs) == (pytest.approx(1), pytest.approx(1), pytest.approx(1))


def test_the_opposite_of_a_lora_cancels_it(tmp_path: Path) -> None:
    one = write_lora_of_numbers(tmp_path / "1.safetensors", FIRST)
    turned = {name: Layer(**{**vars(layer), "size": -layer.size}) for name, layer in FIRST.items()}
    other = write_lora_of_numbers(tmp_path / "2.safetensors", turned)
    assert interference([one, other])[0, 1]["", ""].cosine == pytest.approx(-1)


@pytest.mark.parametrize(
    "names",
    [
        ("lora_unet_input_blocks_4_1_proj_in", "lora_unet_down_blocks_1_attentions_0_proj_in"),
        ("lora_te1_text_model_encoder_layers_3_mlp_fc1", "lora_te_text_model_encoder_layers_3_mlp_fc1"),
        ("lora_te2_encoder_layers_3_mlp_fc1", "lora_te2_text_model_encoder_layers_3_mlp_fc1"),
        ("lora_unet_middle_block_1_proj_out", "lora_unet_mid_block_attentions_0_proj_out"),
    ],
)
def test_names_of_two_programs_are_one_without_a_base(tmp_path: Path, names: tuple[str, str]) -> None:
    assert common_name(names[0]) == common_name(names[1])
    files = [
        write_lora_of_numbers(tmp_path / f"{at}.safetensors", {name: Layer(9, 8, 2)}, keys=kohya)
        for at, name in enumerate(names)
    ]
    assert interference(files)[0, 1]["", ""].cosine == pytest.approx(1)


def test_loras_for_bases_of_other_shapes_are_refused_by_name(tmp_path: Path) -> None:
    one = write_lora_of_numbers(tmp_path / "1.safetensors", {f"{MID}_proj_in": Layer(24, 24, 4)})
    other = write_lora_of_numbers(tmp_path / "2.safetensors", {f"{MID}_proj_in": Layer(24, 32, 4)})
    with pytest.raises(ModelError, match=r"2\.safetensors.*proj_in has 32 inputs and 24 outputs; expected 24 and 24"):
        interference([one, other])


def test_it_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    one = write_lora_of_numbers(tmp_path / "1.safetensors", FIRST)
    with pytest.raises(MeasuringStopped):
        interference([one, one], stop=lambda: True)
