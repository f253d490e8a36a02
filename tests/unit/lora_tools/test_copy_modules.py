"""Parts of different LoRAs in one file: every tensor to the bit, whatever form the files have."""

import json
from pathlib import Path

import numpy as np
import pytest
from dense_loras import KOHYA, dense, distance, reference, write_form
from lora_kinds import tensors_of, write_kinds
from lora_of_numbers import Layer, write_lora_of_numbers, write_tensors

from trainer.errors import ModelError, SettingsError
from trainer.formats.safetensors_header import read_header
from trainer.lora_tools.copy_modules import PartOf, mix_loras, part_named
from trainer.lora_tools.made_lora import Output
from trainer.models.identify import LoraShape, identify_base
from trainer.models.lora_header import read_lora_header

ENCODER = [name for name in KOHYA if name.startswith("lora_te")]


def raw(path: Path) -> dict[str, bytes]:
    header = read_header(path)
    content = path.read_bytes()[8 + header.length :]
    return {key: content[start:end] for key, (start, end) in header.spans.items()}


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
def test_encoder_and_unet_come_from_their_files_to_the_bit(dtype: str, tmp_path: Path) -> None:
    early, late = (
        write_form(tmp_path / f"{name}.safetensors", "kohya", seed=seed, dtype=dtype) for seed, name in enumerate("ab")
    )
    out = tmp_path / "mixed.safetensors"
    mix_loras([PartOf("unet", reference(late)), PartOf("text_encoder", reference(early))], Output(out))
    mixed, first, second = raw(out), raw(early), raw(late)
    for key, content in mixed.items():
        # An alpha that the file lacks is written.
        source = first if key.startswith(tuple(ENCODER)) else second
        assert source.get(key, content) == content, key
    wanted = {name: (dense(early) if name in ENCODER else dense(late))[name] for name in KOHYA}
    assert distance(dense(out), wanted) == 0


def test_what_no_part_is_named_for_comes_from_the_file_of_the_rest(tmp_path: Path) -> None:
    one, other = (write_form(tmp_path / f"{name}.safetensors", "kohya", seed=seed) for seed, name in enumerate("ab"))
    out = tmp_path / "mixed.safetensors"
    mix_loras([PartOf("text_encoder", reference(one)), PartOf("", reference(other))], Output(out))
    wanted = {name: (dense(one) if name in ENCODER else dense(other))[name] for name in KOHYA}
    assert distance(dense(out), wanted) == 0


def test_a_part_alone_makes_a_file_of_that_part(tmp_path: Path) -> None:
    one = write_form(tmp_path / "a.safetensors", "kohya")
    mix_loras([PartOf("text_encoder", reference(one))], Output(tmp_path / "b.safetensors"))
    assert set(dense(tmp_path / "b.safetensors")) == set(ENCODER)


def test_alphas_beside_the_weights_are_written_as_tensors(tmp_path: Path) -> None:
    one = write_form(tmp_path / "a.safetensors", "diffusers")
    mix_loras([PartOf("unet", reference(one))], Output(tmp_path / "b.safetensors"))
    assert distance(dense(tmp_path / "b.safetensors"), dense(one)) == 0
    assert "lora_adapter_metadata" not in read_header(tmp_path / "b.safetensors").metadata


def test_another_type_is_written_where_asked(tmp_path: Path) -> None:
    one = write_form(tmp_path / "a.safetensors", "kohya")
    made = mix_loras([PartOf("unet", reference(one))], Output(tmp_path / "b.safetensors", "F16"))
    assert made.dtype == "F16"
    assert set(read_header(tmp_path / "b.safetensors").dtypes.values()) == {"F16"}
    unet = {name: change for name, change in dense(one).items() if name not in ENCODER}
    assert distance(dense(tmp_path / "b.safetensors"), unet) < 2e-3


def test_a_part_that_a_file_lacks_or_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    layers = {"lora_unet_mid_block_attentions_0_proj_in": Layer(8, 8, 2)}
    one = reference(write_lora_of_numbers(tmp_path / "a.safetensors", layers))
    with pytest.raises(ModelError, match="has no layer of the text encoder: it has 1 layer of U-Net"):
        mix_loras([PartOf("text_encoder", one)], Output(tmp_path / "b.safetensors"))
    alone = PartOf("", one)
    with pytest.raises(ModelError, match="has no layer of any other part: it has 1 layer of U-Net"):
        mix_loras([PartOf("unet", one), alone], Output(tmp_path / "b.safetensors"))
    with pytest.raises(SettingsError, match="U-Net twice"):
        mix_loras([PartOf("unet", one), PartOf("unet", one)], Output(tmp_path / "b.safetensors"))


@pytest.mark.parametrize(
    ("text", "part"),
    [("unet", "unet"), ("U-Net", "unet"), ("Text Encoder", "text_encoder"), ("text_encoder_2", "text_encoder_2")],
)
def test_parts_go_by_key_and_label(text: str, part: str) -> None:
    assert part_named(text) == part


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(SettingsError, match="vae; expected one of unet"):
        part_named("vae")


def test_a_file_that_is_written_has_the_hash_of_its_tensors(tmp_path: Path) -> None:
    import hashlib

    one = write_form(tmp_path / "a.safetensors", "kohya")
    made = mix_loras([PartOf("unet", reference(one))], Output(tmp_path / "b.safetensors"))
    content = (tmp_path / "b.safetensors").read_bytes()
    header = read_header(tmp_path / "b.safetensors")
    assert hashlib.sha256(content[8 + header.length :]).hexdigest() == made.sha256 == header.metadata["sshs_model_hash"]
    assert np.isfinite(next(iter(dense(tmp_path / "b.safetensors").values()))).all()


def test_parts_of_other_kinds_are_copied_as_they_are(tmp_path: Path) -> None:
    demo = identify_base("demo")
    one = write_kinds(tmp_path / "a.safetensors", demo, ["lokr", "loha", "lokr whole"], seed=1)
    other = write_kinds(tmp_path / "b.safetensors", demo, ["lora"], dora="outputs", seed=2)
    out = tmp_path / "mixed.safetensors"
    mix_loras([PartOf("unet", reference(other)), PartOf("text_encoder", reference(one))], Output(out))
    mixed, first, second = raw(out), raw(one), raw(other)
    assert {key for key in mixed if key.startswith("lora_te")} == {key for key in first if key.startswith("lora_te")}
    assert all((first if key.startswith("lora_te") else second)[key] == content for key, content in mixed.items())
    assert read_lora_header(out).kinds.keys() == {"DoRA", "LoKr", "LoHa"}


def test_a_scale_that_no_tensor_tells_is_not_lost_in_silence(tmp_path: Path) -> None:
    tensors = tensors_of("lokr whole", LoraShape(6, 6, 1, is_conv=False, needs_conv_dim=False), alpha=None)
    start = "base_model.model.mid_block.attentions.0.proj_in"
    path = tmp_path / "adapter_model.safetensors"
    write_tensors(path, {f"{start}.{end}": ("F32", numbers) for end, numbers in tensors.items()})
    (tmp_path / "adapter_config.json").write_text('{"peft_type": "LOKR", "alpha": 3, "r": 6}')
    with pytest.raises(ModelError, match=r"two whole matrices with the scale 0\.5"):
        mix_loras([PartOf("", reference(tmp_path))], Output(tmp_path / "b.safetensors"))


@pytest.mark.parametrize("dtype", ["F16", "BF16", "F32"])
@pytest.mark.parametrize("alpha", [1e6, 11 / 3, 1e-6])
def test_an_alpha_that_its_type_would_round_gets_one_that_holds_it(dtype: str, alpha: float, tmp_path: Path) -> None:
    metadata = {"lora_adapter_metadata": json.dumps({"unet.lora_alpha": alpha, "unet.r": 4})}
    layers = {"mid_block.attentions.0.transformer_blocks.0.attn1.to_k": Layer(12, 20, 4, alpha=None)}

    def keys(module: str) -> dict[str, str]:
        return {"down": f"unet.{module}.lora_A.weight", "up": f"unet.{module}.lora_B.weight"}

    one = write_lora_of_numbers(tmp_path / "a.safetensors", layers, dtype=dtype, keys=keys, metadata=metadata)
    mix_loras([PartOf("unet", reference(one))], Output(tmp_path / "b.safetensors"))
    assert distance(dense(tmp_path / "b.safetensors"), dense(one)) < 1e-7


def test_an_alpha_is_not_rounded_by_a_type_that_is_asked_for(tmp_path: Path) -> None:
    name = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_k"
    one = write_lora_of_numbers(tmp_path / "a.safetensors", {name: Layer(12, 20, 4, alpha=257)})
    mix_loras([PartOf("unet", reference(one))], Output(tmp_path / "b.safetensors", "BF16"))
    assert read_lora_header(tmp_path / "b.safetensors").modules[name].alpha == 257
