"""LoRAs of Anima beside its bases and beside those of other families: what fits, and what is refused in which words."""

from pathlib import Path

import pytest
from anima_loras import IN_FILES, anima_base, sides, write_anima_lora
from lora_on_disk import write_lora

from trainer.errors import ModelError, SettingsError
from trainer.families.anima.lora_names import KEY_FORMS
from trainer.families.anima.record import FAMILY
from trainer.grid.model_files import ModelFiles
from trainer.interop.lora_facts import lora_document
from trainer.lora_tools.inputs import OpenedLoras, family_of
from trainer.lora_tools.inspect import inspect_lora
from trainer.lora_tools.references import LoraReference
from trainer.models.block_weights import parse_block_weights
from trainer.models.identify import identify_base
from trainer.models.lora_header import read_lora_header
from trainer.models.start_weights import check_start_weights
from trainer.settings.model import Settings


def reference(path: Path) -> LoraReference:
    return LoraReference(path, path.stem)


@pytest.mark.parametrize("form", ["kohya", *KEY_FORMS])
def test_a_file_in_any_programs_keys_fits_with_all_that_it_changes(tmp_path: Path, form: str) -> None:
    def key(name: str) -> str:
        return name if form == "kohya" else KEY_FORMS[form].path(name) or name

    path = write_anima_lora(tmp_path / "a.safetensors", sides(28) | IN_FILES, key=key)
    header = ModelFiles(tmp_path).check_lora(path, anima_base())
    assert set(header.modules) == set(sides(28) | IN_FILES)
    assert header.has_text_encoder
    assert family_of(header) == FAMILY.key


@pytest.mark.parametrize(("of_lora", "of_base"), [(28, 40), (40, 28), (52, 40)])
def test_a_lora_for_another_depth_is_refused_with_both_depths(tmp_path: Path, of_lora: int, of_base: int) -> None:
    path = write_anima_lora(tmp_path / "a.safetensors", sides(of_lora))
    said = rf"a LoRA for a base of {of_lora} blocks; expected one for {of_base} blocks; train it on this base, or"
    base = anima_base(of_base)
    with pytest.raises(ModelError, match=said):
        ModelFiles(tmp_path).check_lora(path, base)
    with pytest.raises(ModelError, match=said), OpenedLoras([reference(path)], base, finite=False):
        pass
    settings = Settings(network_weights=str(path), network_dim=4, network_alpha=4, network_train_unet_only=True)
    with pytest.raises(ModelError, match=said):
        check_start_weights(base, settings)


def some_blocks(depth: int, *blocks: int) -> dict[str, tuple[int, int]]:
    return {name: pair for name, pair in sides(depth).items() if any(f"_blocks_{block}_" in name for block in blocks)}


@pytest.mark.parametrize("of_base", [28, 40])
def test_a_lora_that_leaves_out_blocks_fits_a_base_that_has_them(tmp_path: Path, of_base: int) -> None:
    path = write_anima_lora(tmp_path / "a.safetensors", some_blocks(28, 10, 11, 12))
    base = anima_base(of_base)
    assert ModelFiles(tmp_path).check_lora(path, base)
    settings = Settings(network_weights=str(path), network_dim=4, network_alpha=4, network_train_unet_only=True)
    check_start_weights(base, settings)


def test_a_block_that_the_base_lacks_says_which_bases_have_it(tmp_path: Path) -> None:
    path = write_anima_lora(tmp_path / "a.safetensors", some_blocks(40, 3, 37))
    with pytest.raises(ModelError, match="a base of 38 blocks or 40 blocks or 52 blocks; expected one for 28 blocks"):
        ModelFiles(tmp_path).check_lora(path, anima_base())


def test_a_file_that_may_be_for_several_bases_says_so(tmp_path: Path) -> None:
    metadata = {"ss_base_model_version": FAMILY.key}
    whole = write_anima_lora(tmp_path / "a.safetensors", sides(28), metadata=metadata)
    part = write_anima_lora(tmp_path / "b.safetensors", some_blocks(40, 3, 37), metadata=metadata)
    assert inspect_lora(reference(whole)).notes == ()
    assert "38 blocks or 40 blocks or 52 blocks" in inspect_lora(reference(part)).notes[0]
    assert inspect_lora(reference(part), base=anima_base(40)).notes == ()


def test_a_lora_that_leaves_out_blocks_is_put_together_with_those_of_one_depth(tmp_path: Path) -> None:
    part = write_anima_lora(tmp_path / "part.safetensors", some_blocks(28, 10, 11))
    paths = [part, *(write_anima_lora(tmp_path / f"{depth}.safetensors", sides(depth)) for depth in (28, 40))]
    for path in paths[1:]:
        with OpenedLoras([reference(part), reference(path)], finite=False):
            pass
    with (
        pytest.raises(ModelError, match="is for a base of 40 blocks; expected one for a base of 28 blocks, as 28"),
        OpenedLoras([reference(path) for path in paths], finite=False),
    ):
        pass


def test_loras_of_two_depths_are_not_put_together(tmp_path: Path) -> None:
    paths = [write_anima_lora(tmp_path / f"{depth}.safetensors", sides(depth)) for depth in (28, 40)]
    with (
        pytest.raises(ModelError, match="is for a base of 40 blocks; expected one for a base of 28 blocks, as 28"),
        OpenedLoras([reference(path) for path in paths], finite=False),
    ):
        pass


def test_an_anima_lora_is_refused_by_name_on_another_familys_base(tmp_path: Path) -> None:
    path = write_anima_lora(tmp_path / "a.safetensors", sides(28))
    said = r"a LoRA for an Anima base: 280 of 280 modules do not belong to demo.*expected a LoRA for an SD1\.x base"
    with pytest.raises(ModelError, match=said) as refused:
        ModelFiles(tmp_path).check_lora(path, identify_base("demo"))
    assert "\n" not in str(refused.value)


def test_another_familys_lora_is_refused_by_name_on_an_anima_base(tmp_path: Path) -> None:
    path = write_lora(tmp_path / "a.safetensors", identify_base("demo"))
    said = r"a LoRA for an SD1\.x base or an SDXL base: \d+ of \d+ modules do not belong .*expected a LoRA for an Anima base"
    with pytest.raises(ModelError, match=said):
        ModelFiles(tmp_path).check_lora(path, anima_base())
    other = write_anima_lora(tmp_path / "b.safetensors", sides(28))
    with (
        pytest.raises(ModelError, match=r"is for an SD1\.x base or an SDXL base; expected one for an Anima base, as b"),
        OpenedLoras([reference(other), reference(path)], finite=False),
    ):
        pass


def test_a_lora_of_the_same_names_and_other_widths_is_refused(tmp_path: Path) -> None:
    """Other transformers of diffusers have blocks of these names: LTX-Video's texts are 2048 wide."""
    wide = {name: (2048, 2048) if "cross_attn" in name else pair for name, pair in sides(28).items()}
    path = write_anima_lora(tmp_path / "a.safetensors", wide)
    with pytest.raises(
        ModelError, match="cross_attn_k_proj has 2048 inputs and 2048 outputs; expected 1024 and 2048; it was"
    ):
        ModelFiles(tmp_path).check_lora(path, anima_base())


def test_a_lora_of_another_transformer_with_such_blocks_is_not_called_one_of_anima(tmp_path: Path) -> None:
    """Wan's and Lumina's keys begin alike."""
    names = {f"lora_unet_blocks_{block}_self_attn_q": (2048, 2048) for block in range(4)}
    path = write_anima_lora(tmp_path / "a.safetensors", names | {"lora_te_layers_0_self_attn_qkv": (1024, 3072)})
    with pytest.raises(ModelError, match="5 of 5 modules do not belong to demo") as refused:
        ModelFiles(tmp_path).check_lora(path, identify_base("demo"))
    assert "Anima" not in str(refused.value)


def test_its_tensors_tell_the_importer_what_it_is_for(tmp_path: Path) -> None:
    path = write_anima_lora(tmp_path / "a.safetensors", sides(28), metadata={"ss_base_model_version": "anima"})
    facts = {key.key: key.value for key in lora_document(path, "a").keys}
    assert (facts["tensors.base"], facts["tensors.parts"], facts["tensors.rank"]) == ("Anima", ["body"], [4])


@pytest.mark.parametrize(
    ("text", "name", "factor"),
    [
        ("block 7=0.5", "lora_unet_blocks_7_mlp_layer1", 0.5),
        ("block 7=0.5", "lora_unet_blocks_17_mlp_layer1", 1),
        ("blocks 0-9=0", "lora_unet_blocks_9_self_attn_q_proj", 0),
        ("blocks 0-9=0", "lora_unet_blocks_10_self_attn_q_proj", 1),
        ("blocks 3 - 5 cross k/v=2", "lora_unet_blocks_4_cross_attn_v_proj", 2),
        ("blocks 3 - 5 cross k/v=2", "lora_unet_blocks_4_cross_attn_q_proj", 1),
        ("cross k/v=1.5", "lora_unet_blocks_27_cross_attn_k_proj", 1.5),
        ("body blocks 20-27=3; feed-forward=0", "lora_unet_blocks_21_mlp_layer2", 0),
        ("body blocks 20-27=3", "lora_unet_blocks_21_mlp_layer2", 3),
        ("conditioner=0", "lora_te_layers_27_mlp_down_proj", 0),
        ("Qwen3 layers 20-27=4", "lora_te_layers_27_mlp_down_proj", 4),
        ("adapter block 5=4", "lora_unet_llm_adapter_blocks_5_mlp_0", 4),
        # The body's blocks, not the conditioner's.
        ("body block 5=4", "lora_unet_llm_adapter_blocks_5_mlp_0", 1),
    ],
)
def test_weights_are_by_block_kind_and_range(text: str, name: str, factor: float) -> None:
    weights = parse_block_weights(text, "x")
    weights.check(sides(28) | IN_FILES, "x")
    assert weights.factor(name) == factor


def test_a_place_that_is_nowhere_is_refused_with_those_there_are(tmp_path: Path) -> None:
    path = write_anima_lora(tmp_path / "a.safetensors", sides(28))
    with pytest.raises(
        SettingsError, match="`blocks 30-35`, which nothing in it is called; expected one of body, block 0"
    ):
        parse_block_weights("blocks 30-35=0", "x").check(read_lora_header(path).modules, "x")
