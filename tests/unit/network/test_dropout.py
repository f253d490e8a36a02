import copy
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainer.network.dropout import LayerDropout
from trainer.network.injection import LayerRules, LoraNetwork, inject
from trainer.network.lora import LoraLayer
from trainer.settings.parts import all_parts

EVERY_DROPOUT = LayerRules(4, 4, conv_dim=2, dropout=0.3, rank_dropout=0.3, module_dropout=0.3)


def mirror(rules: LayerRules, channels: int = 64, *, conv: bool = False) -> tuple[nn.Module, LoraNetwork]:
    """Return a layer of the base that gives 0 and a LoRA on it that gives its input, but for what is dropped."""
    target = nn.Conv2d(channels, channels, 1, bias=False) if conv else nn.Linear(channels, channels, bias=False)
    target.requires_grad_(False).weight.zero_()
    layer = LoraLayer("x", target, channels, channels, rules.dropouts())
    ones = torch.eye(channels).view(layer.down.shape)
    layer.down.data.copy_(ones)
    layer.up.data.copy_(ones)
    return target, LoraNetwork("sd1", {"unet": [layer]}, layer.dropouts)


def stack(rules: LayerRules, layers: int) -> tuple[nn.Sequential, LoraNetwork]:
    """Return some layers of the base that pass their input on, each with a LoRA that adds it once more."""
    base = nn.Sequential(*(nn.Linear(1, 1, bias=False) for _ in range(layers))).requires_grad_(False)
    dropouts = rules.dropouts()
    loras = [LoraLayer(str(number), target, 1, 1, dropouts) for number, target in enumerate(base)]
    for weight in [target.weight for target in base] + [weight for lora in loras for weight in (lora.down, lora.up)]:
        weight.data.fill_(1)
    return base, LoraNetwork("sd1", {"unet": loras}, dropouts)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_without_dropouts_the_forward_is_the_formula(dtype: torch.dtype) -> None:
    target = nn.Linear(8, 8, dtype=dtype).requires_grad_(False)
    layer = LoraLayer("x", target, 2, 3, LayerRules(2, 3).dropouts())
    layer.init_weights(0)
    layer.up.data.normal_()
    x = torch.randn(2, 5, 8, dtype=dtype)
    expected = torch.add(target(x), x @ layer.down.to(dtype).T @ layer.up.to(dtype).T, alpha=1.5)
    network = LoraNetwork("sd1", {"unet": [layer]})
    network.start_pass(0, 1, 0)
    digits = {torch.float32: 1e-6, torch.bfloat16: 2e-2}[dtype]
    assert torch.allclose(target(x), expected, rtol=digits, atol=digits)


def test_what_is_left_out_is_drawn_without_torchs_own_generator() -> None:
    target, network = mirror(EVERY_DROPOUT)
    before = torch.get_rng_state()
    network.start_pass(0, 1, 0)
    target(torch.ones(2, 64)).sum().backward()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("shape", [(6, 64), (6, 7, 64), (6, 64, 3, 5)])
def test_a_picture_has_its_draws_whichever_others_pass_through_with_it(shape: tuple[int, ...]) -> None:
    target, network = mirror(LayerRules(64, 64, dropout=0.3, rank_dropout=0.3), conv=len(shape) == 4)
    x = torch.ones(shape)
    network.start_pass(0, 1, 0)
    whole = target(x)
    parts = []
    for rows in ((0, 1), (1, 4), (4, 6)):
        network.start_pass(0, 1, 0, rows=rows)
        parts.append(target(x[slice(*rows)]))
    assert torch.equal(torch.cat(parts), whole)
    assert not torch.equal(whole[0], whole[1])


def test_the_chunks_of_a_caption_stay_with_their_picture() -> None:
    target, network = mirror(LayerRules(64, 64, dropout=0.3, rank_dropout=0.3))
    chunks = 3
    x = torch.ones(4 * chunks, 7, 64)
    network.start_pass(0, 1, 0, rows=(0, 4))
    whole = target(x)
    network.start_pass(0, 1, 0, rows=(2, 4))
    assert torch.equal(target(x[2 * chunks :]), whole[2 * chunks :])
    assert not torch.equal(whole[0], whole[1])


def test_layers_of_one_shape_leave_out_differently() -> None:
    base, network = stack(LayerRules(1, 1, dropout=0.5), 2)
    network.start_pass(0, 1, 0)
    x = torch.ones(64, 1)
    assert not torch.equal(base[0](x), base[1](x))


def test_the_gradient_is_of_what_was_not_left_out() -> None:
    target, network = mirror(LayerRules(64, 64, dropout=0.5))
    layer = next(iter(network))
    network.start_pass(0, 1, 0)
    x = torch.ones(1, 64, requires_grad=True)
    out = target(x)
    out.sum().backward()
    # Down and up are the identity: the gradients of x and of up's columns are the mask itself.
    assert torch.equal(x.grad, out.detach())
    assert torch.equal(layer.up.grad, out.detach().expand(64, 64))


@pytest.mark.parametrize("conv", [False, True])
def test_dropout_leaves_out_numbers_and_the_others_grow(conv: bool) -> None:
    target, network = mirror(LayerRules(64, 64, dropout=0.25), conv=conv)
    network.start_pass(0, 1, 0)
    out = target(torch.ones(4, 64, 8, 8) if conv else torch.ones(4, 64, 64))
    assert sorted(set(out.flatten().tolist())) == pytest.approx([0, 1 / 0.75])
    assert abs((out == 0).float().mean() - 0.25) < 0.03


@pytest.mark.parametrize("shape", [(4, 64), (4, 7, 64), (4, 64, 3, 5)])
def test_rank_dropout_leaves_out_ranks_of_a_picture_and_the_others_grow(shape: tuple[int, ...]) -> None:
    target, network = mirror(LayerRules(64, 64, rank_dropout=0.25), conv=len(shape) == 4)
    network.start_pass(0, 1, 0)
    out = target(torch.ones(shape))
    by_rank = out.movedim(1 if len(shape) == 4 else -1, 1).reshape(4, 64, -1)
    assert torch.equal(by_rank, by_rank[:, :, :1].expand_as(by_rank))
    ranks = by_rank[:, :, 0]
    assert sorted(set(ranks.flatten().tolist())) == pytest.approx([0, 1 / 0.75])
    assert abs((ranks == 0).float().mean() - 0.25) < 0.1
    assert not torch.equal(ranks[0], ranks[1])


def test_module_dropout_leaves_out_layers_and_the_others_stay_as_they_are() -> None:
    base, network = stack(LayerRules(1, 1, module_dropout=0.25), 20)
    kept = []
    for step in range(100):
        network.start_pass(0, step, 0)
        # Each layer that is there doubles its input.
        kept.append(base(torch.ones(1, 1)).log2().item())
        assert kept[-1] == int(kept[-1])
    assert abs(sum(kept) / 2000 - 0.75) < 0.03


def test_what_is_left_out_depends_on_seed_step_and_batch_alone() -> None:
    base, network = stack(LayerRules(1, 1, dropout=0.1, module_dropout=0.5), 12)

    def drawn(*what: int) -> Tensor:
        network.start_pass(*what)
        return base(torch.ones(50, 1))

    first = drawn(0, 1, 0)
    others = [drawn(1, 1, 0), drawn(0, 2, 0), drawn(0, 1, 1)]
    torch.rand(7)
    assert torch.equal(drawn(0, 1, 0), first)
    assert not any(torch.equal(first, other) for other in others)


def test_one_layer_always_stays() -> None:
    base, network = stack(LayerRules(1, 1, module_dropout=0.99), 2)
    for step in range(50):
        network.start_pass(0, step, 0)
        assert base(torch.ones(1, 1)).item() == 2


def test_before_the_first_beginning_a_forward_is_whole() -> None:
    target, _ = mirror(EVERY_DROPOUT)
    assert torch.equal(target(torch.ones(2, 64)), torch.ones(2, 64))


def test_a_forward_without_gradient_is_whole() -> None:
    target, network = mirror(EVERY_DROPOUT)
    network.start_pass(0, 1, 0)
    with torch.no_grad():
        assert torch.equal(target(torch.ones(2, 64)), torch.ones(2, 64))


def test_without_dropout_a_forward_leaves_nothing_out_and_after_it_does() -> None:
    target, network = mirror(LayerRules(64, 64, dropout=0.5))
    network.start_pass(0, 1, 0)
    with network.without_dropout():
        assert torch.equal(target(torch.ones(2, 64)), torch.ones(2, 64))
    assert not torch.equal(target(torch.ones(2, 64)), torch.ones(2, 64))


def test_a_part_that_does_not_train_is_whole() -> None:
    target, network = mirror(EVERY_DROPOUT)
    network.train_only(["text_encoder"])
    network.start_pass(0, 1, 0)
    assert torch.equal(target(torch.ones(2, 64)), torch.ones(2, 64))


def test_activations_computed_again_see_the_same_draws(
    tiny_sd1: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, calls = gradients(copy.deepcopy(tiny_sd1), monkeypatch, checkpointing=False)
    again, more_calls = gradients(copy.deepcopy(tiny_sd1), monkeypatch, checkpointing=True)
    assert more_calls > calls
    assert all(torch.equal(plain[name], again[name]) for name in plain)


def gradients(model: Any, monkeypatch: pytest.MonkeyPatch, *, checkpointing: bool) -> tuple[dict[str, Tensor], int]:
    """Return the gradient of every weight with all dropouts on, and how often what is left out was drawn."""
    encoder = model.encoders["text_encoder"].train()
    if checkpointing:
        model.body.train().enable_gradient_checkpointing()
        encoder.activation_checkpointing_enable({"use_reentrant": False})
    network = inject(model, EVERY_DROPOUT, seed=0, parts=all_parts())
    generator = torch.Generator().manual_seed(3)
    for layer in network:
        layer.up.data.normal_(generator=generator)
    calls = []
    mask = LayerDropout.mask

    def counted(left_out: LayerDropout, inner: Tensor, *, is_conv: bool) -> Tensor:
        calls.append(is_conv)
        return mask(left_out, inner, is_conv=is_conv)

    monkeypatch.setattr(LayerDropout, "mask", counted)
    network.start_pass(0, 1, 0)
    noisy = torch.randn(2, 4, 16, 16, generator=generator)
    text = encoder(torch.arange(77).expand(2, -1)).last_hidden_state
    model.body(noisy, torch.tensor([10, 700]), text, return_dict=False)[0].square().mean().backward()
    found = {
        f"{layer.name} {way}": weight.grad
        for layer in network
        for way, weight in (("down", layer.down), ("up", layer.up))
        if weight.grad is not None
    }
    assert len(found) > len(network)
    return found, len(calls)
