"""Is what an operation makes of tensors without numbers what torch's FakeTensorMode says, each time it is asked?"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.nn import functional
from torch.utils._pytree import tree_leaves

from trainer.memory import fake_tensors
from trainer.memory.fake_tensors import LightFakeMode, LightFakeTensor, without_numbers

# Of each kind of operation one: made anew, views, in place, `out`, several results, lists, from nothing, of two types.
OPERATIONS: tuple[Callable[[Tensor, Tensor], Any], ...] = (
    lambda x, y: x @ y.t(),
    lambda x, y: x + 1,
    lambda x, y: x.long() + 1.0,
    lambda x, y: x[1:].view(-1),
    lambda x, y: x.chunk(2, dim=1),
    lambda x, y: x.t().reshape(-1),
    lambda x, y: x.mul_(2),
    lambda x, y: torch.addmm(x[:2, :2], x[:2], y[:2].t(), out=x[:2, :2]),
    lambda x, y: functional.layer_norm(x, x.shape[1:]),
    lambda x, y: torch._foreach_norm([x, y]),
    lambda x, y: torch.empty_like(x.t()),
    lambda x, y: x.bfloat16(),
    lambda x, y: functional.conv2d(
        x.view(1, 4, 1, 6).contiguous(memory_format=torch.channels_last), y.view(6, 4, 1, 1)
    ),
    lambda x, y: torch.native_group_norm(x.view(1, 4, 6), None, None, 1, 4, 6, 2, 1e-5),
)


@pytest.fixture(autouse=True)
def nothing_is_known() -> Iterator[None]:
    fake_tensors._known.clear()
    yield
    fake_tensors._known.clear()


def facts(act: Callable[[Tensor, Tensor], Any], make: Callable[[], Tensor]) -> list[tuple[Any, ...]]:
    """Type, shape, strides, place and bytes of each result, and whether it is or lies in one of the inputs."""
    inputs = make(), make()
    storages = [each.untyped_storage()._cdata for each in inputs]
    return [
        (
            *(each.dtype, each.shape, each.stride(), each.storage_offset(), each.untyped_storage().nbytes()),
            [each is one for one in inputs],
            [each.untyped_storage()._cdata == one for one in storages],
        )
        for each in tree_leaves(act(*inputs))
    ]


def empty() -> Tensor:
    return torch.empty(4, 6)


@pytest.mark.parametrize("act", OPERATIONS)
def test_results_are_those_of_torch_the_first_time_and_later(act: Callable[[Tensor, Tensor], Any]) -> None:
    with FakeTensorMode():
        expected = facts(act, empty)
    with LightFakeMode():
        learned = facts(act, empty)
        count = len(fake_tensors._known)
        assert facts(act, empty) == learned == expected
        assert len(fake_tensors._known) == count > 0


def test_a_view_of_another_place_lies_in_that_place() -> None:
    with LightFakeMode():
        whole = empty()
        assert [whole[first:][1].storage_offset() for first in (0, 1, 2)] == [6, 12, 18]
        assert all(whole[first:][1].untyped_storage()._cdata == whole.untyped_storage()._cdata for first in (0, 1))


def test_what_is_written_into_is_what_the_call_names() -> None:
    """`out` may be the first input or another tensor like it; both are the same operation on the same shapes."""
    with LightFakeMode():
        first, left, right, other = (torch.empty(3, 3) for _ in range(4))
        assert torch.addmm(first, left, right, out=first) is first
        assert torch.addmm(first, left, right, out=other) is other


def test_autograd_keeps_and_frees_what_it_always_does() -> None:
    with LightFakeMode():
        weight = torch.nn.Parameter(empty())
        kept = weight.exp()
        storage = kept.untyped_storage()._cdata
        loss = (kept * kept).sum()
        assert loss.grad_fn is not None
        loss.backward()  # type: ignore[no-untyped-call]
        assert weight.grad is not None
        assert weight.grad.shape == weight.shape
        assert weight.grad.untyped_storage()._cdata != storage


def test_tensors_with_numbers_keep_them_among_themselves() -> None:
    with LightFakeMode():
        step = torch.tensor(2.0)
        step += 1
        assert step.item() == 3.0
        assert type(step * empty()) is LightFakeTensor


def test_numbers_that_are_not_there_cannot_be_read() -> None:
    with LightFakeMode(), pytest.raises(DataDependentOutputException):
        empty().sum().item()


def test_outside_of_the_mode_nothing_is_computed() -> None:
    lost = without_numbers(torch.empty(2, 3, device="meta"))
    assert (lost.device.type, lost.untyped_storage().nbytes()) == ("cpu", 24)
    with pytest.raises(RuntimeError, match="without numbers"):
        lost + 1
    with pytest.raises(RuntimeError, match="without numbers"):
        lost.sum()


def test_what_would_change_the_shape_of_an_input_is_refused() -> None:
    with LightFakeMode(), pytest.raises(NotImplementedError, match="changes the shape"):
        empty().t_()
