"""LoRAs on a base compute as weights merged by hand would, whatever was on before, and leave nothing behind."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from encode_text import encode_text
from random_loras import write_random_lora
from tiny_bases import write_tiny
from torch import Tensor

from trainer.errors import ModelError
from trainer.grid.recipe import LoraUse
from trainer.models.block_weights import parse_block_weights
from trainer.models.identify import identify_base
from trainer.models.lora_header import DOWN, UP
from trainer.models.stable_diffusion.model import StableDiffusion, load_base
from trainer.network.injection import LayerRules, inject, module_names, targets
from trainer.network.lora_content import load_lora
from trainer.sampling import lora_stack
from trainer.sampling.lora_stack import LoraStack
from trainer.settings.parts import all_parts, parts_of
from trainer.settings.subject import DEMO_BASE

torch.set_num_threads(1)

NOISY = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
SIZE = 1.0
Output = tuple[Tensor, Tensor]


@pytest.fixture(scope="module")
def demo() -> StableDiffusion:
    return load_base(identify_base(DEMO_BASE), device="cpu", dtype=torch.float32)


@pytest.fixture(scope="module")
def other_demo() -> StableDiffusion:
    """The demo base once more, which nothing was on before."""
    return load_base(identify_base(DEMO_BASE), device="cpu", dtype=torch.float32)


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> StableDiffusion:
    path = write_tiny(tmp_path_factory.mktemp("base") / "xl.safetensors", "sdxl")
    return load_base(identify_base(str(path)), device="cpu", dtype=torch.float32)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, demo: StableDiffusion) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("loras")
    wide = LayerRules(6, 3.0, conv_dim=2, conv_alpha=1.0)
    # Changes as large as the output itself, or fp32's last bits would be a share of them that counts.
    return {
        "a": write_random_lora(folder / "a.safetensors", demo, seed=1, size=SIZE),
        "b": write_random_lora(folder / "b.safetensors", demo, seed=2, size=SIZE),
        "wide": write_random_lora(folder / "wide.safetensors", demo, seed=3, size=SIZE, rules=wide),
        "unet": write_random_lora(folder / "unet.safetensors", demo, seed=4, size=SIZE, parts=["unet"]),
    }


@pytest.fixture
def stack(demo: StableDiffusion) -> Iterator[LoraStack]:
    stack = LoraStack(demo)
    yield stack
    stack.close()


@torch.no_grad()
def output(model: StableDiffusion) -> Output:
    """Return what the encoders make of a prompt and what the U-Net sees; the U-Net is told the same whatever they make."""
    text = encode_text(model, ["1girl, smile"], 1)
    told = encode_text(model, [""], 1) if model.family == "sd1" else text
    sizes = torch.tensor([[64, 64, 0, 0, 64, 64]])
    return text.embeddings, model.predict(NOISY, torch.tensor([500]), told, sizes)


@torch.no_grad()
def unet_alone(model: StableDiffusion) -> Tensor:
    told = torch.linspace(-1, 1, 77 * 96).view(1, 77, 96)
    out: Tensor = model.unet(NOISY, 500, told, return_dict=False)[0]
    return out


def same(one: Output, other: Output) -> bool:
    return all(torch.equal(left, right) for left, right in zip(one, other, strict=True))


def fresh(model: StableDiffusion, *loras: LoraUse) -> Output:
    stack = LoraStack(model)
    stack.use(loras)
    found = output(model)
    stack.close()
    return found


@torch.no_grad()
def merged(model: StableDiffusion, use: LoraUse, change: Callable[[str, Tensor], Tensor] = lambda _, it: it) -> Output:
    """Return the output with the changes added to the base's weights; takes them out again."""
    file = load_lora(use.path).named_for(module_names(model))
    before: list[tuple[Tensor, Tensor]] = []
    for part in parts_of(model.family):
        factor = use.unet if part == "unet" else use.text_encoder
        for name, target in targets(model, part, "conv").items():
            if name + DOWN in file.tensors:
                down, up = (file.tensors[name + end].double().flatten(1) for end in (DOWN, UP))
                scale = file.alpha(name) / file.rank(name)
                product = change(name, up @ down).reshape(target.weight.shape)
                before.append((target.weight, target.weight.clone()))
                target.weight.copy_(target.weight.double() + factor * scale * product)
    found = output(model)
    for weight, value in before:
        weight.copy_(value)
    return found


def error_by_effect(found: Output, expected: Output, base: Output) -> float:
    return max(
        float((one - other).abs().max() / (other - alone).abs().max())
        for one, other, alone in zip(found, expected, base, strict=True)
    )


@pytest.mark.parametrize(("unet", "text_encoder"), [(1.0, 1.0), (0.4, 1.3), (-0.5, 0.7)])
@pytest.mark.parametrize("name", ["a", "wide"])
def test_strengths_equal_weights_merged_by_hand(
    demo: StableDiffusion, files: dict[str, Path], name: str, unet: float, text_encoder: float
) -> None:
    use = LoraUse(files[name], unet, text_encoder)
    assert error_by_effect(fresh(demo, use), merged(demo, use), output(demo)) < 1e-5


def test_weights_by_block_group_equal_weights_merged_by_hand(demo: StableDiffusion, files: dict[str, Path]) -> None:
    use = LoraUse(files["wide"], 0.8, 1.2, blocks="up=0; middle=-0.5; down cross k/v=2; layer 0=0.25")
    weights = parse_block_weights(use.blocks, "x")
    by_hand = merged(demo, use, lambda name, change: change * weights.factor(name))
    assert error_by_effect(fresh(demo, use), by_hand, output(demo)) < 1e-5
    assert error_by_effect(fresh(demo, replace(use, blocks="")), by_hand, output(demo)) > 1e-2


def test_weights_by_block_group_leave_no_trace(demo: StableDiffusion, files: dict[str, Path], stack: LoraStack) -> None:
    stack.use([LoraUse(files["a"])])
    plain, key = output(demo), stack.text_key
    stack.use([LoraUse(files["a"], blocks="up=0; text encoder=0.5")])
    assert not same(output(demo), plain)
    assert stack.text_key != key
    stack.use([LoraUse(files["a"])])
    assert same(output(demo), plain)


def test_on_sdxl_both_encoders_and_the_unet_are_changed_as_by_hand(sdxl: StableDiffusion, tmp_path: Path) -> None:
    use = LoraUse(write_random_lora(tmp_path / "xl.safetensors", sdxl, size=SIZE), 0.8, 0.6)
    assert error_by_effect(fresh(sdxl, use), merged(sdxl, use), output(sdxl)) < 1e-5


@pytest.mark.parametrize("before", ["b", "wide", "unet"])
def test_a_swap_leaves_no_trace_of_the_lora_before(
    demo: StableDiffusion, other_demo: StableDiffusion, files: dict[str, Path], stack: LoraStack, before: str
) -> None:
    stack.use([LoraUse(files[before])])
    stack.use([LoraUse(files["a"])])
    assert same(output(demo), fresh(other_demo, LoraUse(files["a"])))


def test_a_file_of_the_same_ranks_is_copied_over_the_one_before(
    demo: StableDiffusion, files: dict[str, Path], stack: LoraStack
) -> None:
    # Of an encoder: those of the U-Net are folded.
    place = next(iter(targets(demo, "text_encoder").values()))
    stack.use([LoraUse(files["a"])])
    layer = place.forward
    stack.use([LoraUse(files["b"])])
    assert place.forward == layer


def test_a_file_is_read_once_however_often_it_comes_back(
    files: dict[str, Path], stack: LoraStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def reading(path: Path) -> object:
        read.append(path)
        return load_lora(path)

    monkeypatch.setattr(lora_stack, "load_lora", reading)
    for factor in (0.5, 1.0):
        for name in ("a", "b", "wide"):
            stack.use([LoraUse(files[name], factor)])
    assert read == [files["a"], files["b"], files["wide"]]


def test_files_read_before_are_released_once_they_are_too_much(
    files: dict[str, Path], stack: LoraStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lora_stack, "_MAX_BYTES", files["a"].stat().st_size)
    stack.use([LoraUse(files["a"])])
    stack.use([LoraUse(files["b"])])
    monkeypatch.setattr(lora_stack, "load_lora", None)
    with pytest.raises(TypeError):
        stack.use([LoraUse(files["a"])])


def test_a_file_written_again_is_read_again(
    demo: StableDiffusion, other_demo: StableDiffusion, files: dict[str, Path], stack: LoraStack, tmp_path: Path
) -> None:
    path = tmp_path / "x.safetensors"
    shutil.copy(files["a"], path)
    stack.use([LoraUse(path)])
    shutil.copy(files["wide"], path)
    stack.use([LoraUse(path)])
    assert same(output(demo), fresh(other_demo, LoraUse(files["wide"])))


def test_two_loras_add_up(demo: StableDiffusion, files: dict[str, Path]) -> None:
    first, second = load_lora(files["a"]), load_lora(files["b"])

    def both(name: str, product: Tensor) -> Tensor:
        down, up = (second.tensors[name + end].double().flatten(1) for end in (DOWN, UP))
        assert second.alpha(name) == first.alpha(name)
        return product + 0.5 * up @ down

    together = fresh(demo, LoraUse(files["a"]), LoraUse(files["b"], 0.5, 0.5))
    assert error_by_effect(together, merged(demo, LoraUse(files["a"]), both), output(demo)) < 1e-5


def test_one_of_two_taken_away_leaves_the_other_as_if_alone(
    demo: StableDiffusion, other_demo: StableDiffusion, files: dict[str, Path], stack: LoraStack
) -> None:
    stack.use([LoraUse(files["a"]), LoraUse(files["wide"])])
    stack.use([LoraUse(files["wide"])])
    assert same(output(demo), fresh(other_demo, LoraUse(files["wide"])))


def test_the_order_of_two_is_that_of_their_use(
    demo: StableDiffusion, other_demo: StableDiffusion, files: dict[str, Path], stack: LoraStack
) -> None:
    first, second = LoraUse(files["a"]), LoraUse(files["wide"])
    stack.use([first, second])
    stack.use([second, first])
    assert same(output(demo), fresh(other_demo, second, first))


def test_at_weight_0_the_base_computes_bit_for_bit(
    demo: StableDiffusion, files: dict[str, Path], stack: LoraStack
) -> None:
    before = output(demo)
    stack.use([LoraUse(files["a"])])
    stack.use([LoraUse(files["a"], 0.0, 0.0)])
    assert same(output(demo), before)


def test_the_encoder_of_another_epoch_stands_in_with_the_unet_of_this_one(
    demo: StableDiffusion, files: dict[str, Path], stack: LoraStack
) -> None:
    stack.use([LoraUse(files["a"], text_encoder_path=files["b"])])
    mixed = output(demo)[0], unet_alone(demo)
    stack.use([LoraUse(files["b"])])
    encoder_of_b = output(demo)[0]
    stack.use([LoraUse(files["a"])])
    assert same(mixed, (encoder_of_b, unet_alone(demo)))


def test_another_file_without_encoder_layers_leaves_the_encoder_alone(
    demo: StableDiffusion, files: dict[str, Path], stack: LoraStack
) -> None:
    before = output(demo)[0]
    stack.use([LoraUse(files["a"], text_encoder_path=files["unet"])])
    assert torch.equal(output(demo)[0], before)


def test_a_kept_rank_is_the_nearest_change_of_that_rank(demo: StableDiffusion, files: dict[str, Path]) -> None:
    def nearest(_: str, product: Tensor) -> Tensor:
        left, sizes, right = torch.linalg.svd(product, full_matrices=False)
        return left[:, :2] @ torch.diag(sizes[:2]) @ right[:2]

    for name in ("a", "wide"):
        found = fresh(demo, LoraUse(files[name], rank=2))
        assert error_by_effect(found, merged(demo, LoraUse(files[name]), nearest), output(demo)) < 1e-5


@pytest.mark.parametrize("rank", [6, 100])
def test_all_of_the_rank_kept_is_the_file_itself(demo: StableDiffusion, files: dict[str, Path], rank: int) -> None:
    assert same(fresh(demo, LoraUse(files["wide"], rank=rank)), fresh(demo, LoraUse(files["wide"])))


def test_a_prompt_need_not_be_encoded_again_for_the_unets_sake(files: dict[str, Path], stack: LoraStack) -> None:
    stack.use([LoraUse(files["a"], 1.0, 0.5)])
    before = stack.text_key
    stack.use([LoraUse(files["a"], 0.3, 0.5)])
    assert stack.text_key == before
    stack.use([LoraUse(files["a"], 0.3, 0.6)])
    assert stack.text_key != before


def test_a_lora_without_encoder_layers_is_nothing_to_the_prompts(files: dict[str, Path], stack: LoraStack) -> None:
    stack.use([])
    before = stack.text_key
    stack.use([LoraUse(files["unet"])])
    assert stack.text_key == before


def test_a_lora_of_another_architecture_is_refused_and_nothing_is_in_force(
    demo: StableDiffusion,
    other_demo: StableDiffusion,
    sdxl: StableDiffusion,
    files: dict[str, Path],
    stack: LoraStack,
    tmp_path: Path,
) -> None:
    before = output(demo)
    stack.use([LoraUse(files["a"])])
    with pytest.raises(ModelError, match="expected a LoRA for an SD1"):
        stack.use([LoraUse(files["a"]), LoraUse(write_random_lora(tmp_path / "xl.safetensors", sdxl, size=SIZE))])
    assert same(output(demo), before)
    stack.use([LoraUse(files["b"])])
    assert same(output(demo), fresh(other_demo, LoraUse(files["b"])))


def test_closing_leaves_no_layer_behind(demo: StableDiffusion, files: dict[str, Path], stack: LoraStack) -> None:
    stack.use([LoraUse(files["a"]), LoraUse(files["wide"])])
    stack.close()
    assert not [name for name, module in demo.unet.named_modules() if "forward" in module.__dict__]


def test_it_works_on_a_base_with_a_bakes_lora_of_strength_0(demo: StableDiffusion, files: dict[str, Path]) -> None:
    alone = fresh(demo, LoraUse(files["a"]))
    baking = inject(demo, LayerRules(4, 4.0), seed=9, parts=all_parts())
    for layer in baking:
        layer.up.data.fill_(0.05)
    in_training = output(demo)
    for part in baking.parts:
        baking.set_strength(part, 0.0)
    found = fresh(demo, LoraUse(files["a"]))
    for part in baking.parts:
        baking.set_strength(part, 1.0)
    after = output(demo)
    baking.remove()
    assert same(found, alone)
    assert same(after, in_training)
