"""From a spec to recipes: LoRAs, their epochs, weights and ranks, and the bakes that they are of."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from expanded_grids import epoch_file, recipes_of, values_of

from trainer.errors import GridError
from trainer.grid.cell import Expanded
from trainer.grid.recipe import LoraUse
from trainer.grid.spec import EpochFile, LoraSpec


def test_epochs_swap_the_first_lora_and_base_takes_it_away(spread: Callable[..., Expanded], root: Path) -> None:
    made = spread(x=("epoch", "base,1-3,5"))
    assert made.x.labels == ("base", "1", "2", "3", "5")
    assert [cell.epoch for cell in made.cells] == ["base", "1", "2", "3", "5"]
    assert values_of(made, "loras") == [(), *((LoraUse(epoch_file(root, epoch)),) for epoch in (1, 2, 3, 5))]


def test_all_epochs_are_those_of_the_spec_in_its_order(spread: Callable[..., Expanded]) -> None:
    assert spread(x=("epoch", "all")).x.labels == ("1", "2", "3", "4", "5", "6")


def test_epochs_of_several_bakes_are_named_with_their_bake(spread: Callable[..., Expanded], root: Path) -> None:
    epochs = tuple(
        EpochFile(label=label, file=str(epoch_file(root, 1)))
        for label in ("42:1", "42:2", "43:1", "champion", "42:s600")
    )
    for typed, labels in (
        ("42:1-2", ("42:1", "42:2")),
        ("43:1,champion", ("43:1", "champion")),
        ("42:all", ("42:1", "42:2", "42:step 600")),
    ):
        assert spread(x=("epoch", typed), epochs=epochs).x.labels == labels


def test_a_nameless_lora_is_the_newest_epoch(spread: Callable[..., Expanded], root: Path) -> None:
    assert values_of(spread(loras=(LoraSpec(weight=0.5),)), "loras") == [(LoraUse(epoch_file(root, 6), 0.5, 0.5),)]


def test_weights_act_on_all_of_a_lora_or_one_part_whatever_the_axes_order(
    spread: Callable[..., Expanded], root: Path
) -> None:
    made = spread(x=("unet_weight", "0.5,1"), y=("weight", "0.2,-1"), loras=(LoraSpec(),))
    factors = [(use.unet, use.text_encoder) for recipe in recipes_of(made) for use in recipe.loras]
    assert factors == [(0.5, 0.2), (1.0, 0.2), (0.5, -1.0), (1.0, -1.0)]


def test_a_lora_at_weight_0_leaves_the_recipe(spread: Callable[..., Expanded], root: Path) -> None:
    made = spread(x=("epoch", "1-2"), y=("weight", "0,1"))
    assert values_of(made, "loras")[:2] == [(), ()]
    assert len(set(recipes_of(made))) == 3


def test_numbered_weights_act_on_later_loras(spread: Callable[..., Expanded], root: Path) -> None:
    style = root / "bakes/0002-style/style.safetensors"
    made = spread(x=("AddNet Weight 2", "0.25,2"), loras=(LoraSpec(), LoraSpec(file="style")))
    assert values_of(made, "loras") == [(LoraUse(epoch_file(root, 6)), LoraUse(style, w, w)) for w in (0.25, 2.0)]


def test_a_specs_factors_of_one_part_replace_its_weight(spread: Callable[..., Expanded], root: Path) -> None:
    lora = LoraSpec(file="hifumi-000002", weight=0.9, unet_weight=0.5)
    assert values_of(spread(loras=(lora,)), "loras") == [(LoraUse(epoch_file(root, 2), 0.5, 0.9),)]


def test_block_weights_are_an_axis_and_leave_the_recipe_where_all_are_1(
    spread: Callable[..., Expanded], root: Path
) -> None:
    made = spread(x=("block_weights", "none, down=0, middle=0.5; text encoder = 2, up:1, unet=1"), loras=(LoraSpec(),))
    assert made.x.labels == ("none", "down=0", "middle=0.5; text encoder=2", "up=1", "unet=1")
    blocks = [use.blocks for recipe in recipes_of(made) for use in recipe.loras]
    assert blocks == ["", "down=0", "middle=0.5; text encoder=2", "", ""]
    assert made.x.values == "none, down=0, middle=0.5; text encoder=2, up=1, unet=1"


def test_a_spec_has_block_weights_of_its_own_and_an_axis_of_another_lora(
    spread: Callable[..., Expanded], root: Path
) -> None:
    made = spread(x=("block_weights:2", "down=0"), loras=(LoraSpec(block_weights="up=0.5"), LoraSpec(file="style")))
    assert [use.blocks for use in recipes_of(made)[0].loras] == ["up=0.5", "down=0"]
    assert not recipes_of(made)[0].loras[0].is_plain


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ("sideways=1", "which nothing in it is called; expected one of"),
        ("down", "a part or block group"),
        ("down=x", "`down=x`"),
    ],
)
def test_block_weights_that_are_of_nothing_are_refused(
    spread: Callable[..., Expanded], values: str, reason: str
) -> None:
    with pytest.raises(GridError, match=re.escape(reason)):
        spread(x=("block_weights", values), loras=(LoraSpec(),))


def test_lora_files_are_an_axis_by_name(spread: Callable[..., Expanded], root: Path) -> None:
    made = spread(x=("AddNet Model 1", "none, hifumi-000001, style"))
    assert made.x.labels == ("none", "hifumi-000001", "style")
    style = root / "bakes/0002-style/style.safetensors"
    assert values_of(made, "loras") == [(), (LoraUse(epoch_file(root, 1)),), (LoraUse(style),)]


def test_the_text_encoder_of_one_epoch_is_combined_with_the_unet_of_another(
    spread: Callable[..., Expanded], root: Path
) -> None:
    made = spread(x=("epoch", "1,2,base"), y=("text_encoder_epoch", "2,base"))
    one, two = epoch_file(root, 1), epoch_file(root, 2)
    assert values_of(made, "loras") == [
        (LoraUse(one, 1.0, 1.0, None, two),),
        (LoraUse(two),),
        (LoraUse(two, 0.0, 1.0),),
        (LoraUse(one, 1.0, 0.0),),
        (LoraUse(two, 1.0, 0.0),),
        (),
    ]


def test_ranks_that_keep_everything_are_none(spread: Callable[..., Expanded], root: Path) -> None:
    made = spread(x=("rank", "1-2, 4, 99, all"), loras=(LoraSpec(file="hifumi-000001"),))
    assert made.x.labels == ("1", "2", "4", "99", "all")
    assert [recipe.loras[0].rank for recipe in recipes_of(made)] == [1, 2, None, None, None]


def test_52_lora_tags_join_the_loras_and_leave_the_prompt(spread: Callable[..., Expanded], root: Path) -> None:
    made = spread(
        prompt="a, <lora:hifumi-000001:1>",
        x=("prompt_sr", "<lora:hifumi-000001:1>,<lora:hifumi-000002:0.5:0.8>"),
        loras=(LoraSpec(file="style"),),
    )
    style = LoraUse(root / "bakes/0002-style/style.safetensors")
    assert set(values_of(made, "prompt")) == {"a, "}
    assert values_of(made, "loras") == [
        (style, LoraUse(epoch_file(root, 1))),
        (style, LoraUse(epoch_file(root, 2), 0.8, 0.5)),
    ]


def test_weights_act_on_a_tag_where_the_spec_has_no_lora(spread: Callable[..., Expanded], root: Path) -> None:
    made = spread(prompt="a <lora:hifumi-000001:1>", x=("unet_weight", "0.3"))
    assert values_of(made, "loras") == [(LoraUse(epoch_file(root, 1), 0.3, 1.0),)]


def _of_bakes(*labels: str) -> tuple[EpochFile, ...]:
    """Return epochs of several bakes, whose files are those of one."""
    return tuple(
        EpochFile(label=label, file=f"bakes/0001-hifumi/hifumi-{place:06d}.safetensors")
        for place, label in enumerate(labels, 1)
    )


def test_bakes_may_be_an_axis_beside_their_epochs(spread: Callable[..., Expanded], root: Path) -> None:
    epochs = _of_bakes("41:1", "41:2", "42:1", "42:2", "×0.1, low:1")
    made = spread(epochs=epochs, x=("epoch", "1-2"), y=("bake", "42,41"))
    assert (made.x.labels, made.y.labels) == (("1", "2"), ("42", "41"))
    files = {(cell.place.y, cell.place.x): cell.recipe.loras[0].path for cell in made.cells}
    assert files == {
        (0, 0): epoch_file(root, 3),
        (0, 1): epoch_file(root, 4),
        (1, 0): epoch_file(root, 1),
        (1, 1): epoch_file(root, 2),
    }
    assert [cell.epoch for cell in made.cells] == ["42:1", "42:2", "41:1", "41:2"]
    # All means the epochs that every bake has, and all bakes.
    every = spread(epochs=epochs, x=("bake", "all"), y=("epoch", "all, base"))
    assert (every.x.labels, every.y.labels) == (("41", "42", "×0.1, low"), ("1", "base"))
    assert [bool(cell.recipe.loras) for cell in every.cells] == [True] * 3 + [False] * 3
    # What is written into the spec gives the same grid again.
    again = spread(epochs=epochs, x=("bake", every.x.values), y=("epoch", every.y.values))
    assert again.cells == every.cells


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"x": ("bake", "41")}, "an axis of bakes alone"),
        ({"x": ("bake", "43"), "y": ("epoch", "1")}, "unknown bake `43`"),
        ({"x": ("bake", "all"), "y": ("epoch", "2")}, "bake 42 has no epoch 2"),
        ({"x": ("bake", "all"), "y": ("epoch", "7")}, "unknown epoch `7`"),
    ],
)
def test_a_bake_or_an_epoch_that_is_not_there_is_refused(
    spread: Callable[..., Expanded], axes: dict[str, tuple[str, str]], message: str
) -> None:
    with pytest.raises(GridError, match=re.escape(message)):
        spread(epochs=_of_bakes("41:1", "41:2", "42:1"), **axes)


def test_epochs_of_one_bake_have_no_axis_of_bakes(spread: Callable[..., Expanded]) -> None:
    with pytest.raises(GridError, match="a grid with epochs of several bakes"):
        spread(x=("bake", "all"), y=("epoch", "1"))
