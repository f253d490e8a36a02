"""Passes without gradient: attention as diffusers computes it, keys and values of a text made once, narrow heads filled up."""

from typing import Any

import pytest
import torch
from diffusers.models.attention_processor import Attention as TheirAttention
from tiny_bases import tiny_modules
from torch import Tensor, nn

from trainer.lean.attention_layer import Attention, filled_heads
from trainer.lean.blocks import text_layers
from trainer.lean.kept_outputs import kept_outputs
from trainer.lean.patch import make_lean


def attention(**options: Any) -> Any:
    torch.manual_seed(1)
    chosen = {"query_dim": 32, "cross_attention_dim": 24, "heads": 4, "dim_head": 8, **options}
    return TheirAttention(**chosen).requires_grad_(False).eval()


def tokens(channels: int, count: int = 20) -> Tensor:
    return torch.randn(2, count, channels, generator=torch.Generator().manual_seed(count))


@torch.no_grad()
def test_a_lean_attention_gives_the_bits_of_diffusers() -> None:
    for text in (None, tokens(24, 9)):
        layer = attention(cross_attention_dim=None if text is None else 24)
        theirs = layer(tokens(32), text)
        make_lean(layer)
        assert type(layer) is Attention
        assert torch.equal(layer(tokens(32), text), theirs)


@torch.no_grad()
def test_a_mask_counts_in_a_lean_attention() -> None:
    layer = attention()
    mask = torch.zeros(2, 1, 9)
    mask[:, :, 4:] = -10000.0
    theirs, without = layer(tokens(32), tokens(24, 9), mask), layer(tokens(32), tokens(24, 9))
    make_lean(layer)
    assert torch.equal(layer(tokens(32), tokens(24, 9), mask), theirs)
    assert not torch.equal(theirs, without)


@pytest.mark.parametrize(
    "options",
    [
        {"rescale_output_factor": 2.0},
        {"residual_connection": True},
        {"cross_attention_norm": "layer_norm"},
        {"qk_norm": "layer_norm"},
        {"norm_num_groups": 8},
        {"dropout": 0.1},
        {"scale_qk": False},
    ],
    ids=lambda options: next(iter(options)),
)
def test_an_unusual_attention_stays_as_it_is(options: dict[str, Any]) -> None:
    layer = attention(**options)
    make_lean(layer)
    assert type(layer) is TheirAttention


@torch.no_grad()
def test_filled_heads_give_the_same_but_for_the_last_bits_and_only_in_their_block() -> None:
    layer = attention()
    make_lean(layer)
    plain = layer(tokens(32), tokens(24, 9))
    with filled_heads(layer):
        assert layer.fills_heads
        assert float((layer(tokens(32), tokens(24, 9)) - plain).abs().max()) < 1e-6
    assert not layer.fills_heads
    assert torch.equal(layer(tokens(32), tokens(24, 9)), plain)


class _Counted(nn.Module):
    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x + self.calls


def test_a_kept_output_is_made_once_for_a_tensor_and_again_for_another() -> None:
    layer, one, other = _Counted(), torch.zeros(1), torch.zeros(1)
    with kept_outputs([layer]):
        assert [float(layer(x)) for x in (one, one, one, other, other, one)] == [1, 1, 1, 2, 2, 3]
    assert float(layer(one)) == 4
    assert "forward" not in layer.__dict__


def test_kept_outputs_are_let_go_whatever_ends_the_block() -> None:
    layer = _Counted()
    with pytest.raises(torch.OutOfMemoryError), kept_outputs([layer]):
        raise torch.OutOfMemoryError("full")
    assert "forward" not in layer.__dict__


@torch.no_grad()
def test_keys_and_values_of_a_text_are_made_once_for_many_steps_with_the_same_bits() -> None:
    unet = tiny_modules("sdxl")["unet"]
    make_lean(unet)
    layers = text_layers(unet)
    pairs = sum(isinstance(each, TheirAttention) and each.is_cross_attention for each in unet.modules())
    assert len(layers) == 2 * pairs > 0
    noisy, text = torch.randn(1, 4, 16, 16), torch.randn(1, 77, unet.config.cross_attention_dim)
    added = {"text_embeds": torch.randn(1, 32), "time_ids": torch.tensor([[256, 256, 0, 0, 256, 256]])}

    def seen(step: int) -> Tensor:
        out: Tensor = unet(noisy, torch.tensor([step]), text, added_cond_kwargs=added).sample
        return out

    plain = [seen(step) for step in (900, 500, 100)]
    products: list[int] = []
    for layer in layers:
        layer.__dict__["forward"] = lambda x, own=layer.forward: products.append(1) or own(x)
    with kept_outputs(layers):
        kept = [seen(step) for step in (900, 500, 100)]
    for layer in layers:
        del layer.__dict__["forward"]
    assert len(products) == len(layers)
    assert all(torch.equal(one, other) for one, other in zip(kept, plain, strict=True))
