"""Weights and alphas written into a LoRA file."""

from pathlib import Path

import pytest
from dense_loras import FORMS, dense, distance, reference, write_form
from lora_of_numbers import Layer, write_lora_of_numbers

from trainer.errors import ModelError, SettingsError
from trainer.formats.safetensors_header import read_header
from trainer.lora_tools.made_lora import NO_ALPHA, AlphaRule, Output
from trainer.lora_tools.scale import NO_WEIGHT, weigh_lora, write_alpha
from trainer.models.block_weights import BlockWeights, parse_block_weights
from trainer.models.lora_header import read_lora_header


def test_each_module_is_as_strong_as_its_weight_says(tmp_path: Path) -> None:
    source = write_form(tmp_path / "a.safetensors", "kohya")
    out = tmp_path / "b.safetensors"
    weigh_lora(reference(source), parse_block_weights("unet=0.5; middle=-2; layer 1=3", "x"), Output(out), weight=2.0)

    def factor(name: str) -> float:
        return -2.0 if "_mid_" in name else 0.5 if "_unet_" in name else 3.0 if "_layers_1_" in name else 1.0

    assert distance(dense(out), {name: 2 * factor(name) * change for name, change in dense(source).items()}) < 1e-6


def test_what_has_no_weight_is_left_out_and_named(tmp_path: Path) -> None:
    source = write_form(tmp_path / "a.safetensors", "kohya")
    made = weigh_lora(reference(source), parse_block_weights("text encoder=0", "x"), Output(tmp_path / "b.safetensors"))
    assert not any(name.startswith("lora_te") for name in dense(tmp_path / "b.safetensors"))
    assert {why for why in made.left_out.values()} == {NO_WEIGHT} and len(made.left_out) == 2
    with pytest.raises(ModelError, match="no module is left for it: weight 0"):
        weigh_lora(reference(source), BlockWeights(), Output(tmp_path / "c.safetensors"), weight=0.0)


def test_lora_down_stays_to_the_bit(tmp_path: Path) -> None:
    source = write_form(tmp_path / "a.safetensors", "kohya", dtype="F16")
    weigh_lora(reference(source), parse_block_weights("unet=0.3", "x"), Output(tmp_path / "b.safetensors"))
    before, after = (_downs(path) for path in (source, tmp_path / "b.safetensors"))
    same = {key for key, content in after.items() if before[key] == content}
    # Where the kernel stood in the middle it is multiplied in, and a rank above the sides is brought down.
    assert set(after) - same == {
        "lora_unet_down_blocks_0_resnets_0_conv2.lora_down.weight",
        "lora_unet_mid_block_attentions_0_transformer_blocks_0_ff_net_0_proj.lora_down.weight",
    }


def _downs(path: Path) -> dict[str, bytes]:
    header = read_header(path)
    content = path.read_bytes()[8 + header.length :]
    return {key: content[slice(*span)] for key, span in header.spans.items() if key.endswith("lora_down.weight")}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rule", [NO_ALPHA, AlphaRule(), AlphaRule(1.0)])
def test_other_alphas_have_the_same_effect(form: str, rule: AlphaRule, tmp_path: Path) -> None:
    source = write_form(tmp_path / "a.safetensors", form)
    write_alpha(reference(source), rule, Output(tmp_path / "b.safetensors"))
    assert distance(dense(tmp_path / "b.safetensors"), dense(source)) < 1e-6
    if rule is NO_ALPHA:
        assert not any(key.endswith(".alpha") for key in read_header(tmp_path / "b.safetensors").shapes)


def test_without_weights_there_is_nothing_to_write(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="none; expected a part or block group"):
        weigh_lora(
            reference(write_form(tmp_path / "a.safetensors", "kohya")),
            BlockWeights(),
            Output(tmp_path / "b.safetensors"),
        )


def test_the_record_says_how_it_was_made(tmp_path: Path) -> None:
    import json

    source = write_form(tmp_path / "a.safetensors", "kohya")
    weigh_lora(reference(source), parse_block_weights("unet=0.3", "x"), Output(tmp_path / "b.safetensors"))
    write_alpha(reference(tmp_path / "b.safetensors"), NO_ALPHA, Output(tmp_path / "c.safetensors"))
    metadata = read_lora_header(tmp_path / "c.safetensors").metadata
    made = json.loads(metadata["ss_lora_tui_made"])
    assert (made["operation"], made["alpha"], made["from"][0]["file"]) == ("alpha", "none", "b.safetensors")
    assert made["from"][0]["made"]["weights"] == "unet=0.3"
    assert metadata["ss_output_name"] == metadata["modelspec.title"] == "c"
    assert str(tmp_path) not in json.dumps(dict(metadata))


@pytest.mark.parametrize("rule", [NO_ALPHA, AlphaRule(), AlphaRule(2.0**-12), AlphaRule(500.0)])
@pytest.mark.parametrize("size", [2.0**-11, 2.0**9])
def test_half_precision_holds_a_folded_alpha_with_all_its_digits(rule: AlphaRule, size: float, tmp_path: Path) -> None:
    # Small factors at alpha 1 of rank 64, as a bake at a small alpha has them, would lose digits by another small factor.
    layers = {f"lora_unet_mid_block_attentions_0_transformer_blocks_{n}_attn1_to_q": Layer(96, 80, 64) for n in (0, 1)}
    source = write_lora_of_numbers(tmp_path / "a.safetensors", layers)
    weigh_lora(reference(source), parse_block_weights(f"unet={size}", "x"), Output(tmp_path / "b.safetensors", "F16"))
    made = write_alpha(reference(tmp_path / "b.safetensors"), rule, Output(tmp_path / "c.safetensors"))
    off = distance(dense(tmp_path / "c.safetensors"), dense(tmp_path / "b.safetensors"))
    assert off < 4e-4 and off == pytest.approx(made.rounding, rel=0.01, abs=1e-7)


@pytest.mark.parametrize(("value", "dtype"), [(1e-9, "F16"), (70_000.0, "F16"), (1e39, "BF16"), (1e-50, "F32")])
def test_an_alpha_that_the_type_does_not_hold_is_refused(value: float, dtype: str, tmp_path: Path) -> None:
    source = write_form(tmp_path / "a.safetensors", "kohya")
    with pytest.raises(SettingsError, match=r"alpha: .*expected .* to .*, which (fp|bf)\d+ holds"):
        write_alpha(reference(source), AlphaRule(value), Output(tmp_path / "b.safetensors", dtype))
    assert not (tmp_path / "b.safetensors").exists()


@pytest.mark.parametrize("weight", [1e200, -1e300])
@pytest.mark.parametrize("dtype", ["F32", "F16"])
def test_a_weight_beyond_every_type_is_refused_by_the_module(weight: float, dtype: str, tmp_path: Path) -> None:
    source = write_form(tmp_path / "a.safetensors", "kohya")
    with pytest.raises(ModelError, match=r"lora_.* has numbers too large for fp"):
        weigh_lora(reference(source), BlockWeights(), Output(tmp_path / "b.safetensors", dtype), weight=weight)
    assert not (tmp_path / "b.safetensors").exists()
