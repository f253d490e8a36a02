"""Values as a state holds them: what comes back is what went in, tensors that were one are one, and the rest is named."""

import json
from collections import defaultdict, deque
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from trainer.bake.saving.packed_values import (
    DamagedValue,
    NotPackable,
    ValuePacker,
    ValueUnpacker,
    check_packed,
    has_tensor,
)

WEIGHT = nn.Parameter(torch.zeros(2, 3))
WEIGHTS = {"u.down": WEIGHT}
TENSORS = st.sampled_from(
    [
        torch.arange(6.0).reshape(2, 3),
        torch.tensor(3, dtype=torch.int64),
        torch.zeros(0),
        torch.ones(2, dtype=torch.bfloat16),
    ]
)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    PLAIN | TENSORS | st.sampled_from([WEIGHT, torch.float16, torch.Size([2, 3])]),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.lists(inner).map(lambda values: deque(values, maxlen=9))
        | st.dictionaries(st.text() | st.integers() | st.tuples(st.integers(), st.integers()), inner)
    ),
    max_leaves=12,
)


def there_and_back(value: Any, now: object = None) -> Any:
    packer = ValuePacker(WEIGHTS)
    packed = json.loads(json.dumps(packer.pack(value, "it")))
    check_packed(packed, "it", packer.tensors, WEIGHTS)
    return ValueUnpacker(packer.tensors, WEIGHTS).unpack(packed, WEIGHT, now)


def same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, Tensor):
        return one is other if one is WEIGHT else one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple | deque):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


@given(VALUES)
def test_what_comes_back_is_what_went_in(value: Any) -> None:
    assert same(there_and_back(value), value)


def test_a_tensor_met_twice_is_one_tensor_afterwards() -> None:
    table = torch.ones(3)
    one, (other,) = there_and_back([table, (table,)])
    assert one is other and one is not table


@pytest.mark.parametrize(
    "tensor",
    [
        torch.ones(3, 5).T,
        torch.ones(2, 3, 4, 5).to(memory_format=torch.channels_last),
        torch.ones(4, 1, 3).transpose(0, 2),
    ],
)
def test_a_tensor_lies_in_memory_as_it_did(tensor: Tensor) -> None:
    assert not tensor.is_contiguous()
    back = there_and_back([tensor])[0]
    assert back.stride() == tensor.stride() and torch.equal(back, tensor)


def test_one_that_is_part_of_a_larger_one_or_repeats_comes_back_in_rows() -> None:
    for tensor in (torch.arange(12.0).reshape(3, 4)[:, :2], torch.ones(3, 1).expand(3, 4)):
        back = there_and_back([tensor])[0]
        assert back.is_contiguous() and torch.equal(back, tensor)


def test_what_others_may_hold_is_changed_in_place() -> None:
    holder: defaultdict[str, list[int]] = defaultdict(list, {"old": [1]})
    assert there_and_back({"new": [2]}, holder) is holder
    assert holder == {"new": [2]} and holder["else"] == []
    generator = torch.Generator().manual_seed(1)
    torch.rand(3, generator=generator)
    other = torch.Generator()
    assert there_and_back(generator, other) is other
    assert torch.equal(torch.rand(2, generator=generator), torch.rand(2, generator=other))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (lambda: 0, "function"),
        (object(), "object"),
        (torch.zeros(2, dtype=torch.complex64), "torch.Tensor"),
        (torch.eye(2).to_sparse(), "torch.Tensor"),
    ],
    ids=["function", "object", "complex", "sparse"],
)
def test_what_no_state_can_hold_is_named_with_its_place(value: Any, kind: str) -> None:
    with pytest.raises(NotPackable) as caught:
        ValuePacker({}).pack({"a": [1, (value,)]}, "it")
    assert (caught.value.where, caught.value.kind) == ("it/a/1/0", kind)


def test_a_list_in_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(NotPackable):
        ValuePacker({}).pack(endless, "it")


def test_a_weight_counts_as_no_tensor_of_the_optimizers() -> None:
    packer = ValuePacker(WEIGHTS)
    assert not has_tensor(packer.pack([WEIGHT, 1], "it"))
    assert has_tensor(packer.pack({"a": (torch.ones(1),)}, "it"))


@pytest.mark.parametrize(
    "packed",
    [
        {},
        [],
        [1],
        {"tensor": "unknown"},
        {"tensor": 3},
        {"tensor": "it", "strides": [1]},
        {"tensor": "it", "strides": [-3, 1]},
        {"tensor": "it", "strides": [2**40, 1]},
        {"tensor": "it", "cpu": "yes"},
        {"tensor": "it", "more": 1},
        {"weight": "unknown"},
        {"weight": "u.down", "more": 1},
        {"dtype": "load"},
        {"dtype": None},
        {"device": 0},
        {"generator": "it"},
        {"size": [2, "3"]},
        {"size": [-2]},
        {"list": {"a": 1}},
        {"list": [[1]]},
        {"tuple": [{"tuple": [{"dtype": "no"}]}]},
        {"set": [{"list": []}]},
        {"dict": [["key"]]},
        {"dict": ["ab"]},
        {"dict": [[{"dict": []}, 1]]},
        {"dict": [[{"tuple": [{"list": []}]}, 1]]},
        {"deque": [1, 2], "maxlen": 1},
        {"deque": [1]},
        {"deque": [1], "maxlen": "3"},
        {"unknown": 1},
        {"list": [{"list": [{"dict": [["a", {"list": 5}]]}]}]},
    ],
)
def test_what_no_packer_made_is_named_before_it_is_unpacked(packed: Any) -> None:
    with pytest.raises(DamagedValue, match=r"^optimizer/u\.down/it") as refused:
        check_packed(packed, "optimizer/u.down/it", {"it": torch.zeros(2, 3)}, WEIGHTS)
    assert len(str(refused.value)) < 250
