"""Measures of a LoRA file equal those of the dense changes, for every kind of file that the program reads."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lora_of_numbers import Layer, kohya, write_lora_of_numbers
from numpy.typing import NDArray

from trainer.errors import ModelError
from trainer.journal.measure_records import MeasuredValue
from trainer.measures.blocks import block_of
from trainer.measures.registry import MEASURES
from trainer.measures.weights import MeasuringStopped, measure_lora
from trainer.network.lora_content import load_lora

DOWN = "lora_unet_down_blocks_1_attentions_0"
MANY: dict[str, Layer] = {
    f"{DOWN}_transformer_blocks_0_attn1_to_q": Layer(24, 24, 4, alpha=2.0),
    f"{DOWN}_transformer_blocks_0_attn2_to_k": Layer(24, 40, 7, alpha=None),
    f"{DOWN}_transformer_blocks_0_attn2_to_out_0": Layer(24, 24, 3, alpha=0.0),
    f"{DOWN}_transformer_blocks_0_ff_net_0_proj": Layer(64, 24, 32, alpha=8),
    f"{DOWN}_proj_in": Layer(24, 24, 5, kernel=1),
    "lora_unet_up_blocks_2_resnets_1_conv1": Layer(20, 12, 6, kernel=3, alpha=3.0),
    "lora_unet_up_blocks_2_resnets_1_time_emb_proj": Layer(20, 50, 2, size=0),
    "lora_unet_mid_block_resnets_0_conv2": Layer(16, 16, 4, kernel=3, core=True, alpha=2.0),
    "lora_unet_conv_in": Layer(8, 4, 9, kernel=3),
    "lora_te_text_model_encoder_layers_0_mlp_fc1": Layer(48, 12, 12, alpha=6.0),
    "lora_te_text_model_encoder_layers_11_self_attn_q_proj": Layer(12, 12, 1),
}


def diffusers_keys(module: str) -> dict[str, str]:
    return {role: f"unet.{module}.{end}.weight" for role, end in (("down", "lora_A"), ("up", "lora_B"))}


def onetrainer_keys(module: str) -> dict[str, str]:
    return kohya("lora_unet." + module)


def lycoris_keys(module: str) -> dict[str, str]:
    return kohya("lycoris_" + module.replace(".", "_"))


def numbered_keys(module: str) -> dict[str, str]:
    return {"up": f"unet:{module}:up", "down": f"unet:{module}:down"}


PATHS = {
    "down_blocks.0.attentions.1.transformer_blocks.0.attn2.to_v": Layer(16, 24, 4, alpha=None),
    "mid_block.resnets.1.conv1": Layer(12, 12, 3, kernel=3, alpha=None),
}
FOREIGN: dict[str, tuple[Callable[[str], Mapping[str, str]], dict[str, Layer], dict[str, str]]] = {
    "diffusers": (
        diffusers_keys,
        PATHS,
        {"lora_adapter_metadata": json.dumps({"unet.lora_alpha": 3, "unet.r": 4})},
    ),
    "onetrainer": (onetrainer_keys, PATHS, {}),
    "lycoris": (lycoris_keys, PATHS, {}),
    "cloneofsimo": (
        numbered_keys,
        {"0": Layer(16, 24, 4, alpha=None), "1": Layer(16, 8, 4, alpha=None)},
        {"unet": '["GEGLU"]', "unet:0:rank": "4", "unet:1:rank": "4"},
    ),
}


def dense(path: Path) -> dict[str, NDArray[np.float64]]:
    """ΔW of each module, from the reader that a bake and a grid use."""
    file = load_lora(path)
    changes = {}
    for name in file.modules:
        up = file.tensors[f"{name}.lora_up.weight"].double().flatten(1).numpy()
        down = file.tensors[f"{name}.lora_down.weight"].double().flatten(1).numpy()
        changes[name] = file.alpha(name) / file.rank(name) * up @ down
    return changes


def scopes(names: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], list[str]]]:
    found: dict[tuple[str, str], list[str]] = {("", ""): list(names)}
    for name in names:
        part, group = block_of(name)
        found.setdefault((part, ""), []).append(name)
        found.setdefault((part, group), []).append(name)
    return iter(found.items())


def by_key(values: list[MeasuredValue]) -> dict[tuple[str, str, str], float | None]:
    return {(value.name, value.part, value.scope): value.value for value in values}


def norm_of(changes: Mapping[str, NDArray[np.float64]], names: list[str]) -> float:
    return math.sqrt(sum(float(np.square(changes[name]).sum()) for name in names if name in changes))


def energy_rank(change: NDArray[np.float64]) -> int:
    squares = np.linalg.svd(change, compute_uv=False) ** 2
    return 1 + int(np.searchsorted(np.cumsum(squares) / squares.sum(), 0.95))


def check_against_dense(path: Path, before: Path | None = None, *, threads: int = 1) -> None:
    now, then = dense(path), {} if before is None else dense(before)
    norms = {name: float(number) for number, name in enumerate(now, start=3)}
    measured = by_key(measure_lora(path, before=before, base_norms=norms, threads=threads).values(7))
    for (part, group), names in scopes(now | then):
        size = norm_of(now, names)
        assert measured["delta_norm", part, group] == pytest.approx(size, rel=1e-6)
        base = math.sqrt(sum(norms.get(name, 0.0) ** 2 for name in names))
        assert base == 0 or measured["delta_share", part, group] == pytest.approx(size / base, rel=1e-6)
        changed = [name for name in names if name in now and now[name].any()]
        if changed:
            ranks = sum(load_lora(path).rank(name) for name in changed)
            used = sum(energy_rank(now[name]) for name in changed) / ranks
            assert measured["rank_used", part, group] == pytest.approx(used, rel=1e-6)
        if not then or not size:
            continue
        zero = np.zeros(1)
        moved = {name: now.get(name, zero) - then.get(name, zero) for name in names}
        assert measured["movement", part, group] == pytest.approx(norm_of(moved, names) / size, rel=1e-6, abs=1e-9)
        inner = sum(float((now[name] * then[name]).sum()) for name in names if name in now and name in then)
        if (other := norm_of(then, names)) > 0:
            assert measured["cosine_before", part, group] == pytest.approx(inner / size / other, abs=1e-6)


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16", "F64", "F8_E5M2"])
@pytest.mark.parametrize("near", [0.01, 3.0])
def test_every_kind_of_layer_is_measured_as_its_dense_change(tmp_path: Path, dtype: str, near: float) -> None:
    first = write_lora_of_numbers(tmp_path / "1.safetensors", MANY, dtype=dtype)
    second = write_lora_of_numbers(tmp_path / "2.safetensors", MANY, dtype=dtype, near=near)
    check_against_dense(second, first)


@pytest.mark.parametrize("program", FOREIGN)
def test_files_of_other_programs_are_measured_as_their_dense_changes(tmp_path: Path, program: str) -> None:
    keys, layers, metadata = FOREIGN[program]
    files = [
        write_lora_of_numbers(
            tmp_path / f"{number}.safetensors", layers, keys=keys, metadata=metadata, dtype="F16", seed=number
        )
        for number in range(2)
    ]
    check_against_dense(*files)


def test_files_of_peft_take_their_alphas_from_the_config_beside_them(tmp_path: Path) -> None:
    layers = {"mid_block.attentions.0.transformer_blocks.0.attn1.to_q": Layer(16, 16, 4, alpha=None)}
    file = tmp_path / "adapter_model.safetensors"
    write_lora_of_numbers(file, layers, keys=diffusers_keys)
    (tmp_path / "adapter_config.json").write_text('{"r": 4, "lora_alpha": 32}')
    check_against_dense(tmp_path)
    plain = measure_lora(file).values(0)[0].value
    (tmp_path / "adapter_config.json").write_text('{"r": 4, "lora_alpha": 16}')
    halved = measure_lora(tmp_path).values(0)[0].value
    assert plain is not None
    assert halved == pytest.approx(plain / 2)


SIDES = st.integers(1, 40)
LAYERS = st.builds(
    Layer,
    outputs=SIDES,
    inputs=SIDES,
    rank=st.integers(1, 24),
    kernel=st.sampled_from([None, 1, 2, 3, 5]),
    alpha=st.one_of(st.none(), st.just(0.0), st.floats(0.01, 256), st.integers(1, 128)),
    size=st.sampled_from([0.0, 1e-3, 1.0, 50.0]),
)


@given(
    layers=st.lists(LAYERS, min_size=1, max_size=5),
    dtype=st.sampled_from(["F32", "F16", "BF16"]),
    other=st.integers(0, 4),
    threads=st.sampled_from([1, 2]),
)
def test_any_layers_are_measured_as_their_dense_changes(
    tmp_path_factory: pytest.TempPathFactory, layers: list[Layer], dtype: str, other: int, threads: int
) -> None:
    names = [*MANY][: len(layers)]
    folder = tmp_path_factory.mktemp("any")
    first = write_lora_of_numbers(folder / "1.safetensors", dict(zip(names, layers, strict=True)), dtype=dtype)
    # The file before has other ranks, and not always the same modules.
    others = dict(zip(names, layers[other:] + layers[:other], strict=True))
    same_sides = {
        name: Layer(layers[at].outputs, layers[at].inputs, others[name].rank, layers[at].kernel)
        for at, name in enumerate(names)
        if at != other
    }
    before = write_lora_of_numbers(folder / "0.safetensors", same_sides, seed=1) if same_sides else None
    check_against_dense(first, before, threads=threads)


def test_a_file_against_itself_has_not_moved_at_all(tmp_path: Path) -> None:
    file = write_lora_of_numbers(tmp_path / "1.safetensors", MANY)
    measured = by_key(measure_lora(file, before=file).values(7))
    assert measured["movement", "", ""] == 0
    assert measured["cosine_before", "unet", ""] == pytest.approx(1, abs=1e-12)


def test_factors_that_trade_size_change_nothing(tmp_path: Path) -> None:
    """A tenth of down and ten times up are the same change, which means of raw factors would not see."""
    from safetensors.numpy import load_file, save_file

    file = write_lora_of_numbers(tmp_path / "1.safetensors", MANY)
    tensors = load_file(file)
    for key in tensors:
        tensors[key] = np.asarray(
            tensors[key] * np.float32(8 if ".lora_up" in key else 0.125 if ".lora_down" in key else 1)
        )
    save_file(tensors, tmp_path / "2.safetensors")
    one, other = (by_key(measure_lora(each).values(7)) for each in (file, tmp_path / "2.safetensors"))
    assert one == pytest.approx(other, rel=1e-9)


def test_a_random_pair_uses_as_much_of_its_rank_as_is_said_of_random_ones(tmp_path: Path) -> None:
    layers = {f"lora_unet_conv_{number}": Layer(300, 200, 32) for number in range(12)}
    measured = by_key(measure_lora(write_lora_of_numbers(tmp_path / "1.safetensors", layers)).values(7))
    assert measured["rank_used", "unet", ""] == pytest.approx(measured["rank_used_random", "unet", ""], rel=0.01)
    assert measured["stable_rank", "unet", ""] == pytest.approx(1, rel=0.03)


def test_numbers_that_are_none_leave_no_value_and_stop_nothing(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    file = write_lora_of_numbers(tmp_path / "1.safetensors", MANY)
    tensors = load_file(file)
    tensors[f"{DOWN}_proj_in.lora_up.weight"][0, 0] = np.nan
    save_file(tensors, tmp_path / "2.safetensors")
    measured = by_key(measure_lora(tmp_path / "2.safetensors", before=file).values(7))
    assert measured["delta_norm", "unet", ""] is None
    assert measured["movement", "unet", "down projections"] is None
    assert measured["delta_norm", "text_encoder", ""] is not None


def test_a_rank_far_above_the_sides_takes_no_memory_of_its_square(tmp_path: Path) -> None:
    """200,000² numbers would be 320 GB."""
    layers = {f"{DOWN}_proj_in": Layer(2, 3, 200_000), f"{DOWN}_proj_out": Layer(3, 2, 200_000)}
    check_against_dense(write_lora_of_numbers(tmp_path / "1.safetensors", layers))


def test_only_parts_that_change_have_a_rank_in_use(tmp_path: Path) -> None:
    layers = {name: Layer(12, 12, 4, size=float("_unet_" in name)) for name in MANY}
    measured = by_key(measure_lora(write_lora_of_numbers(tmp_path / "1.safetensors", layers)).values(7))
    assert measured["delta_norm", "text_encoder", ""] == 0
    assert ("rank_used", "text_encoder", "") not in measured
    assert ("rank_used", "unet", "") in measured


def test_every_value_has_a_record(tmp_path: Path) -> None:
    file = write_lora_of_numbers(tmp_path / "1.safetensors", MANY)
    norms = dict.fromkeys(MANY, 1.0)
    values = measure_lora(file, before=file, base_norms=norms, rounded={"": 0.1, "unet": 0.1}).values(7)
    assert {value.name for value in values} == {
        key for key, each in MEASURES.items() if each.setting == "measure_weights"
    }


def test_measuring_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    file = write_lora_of_numbers(tmp_path / "1.safetensors", MANY)
    with pytest.raises(MeasuringStopped):
        measure_lora(file, stop=lambda: True)


def test_what_is_no_lora_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    with pytest.raises(ModelError, match="no LoRA"):
        measure_lora(tmp_path / "x.safetensors")


def test_an_epoch_before_of_another_base_is_named(tmp_path: Path) -> None:
    name = f"{DOWN}_proj_in"
    before = write_lora_of_numbers(tmp_path / "one.safetensors", {name: Layer(24, 16, 2)})
    file = write_lora_of_numbers(tmp_path / "two.safetensors", {name: Layer(24, 32, 2)})
    with pytest.raises(ModelError, match=r"two.safetensors: .*32 inputs and 24 outputs; expected 16 and 24, as in one"):
        measure_lora(file, before=before)
