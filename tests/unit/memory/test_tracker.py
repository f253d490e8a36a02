"""Is every tensor counted once, as long as it lives, under its own name and moment? Hand-countable cases."""

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from trainer.memory.allocator import peak_of
from trainer.memory.tracker import AWAY, Tracker

KIB = 1024


def tracker(scratch: int = 0) -> Tracker:
    return Tracker(lambda flops, moved, dtype: float(moved), lambda func, args: scratch)


def test_the_peak_is_the_most_at_one_time_and_not_the_sum() -> None:
    watch = tracker()
    with watch:
        one = torch.zeros(256 * KIB // 4)
        del one
        two = torch.zeros(512 * KIB // 4)
        del two
    assert peak_of(watch.log, rounds=False)[0] == {"activations": 512 * KIB}
    assert watch.live == 0


def test_views_are_no_memory_and_keep_their_storage_alive() -> None:
    watch = tracker()
    with watch:
        base = torch.zeros(64, 64)
        part = base[:2].t().unsqueeze(0)
        del base
        assert watch.live == 64 * 64 * 4
        del part
    assert watch.live == 0


def test_what_autograd_saves_lives_until_backward() -> None:
    """exp saves its result and mul its factors; the loss' gradient and those on the way come and go."""
    weight = torch.ones(1000, requires_grad=True)
    watch = tracker()
    watch.hold([weight], "lora")
    with watch:
        loss = (weight.exp() * weight.exp()).sum()
        # Two exponentials; their product is needed by nobody.
        assert watch.live == 4000 + 2 * 4000 + 4
        loss.backward()
        del loss
    assert weight.grad is not None
    assert watch.live == 8000
    watch.rename([weight.grad], "gradients")
    parts, _ = peak_of(watch.log, rounds=False)
    assert parts["lora"] == 4000
    assert set(parts) <= {"lora", "activations", "gradients"}


def test_the_same_work_without_numbers_takes_the_same() -> None:
    def peak() -> dict[str, int]:
        layer = torch.nn.Sequential(torch.nn.Linear(32, 64), torch.nn.SiLU(), torch.nn.Linear(64, 8))
        watch = tracker()
        watch.hold(layer.parameters(), "weights")
        with watch:
            layer(torch.ones(16, 32)).square().sum().backward()
        return peak_of(watch.log, rounds=False)[0]

    real = peak()
    with FakeTensorMode():
        assert peak() == real


def test_moments_parts_and_what_is_elsewhere() -> None:
    watch = tracker()
    here, elsewhere = torch.zeros(100), torch.zeros(10_000)
    watch.hold([here], "vae")
    watch.hold([elsewhere], AWAY)
    with watch:
        with watch.at("small"):
            torch.zeros(10)
        with watch.at("large"):
            torch.zeros(1000)
    assert peak_of(watch.log, rounds=False) == ({"vae": 400, "activations": 4000}, "large")


def test_a_kernels_own_memory_counts_while_it_runs() -> None:
    watch = tracker(scratch=5000)
    with watch:
        first = torch.zeros(100)
        second = first + 1
        del first, second
    assert peak_of(watch.log, rounds=False)[0] == {"activations": 800, "scratch": 5000}


def test_operations_are_counted() -> None:
    watch = tracker()
    with watch:
        torch.ones(4, 8) @ torch.ones(8, 16)
    assert watch.work.flops == 2 * 4 * 8 * 16
    # Everything that was written, and what the product read.
    assert watch.work.seconds == 4 * (4 * 8 + 8 * 16) * 2 + 4 * 4 * 16


def test_attention_in_one_kernel_is_counted_as_its_products_are() -> None:
    query, key, value = (torch.ones(2, 3, tokens, 16, requires_grad=True) for tokens in (40, 24, 24))
    plain, fused = tracker(), tracker()
    with plain:
        (query @ key.mT).softmax(-1) @ value
    with fused:
        found = torch.nn.functional.scaled_dot_product_attention(query, key, value)
    assert fused.work.flops == plain.work.flops == 4 * 2 * 3 * 40 * 24 * 16
    with fused:
        found.sum().backward()
    # Backward the kernel computes the scores again: five products in place of two.
    assert fused.work.flops == plain.work.flops * (1 + 2.5)
