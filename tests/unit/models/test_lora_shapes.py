"""Which layers these settings train, against the modules sd-scripts makes on SD1.5 and SDXL (written down from its runs)."""

from pathlib import Path

import pytest
import torch
from header_only import write_header_only
from kohya_modules import CONV_DIM, DIM, kohya_modules
from original_layout import original_tensors
from real_shapes import real_modules
from safetensors.torch import save_file

from trainer.models.identify import Base, identify_base, layers_of, lora_file_bytes
from trainer.settings.model import Settings

Modules = dict[str, tuple[list[int], list[int]]]


@pytest.fixture(scope="module", params=["sd15", "sdxl"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Base]:
    """The architecture's name in the list, and the base as a single file of real size without any number in it."""
    family = {"sd15": "sd1", "sdxl": "sdxl"}[request.param]
    shapes = {name: tuple(tensor.shape) for name, tensor in original_tensors(family, real_modules(family)).items()}
    path = write_header_only(tmp_path_factory.mktemp("base") / f"{family}.safetensors", shapes)
    return request.param, identify_base(str(path))


def trained(base: Base, settings: Settings) -> Modules:
    """Module name -> shapes of lora_down and lora_up, as a file has them."""
    modules: Modules = {}
    for name, (shape, rank) in layers_of(base, settings).items():
        down, up = [rank, shape.inputs], [shape.outputs, rank]
        if shape.is_conv:
            down, up = [*down, shape.kernel, shape.kernel], [*up, 1, 1]
        modules[name] = (down, up)
    return modules


def expected(architecture: str, *, conv: bool) -> Modules:
    return {name: (down, up) for name, (down, up) in kohya_modules(architecture, conv=conv).items()}  # type: ignore[arg-type]


def test_without_conv_dim_the_modules_are_kohyas(base: tuple[str, Base]) -> None:
    architecture, found = base
    assert trained(found, Settings(network_dim=DIM)) == expected(architecture, conv=False)


def test_with_conv_dim_the_modules_are_kohyas(base: tuple[str, Base]) -> None:
    architecture, found = base
    assert trained(found, Settings(network_dim=DIM, conv_dim=CONV_DIM)) == expected(architecture, conv=True)


def test_a_part_that_is_left_out_has_no_layers(base: tuple[str, Base]) -> None:
    names = trained(base[1], Settings(network_train_unet_only=True))
    assert names and all(name.startswith("lora_unet_") for name in names)


def test_a_file_at_dim_32_has_the_size_of_kohyas(base: tuple[str, Base]) -> None:
    """37,864,304 bytes were written by sd-scripts on SD1.5, 93 keys of metadata among them; SDXL's 228 MB is its table's."""
    architecture, found = base
    size = lora_file_bytes(found, Settings(network_dim=32), "fp16")
    if architecture == "sd15":
        assert 0 < 37_864_304 - size < 8192
    else:
        assert round(size / 1e6) == 228


def test_the_ranks_of_a_file_are_taken_over_with_its_layers_alone(tmp_path: Path) -> None:
    name = "lora_te_text_model_encoder_layers_0_mlp_fc1"
    file = {f"{name}.lora_down.weight": torch.zeros(3, 96), f"{name}.lora_up.weight": torch.zeros(384, 3)}
    save_file(file, tmp_path / "x.safetensors")
    settings = Settings(network_dim=32, network_weights=str(tmp_path / "x.safetensors"), dim_from_weights=True)
    assert trained(identify_base("demo"), settings) == {name: ([3, 96], [384, 3])}


def test_what_lies_outside_the_blocks_has_a_layer_only_as_a_file_does(tmp_path: Path) -> None:
    """LyCORIS' preset `full`, in the keys of PEFT."""
    shapes = {"conv_out": ([5, 32, 3, 3], [4, 5, 1, 1]), "time_embedding.linear_2": ([5, 128], [128, 5])}
    file = {}
    for name, (down, up) in shapes.items():
        file |= {f"unet.{name}.lora_A.weight": torch.zeros(down), f"unet.{name}.lora_B.weight": torch.zeros(up)}
    save_file(file, tmp_path / "x.safetensors")
    demo, by_rule = identify_base("demo"), Settings(conv_dim=4)
    from_file = Settings(network_weights=str(tmp_path / "x.safetensors"), dim_from_weights=True)
    assert trained(demo, from_file) == {f"lora_unet_{name.replace('.', '_')}": pair for name, pair in shapes.items()}
    assert not trained(demo, by_rule).keys() & trained(demo, from_file).keys()
