"""The kinds of axes and their names elsewhere."""

import pytest

from trainer.errors import GridError
from trainer.grid.axes import KINDS, Kind, kind_named


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("epoch", "epoch"),
        ("U-Net weight", "unet_weight"),
        ("AddNet UNet Weight 1", "unet_weight"),
        ("addnet tenc weight 1", "text_encoder_weight"),
        ("AddNet Weight 1", "weight"),
        ("AddNet Model 1", "lora"),
        ("AddNet Weight", "weight"),
        ("AddNet UNet Weight 2", "unet_weight:2"),
        ("unet_weight:2", "unet_weight:2"),
        ("weight:1", "weight"),
        ("Checkpoint name", "base"),
        ("CFG Scale", "cfg_scale"),
        ("Prompt S/R", "prompt_sr"),
        ("Prompt order", "prompt_order"),
        (" Clip  skip ", "clip_skip"),
        ("Seed", "seed"),
        ("Size", "size"),
        ("Shift", "shift"),
        ("Distilled CFG Scale", "shift"),
    ],
)
def test_a_kind_is_known_by_the_names_other_programs_give_it(text: str, key: str) -> None:
    assert kind_named(text).key == key


def test_a_numbered_kind_says_which_lora_it_acts_on() -> None:
    kind = kind_named("AddNet TEnc Weight 3")
    assert (kind.plain, kind.lora, kind.title) == ("text_encoder_weight", 3, "Text encoder weight 3")
    assert kind_named("weight").lora == 1


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.key)
def test_every_kind_is_found_by_its_key_and_its_title(kind: Kind) -> None:
    assert kind_named(kind.key) == kind_named(kind.title) == kind


def test_no_two_kinds_share_a_name() -> None:
    names = [
        name for kind in KINDS.values() for name in {each.casefold() for each in (kind.key, kind.title, *kind.others)}
    ]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("text", ["", "steps:2", "Denoising", "seed 2", "\x1b[31m"])
def test_an_unknown_kind_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(GridError, match="unknown kind") as refused:
        kind_named(text)
    assert "unet_weight" in refused.value.expected
    assert "\x1b" not in str(refused.value)


def test_a_mistyped_kind_is_answered_with_the_nearest() -> None:
    with pytest.raises(GridError, match=r"did you mean unet_weight\?"):
        kind_named("unet_wieght")
