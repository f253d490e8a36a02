from typing import Any

import pytest
from real_shapes import real_modules
from steps_on_tiny import forward
from tiny_bases import tiny_modules
from torch import nn

from trainer.errors import SettingsError
from trainer.lean.blocks import blocks, names_with_prefixes

NAMES = (
    "text_encoder.layers.1",
    "text_encoder.layers.10",
    "text_encoder_2.layers.0",
    "down_blocks.0.resnets.0",
    "down_blocks.0.attentions.0",
    "mid_block.resnets.0",
)


def names_in(family: str) -> list[str]:
    return list(blocks(*parted(real_modules(family))))


def parted(modules: dict[str, Any]) -> tuple[Any, dict[Any, Any]]:
    return modules["unet"], {part: module for part, module in modules.items() if part.startswith("text_encoder")}


def test_sd15_has_a_block_for_every_layer_resnet_and_attention() -> None:
    names = names_in("sd1")
    assert [name for name in names if name.startswith("text_encoder")] == [
        f"text_encoder.layers.{i}" for i in range(12)
    ]
    assert sum(".resnets." in name for name in names) == 22
    assert sum(".attentions." in name for name in names) == 16
    assert not any("transformer_blocks" in name for name in names)
    assert names[12:16] == [
        "down_blocks.0.resnets.0",
        "down_blocks.0.attentions.0",
        "down_blocks.0.resnets.1",
        "down_blocks.0.attentions.1",
    ]
    assert names[-1] == "up_blocks.3.attentions.2"


def test_sdxl_has_a_block_for_every_layer_of_its_attentions() -> None:
    names = names_in("sdxl")
    assert sum(name.startswith("text_encoder_2.layers.") for name in names) == 32
    assert sum(".transformer_blocks." in name for name in names) == 70
    assert "down_blocks.2.attentions.0.transformer_blocks.3" in names
    assert "down_blocks.2.attentions.0" not in names


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_blocks_stand_in_the_order_in_which_they_run(family: str) -> None:
    modules = tiny_modules(family)
    every = blocks(*parted(modules))
    ran: list[str] = []
    for name, block in every.items():

        def note(_: nn.Module, __: object, name: str = name) -> None:
            ran.append(name)

        block.register_forward_pre_hook(note)
    forward(modules)
    assert ran == list(every)


def test_no_beginning_means_all_blocks() -> None:
    assert names_with_prefixes(NAMES, ()) == set(NAMES)


def test_a_beginning_means_whole_levels_of_names() -> None:
    assert names_with_prefixes(NAMES, ("text_encoder",)) == {"text_encoder.layers.1", "text_encoder.layers.10"}
    assert names_with_prefixes(NAMES, ("text_encoder.layers.1", "down_blocks.0")) == {
        "text_encoder.layers.1",
        "down_blocks.0.resnets.0",
        "down_blocks.0.attentions.0",
    }
    assert names_with_prefixes(NAMES, ("mid_block.",)) == {"mid_block.resnets.0"}


@pytest.mark.parametrize("wrong", ["up_block", "down_blocks.0.resnet", "transformer_blocks.3", "."])
def test_a_beginning_of_no_name_is_refused_with_some_that_are(wrong: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        names_with_prefixes(NAMES, ("mid_block", wrong))
    assert (refusal.value.where, refusal.value.found) == ("checkpointed_blocks", wrong)
    assert "text_encoder.layers.1" in refusal.value.expected
