"""Blocks that lie in the computer's memory and come as they compute: the same bits, and never more than two of them on the device."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
import torch
from one_way_transfers import NothingReadsTheHost, OneWayTransfers
from steps_on_tiny import forward, gradients, lora_everywhere
from tiny_bases import tiny_modules
from torch import Tensor, nn

from trainer.bake.batch_loader import BatchLoader
from trainer.bake.latents import encode_pictures
from trainer.bake.session import TrainingSession
from trainer.bake.step import train_step
from trainer.errors import SettingsError
from trainer.jobs.preflight import PlannedBake
from trainer.lean.blocks import blocks
from trainer.lean.checkpointing import checkpoint_blocks
from trainer.lean.eight_bit import make_eight_bit
from trainer.lean.forward_wrapper import unwrap
from trainer.lean.patch import make_lean
from trainer.lean.streaming import BlockStream, chosen_blocks, weight_bytes
from trainer.lean.transfers import transfers_by
from trainer.settings.model import Settings

OpenSession = Callable[[Settings], AbstractContextManager[tuple[TrainingSession, PlannedBake]]]


@pytest.fixture
def transfers() -> Iterator[OneWayTransfers]:
    made = OneWayTransfers()
    with transfers_by(lambda: made):
        yield made


def base(family: str, *, eight_bits: bool = False) -> dict[str, Any]:
    modules = tiny_modules(family)
    if eight_bits:
        make_eight_bit(modules["unet"], "unet", "int8")
    make_lean(modules["unet"])
    modules["unet"].to(memory_format=torch.channels_last)
    return modules


def unet_blocks(modules: dict[str, Any]) -> dict[str, nn.Module]:
    return blocks(modules["unet"], {})


def same(found: list[Tensor], expected: list[Tensor]) -> bool:
    return len(found) == len(expected) and all(torch.equal(*pair) for pair in zip(found, expected, strict=True))


@pytest.mark.parametrize("again", [None, "all", "resnets"])
@pytest.mark.parametrize("eight_bits", [False, True])
@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_gradients_are_those_of_blocks_that_stay_to_the_last_bit(
    transfers: OneWayTransfers, family: str, eight_bits: bool, again: str | None
) -> None:
    modules = base(family, eight_bits=eight_bits)
    layers = lora_everywhere(modules)
    every = unet_blocks(modules)
    if again is not None:
        checkpoint_blocks(block for name, block in every.items() if again == "all" or again in name)
    expected = gradients(modules, layers)
    # Every second one, so that resident ones lie between.
    stream = BlockStream(list(every.values())[::2], transfers)
    stream.begin()
    with NothingReadsTheHost(transfers):
        for _ in range(3):
            assert same(gradients(modules, layers), expected)
    assert len(transfers.buffers) == 2


def test_what_a_pass_saved_is_found_again_wherever_its_block_lies_by_then(transfers: OneWayTransfers) -> None:
    modules = base("sd1")
    layers = lora_everywhere(modules)
    expected = gradients(modules, layers)
    # An odd number, so that a pass without gradients leaves each block in the other buffer.
    BlockStream(list(unet_blocks(modules).values())[:7], transfers)
    weights = [weight for layer in layers for weight in (layer.down, layer.up)]
    for weight in weights:
        weight.grad = None
    loss = forward(modules).square().mean()
    with torch.no_grad():
        forward(modules)
    loss.backward()
    assert same([weight.grad for weight in weights if weight.grad is not None], expected)


def test_all_blocks_but_two_are_off_the_device_while_a_step_runs(transfers: OneWayTransfers) -> None:
    modules = base("sdxl")
    layers = lora_everywhere(modules)
    every = list(unet_blocks(modules).values())
    whole = sum(map(weight_bytes, every))
    stream = BlockStream(every, transfers)
    stream.begin()
    lies: list[int] = []

    def look(*_: object) -> None:
        on_device = {weight.untyped_storage().data_ptr() for block in every for weight in block.parameters()}
        lies.append(len(on_device - set(transfers.hosts)))

    for block in every:
        next(each for each in block.modules() if isinstance(each, nn.Linear)).register_forward_hook(look)
    gradients(modules, layers)
    assert max(lies) == 2
    assert sum(buffer.nbytes for buffer in transfers.buffers) == stream.device_bytes < whole / 3


def test_each_block_is_fetched_once_a_pass_and_what_is_there_is_not_fetched_again(transfers: OneWayTransfers) -> None:
    modules = base("sd1")
    layers = lora_everywhere(modules)
    every = list(unet_blocks(modules).values())
    stream = BlockStream(every, transfers)
    gradients(modules, layers)
    # The last two are still there as the backward pass begins, the first two as the next step does.
    assert transfers.copies == 2 * len(every) - 2
    gradients(modules, layers)
    assert transfers.copies == 4 * len(every) - 6
    with torch.no_grad():
        forward(modules)
        copies = transfers.copies
        forward(modules)
    assert transfers.copies == copies + len(every)
    stream.end()


def test_the_blocks_are_as_they_were_afterwards(transfers: OneWayTransfers) -> None:
    modules = base("sdxl", eight_bits=True)
    expected = forward(modules)
    before = {name: value.clone() for name, value in modules["unet"].state_dict().items()}
    stream = BlockStream(list(unet_blocks(modules).values()), transfers)
    assert torch.equal(forward(modules), expected)
    stream.end()
    assert not transfers.hosts and not stream.buffers
    # In memory of their own: a base that is kept is counted, and let go, tensor by tensor.
    assert all(weight.untyped_storage().nbytes() == weight.nbytes for weight in modules["unet"].parameters())
    assert all(torch.equal(value, before[name]) for name, value in modules["unet"].state_dict().items())
    assert all(value.stride() == before[name].stride() for name, value in modules["unet"].state_dict().items())
    assert not any("forward" in block.__dict__ for block in modules["unet"].modules())
    assert torch.equal(forward(modules), expected)
    unwrap(modules["unet"])


def test_the_rest_of_the_body_goes_where_it_is_told_and_streamed_blocks_stay(transfers: OneWayTransfers) -> None:
    modules = base("sd1")
    every = unet_blocks(modules)
    stream = BlockStream([every["mid_block.resnets.0"]], transfers)
    stream.move_others(modules["unet"], "meta")
    assert modules["unet"].conv_in.weight.is_meta and every["mid_block.resnets.1"].conv1.weight.is_meta
    assert not every["mid_block.resnets.0"].conv1.weight.is_meta


def test_blocks_are_chosen_by_what_they_free_and_spread() -> None:
    sizes = {"huge": 100, **{f"layer {index}": 10 for index in range(8)}, "small": 1}
    assert chosen_blocks(sizes, 0) == []
    # The huge one would make both buffers huge.
    assert chosen_blocks(sizes, 4) == ["layer 1", "layer 3", "layer 5", "layer 7"]
    assert chosen_blocks(sizes, 9) == [*(f"layer {index}" for index in range(8)), "small"]
    assert chosen_blocks(sizes, 10) == list(sizes)


def steps(settings: Settings, open_session: OpenSession) -> tuple[list[Tensor], list[Tensor]]:
    """Return the losses of three steps, and the weights that they lead to."""
    with open_session(settings) as (session, planned):
        latents = dict(encode_pictures(session.model, planned.data.pictures, planned.plan.placements, 4))
        session.model.bring_body()
        with BatchLoader(session, planned.data, latents, pin=False) as feed:
            losses = [train_step(session, work).loss for work, _ in zip(feed, range(3), strict=False)]
        return losses, [weight.detach().clone() for weight in session.network.parameters()]


@pytest.mark.parametrize(
    "changes",
    [
        {"conv_dim": 4, "micro_batch_size": 1},
        {"gradient_checkpointing": True, "gradient_accumulation_steps": 2, "int8_base": True},
        {"mixed_precision": "bf16", "network_dropout": 0.2},
    ],
)
def test_steps_are_the_same_bits(
    make_settings: Any, open_session: OpenSession, transfers: OneWayTransfers, changes: dict[str, object]
) -> None:
    losses, weights = steps(make_settings(**changes), open_session)
    assert not transfers.copies
    streamed = steps(make_settings(**changes, blocks_to_swap=6), open_session)
    assert transfers.copies > 3 * 6
    assert same(streamed[0], losses) and same(streamed[1], weights)
    assert len(transfers.buffers) == 2 and not transfers.hosts


def test_more_blocks_than_there_are_is_one_clear_error(
    make_settings: Any, open_session: OpenSession, transfers: OneWayTransfers
) -> None:
    with pytest.raises(SettingsError) as raised, open_session(make_settings(blocks_to_swap=99)):
        pass
    assert "blocks_to_swap: 99" in raised.value.line() and "at most 12" in raised.value.line()


def test_on_a_cpu_nothing_is_streamed(make_settings: Any, open_session: OpenSession) -> None:
    with open_session(make_settings(blocks_to_swap=3)) as (session, _):
        assert session.model.stream is None
