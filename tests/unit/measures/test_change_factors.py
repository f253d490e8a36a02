"""Changes of every kind as factors: what they multiply to, their norms and singular values, and a DoRA's beside its base."""

from pathlib import Path

import numpy as np
import pytest
import torch
from lora_kinds import FORMS, tensors_of
from lora_of_numbers import write_tensors

from trainer.errors import ModelError
from trainer.measures.change_factors import Factors, Matrix, factors_of_matrix
from trainer.measures.interference import interference
from trainer.measures.lora_factors import LoraFactors
from trainer.measures.products import (
    inner_product,
    leading_directions,
    spectrum,
    squared_norm,
    squared_singular_values,
)
from trainer.measures.weights import measure_lora
from trainer.models.identify import LoraShape
from trainer.models.weight_slice import PlacedWeight, WeightSlice
from trainer.network.change_weights import change_of, magnitude_factors
from trainer.network.lora_content import load_lora

NAME = "lora_unet_mid_block_attentions_0_proj_in"
PLACES = {
    "linear": LoraShape(18, 24, 1, is_conv=False, needs_conv_dim=False),
    "1x1": LoraShape(18, 24, 1, is_conv=True, needs_conv_dim=False),
    "3x3": LoraShape(6, 24, 3, is_conv=True, needs_conv_dim=True),
    "narrow": LoraShape(24, 6, 1, is_conv=False, needs_conv_dim=False),
}


def shape_of(place: LoraShape) -> tuple[int, ...]:
    return (place.outputs, place.inputs, *((place.kernel, place.kernel) if place.is_conv else ()))


def written(path: Path, form: str, place: LoraShape, *, rank: int = 2, dora: str = "", seed: int = 0) -> Path:
    tensors = tensors_of(form, place, rank=rank, alpha=1.5, dora=dora, seed=seed)
    return write_tensors(path, {f"{NAME}.{ending}": ("F32", numbers) for ending, numbers in tensors.items()})


def read(path: Path) -> Factors:
    with LoraFactors(path) as file:
        return file.read(NAME)


def dense(path: Path, place: LoraShape) -> Matrix:
    """The same change as a grid makes it, as a matrix."""
    file = load_lora(path)
    if NAME in file.others:
        made = change_of(file.others[NAME], file.tensors_of(NAME), torch.Size(shape_of(place)))
    else:
        up, down = (file.tensors[NAME + end].flatten(1) for end in (".lora_up.weight", ".lora_down.weight"))
        made = up @ down * (file.alpha(NAME) / file.rank(NAME))
    found: Matrix = made.flatten(1).double().numpy()
    return found


@pytest.mark.parametrize("rank", [2, 5])
@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("form", FORMS)
def test_factors_multiply_to_the_change_that_a_grid_makes(tmp_path: Path, form: str, kind: str, rank: int) -> None:
    place = PLACES[kind]
    path = written(tmp_path / "x.safetensors", form, place, rank=rank)
    change, expected = read(path), dense(path, place)
    np.testing.assert_allclose(change.dense(), expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())
    assert change.sides == expected.shape
    assert len(change.down) <= min(expected.shape)
    sizes = np.linalg.svd(change.dense(), compute_uv=False)
    assert squared_norm(change) == pytest.approx(float(np.square(sizes).sum()), rel=1e-9)
    squares = squared_singular_values(change)
    count = min(len(squares), len(sizes))
    np.testing.assert_allclose(squares[:count], np.square(sizes)[:count], atol=1e-9 * squares[0])
    assert np.abs(squares[count:]).sum() <= 1e-9 * squares[0]
    assert int((sizes > 1e-9 * sizes[0]).sum()) <= change.rank


@pytest.mark.parametrize("kind", PLACES)
def test_the_leading_directions_of_every_form_hold_the_energy_that_is_said(tmp_path: Path, kind: str) -> None:
    for form in FORMS:
        change = read(written(tmp_path / "x.safetensors", form, PLACES[kind]))
        left, right = leading_directions(change)
        found = spectrum(squared_singular_values(change))
        assert found is not None and left.shape[1] == right.shape[1] == found.energy_rank
        held = np.linalg.norm(left.T @ change.dense() @ right) / np.sqrt(squared_norm(change))
        assert 0.95**0.5 - 1e-9 <= held <= 1 + 1e-9


@pytest.mark.parametrize("other", FORMS)
@pytest.mark.parametrize("form", ["lora", "loha", "lokr", "full"])
def test_changes_of_two_kinds_have_the_inner_product_of_their_matrices(tmp_path: Path, form: str, other: str) -> None:
    place = PLACES["3x3"]
    one = read(written(tmp_path / "1.safetensors", form, place))
    two = read(written(tmp_path / "2.safetensors", other, place, seed=3))
    scale = np.sqrt(squared_norm(one) * squared_norm(two))
    assert inner_product(one, two) == pytest.approx(float((one.dense() * two.dense()).sum()), abs=1e-10 * scale)
    assert inner_product(one, one) == squared_norm(one)


def test_two_lokrs_split_in_different_ways_are_compared_by_their_matrices(tmp_path: Path) -> None:
    draws = np.random.default_rng(1)

    def lokr(name: str, first: tuple[int, int], second: tuple[int, int]) -> Factors:
        tensors = {"lokr_w1": draws.standard_normal(first), "lokr_w2": draws.standard_normal(second)}
        return read(write_tensors(tmp_path / name, {f"{NAME}.{end}": ("F32", of) for end, of in tensors.items()}))

    one, two = lokr("1.safetensors", (4, 3), (6, 6)), lokr("2.safetensors", (2, 9), (12, 2))
    assert inner_product(one, two) == pytest.approx(float((one.dense() * two.dense()).sum()))


def base_weight(folder: Path, place: LoraShape, *, turned: bool = False) -> tuple[dict[str, PlacedWeight], Matrix]:
    """A file with the weight of the module behind another one, and the weight."""
    weight = np.random.default_rng(8).standard_normal(shape_of(place)).astype(np.float32)
    stored = weight.T if turned else weight
    path = folder / "base.safetensors"
    write_tensors(path, {"other": ("F32", np.zeros(7)), "w": ("F32", np.ascontiguousarray(stored))})
    return {NAME: PlacedWeight(path, WeightSlice("w", weight.shape, turned=turned))}, weight.astype(np.float64)


@pytest.mark.parametrize("dora", ["outputs", "inputs", "peft"])
@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("form", ["lora", "loha", "lokr flat"])
def test_a_dora_is_read_beside_the_weight_of_its_base(tmp_path: Path, form: str, kind: str, dora: str) -> None:
    place = PLACES[kind]
    weights, weight = base_weight(tmp_path, place, turned=kind == "narrow")
    path = written(tmp_path / "x.safetensors", form, place, dora=dora)
    with LoraFactors(path, weights=weights) as file:
        found = file.read(NAME).dense()
    loaded = load_lora(path)
    module, tensors = loaded.others[NAME], loaded.tensors_of(NAME)
    moved = change_of(module, tensors, torch.Size(weight.shape)) + torch.from_numpy(weight).float()
    assert module.dora == ("inputs" if dora == "inputs" else "outputs")
    moved *= magnitude_factors(moved, tensors["magnitude" if dora == "peft" else "dora_scale"], module.dora)
    expected = moved.double().numpy() - weight
    np.testing.assert_allclose(found, expected.reshape(found.shape), atol=2e-5 * np.abs(expected).max())


def test_by_hand_the_rows_of_a_dora_have_the_lengths_of_its_magnitudes(tmp_path: Path) -> None:
    place = PLACES["linear"]
    weights, weight = base_weight(tmp_path, place)
    path = written(tmp_path / "x.safetensors", "lora", place, dora="outputs")
    magnitude = tensors_of("lora", place, alpha=1.5, dora="outputs")["dora_scale"].reshape(-1)
    with LoraFactors(path, weights=weights) as file:
        after = weight + file.read(NAME).dense()
    np.testing.assert_allclose(np.linalg.norm(after, axis=1), magnitude, rtol=1e-5)


def test_without_the_base_a_dora_is_left_out_and_named(tmp_path: Path) -> None:
    place = PLACES["linear"]
    other = NAME.replace("proj_in", "proj_out")
    tensors = {f"{NAME}.{end}": of for end, of in tensors_of("lokr", place, dora="inputs").items()}
    tensors |= {f"{other}.{end}": of for end, of in tensors_of("lora", place).items()}
    path = write_tensors(tmp_path / "x.safetensors", {key: ("F32", numbers) for key, numbers in tensors.items()})
    with LoraFactors(path) as file:
        assert (list(file), file.needs_base) == ([other], [NAME])
        assert NAME not in file
    measured = measure_lora(path, threads=2)
    assert (list(measured.modules), measured.needs_base) == ([other], (NAME,))
    assert interference([path, path])[0, 1]["", ""].modules == 1


def test_a_file_of_doras_alone_has_no_value_without_its_base(tmp_path: Path) -> None:
    path = written(tmp_path / "x.safetensors", "lora", PLACES["linear"], dora="outputs")
    measured = measure_lora(path, threads=2)
    assert not measured.modules and measured.needs_base == (NAME,)
    assert interference([path, path])[0, 1]["", ""].cosine is None


def test_a_base_of_other_sides_is_refused(tmp_path: Path) -> None:
    weights, _ = base_weight(tmp_path, PLACES["narrow"])
    path = written(tmp_path / "x.safetensors", "lora", PLACES["linear"], dora="outputs")
    with LoraFactors(path, weights=weights) as file, pytest.raises(ModelError, match="made for another base"):
        file.read(NAME)


@pytest.mark.parametrize("form", ["loha", "lokr", "full"])
def test_the_rank_in_use_of_another_kind_is_told_and_no_random_one_beside_it(tmp_path: Path, form: str) -> None:
    path = written(tmp_path / "x.safetensors", form, PLACES["linear"])
    values = {value.name: value.value for value in measure_lora(path).values(0) if not value.part}
    change = read(path)
    squares = np.square(np.linalg.svd(change.dense(), compute_uv=False))
    used = 1 + int(np.searchsorted(np.cumsum(squares) / squares.sum(), 0.95))
    assert values["delta_norm"] == pytest.approx(float(np.sqrt(squares.sum())))
    assert values["rank_used"] == pytest.approx(used / change.rank)
    assert "rank_used_random" not in values and "stable_rank" not in values


def test_a_matrix_as_factors_is_itself() -> None:
    matrix = np.random.default_rng(2).standard_normal((5, 9))
    for each in (matrix, matrix.T):
        np.testing.assert_array_equal(factors_of_matrix(each, 2.0).dense(), 2 * each)
