"""LoHa, LoKr, DoRA and full differences on a base compute as weights merged by hand would, and leave nothing behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from encode_text import encode_text
from lora_kinds import write_kinds
from random_loras import write_random_lora
from torch import Tensor

from trainer.errors import ModelError
from trainer.grid.recipe import LoraUse
from trainer.lean.eight_bit import EightBit
from trainer.lean.quantized import weight_of
from trainer.measures.lora_factors import LoraFactors
from trainer.models.identify import Base, identify_base
from trainer.models.kohya_names import ModuleNames
from trainer.models.stable_diffusion.model import StableDiffusion, load_base
from trainer.network.injection import targets
from trainer.sampling.lora_stack import LoraStack
from trainer.settings.parts import parts_of
from trainer.settings.subject import DEMO_BASE

torch.set_num_threads(1)

NOISY = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
Output = tuple[Tensor, Tensor]
# A form on every module in turn, so that each file has all of its kinds on all kinds of modules.
FILES = {
    "loha": (("loha", "loha tucker"), ""),
    "lokr": (("lokr flat", "lokr whole", "lokr tucker", "lokr both", "lokr"), ""),
    "full": (("full",), ""),
    "mixed": (("lora", "loha", "lokr", "full"), ""),
    "dora": (("lora", "loha", "lokr"), "outputs"),
    "dora of inputs": (("lora", "lokr flat"), "inputs"),
}


@pytest.fixture(scope="module")
def base() -> Base:
    return identify_base(DEMO_BASE)


@pytest.fixture(scope="module")
def demo(base: Base) -> StableDiffusion:
    return load_base(base, device="cpu", dtype=torch.float32)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, base: Base) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("kinds")
    return {
        name: write_kinds(folder / f"{name}.safetensors", base, forms, dora=dora)
        for name, (forms, dora) in FILES.items()
    }


@pytest.fixture
def stack(demo: StableDiffusion) -> Iterator[LoraStack]:
    stack = LoraStack(demo)
    yield stack
    stack.close()


@torch.no_grad()
def output(model: StableDiffusion) -> Output:
    text = encode_text(model, ["1girl, smile"], 1)
    told = encode_text(model, [""], 1)
    return text.embeddings, model.predict(NOISY, torch.tensor([500]), told, torch.tensor([[64, 64, 0, 0, 64, 64]]))


def used(model: StableDiffusion, *loras: LoraUse) -> Output:
    stack = LoraStack(model)
    try:
        stack.use(loras)
        return output(model)
    finally:
        stack.close()


@torch.no_grad()
def merged(model: StableDiffusion, base: Base, use: LoraUse) -> Output:
    """The output with the changes, as the measures read them, added to the base's weights; takes them out again."""
    before: list[tuple[Tensor, Tensor]] = []
    names = ModuleNames(base.family, base.lora_shapes)
    with LoraFactors(use.path, names.own, base.weights) as file:
        assert not file.needs_base
        for part in parts_of(model.family):
            factor = use.unet if part == "unet" else use.text_encoder
            for name, target in targets(model, part, "conv").items():
                if name in file:
                    change = torch.from_numpy(file.read(name).dense()).reshape(target.weight.shape)
                    before.append((target.weight, target.weight.clone()))
                    target.weight.copy_(target.weight.double() + factor * change)
    found = output(model)
    for weight, value in before:
        weight.copy_(value)
    return found


def error_by_effect(found: Output, expected: Output, alone: Output) -> float:
    return max(
        float((one - other).abs().max() / (other - base).abs().max())
        for one, other, base in zip(found, expected, alone, strict=True)
    )


@pytest.mark.parametrize(("name", "unet", "text_encoder"), [*((name, 0.4, -0.7) for name in FILES), ("dora", 1.0, 1.0)])
def test_strengths_equal_weights_merged_by_hand(
    demo: StableDiffusion, base: Base, files: dict[str, Path], name: str, unet: float, text_encoder: float
) -> None:
    use = LoraUse(files[name], unet, text_encoder)
    alone = output(demo)
    expected = merged(demo, base, use)
    assert all((one - other).abs().max() > 0.01 for one, other in zip(expected, alone, strict=True))
    assert error_by_effect(used(demo, use), expected, alone) < 2e-5


def test_after_every_kind_the_base_is_the_base_to_the_bit(
    demo: StableDiffusion, files: dict[str, Path], stack: LoraStack
) -> None:
    before = output(demo)
    for path in files.values():
        stack.use([LoraUse(path)])
        stack.use([LoraUse(path, 0.0, 0.0)])
        assert all(torch.equal(one, other) for one, other in zip(output(demo), before, strict=True))
    stack.close()
    assert not [name for name, module in demo.unet.named_modules() if "forward" in module.__dict__]


def test_a_swap_leaves_no_trace_of_the_file_before(
    demo: StableDiffusion, files: dict[str, Path], stack: LoraStack, tmp_path: Path
) -> None:
    plain = write_random_lora(tmp_path / "plain.safetensors", demo)
    fresh = {path: used(demo, LoraUse(path)) for path in (plain, files["lokr"], files["dora"])}
    for path in (files["lokr"], plain, files["dora"], plain):
        stack.use([LoraUse(path)])
        assert all(torch.equal(one, other) for one, other in zip(output(demo), fresh[path], strict=True))


def test_another_kind_beside_a_plain_lora_adds_up(
    demo: StableDiffusion, files: dict[str, Path], tmp_path: Path
) -> None:
    plain = LoraUse(write_random_lora(tmp_path / "plain.safetensors", demo, parts=["unet"]), 0.5)
    other = LoraUse(files["dora"])
    both, swapped = used(demo, plain, other), used(demo, other, plain)
    torch.testing.assert_close(both[1], swapped[1], rtol=1e-4, atol=1e-4)
    assert (both[1] - used(demo, other)[1]).abs().max() > 0.01


def test_the_encoder_of_another_kind_stands_in_with_the_unet_of_a_plain_file(
    demo: StableDiffusion, files: dict[str, Path], stack: LoraStack, tmp_path: Path
) -> None:
    plain = write_random_lora(tmp_path / "plain.safetensors", demo, size=1.0)
    stack.use([LoraUse(plain, text_encoder_path=files["loha"])])
    mixed = output(demo)[0]
    key = stack.text_key
    stack.use([LoraUse(files["loha"])])
    assert torch.equal(output(demo)[0], mixed) and stack.text_key == key


def test_no_rank_of_another_kind_is_kept(files: dict[str, Path], stack: LoraStack) -> None:
    with pytest.raises(ModelError, match=r"it is a LoHa.*lora-tui lora convert"):
        stack.use([LoraUse(files["loha"], rank=2)])


@pytest.mark.parametrize("name", [pytest.param("lokr", marks=pytest.mark.long), "dora"])
def test_beside_a_base_of_8_bits_the_change_is_that_of_its_own_weights(
    base: Base, files: dict[str, Path], name: str
) -> None:
    """By hand: the weights that 8 bits hold, and the change beside those, in a copy of the base in fp32."""
    model = load_base(base, device="cpu", dtype=torch.float32, quantized="int8")
    expected = output_of_whole(model, base, files[name])
    found, alone = used(model, LoraUse(files[name])), output(model)
    assert error_by_effect(found, expected, alone) < 1e-3


@torch.no_grad()
def output_of_whole(model: StableDiffusion, base: Base, path: Path) -> Output:
    whole = load_base(base, device="cpu", dtype=torch.float32)
    for part in parts_of(model.family):
        ours = targets(whole, part, "all")
        for name, layer in targets(model, part, "all").items():
            if isinstance(layer, EightBit):
                ours[name].weight.copy_(weight_of(layer, torch.float32))
    return used(whole, LoraUse(path))


def test_a_file_for_another_base_is_refused(base: Base, stack: LoraStack, tmp_path: Path) -> None:
    wider = {
        name: type(place)(place.inputs + 2, place.outputs, place.kernel, place.is_conv, place.needs_conv_dim)
        for name, place in base.lora_shapes.items()
    }
    path = write_kinds(tmp_path / "x.safetensors", wider, ("lokr",))
    with pytest.raises(ModelError, match="made for another base"):
        stack.use([LoraUse(path)])
