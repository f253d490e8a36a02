"""The measure that predictions are held against says what can be counted by hand."""

from pathlib import Path

import pytest
import torch
from counted_steps import saved_bytes
from measured_memory import highest, highest_rise, measured_step, storage_bytes
from ready_steps import ENDLESS, planned_of, ready_steps
from torch import nn

from trainer.demo.workspace import make_demo

MIB = 1 << 20
SCALAR = 4


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo(tmp_path_factory.mktemp("measured") / "demo").root


def test_the_highest_of_a_sum_is_found_on_its_way() -> None:
    assert highest([]) == 0
    assert highest([-5, 3]) == 0
    assert highest([4, 4, -4, 3, -7]) == 8


def test_what_is_freed_makes_room() -> None:
    start = torch.ones(MIB // 4)

    def act() -> None:
        here = start
        for _ in range(5):
            here = here + here

    # One that is read and one that is written; the start was there before. A `+` needs nothing else.
    assert highest_rise(act) == 2 * MIB


def test_what_is_kept_for_the_backward_pass_adds_up() -> None:
    start = torch.ones(MIB // 4)

    def act() -> None:
        here = start.clone().requires_grad_()
        for _ in range(4):
            here = here.sigmoid()
        here.sum().backward()

    # The clone, four outputs, and two gradients while one becomes the other; the sum, and the one that backward begins with.
    assert highest_rise(act) == (1 + 4 + 2) * MIB + 2 * SCALAR


def test_a_frozen_linear_keeps_nothing_of_its_own() -> None:
    layers = nn.Sequential(*[nn.Linear(256, 256, bias=False) for _ in range(4)]).requires_grad_(False)
    start = torch.ones(1024, 256, requires_grad=True)

    def act() -> None:
        layers(start).sum().backward()

    # No input is kept, for no weight gets a gradient: two outputs while one becomes the other; backward the same of gradients,
    # the first being all one number that takes no room. The last output is let go once it is summed up.
    assert highest_rise(act) == 2 * MIB + 2 * SCALAR


def test_trained_weights_get_gradients_and_moments() -> None:
    layer = nn.Linear(512, 512, bias=False)
    optimizer = torch.optim.AdamW(layer.parameters(), fused=True)
    start = torch.ones(1, 512)

    def act() -> None:
        layer(start).sum().backward()
        optimizer.step()

    # The gradient and two moments of 1 MiB each; output, its gradient and counters are below 8 KiB.
    assert 0 <= highest_rise(act) - 3 * MIB < 8192
    # Next time the moments are there: one more gradient beside the one that is not yet gone.
    optimizer.zero_grad(set_to_none=False)
    assert 0 <= highest_rise(act) - MIB < 8192


def test_what_was_there_before_does_not_count_when_it_goes() -> None:
    before: list[torch.Tensor] = []
    # The profiler knows it from here, and tells of its end.
    assert highest_rise(lambda: before.append(torch.ones(MIB // 4))) == MIB

    def act() -> torch.Tensor:
        before.clear()
        return torch.ones(MIB // 4)

    assert highest_rise(act) == MIB


def test_a_storage_counts_once() -> None:
    whole = torch.ones(MIB // 4)
    seen: set[int] = set()
    assert storage_bytes([whole, whole[10:], whole.view(2, -1), torch.ones(2)], seen) == MIB + 8
    assert storage_bytes([whole.detach()], seen) == 0


def test_a_step_rises_by_at_least_what_it_keeps(root: Path) -> None:
    """Two counts that share nothing: the tensors saved for the backward pass, and the allocator's events."""
    planned = planned_of(root, ENDLESS)
    measured = measured_step(planned)
    with ready_steps(planned, made=1) as ready:
        kept = saved_bytes(ready.session, next(ready.works))
    assert kept < measured.rise < 1.5 * kept


def test_what_is_held_is_weights_and_moments(root: Path) -> None:
    planned = planned_of(root, (*ENDLESS, "network_train_unet_only=yes", "shuffle_caption=no"))
    held = measured_step(planned).held
    with ready_steps(planned, made=1) as ready:
        unet = sum(weight.nbytes for weight in ready.session.model.unet.state_dict().values())
        encoder = sum(weight.nbytes for weight in ready.session.model.text_encoder.state_dict().values())
        lora = sum(weight.nbytes for weight in ready.session.network.parameters())
    assert (held["weights"], held["lora"]) == (unet, lora)
    # On a CPU an encoder whose outputs are kept stays where it is; it also has the numbers of its 77 positions.
    assert held["encoders"] == encoder + 77 * 8
    # AdamW counts the steps of each weight too.
    assert 2 * lora <= held["optimizer"] < 2.01 * lora


@pytest.mark.long
def test_checkpointing_and_half_precision_need_less(root: Path) -> None:
    plain, lean, half = (
        measured_step(planned_of(root, (*ENDLESS, *options)))
        for options in ((), ("gradient_checkpointing=yes",), ("mixed_precision=bf16",))
    )
    assert lean.rise < 0.6 * plain.rise
    assert half.held["weights"] == plain.held["weights"] / 2
    assert half.rise < 0.7 * plain.rise
