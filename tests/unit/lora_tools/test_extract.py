"""LoRAs extracted from two checkpoints in folders of diffusers: found again, and rounding is left out."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dense_loras import Changes, cut, dense, distance
from lora_of_numbers import Array, Layer, write_lora_of_numbers, write_tensors

from trainer.errors import ModelError
from trainer.formats.number_types import number_bytes, rounded, spacing
from trainer.formats.safetensors_arrays import TensorArrays
from trainer.formats.safetensors_header import read_header
from trainer.lora_tools.base_change import decomposed_matrix, is_rounding, rounding_of
from trainer.lora_tools.decompose import RankRule
from trainer.lora_tools.extract import ROUNDING, SAME, extract_lora
from trainer.lora_tools.made_lora import Output
from trainer.models.identify import DEMO_BASE, Base, identify_base
from trainer.models.lora_header import read_lora_header

RANK = 4
Change = Callable[[str, Array], Array]


@pytest.fixture(scope="module")
def base() -> Base:
    return identify_base(DEMO_BASE)


@pytest.fixture(scope="module")
def lora(base: Base, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Layers of rank 4 on every tenth module of the demo, convolutions among them."""
    names = [name for name, shape in base.lora_shapes.items() if not shape.only_in_files][::10]
    assert any(base.lora_shapes[name].kernel == 3 for name in names)
    layers = {
        name: Layer(shape.outputs, shape.inputs, RANK, kernel=shape.kernel if shape.is_conv else None, alpha=2.0)
        for name in names
        for shape in [base.lora_shapes[name]]
    }
    return write_lora_of_numbers(tmp_path_factory.mktemp("lora") / "a.safetensors", layers)


def tuned(base: Base, folder: Path, dtype: str, changes: Changes, change: Change = lambda _, numbers: numbers) -> Base:
    """Write the base again with changes added to its weights, in a type."""
    shutil.copytree(base.path, folder)
    added = {(placed.path, placed.piece.key): changes[name] for name, placed in base.weights.items() if name in changes}
    for path in dict.fromkeys(placed.path for placed in base.weights.values()):
        header = read_header(path)
        with TensorArrays(path, header) as arrays:
            tensors = {}
            for key, shape in header.shapes.items():
                numbers = arrays.read(key)
                if (path, key) in added:
                    numbers = numbers + added[path, key].reshape(shape)
                tensors[key] = dtype, change(key, numbers)
        write_tensors(folder / path.relative_to(base.path), tensors)
    return identify_base(str(folder))


@pytest.mark.parametrize("rule", [RankRule(rank=RANK), RankRule(energy=0.9999999), RankRule(rank=8)])
def test_the_lora_of_a_base_and_the_base_with_it_is_found(
    rule: RankRule, base: Base, lora: Path, tmp_path: Path
) -> None:
    other = tuned(base, tmp_path / "tuned", "F32", dense(lora))
    made = extract_lora(base, other, rule, Output(tmp_path / "out.safetensors", "F32"))
    assert distance(dense(tmp_path / "out.safetensors"), dense(lora)) < 1e-3
    ranks = {module.rank for module in read_lora_header(tmp_path / "out.safetensors").modules.values()}
    # A fixed rank is the same in all modules; a share of the energy needs no more than there is.
    assert ranks == {8} if rule.rank == 8 else max(ranks) <= RANK
    assert set(made.left_out.values()) == {SAME}
    assert made.kept > 0.999999


def test_in_half_precision_it_is_found_as_far_as_the_type_has_it(base: Base, lora: Path, tmp_path: Path) -> None:
    other = tuned(base, tmp_path / "tuned", "F16", dense(lora))
    made = extract_lora(base, other, RankRule(energy=1.0), Output(tmp_path / "out.safetensors"))
    assert set(read_lora_header(tmp_path / "out.safetensors").modules) == set(read_lora_header(lora).modules)
    assert distance(dense(tmp_path / "out.safetensors"), dense(lora)) < 0.02
    # What rounding made has no directions of its own.
    assert all(each.rank <= 2 * RANK for each in made.modules)


@pytest.mark.parametrize("dtype", ["BF16", "F16", "F32"])
def test_a_base_in_another_type_differs_by_rounding_alone(dtype: str, base: Base, tmp_path: Path) -> None:
    other = tuned(base, tmp_path / "tuned", dtype, {}, lambda _, numbers: numbers)
    with pytest.raises(ModelError, match=f"no module is left for it: (?:{ROUNDING}|{SAME})"):
        extract_lora(base, other, RankRule(rank=2), Output(tmp_path / "out.safetensors"))
    assert not (tmp_path / "out.safetensors").exists()


def test_modules_with_rounding_alone_are_left_out_beside_those_that_changed(
    base: Base, lora: Path, tmp_path: Path
) -> None:
    large = {name: 3 * change for name, change in dense(lora).items()}
    other = tuned(base, tmp_path / "tuned", "BF16", large)
    made = extract_lora(base, other, RankRule(rank=RANK), Output(tmp_path / "out.safetensors"))
    assert set(dense(tmp_path / "out.safetensors")) == set(large)
    assert ROUNDING in made.left_out.values()


def test_convolutions_and_ends_count_as_asked(base: Base, tmp_path: Path) -> None:
    shapes = base.lora_shapes
    ends = next(name for name, shape in shapes.items() if shape.only_in_files)
    conv = next(name for name, shape in shapes.items() if shape.needs_conv_dim)
    plain = next(name for name, shape in shapes.items() if not shape.needs_conv_dim and not shape.only_in_files)
    draws = np.random.default_rng(1)
    changes = {
        name: 0.1 * draws.standard_normal((shapes[name].outputs, shapes[name].inputs * shapes[name].kernel ** 2))
        for name in (ends, conv, plain)
    }
    other = tuned(base, tmp_path / "tuned", "F32", changes)

    def found(**options: bool) -> set[str]:
        extract_lora(base, other, RankRule(rank=1), Output(tmp_path / "out.safetensors", replace=True), **options)
        return set(read_lora_header(tmp_path / "out.safetensors").modules)

    assert found(with_ends=True) == {ends, conv, plain}
    assert found() == {conv, plain}
    assert found(with_conv=False) == {plain}


def test_a_rank_of_a_difference_is_its_best_approximation(base: Base, tmp_path: Path) -> None:
    draws = np.random.default_rng(1)
    name = next(name for name in base.weights if name.startswith("lora_te"))
    change = {name: 0.05 * draws.standard_normal((base.lora_shapes[name].outputs, base.lora_shapes[name].inputs))}
    other = tuned(base, tmp_path / "tuned", "F32", change)
    made = extract_lora(base, other, RankRule(rank=3), Output(tmp_path / "out.safetensors", "F32"))
    assert distance(dense(tmp_path / "out.safetensors"), {name: cut(change[name], 3)}) < 1e-3
    assert made.kept == pytest.approx(
        float(np.square(cut(change[name], 3)).sum() / np.square(change[name]).sum()), rel=1e-4
    )


# What it is made of


@pytest.mark.parametrize("shape", [(30, 20), (20, 30), (25, 25), (40, 3)])
def test_a_matrix_is_taken_apart_as_by_its_own_decomposition(shape: tuple[int, int]) -> None:
    matrix = np.random.default_rng(0).standard_normal(shape) * np.geomspace(1, 1e-5, shape[1])
    found = decomposed_matrix(matrix)
    np.testing.assert_allclose(found.left * found.sizes @ found.right, matrix, atol=1e-9)
    sizes = np.linalg.svd(matrix, compute_uv=False)
    np.testing.assert_allclose(found.sizes, sizes[: len(found.sizes)], rtol=1e-4)


@pytest.mark.parametrize("dtypes", [("F32", "F16"), ("F16", "F32"), ("F32", "BF16"), ("BF16", "F16"), ("F16", "BF16")])
def test_rounding_is_known_as_rounding_and_a_change_is_not(dtypes: tuple[str, str]) -> None:
    draws = np.random.default_rng(0)
    true = rounded(draws.standard_normal((96, 64)) * 0.1, "F32")
    before, after = (rounded(true, dtype) for dtype in dtypes)
    found = rounding_of(before, after, dtypes)
    assert is_rounding(found, decomposed_matrix(after - before))
    changed = rounded(true + 0.02 * np.outer(draws.standard_normal(96), draws.standard_normal(64)), dtypes[1])
    found = rounding_of(before, changed, dtypes)
    assert not is_rounding(found, decomposed_matrix(changed - before))
    # One number alone, by less than rounding makes of all together.
    step = max(spacing(true, dtype).max() for dtype in dtypes)
    alone = after.copy()
    place = np.unravel_index(np.argmax(np.abs(true)), true.shape)
    alone[place] += 1.6 * step
    found = rounding_of(before, alone, dtypes)
    assert not is_rounding(found, decomposed_matrix(alone - before))


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
def test_numbers_are_rounded_as_torch_rounds_them(dtype: str) -> None:
    import torch

    draws = np.random.default_rng(0)
    numbers = np.concatenate(
        [draws.standard_normal(2000) * 10.0**power for power in (-8, -4, 0, 4)]
        + [np.array([0.0, -0.0, 65519.9, 1.00390625])]
    )
    kind = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}[dtype]
    wanted = torch.from_numpy(numbers).to(kind)
    np.testing.assert_array_equal(rounded(numbers, dtype), wanted.double().numpy())
    assert bytes(number_bytes(numbers, dtype)) == wanted.view(torch.uint8).numpy().tobytes()
    # No number is rounded by more than half of the distance to its neighbour.
    assert (np.abs(rounded(numbers, dtype) - numbers)[:-2] <= spacing(numbers, dtype)[:-2] / 2).all()


def test_two_architectures_are_refused(base: Base, tmp_path: Path) -> None:
    from dataclasses import replace

    shapes = dict(base.lora_shapes)
    name = next(iter(shapes))
    other = replace(base, lora_shapes={**shapes, name: replace(shapes[name], inputs=7)})
    with pytest.raises(ModelError, match="has other sides"):
        extract_lora(base, other, RankRule(rank=2), Output(tmp_path / "out.safetensors"))
    with pytest.raises(ModelError, match=r"a model of SDXL; expected one of SD1\.x"):
        extract_lora(base, replace(base, family="sdxl"), RankRule(rank=2), Output(tmp_path / "out.safetensors"))


@pytest.mark.parametrize(("number", "word"), [(np.nan, "NaN"), (-np.inf, "infinity")])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_checkpoint_that_broke_down_is_refused_by_the_weight(
    number: float, word: str, is_first: bool, base: Base, tmp_path: Path
) -> None:
    name = next(name for name in reversed(base.weights) if name.endswith("attn2_to_v"))
    broken_key = base.weights[name].piece.key

    def change(key: str, numbers: Array) -> Array:
        if key == broken_key:
            numbers = numbers.copy()
            numbers.reshape(-1)[-1] = number
        return numbers

    broken = tuned(base, tmp_path / "broken", "F16", {}, change)
    pair = (broken, base) if is_first else (base, broken)
    with pytest.raises(ModelError, match=f"broken.*holds {word} in {name}"):
        extract_lora(*pair, RankRule(rank=2), Output(tmp_path / "out.safetensors"))
    assert not (tmp_path / "out.safetensors").exists()


def test_what_lies_in_files_beside_one_of_the_two_need_not_lie_beside_the_other(
    base: Base, lora: Path, tmp_path: Path
) -> None:
    from dataclasses import replace

    other = tuned(base, tmp_path / "tuned", "F32", dense(lora))
    beside = "lora_te_text_model_encoder_layers_0_mlp_fc1"
    shapes = {name: shape for name, shape in other.lora_shapes.items() if name != beside}
    weights = {name: placed for name, placed in other.weights.items() if name != beside}
    less = replace(other, lora_shapes=shapes, weights=weights)
    with pytest.raises(ModelError, match=f"{beside} is missing"):
        extract_lora(base, less, RankRule(rank=2), Output(tmp_path / "a.safetensors"))
    apart = replace(base.weights[beside], path=tmp_path / "encoder.safetensors")
    shutil.copy(base.weights[beside].path, apart.path)
    several = replace(base, weights={**base.weights, beside: apart})
    assert extract_lora(several, less, RankRule(rank=2), Output(tmp_path / "b.safetensors")).path.is_file()
