"""LoRAs merged and averaged: the weighted sum exactly, or the best approximation of sum and mean in a rank."""

import json
from pathlib import Path

import numpy as np
import pytest
from dense_loras import Changes, cut, dense, distance, reference, write_form
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from lora_of_numbers import Layer, write_lora_of_numbers
from lora_on_disk import write_numbered_lora

from trainer.errors import ModelError, SettingsError
from trainer.lora_tools.combine import summed
from trainer.lora_tools.decompose import RankRule
from trainer.lora_tools.made_lora import Output
from trainer.lora_tools.merge import WeightedLora, average_loras, merge_loras
from trainer.lora_tools.resize import resize_lora
from trainer.measures.change_factors import Factors
from trainer.models.block_weights import parse_block_weights
from trainer.models.identify import DEMO_BASE, identify_base
from trainer.models.lora_header import read_lora_header

TE = "lora_te_text_model_encoder_layers_0_mlp_fc1"


def two(folder: Path, dtype: str = "F32") -> list[Path]:
    return [
        write_form(folder / f"{name}.safetensors", "kohya", seed=seed, dtype=dtype) for seed, name in enumerate("ab")
    ]


def weighed(parts: list[tuple[float, Changes]]) -> Changes:
    found: Changes = {}
    for weight, changes in parts:
        for name, change in changes.items():
            found[name] = found.get(name, np.zeros(())) + weight * change
    return found


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.7, -0.4), (0.0, 2.0)])
def test_a_merge_is_the_weighted_sum(weights: tuple[float, float], dtype: str, tmp_path: Path) -> None:
    files = two(tmp_path, dtype)
    out = tmp_path / "sum.safetensors"
    loras = [WeightedLora(reference(file), weight) for file, weight in zip(files, weights, strict=True)]
    made = merge_loras(loras, Output(out))
    assert (
        distance(dense(out), weighed([(weight, dense(file)) for file, weight in zip(files, weights, strict=True)]))
        < 1e-6
    )
    assert made.kept == 1.0


def test_ranks_add_up_and_stop_at_the_smaller_side(tmp_path: Path) -> None:
    files = two(tmp_path)
    merge_loras([WeightedLora(reference(file)) for file in files], Output(tmp_path / "sum.safetensors"))
    modules = read_lora_header(tmp_path / "sum.safetensors").modules
    assert modules["lora_unet_mid_block_attentions_0_proj_in"].rank == 10
    assert modules["lora_unet_mid_block_attentions_0_transformer_blocks_0_ff_net_0_proj"].rank == 24


def test_parts_and_block_groups_have_weights_of_their_own(tmp_path: Path) -> None:
    files = two(tmp_path)
    blocks = parse_block_weights("text encoder=0; up=0.5; middle self-attention=3", "blocks")
    out = tmp_path / "sum.safetensors"
    merge_loras([WeightedLora(reference(files[0]), 1.0, blocks), WeightedLora(reference(files[1]), 2.0)], Output(out))
    first, second = dense(files[0]), dense(files[1])

    def factor(name: str) -> float:
        return 0.0 if name.startswith("lora_te") else 0.5 if "_up_" in name else 3.0 if "_attn1_" in name else 1.0

    wanted = {name: factor(name) * change + 2 * second[name] for name, change in first.items()}
    assert distance(dense(out), wanted) < 1e-6


def test_a_merge_in_a_rank_is_the_best_approximation_and_tells_its_loss(tmp_path: Path) -> None:
    files = two(tmp_path)
    out = tmp_path / "sum.safetensors"
    made = merge_loras([WeightedLora(reference(file)) for file in files], Output(out), RankRule(rank=4))
    whole = weighed([(1.0, dense(file)) for file in files])
    wanted = {name: cut(change, 4) for name, change in whole.items()}
    assert distance(dense(out), wanted) < 1e-6
    assert 1 - made.kept == pytest.approx(distance(wanted, whole) ** 2, rel=1e-6)


def test_the_average_of_twins_is_the_best_approximation_of_their_mean_in_their_rank(tmp_path: Path) -> None:
    files = [write_form(tmp_path / f"{near}.safetensors", "kohya", near=near) for near in (0.1, 0.5, 0.9)]
    out = tmp_path / "mean.safetensors"
    made = average_loras([reference(file) for file in files], Output(out))
    ranks = {name: module.rank for name, module in read_lora_header(out).modules.items()}
    before = {name: module.rank for name, module in read_lora_header(files[0]).modules.items()}
    assert all(ranks[name] == min(rank, 24) for name, rank in before.items())
    mean = weighed([(1 / 3, dense(file)) for file in files])
    wanted = {name: cut(change, before[name]) for name, change in mean.items()}
    assert distance(dense(out), wanted) < 1e-5
    assert any("length of the mean beside" in note for note in made.notes)


def test_one_file_averaged_with_itself_is_that_file(tmp_path: Path) -> None:
    (file, _) = two(tmp_path)
    average_loras([reference(file), reference(file)], Output(tmp_path / "mean.safetensors"))
    assert distance(dense(tmp_path / "mean.safetensors"), dense(file)) < 1e-6


@hypothesis_settings(max_examples=15)
@given(st.lists(st.tuples(st.floats(-2, 2), st.floats(-3, 3), st.integers(1, 9)), min_size=1, max_size=4))
def test_a_sum_of_factors_is_the_sum(terms: list[tuple[float, float, int]]) -> None:
    draws = np.random.default_rng(0)
    changes = [
        (weight, Factors(draws.standard_normal((7, rank)), draws.standard_normal((rank, 5)), scale, rank))
        for weight, scale, rank in terms
    ]
    whole = summed(changes)
    wanted = sum(weight * each.scale * (each.up @ each.down) for weight, each in changes)
    np.testing.assert_allclose(whole.up @ whole.down, wanted, atol=1e-12)
    assert len(whole.down) <= 5 or len(whole.down) <= sum(rank for _, _, rank in terms)


def test_modules_that_programs_name_differently_are_one(tmp_path: Path) -> None:
    layer = Layer(16, 16, 4)
    ours = write_lora_of_numbers(
        tmp_path / "a.safetensors",
        {"lora_unet_input_blocks_4_1_proj_in": layer, "lora_te1_text_model_encoder_layers_0_mlp_fc1": layer},
    )
    theirs = write_lora_of_numbers(
        tmp_path / "b.safetensors", {"lora_unet_down_blocks_1_attentions_0_proj_in": layer, TE: layer}, seed=1
    )
    out = tmp_path / "sum.safetensors"
    merge_loras([WeightedLora(reference(file)) for file in (ours, theirs)], Output(out))
    one, other = dense(ours), dense(theirs)
    # Under the names of the first file.
    wanted = {name: change + twin for (name, change), twin in zip(one.items(), other.values(), strict=True)}
    assert distance(dense(out), wanted) < 1e-6


def test_files_without_a_module_in_common_are_put_side_by_side_and_it_is_told(tmp_path: Path) -> None:
    one = write_lora_of_numbers(
        tmp_path / "a.safetensors", {"lora_unet_mid_block_attentions_0_proj_in": Layer(8, 8, 2)}
    )
    other = write_lora_of_numbers(tmp_path / "b.safetensors", {TE: Layer(8, 8, 2)})
    made = merge_loras([WeightedLora(reference(file)) for file in (one, other)], Output(tmp_path / "c.safetensors"))
    assert "no module is in all of the files" in made.notes[0]
    assert set(dense(tmp_path / "c.safetensors")) == {"lora_unet_mid_block_attentions_0_proj_in", TE}


@pytest.mark.parametrize(
    ("layer", "metadata", "reason"),
    [
        (Layer(8, 10, 2), {}, "10 inputs and 8 outputs; expected 8 inputs and 8 outputs, as in a"),
        (
            Layer(8, 8, 2),
            {"ss_base_model_version": "sdxl_base_v1-0"},
            "is for an SDXL base; expected one for an SD1.x base",
        ),
    ],
)
def test_files_for_different_bases_are_refused(
    layer: Layer, metadata: dict[str, str], reason: str, tmp_path: Path
) -> None:
    one = write_lora_of_numbers(
        tmp_path / "a.safetensors", {TE: Layer(8, 8, 2)}, metadata={"ss_base_model_version": "sd_v1"}
    )
    other = write_lora_of_numbers(tmp_path / "b.safetensors", {TE: layer}, metadata=metadata)
    with pytest.raises(ModelError, match=reason):
        merge_loras([WeightedLora(reference(file)) for file in (one, other)], Output(tmp_path / "c.safetensors"))


def test_a_file_alone_and_a_sum_of_nothing_are_refused(tmp_path: Path) -> None:
    files = [reference(file) for file in two(tmp_path)]
    out = Output(tmp_path / "c.safetensors")
    with pytest.raises(SettingsError, match="1 file; expected two or more"):
        merge_loras([WeightedLora(files[0])], out)
    with pytest.raises(ModelError, match="no module is left for it: all weights 0"):
        merge_loras([WeightedLora(file, 0.0) for file in files], out)
    with pytest.raises(SettingsError, match="which nothing in it is called"):
        merge_loras([WeightedLora(files[0], 1.0, parse_block_weights("sideways=1", "x")), WeightedLora(files[1])], out)
    assert not out.path.exists()


def test_what_is_true_of_one_bake_alone_is_not_said_of_several(tmp_path: Path) -> None:
    texts = {
        "ss_base_model_version": "sd_v1",
        "ss_steps": "80",
        "ss_epoch": "2",
        "ss_tag_frequency": "{}",
        "format": "pt",
    }
    names = ("a", "b")
    files = [
        reference(
            write_lora_of_numbers(
                tmp_path / f"{name}.safetensors", {TE: Layer(8, 8, 4)}, metadata={**texts, "ss_seed": name}
            )
        )
        for name in names
    ]
    average_loras(files, Output(tmp_path / "mean.safetensors"))
    resize_lora(files[0], RankRule(rank=2), Output(tmp_path / "small.safetensors"))
    mean, small = (dict(read_lora_header(tmp_path / f"{name}.safetensors").metadata) for name in ("mean", "small"))
    assert {"ss_steps", "ss_epoch", "ss_seed"} & mean.keys() == set()
    assert {"ss_steps", "ss_epoch", "ss_seed"} <= small.keys()
    for found in (mean, small):
        assert found["ss_base_model_version"] == "sd_v1" and "ss_tag_frequency" in found and "format" not in found
    assert (mean["ss_network_dim"], small["ss_network_dim"]) == ("4", "2")
    assert [each["file"] for each in json.loads(mean["ss_lora_tui_made"])["from"]] == ["a.safetensors", "b.safetensors"]


def test_layers_that_have_numbers_get_the_names_of_the_base(tmp_path: Path) -> None:
    base = identify_base(DEMO_BASE)
    numbered = write_numbered_lora(tmp_path / "a.safetensors")
    resize_lora(reference(numbered), RankRule(rank=2), Output(tmp_path / "b.safetensors"), base=base)
    modules = read_lora_header(tmp_path / "b.safetensors").modules
    assert modules and all(name in base.lora_shapes and name.endswith("_ff_net_0_proj") for name in modules)


def test_layers_known_by_numbers_ask_for_a_base(tmp_path: Path) -> None:
    numbered = write_lora_of_numbers(
        tmp_path / "a.safetensors",
        {"0": Layer(16, 24, 4, alpha=None)},
        keys=lambda name: {"up": f"unet:{name}:up", "down": f"unet:{name}:down"},
        metadata={"unet": '["GEGLU"]', "unet:0:rank": "4"},
    )
    with pytest.raises(ModelError, match="--base"):
        average_loras([reference(numbered), reference(numbered)], Output(tmp_path / "c.safetensors"))
