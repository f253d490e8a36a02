import copy
from collections import Counter
from typing import Any

import pytest
import torch
from diffusers.models.attention_processor import AttnProcessor2_0
from steps_on_tiny import forward, gradients, lora_everywhere
from tiny_bases import draw_tiny_modules, tiny_modules
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from trainer.errors import SettingsError
from trainer.lean import compute_options as arrangement_module
from trainer.lean.blocks import blocks
from trainer.lean.compute_options import ComputeOptions, apply_compute_options
from trainer.settings.model import Settings
from trainer.settings.subject import DEMO_BASE

FAMILIES = ("sd1", "sdxl")
ALL = ComputeOptions(checkpointed=())


def parted(modules: dict[str, Any]) -> tuple[Any, dict[Any, Any]]:
    return modules["unet"], {part: module for part, module in modules.items() if part.startswith("text_encoder")}


def set_up(modules: dict[str, Any], arrangement: ComputeOptions) -> None:
    apply_compute_options(*parted(modules), arrangement)


def runs(modules: dict[str, Any]) -> Counter[str]:
    """Return a count, kept from now on, of how often each block's first layer ran, by the block's name."""
    counts: Counter[str] = Counter()
    for name, block in blocks(*parted(modules)).items():
        first = next(each for each in block.modules() if isinstance(each, nn.GroupNorm | nn.LayerNorm))

        def count(_: nn.Module, __: object, name: str = name) -> None:
            counts[name] += 1

        first.register_forward_pre_hook(count)
    return counts


def kept(modules: dict[str, Any]) -> dict[int, Tensor]:
    """Return what a forward pass keeps, each storage once, weights aside."""
    weights = {weight.data_ptr() for part in modules.values() for weight in part.parameters()}
    found: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        if tensor.untyped_storage().data_ptr() not in weights:
            found[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        forward(modules)
    return found


def kept_bytes(modules: dict[str, Any]) -> int:
    """Return the bytes that a forward pass keeps."""
    return sum(tensor.untyped_storage().nbytes() for tensor in kept(modules).values())


def pairs(modules: dict[str, Any]) -> set[int]:
    """Return for how many tokens a forward pass keeps a number for each pair of them."""
    last = (tensor.shape[-2:] for tensor in kept(modules).values() if tensor.dim() > 2 and tensor.shape[-2] > 8)
    return {tokens for tokens, others in last if tokens == others}


def difference(found: list[Tensor], expected: list[Tensor]) -> float:
    """Return the length of the difference of two gradients, all layers' side by side, in lengths of the expected one."""
    ours, theirs = (torch.cat([each.flatten() for each in gradient]) for gradient in (found, expected))
    return float((ours - theirs).norm() / theirs.norm())


def state(modules: dict[str, Any]) -> list[object]:
    """Return all that an arrangement may change."""
    found: list[object] = []
    for part, module in modules.items():
        for name, each in module.named_modules():
            found.append((part, name, type(each), each.training, sorted(set(each.__dict__) & {"forward"})))
            found.append((type(getattr(each, "processor", None)), getattr(each, "gradient_checkpointing", None)))
        found.append(getattr(module.config, "_attn_implementation", None))
    return found


@pytest.mark.parametrize(
    "changed",
    [ALL, ComputeOptions(checkpointed=("mid_block",), attention="math"), ComputeOptions(attention="math")],
)
def test_the_plain_state_comes_back_exactly(changed: ComputeOptions) -> None:
    modules = tiny_modules("sdxl")
    before, output = state(modules), forward(modules)
    set_up(modules, changed)
    assert state(modules) != before
    set_up(modules, ComputeOptions())
    assert state(modules) == before
    assert torch.equal(forward(modules), output)


def test_one_arrangement_follows_another_without_a_trace_of_it() -> None:
    modules, fresh = tiny_modules("sd1"), tiny_modules("sd1")
    set_up(modules, ComputeOptions(checkpointed=("down_blocks",), attention="math"))
    set_up(modules, ALL)
    set_up(fresh, ALL)
    assert state(modules) == state(fresh)


@pytest.mark.parametrize("lora_first", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_checkpointing_all_runs_every_block_again_and_changes_no_gradient(family: str, lora_first: bool) -> None:
    modules = tiny_modules(family)
    layers = lora_everywhere(modules)
    kept = gradients(modules, layers)
    if not lora_first:
        for layer in layers:
            layer.remove()
    set_up(modules, ALL)
    if not lora_first:
        for layer in layers:
            layer.attach()
    counts = runs(modules)
    assert difference(gradients(modules, layers), kept) < 1e-5
    assert counts == dict.fromkeys(blocks(*parted(modules)), 2)


def test_only_the_named_blocks_run_again() -> None:
    modules = tiny_modules("sdxl")
    layers = lora_everywhere(modules)
    kept = gradients(modules, layers)
    set_up(modules, ComputeOptions(checkpointed=("text_encoder", "up_blocks.0.attentions.1.transformer_blocks.1")))
    counts = runs(modules)
    assert difference(gradients(modules, layers), kept) < 1e-5
    again = {name for name, count in counts.items() if count == 2}
    assert again == {
        "text_encoder.layers.0",
        "text_encoder.layers.1",
        "up_blocks.0.attentions.1.transformer_blocks.1",
    }
    assert set(counts.values()) == {1, 2}


def test_a_pass_without_gradients_computes_nothing_twice_and_the_same() -> None:
    modules = tiny_modules("sd1")
    expected = forward(modules)
    set_up(modules, ALL)
    counts = runs(modules)
    with torch.no_grad():
        assert torch.equal(forward(modules), expected)
    assert set(counts.values()) == {1}


def test_checkpointing_keeps_much_less() -> None:
    modules = tiny_modules("sd1")
    lora_everywhere(modules)
    plain = kept_bytes(modules)
    set_up(modules, ALL)
    assert kept_bytes(modules) < plain / 3


def test_a_deep_copy_of_arranged_modules_computes_with_its_own_weights() -> None:
    modules = tiny_modules("sd1")
    expected = forward(modules)
    set_up(modules, ALL)
    copied = copy.deepcopy(modules)
    with torch.no_grad():
        for part in modules.values():
            for weight in part.parameters():
                weight.zero_()
    assert torch.equal(forward(copied), expected)
    set_up(copied, ComputeOptions())
    assert torch.equal(forward(copied), expected)


def test_checkpointed_blocks_run_on_tensors_without_numbers() -> None:
    with FakeTensorMode():
        modules = draw_tiny_modules("sd1")
        layers = lora_everywhere({"unet": modules["unet"].mid_block})
        set_up(modules, ALL)
        counts = runs(modules)
        made = modules["unet"].mid_block(
            torch.randn(2, 64, 4, 4), torch.randn(2, 128), encoder_hidden_states=torch.randn(2, 77, 32)
        )
        made.square().mean().backward()
    assert all(layer.down.grad is not None for layer in layers)
    assert counts == {"mid_block.resnets.0": 2, "mid_block.attentions.0": 2, "mid_block.resnets.1": 2}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_plain_softmax_gives_the_same_and_keeps_every_pair_of_tokens(family: str) -> None:
    modules = tiny_modules(family)
    layers = lora_everywhere(modules)
    expected, slopes = forward(modules).detach(), gradients(modules, layers)
    assert not pairs(modules)
    set_up(modules, ComputeOptions(attention="math"))
    assert torch.allclose(forward(modules), expected, atol=1e-5)
    # The sums are in another order, and these tiny models' slopes are small differences of large numbers.
    assert difference(gradients(modules, layers), slopes) < 1e-4
    # The first attentions of the U-Net, at full and at half resolution, and the text's own.
    assert {64 if family == "sd1" else 16, 77} <= pairs(modules)


def test_the_plain_softmax_uses_no_fused_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = tiny_modules("sdxl")
    set_up(modules, ComputeOptions(attention="math"))

    def fused(*_: object, **__: object) -> Tensor:
        raise AssertionError("a fused kernel was asked for")

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", fused)
    forward(modules)
    set_up(modules, ComputeOptions())
    with pytest.raises(AssertionError, match="fused"):
        forward(modules)


def test_xformers_are_asked_for_and_left_again(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = tiny_modules("sd1")
    asked: list[bool] = []
    monkeypatch.setattr(
        type(modules["unet"]), "enable_xformers_memory_efficient_attention", lambda _: asked.append(True)
    )
    set_up(modules, ComputeOptions(attention="math"))
    set_up(modules, ComputeOptions(attention="xformers"))
    assert asked == [True]
    set_up(modules, ComputeOptions())
    assert {type(processor) for processor in modules["unet"].attn_processors.values()} == {AttnProcessor2_0}


@pytest.mark.parametrize("compiled", [True, False])
def test_a_refusal_changes_nothing(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = tiny_modules("sd1")
    set_up(modules, ComputeOptions(checkpointed=("up_blocks.1",), attention="math"))
    before = state(modules)

    def refuse(_: torch.device) -> None:
        raise SettingsError("torch_compile", found="no compiler")

    monkeypatch.setattr(arrangement_module, "check_compiler", refuse)
    wrong = () if compiled else ("up_blocks.7",)
    with pytest.raises(SettingsError):
        set_up(modules, ComputeOptions(checkpointed=wrong, compiled=compiled))
    assert state(modules) == before


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ComputeOptions()),
        ({"gradient_checkpointing": True}, ALL),
        (
            {"gradient_checkpointing": True, "checkpointed_blocks": " up_blocks.3 , text_encoder,"},
            ComputeOptions(checkpointed=("up_blocks.3", "text_encoder")),
        ),
        ({"checkpointed_blocks": "up_blocks.3"}, ComputeOptions()),
        ({"sdpa": False}, ComputeOptions(attention="math")),
        ({"xformers": True}, ComputeOptions(attention="xformers")),
        ({"torch_compile": True}, ComputeOptions(compiled=True)),
    ],
)
def test_settings_say_the_arrangement(changes: dict[str, Any], expected: ComputeOptions) -> None:
    settings = Settings.model_validate({"pretrained_model_name_or_path": DEMO_BASE, "output_name": "x", **changes})
    assert ComputeOptions.of(settings) == expected
