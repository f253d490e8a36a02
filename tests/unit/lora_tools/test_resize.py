"""LoRAs brought to a rank or a share of their energy: exactly that, equal to the dense decomposition, whatever form the file has."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from dense_loras import FORMS, KOHYA, cut, dense, distance, reference, write_form
from hypothesis import given
from hypothesis import strategies as st
from lora_of_numbers import Layer, write_lora_of_numbers

from trainer.errors import ModelError, SettingsError, WorkspaceError
from trainer.lora_tools.decompose import RankRule
from trainer.lora_tools.made_lora import (
    ALPHA_IS_RANK,
    NO_ALPHA,
    SCALE_KEPT,
    AlphaRule,
    BenchStopped,
    Output,
    alpha_rule_named,
)
from trainer.lora_tools.resize import resize_lora
from trainer.models.lora_header import read_lora_header

RULES = {"keep": SCALE_KEPT, "rank": ALPHA_IS_RANK, "none": NO_ALPHA, "7": AlphaRule(7.0)}


def resized(source: Path, rule: RankRule, **options: object) -> Path:
    out = source.with_name("resized.safetensors")
    resize_lora(reference(source), rule, Output(out, replace=True, **options))  # type: ignore[arg-type]
    return out


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rank", [1, 3, 64])
def test_each_module_has_exactly_the_rank_asked_for_and_is_the_best_of_that_rank(
    form: str, rank: int, tmp_path: Path
) -> None:
    source = write_form(tmp_path / "a.safetensors", form)
    out = resized(source, RankRule(rank=rank))
    before, modules = read_lora_header(source).modules, read_lora_header(out).modules
    for name, module in modules.items():
        most = min(before[name].rank, module.up[0], int(np.prod(module.down[1:])))
        assert module.rank == min(rank, most), name
    wanted = {name: cut(change, rank) for name, change in dense(source).items()}
    assert distance(dense(out), wanted) < 1e-6


@pytest.mark.parametrize("energy", [0.3, 0.9, 0.99, 1.0])
def test_each_module_has_the_fewest_directions_that_hold_the_share(energy: float, tmp_path: Path) -> None:
    source = write_form(tmp_path / "a.safetensors", "kohya")
    out = resized(source, RankRule(energy=energy))
    ranks = {name: module.rank for name, module in read_lora_header(out).modules.items()}
    for name, change in dense(source).items():
        squares = np.linalg.svd(change, compute_uv=False) ** 2
        whole = squares.sum()
        if whole == 0:
            assert ranks[name] == 1
            continue
        held = squares.cumsum() / whole
        assert held[ranks[name] - 1] >= energy - 1e-9
        assert ranks[name] == 1 or held[ranks[name] - 2] < energy


@pytest.mark.parametrize(
    ("rule", "wanted"), [(RankRule(ratio=4.0), 3), (RankRule(cumulative=0.9), 3), (RankRule(ratio=4.0, rank=2), 2)]
)
def test_the_rules_of_sd_scripts_count_on_a_known_spectrum(rule: RankRule, wanted: int) -> None:
    sizes = np.array([8.0, 4.0, 2.0, 1.0, 0.5])
    assert rule.kept(sizes, 5) == wanted


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=12), st.floats(0.01, 1))
def test_no_share_is_held_by_fewer(sizes: list[float], share: float) -> None:
    falling = np.sort(np.array(sizes))[::-1]
    count = RankRule(energy=share).kept(falling, len(sizes))
    held = np.square(falling).cumsum() / np.square(falling).sum()
    assert held[count - 1] >= share - 1e-9
    assert count == 1 or held[count - 2] < share


@pytest.mark.parametrize("alpha", RULES)
@pytest.mark.parametrize("dtype", ["F32", "BF16"])
def test_the_effect_is_the_same_whatever_alpha_is_written(alpha: str, dtype: str, tmp_path: Path) -> None:
    source = write_form(tmp_path / "a.safetensors", "kohya")
    out = resized(source, RankRule(rank=3), alpha=alpha_rule_named(alpha), dtype=dtype)
    wanted = {name: cut(change, 3) for name, change in dense(source).items()}
    assert alpha_rule_named(alpha) == RULES[alpha]
    assert distance(dense(out), wanted) < (1e-6 if dtype == "F32" else 1e-2)
    header = read_lora_header(out)
    keys = [key for key in header.keys if key[1] == "alpha"]
    assert (not keys) == (alpha == "none")
    if alpha == "7":
        assert {module.alpha for module in header.modules.values()} == {7.0}
    if alpha == "rank":
        assert all(module.alpha == module.rank for module in header.modules.values())
    if alpha == "keep":
        before = read_lora_header(source).modules["lora_te_text_model_encoder_layers_0_mlp_fc1"]
        after = header.modules["lora_te_text_model_encoder_layers_0_mlp_fc1"]
        assert after.alpha / after.rank == before.alpha / before.rank


@pytest.mark.parametrize("dtype", ["F16", "BF16", "F32"])
def test_the_type_is_kept_and_what_it_rounds_off_is_told(dtype: str, tmp_path: Path) -> None:
    source = write_form(tmp_path / "a.safetensors", "kohya", dtype=dtype)
    out = tmp_path / "b.safetensors"
    made = resize_lora(reference(source), RankRule(rank=4), Output(out))
    wanted = {name: cut(change, 4) for name, change in dense(source).items()}
    assert made.dtype == dtype
    off = distance(dense(out), wanted)
    # The reader of a bake multiplies a kernel in the middle in fp32.
    assert made.rounding == pytest.approx(off, rel=0.02, abs=1e-7)
    whole, kept = (sum(float(np.square(each).sum()) for each in of.values()) for of in (dense(source), wanted))
    assert made.kept == pytest.approx(kept / whole, rel=1e-9)


def test_what_was_made_is_told_module_by_module(tmp_path: Path) -> None:
    made = resize_lora(
        reference(write_form(tmp_path / "a.safetensors", "kohya")), RankRule(rank=2), Output(tmp_path / "b.safetensors")
    )
    assert {each.name: each.before for each in made.modules} == {name: layer.rank for name, layer in KOHYA.items()}
    assert {each.rank for each in made.modules} == {2}
    assert made.size == (tmp_path / "b.safetensors").stat().st_size


def test_no_more_than_a_module_is_held(tmp_path: Path) -> None:
    """With twice as many modules hardly more memory is needed: the header's entries, and the first MiB, which a hash is of."""
    sizes, peaks = [], []
    for count in (20, 40):
        name = "lora_unet_mid_block_attentions_0_transformer_blocks_{}_attn1_to_q"
        layers = {name.format(number): Layer(256, 256, 40) for number in range(count)}
        source = write_lora_of_numbers(tmp_path / f"{count}.safetensors", layers)
        resize_lora(reference(source), RankRule(rank=32), Output(tmp_path / "warm.safetensors", replace=True))
        tracemalloc.start()
        resize_lora(reference(source), RankRule(rank=32), Output(tmp_path / "out.safetensors", replace=True))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        sizes.append(source.stat().st_size)
    assert peaks[1] - peaks[0] < (sizes[1] - sizes[0]) / 10


def test_a_file_that_is_there_stays_unless_asked(tmp_path: Path) -> None:
    source = write_form(tmp_path / "a.safetensors", "kohya")
    (tmp_path / "b.safetensors").write_text("mine")
    for path, reason in (
        ("b.safetensors", "is already there"),
        ("a.safetensors", "is one of the files"),
        ("b.pt", "ends in .safetensors"),
    ):
        with pytest.raises(WorkspaceError, match=reason):
            resize_lora(reference(source), RankRule(rank=2), Output(tmp_path / path))
    assert (tmp_path / "b.safetensors").read_text() == "mine"
    resize_lora(reference(source), RankRule(rank=2), Output(tmp_path / "b.safetensors", replace=True))
    assert read_lora_header(tmp_path / "b.safetensors").rank == 2


def test_what_is_stopped_or_fails_leaves_nothing(tmp_path: Path) -> None:
    source = write_form(tmp_path / "a.safetensors", "kohya")
    asked = iter([False, False, True])
    with pytest.raises(BenchStopped):
        resize_lora(reference(source), RankRule(rank=2), Output(tmp_path / "b.safetensors"), stop=lambda: next(asked))
    large = write_lora_of_numbers(
        tmp_path / "large.safetensors", {"lora_unet_mid_block_attentions_0_proj_in": Layer(8, 8, 2, size=1e14)}
    )
    with pytest.raises(ModelError, match="too large for fp16"):
        resize_lora(reference(large), RankRule(rank=1), Output(tmp_path / "b.safetensors", "F16"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.safetensors", "large.safetensors"]


def test_numbers_that_are_none_are_refused_by_their_module(tmp_path: Path) -> None:
    name = "lora_unet_mid_block_attentions_0_proj_in"
    source = write_lora_of_numbers(tmp_path / "a.safetensors", {name: Layer(8, 8, 2, size=float("nan"))})
    with pytest.raises(ModelError, match=f"holds NaN in module {name}"):
        resize_lora(reference(source), RankRule(rank=1), Output(tmp_path / "b.safetensors"))


@pytest.mark.parametrize(
    "rule", [RankRule(), RankRule(rank=0), RankRule(energy=1.5), RankRule(ratio=0.5), RankRule(cumulative=0.0)]
)
def test_a_rule_that_cannot_be_followed_is_refused(rule: RankRule, tmp_path: Path) -> None:
    source = write_form(tmp_path / "a.safetensors", "kohya")
    with pytest.raises(SettingsError):
        resize_lora(reference(source), rule, Output(tmp_path / "b.safetensors"))
    assert not (tmp_path / "b.safetensors").exists()
