"""Tensors without numbers: what torch's FakeTensorMode says of an operation is asked once and repeated for every one like it.

A FakeTensor's operation takes 0.3 ms of Python, a step has ten thousands, and nearly all of them are like one before: the same
operation on tensors of the same types, shapes and strides. So each kind is given to FakeTensorMode the first time, what comes out is
noted, and every later one is answered from the note. Autograd runs as ever, since it sits above; what it keeps, and until when, is
the real thing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_unflatten

_CPU = torch.device("cpu")
_without_storage = torch.Tensor._make_wrapper_subclass
_of_class = torch.Tensor._make_subclass


class LightFakeTensor(Tensor):
    """A tensor that says it is on the CPU, with a storage of a size and no memory. Autograd, views and storages work as usual."""

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]  # as torch's own classes do

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]  # a class method, as in torch's own classes
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Refuse to compute: there are no numbers."""
        raise RuntimeError(f"{func} on a tensor without numbers, outside of LightFakeMode")


@dataclass(frozen=True, slots=True)
class _Output:
    """One output of an operation.

    Attributes:
        source: index of the input, or behind them of the earlier output, that it is or shares its storage with; -1 for a storage of
            its own.
        same: whether it is that input itself.
        dtype, shape, stride: of the output.
        offset: where it begins in its storage, in numbers; of a shared storage, counted from where the input begins.
        size: bytes of its own storage.
        device: that it says it is on.
        constant: in place of all that, what is no tensor.
    """

    source: int = -1
    same: bool = False
    dtype: torch.dtype = torch.float32
    shape: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    offset: int = 0
    size: int = 0
    device: torch.device = _CPU
    is_tensor: bool = True
    constant: Any = None

    def made(self, inputs: list[Tensor]) -> Any:
        """Return the output for these inputs."""
        if not self.is_tensor:
            return self.constant
        if self.source < 0:
            return _without_storage(
                LightFakeTensor,
                self.shape,
                strides=self.stride,
                storage_offset=self.offset,
                dtype=self.dtype,
                device=self.device,
                storage_size=self.size,
            )
        source = inputs[self.source]
        if self.same:
            return source
        whole = torch.empty(0, dtype=self.dtype)
        offset = self.offset + source.storage_offset()
        return _of_class(LightFakeTensor, whole.set_(source.untyped_storage(), offset, self.shape, self.stride))


@dataclass(slots=True, eq=False)
class KnownOperation:
    """What is known of an operation on inputs of certain types, shapes and strides.

    Attributes:
        outputs: in order.
        form: how they are put together; None for a single one.
        costs: room for whoever counts what the operation costs, by whatever tells their countings apart.
    """

    outputs: tuple[_Output, ...]
    form: Any
    costs: dict[Any, Any] = field(default_factory=dict)

    def result(self, inputs: list[Tensor]) -> Any:
        """Return what the operation returns for these inputs."""
        if self.form is None:
            return self.outputs[0].made(inputs)
        there = list(inputs)
        for output in self.outputs:
            there.append(output.made(there))
        made = there[len(inputs) :]
        return made if self.form is list else tuple(made) if self.form is tuple else tree_unflatten(made, self.form)


Watcher = Callable[[Any, tuple[Any, ...], dict[str, Any], Any, KnownOperation | None], None]
"""Is told of every operation: it, its arguments, its result, and what is known of it; None where it was computed."""

# What is known holds for the life of the process. A prediction knows a thousand operations, two kB each; every new size brings as
# many again.
_known: dict[Any, KnownOperation] = {}
_MAX_KNOWN = 20_000


class LightFakeMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Answers operations on tensors without numbers, and makes every new tensor one.

    An operation whose inputs all have numbers is computed, so that schedules and counters of steps are right.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        if len(_known) > _MAX_KNOWN:
            _known.clear()
        self._fake = FakeTensorMode()
        # What it would keep is kept here.
        self._fake.cache_enabled = False
        self._watcher: Watcher | None = None

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # To keep the compiler off takes ten times as long as an operation; nothing is compiled here.
        return False

    @contextmanager
    def watched(self, watcher: Watcher) -> Iterator[None]:
        """Tell `watcher` of every operation while the block runs."""
        self._watcher = watcher
        try:
            yield
        finally:
            self._watcher = None

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Return the operation's result."""
        kwargs = kwargs or {}
        inputs: list[Tensor] = []
        place = func.is_view
        key: tuple[Any, ...] = (func, _described(args, inputs, place))
        if kwargs:
            key = (*key, *kwargs, _described(kwargs.values(), inputs, place))
        # Of what makes a tensor from nothing there are no numbers; a mark of the profiler is no such thing.
        if not any(type(each) is LightFakeTensor for each in inputs) and (inputs or func.namespace != "aten"):
            known, result = None, func(*args, **kwargs)
        else:
            known = _known.get(key)
            if known is None:
                known = _known[key] = self._learned(func, args, kwargs, inputs)
            result = known.result(inputs)
        if self._watcher is not None:
            self._watcher(func, args, kwargs, result, known)
        return result

    def _learned(self, func: Any, args: Any, kwargs: Any, inputs: list[Tensor]) -> KnownOperation:
        """Return what an operation makes of such inputs."""
        if torch.Tag.inplace_view in func.tags:
            raise NotImplementedError(f"{func} changes the shape of its input")
        # One of its own for each place: what is written into the first input and what is written into `out` differ.
        fakes = [self._torchs(each) for each in inputs]
        waiting = iter(fakes)
        args, kwargs = _replaced(args, waiting), {name: _replaced(each, waiting) for name, each in kwargs.items()}
        if _only_writes(func):
            return _noted(_written(func, args, kwargs), fakes)
        with self._fake:
            return _noted(func(*args, **kwargs), fakes)

    def _torchs(self, tensor: Tensor) -> FakeTensor:
        """Return torch's own FakeTensor for one of ours, with a storage of its own."""
        whole = torch.empty(tensor.untyped_storage().nbytes() // tensor.itemsize, dtype=tensor.dtype, device="meta")
        there = whole.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())
        return FakeTensor(self._fake, there, _CPU)


def without_numbers(like: Tensor) -> LightFakeTensor:
    """Return a tensor of the same type, shape and strides as `like`, with a storage of its own."""
    shape, stride = tuple(like.shape), like.stride()
    size = (1 + sum((side - 1) * step for side, step in zip(shape, stride, strict=True))) * like.itemsize
    made = _Output(dtype=like.dtype, shape=shape, stride=stride, size=size if like.numel() else 0).made([])
    assert isinstance(made, LightFakeTensor)
    return made


def _described(values: Iterable[Any], inputs: list[Tensor], place: bool) -> tuple[Any, ...]:
    """Return what decides the result about some arguments, hashable, and add the tensors among them to `inputs`.

    Args:
        values: arguments, or what a list among them holds.
        inputs: tensors of the arguments before.
        place: whether it matters where in its storage a tensor begins.
    """
    found: list[Any] = []
    for value in values:
        kind = type(value)
        if kind is LightFakeTensor or isinstance(value, Tensor):
            inputs.append(value)
            found += (value.dtype, value.shape, value.stride())
            if place:
                found.append(value.storage_offset())
            if kind is not LightFakeTensor and value.device.type != "cpu":
                raise NotImplementedError(f"a tensor on {value.device} among those without numbers")
        elif kind is list or kind is tuple:
            found.append(_described(value, inputs, place))
        else:
            # 1, 1.0 and True are equal, and make results of other types. Of a generator only that it is one matters.
            found += (kind, None if kind is torch.Generator else value)
    return tuple(found)


def _replaced(value: Any, by: Iterator[Tensor]) -> Any:
    """Return an argument with the tensors in it replaced, in the order of `_described`."""
    if isinstance(value, Tensor):
        return next(by)
    if type(value) in (tuple, list):
        return type(value)(_replaced(each, by) for each in value)
    return value


def _only_writes(func: Any) -> bool:
    """Return whether all that an operation does is to write into some of its inputs, which it may return."""
    schema = func._schema
    return bool(schema.is_mutable) and all(each.alias_info and each.alias_info.is_write for each in schema.returns)


def _written(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Return those inputs that an operation which only writes returns."""
    names = [each.name for each in func._schema.arguments]
    given = dict(zip(names, args, strict=False)) | dict(kwargs)
    found = [
        given[each.name]
        for output in func._schema.returns
        for each in func._schema.arguments
        if each.alias_info and each.alias_info.before_set == output.alias_info.before_set
    ]
    return tuple(found) if len(found) > 1 else found[0] if found else None


def _noted(result: Any, inputs: Sequence[Tensor]) -> KnownOperation:
    """Return how a result is made of the inputs that it was made of."""
    places = {id(each): index for index, each in reversed([*enumerate(inputs)])}
    storages = {_storage(each): (index, int(each.storage_offset())) for index, each in reversed([*enumerate(inputs)])}
    leaves, form = ([result], None) if result is None or isinstance(result, Tensor) else tree_flatten(result)
    outputs: list[_Output] = []
    for index, leaf in enumerate(leaves, len(inputs)):
        outputs.append(_output(leaf, places, storages))
        if isinstance(leaf, Tensor):
            storages.setdefault(_storage(leaf), (index, int(leaf.storage_offset())))
    flat = type(result) in (list, tuple) and len(result) == len(leaves)
    return KnownOperation(tuple(outputs), type(result) if flat else form)


def _output(output: Any, places: Mapping[int, int], storages: Mapping[int, tuple[int, int]]) -> _Output:
    """Return how an output is made.

    Args:
        output: a tensor or anything else.
        places: index of each input by its id.
        storages: by storage the index of the first input or earlier output in it, and where that begins.
    """
    if not isinstance(output, Tensor):
        return _Output(is_tensor=False, constant=output)
    if id(output) in places:
        return _Output(source=places[id(output)], same=True)
    source, begins = storages.get(_storage(output), (-1, 0))
    return _Output(
        source=source,
        dtype=output.dtype,
        shape=tuple(output.shape),
        stride=output.stride(),
        offset=int(output.storage_offset()) - begins,
        size=output.untyped_storage().nbytes(),
        device=output.device,
    )


def _storage(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
