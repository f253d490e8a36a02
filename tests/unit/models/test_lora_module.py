"""Changes of one module by their shapes: kind, rank, scale, the axis of a DoRA, and what is refused."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from header_only import write_header_only
from lora_kinds import FORMS, tensors_of
from lora_of_numbers import write_tensors

from trainer.errors import ModelError
from trainer.models.identify import LoraShape
from trainer.models.lora_header import read_lora_header, read_plain_header
from trainer.models.lora_module import LoraModule

NAME = "lora_unet_mid_block_attentions_0_proj_in"
LINEAR = LoraShape(10, 12, 1, is_conv=False, needs_conv_dim=False)
POINT = LoraShape(10, 12, 1, is_conv=True, needs_conv_dim=False)
WIDE = LoraShape(10, 12, 3, is_conv=True, needs_conv_dim=True)


def module_of(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> LoraModule:
    """What a file of zeros of these shapes says of its one module."""
    write_header_only(path, {f"{NAME}.{ending}": shape for ending, shape in shapes.items()})
    (module,) = read_lora_header(path).modules.values()
    return module


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("place", [LINEAR, POINT, WIDE], ids=["linear", "1x1", "3x3"])
def test_every_form_fits_its_own_module_and_no_other(tmp_path: Path, form: str, place: LoraShape) -> None:
    shapes = {ending: numbers.shape for ending, numbers in tensors_of(form, place).items()}
    module = module_of(tmp_path / "x.safetensors", shapes)
    assert (
        module.title
        == {"lora": "LoRA", "loha": "LoHa", "lokr": "LoKr", "full": "full difference"}[form.split(maxsplit=1)[0]]
    )
    assert module.is_plain == form.startswith("lora")
    assert module.fits(place.outputs, place.inputs, place.kernel)
    assert not module.fits(place.inputs, place.outputs, place.kernel)
    assert not module.fits(place.outputs, place.inputs + 1, place.kernel)
    assert not module.fits(place.outputs, place.inputs, 4 - place.kernel)


def test_a_kernel_in_the_inputs_may_be_one_or_not(tmp_path: Path) -> None:
    shapes = {"hada_w1_a": (12, 2), "hada_w1_b": (2, 90), "hada_w2_a": (12, 2), "hada_w2_b": (2, 90)}
    module = module_of(tmp_path / "x.safetensors", shapes)
    assert module.is_flat
    assert module.fits(12, 90, 1) and module.fits(12, 10, 3)
    assert not module.fits(12, 30, 3)


@pytest.mark.parametrize(
    ("shape", "sides", "axis"),
    [
        ((12, 1), (12, 10), "outputs"),
        ((1, 10), (12, 10), "inputs"),
        ((12, 1), (12, 12), "outputs"),
        ((1, 12), (12, 12), "inputs"),
        ((12,), (12, 12), "outputs"),
        ((10,), (12, 10), "inputs"),
        ((1, 12), (12, 10), "outputs"),
        ((1, 1), (1, 1), "outputs"),
    ],
)
def test_the_shape_of_a_magnitude_says_what_it_is_for(
    tmp_path: Path, shape: tuple[int, ...], sides: tuple[int, int], axis: str
) -> None:
    outputs, inputs = sides
    shapes = {"lora_down.weight": (2, inputs), "lora_up.weight": (outputs, 2), "dora_scale": shape}
    module = module_of(tmp_path / "x.safetensors", shapes)
    assert (module.dora, module.title, module.needs_base) == (axis, "DoRA", True)


@pytest.mark.parametrize("shape", [(12,), (1, 12, 1, 1)])
def test_a_magnitude_of_peft_is_always_for_the_outputs(tmp_path: Path, shape: tuple[int, ...]) -> None:
    sides = {"lora_A.weight": (2, 12, 3, 3), "lora_B.weight": (12, 2, 1, 1), "lora_magnitude_vector": shape}
    path = tmp_path / "x.safetensors"
    write_header_only(path, {f"unet.mid_block.resnets.0.conv1.{ending}": of for ending, of in sides.items()})
    (module,) = read_lora_header(path).modules.values()
    assert module.dora == "outputs"


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ({"hada_w1_a": (12, 2)}, r"has hada_w1_a \(12, 2\); expected w1_a \[out, rank\]"),
        (dict.fromkeys(("hada_w1_a", "hada_w2_a"), (12, 2)) | {"hada_w1_b": (2, 10), "hada_w2_b": (2, 11)}, "has hada"),
        (
            dict.fromkeys(("hada_w1_a", "hada_w2_a"), (12, 2))
            | dict.fromkeys(("hada_w1_b", "hada_w2_b"), (2, 10))
            | {"hada_t1": (2, 2, 3, 3)},
            "has hada",
        ),
        ({"lokr_w1": (3, 2), "lokr_w2_a": (4, 2), "lokr_w2_b": (3, 5)}, "expected w1"),
        ({"lokr_w1": (3, 2), "lokr_w1_a": (3, 2), "lokr_w1_b": (2, 2), "lokr_w2": (4, 5)}, "expected w1"),
        ({"lokr_w1": (3, 2)}, "expected w1"),
        ({"lokr_w1": (), "lokr_w2": (4, 5)}, "expected factors"),
        ({"lokr_w1": (30_000, 1), "lokr_w2": (1, 30_000)}, "at most"),
        ({"diff": (12,)}, "expected a difference"),
        ({"diff": (12, 10), "diff_b": (11,)}, r"expected a bias of \[12\]"),
        ({"diff_b": (12,)}, "has diff_b alone; expected those of one kind"),
        ({"dora_scale": (12, 1)}, "has dora_scale alone"),
        ({"diff": (12, 10), "lora_down.weight": (2, 10), "lora_up.weight": (12, 2)}, "tensors of a LoRA and of a full"),
        ({"lora_down.weight": (2, 10), "lora_up.weight": (12, 2), "dora_scale": (2, 6)}, "expected a magnitude"),
        ({"lora_down.weight": (2, 10), "lora_up.weight": (12, 2), "dora_scale": (0,)}, "expected a magnitude"),
        ({"lora_down.weight": (2, 10), "lora_up.weight": (12, 2), "dora_scale": (7, 1)}, "expected a magnitude"),
        ({"lora_down.weight": (2, 10), "lora_up.weight": (12, 2), "lora_magnitude_vector": (10,)}, r"shape \[12\]"),
        ({"hada_w1_a": (12, 2), "scalar": (2,)}, "expected a scalar"),
    ],
)
def test_tensors_that_make_no_change_are_refused_with_their_shapes(
    tmp_path: Path, shapes: Mapping[str, tuple[int, ...]], said: str
) -> None:
    with pytest.raises(ModelError, match=said):
        module_of(tmp_path / "x.safetensors", shapes)


@pytest.mark.parametrize(
    ("form", "alpha", "scale"),
    [
        ("loha", 1.0, 0.5),
        ("lokr", 3.0, 1.5),
        ("lokr first", 1.0, 0.5),
        ("lokr", None, 1.0),
        ("lokr", 0.0, 1.0),
        # Of two whole matrices there is no rank, and files have any alpha (LyCORIS, sd-scripts, ComfyUI).
        ("lokr whole", 16.0, 1.0),
        ("full", None, 1.0),
    ],
)
def test_the_scale_is_alpha_by_the_rank_where_there_is_one(
    tmp_path: Path, form: str, alpha: float | None, scale: float
) -> None:
    tensors = tensors_of(form, WIDE, rank=2, alpha=alpha)
    path = write_tensors(tmp_path / "x.safetensors", {f"{NAME}.{end}": ("F32", of) for end, of in tensors.items()})
    (module,) = read_lora_header(path).modules.values()
    assert module.scale == scale


@pytest.mark.parametrize(
    ("form", "config", "scale"),
    [
        ("loha", {"alpha": 3, "r": 2}, 1.5),
        ("lokr whole", {"alpha": 3, "r": 12}, 0.25),
        ("lokr whole", {"alpha": 3, "r": 12, "rank_pattern": {"proj_in": 6}}, 0.5),
        ("lokr whole", {"alpha": 3, "r": 12, "alpha_pattern": {"mid_block.*": 24}}, 2.0),
        ("lokr whole", {}, 1.0),
    ],
)
def test_peft_keeps_alphas_and_ranks_in_its_config(
    tmp_path: Path, form: str, config: dict[str, object], scale: float
) -> None:
    tensors = tensors_of(form, LINEAR, rank=2, alpha=None)
    start = "base_model.model.mid_block.attentions.0.proj_in"
    path = tmp_path / "adapter_model.safetensors"
    write_tensors(path, {f"{start}.{ending}": ("F32", of) for ending, of in tensors.items()})
    (tmp_path / "adapter_config.json").write_text(json.dumps({"peft_type": "LOKR", **config}))
    (module,) = read_lora_header(tmp_path).modules.values()
    assert module.scale == scale


def test_a_scalar_beside_the_factors_is_no_other_kind(tmp_path: Path) -> None:
    """LyCORIS' use_scalar; its present files have it multiplied in."""
    tensors = tensors_of("loha", LINEAR) | {"scalar": np.array(0.5)}
    path = write_tensors(tmp_path / "x.safetensors", {f"{NAME}.{end}": ("F32", of) for end, of in tensors.items()})
    assert read_lora_header(path).kinds == {"LoHa": 1}


def test_where_only_a_plain_lora_will_do_another_kind_is_named_with_the_way_out(tmp_path: Path) -> None:
    shapes = {
        f"{NAME}.{ending}": numbers.shape for ending, numbers in tensors_of("lokr", LINEAR, dora="inputs").items()
    }
    other = NAME.replace("proj_in", "proj_out")
    plain = {f"{other}.{ending}": numbers.shape for ending, numbers in tensors_of("lora", LINEAR).items()}
    path = write_header_only(tmp_path / "mine.safetensors", plain | shapes)
    with pytest.raises(ModelError) as caught:
        read_plain_header(path)
    assert caught.value.found == f"it is a LoKr with DoRA in 1 of 2 modules: {NAME}"
    assert "lora-tui lora convert mine.safetensors --to lora --rank 16 --base BASE" in caught.value.way_out
    assert read_plain_header(write_header_only(tmp_path / "x.safetensors", plain)).is_plain


def test_a_full_difference_has_the_rank_of_its_smaller_side(tmp_path: Path) -> None:
    module = module_of(tmp_path / "x.safetensors", {"diff": (12, 10)})
    assert (module.rank, module.scale) == (10, 1.0)
