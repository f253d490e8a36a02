"""Names of a U-Net's blocks in the original code and in diffusers', against a writer of the original layout."""

import pytest
from original_layout import original_tensors
from tiny_bases import tiny_modules

from trainer.families.block_names import diffusers_name, layers_per_level, original_name
from trainer.models.identify import identify_base


def pairs(family: str) -> dict[str, str]:
    """Names of the modules in the original code -> in diffusers'; a weight's value says which is which."""
    unet = tiny_modules(family)["unet"]
    by_value = {id(weight): name for name, weight in unet.state_dict(keep_vars=True).items()}
    modules = {"unet": SimpleState(unet.state_dict(keep_vars=True))}
    found = {}
    for key, weight in original_tensors(family, modules).items():
        if key.endswith(".weight") and weight.dim() in (2, 4):
            own = by_value[id(weight)].removesuffix(".weight")
            path = key.removeprefix("model.diffusion_model.").removesuffix(".weight")
            found[path.replace(".", "_")] = own.replace(".", "_")
    return found


class SimpleState:
    """A module of which only the weights count."""

    def __init__(self, weights: object) -> None:
        self._weights = weights

    def state_dict(self) -> object:
        return self._weights


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_every_module_has_its_name_in_both(family: str) -> None:
    both = pairs(family)
    assert len(both) > 100
    layers = layers_per_level(f"lora_unet_{name}" for name in both.values())
    for original, own in both.items():
        assert diffusers_name(original, layers) == own
    if family == "sdxl":
        assert {own: original_name(own) for own in both.values()} == {own: name for name, own in both.items()}


def test_a_shallower_unet_is_counted_by_its_own_layers() -> None:
    known = identify_base("demo").lora_shapes
    assert layers_per_level(known) == 1
    assert diffusers_name("input_blocks_3_1_proj_in", 1) == "down_blocks_1_attentions_0_proj_in"
    assert diffusers_name("input_blocks_2_0_op", 1) == "down_blocks_0_downsamplers_0_conv"
    assert diffusers_name("output_blocks_3_2_conv", 1) == "up_blocks_1_upsamplers_0_conv"


@pytest.mark.parametrize(
    "name", ["double_blocks_0_img_mlp_0", "input_hint_block_0", "down_blocks_0_attentions_0_proj_in"]
)
def test_any_other_name_stays(name: str) -> None:
    assert diffusers_name(name) == name
