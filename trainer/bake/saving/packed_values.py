"""Values as JSON with their tensors by name, and back: numbers, texts, and lists, tuples and mappings of them, however deep.

Numbers, texts, switches and None stand for themselves. Everything else is a mapping of one key that says what it is:
`{"tensor": name}`, `{"weight": name}`, `{"tuple": [...]}`, `{"dict": [[key, value], ...]}` and so on.
"""

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from trainer.models.safetensors_write import WRITABLE_TYPES
from trainer.text import printable
from trainer.typed_values import shown

Packed = Any
"""A JSON value."""

_SEQUENCES: Mapping[str, type] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset, "size": torch.Size}


# Bytes of a generator's state; a GPU's holds seed and offset alone.
_CPU_GENERATOR, _GPU_GENERATOR = torch.Generator().get_state().shape, torch.Size([16])


class NotPackable(Exception):
    """A value that no state can hold.

    Attributes:
        where: the path to it.
        kind: its type in words.
    """

    def __init__(self, where: str, value: object) -> None:
        self.where = where
        self.kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
        super().__init__(f"{where} is a {self.kind}")


class ValuePacker:
    """Packs values one after another; a tensor that is met twice is one tensor afterwards too.

    Args:
        weights: the network's, by name; a value that is one of them refers to it.

    Attributes:
        tensors: what was met, by the path at which it was met first; not copied.
    """

    def __init__(self, weights: Mapping[str, nn.Parameter]) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._weights = {id(weight): name for name, weight in weights.items()}
        self._on_card = any(weight.device.type != "cpu" for weight in weights.values())
        self._plain = all(weight.is_contiguous() for weight in weights.values())
        self._names: dict[int, str] = {}
        self._open: set[int] = set()

    def put(self, tensor: Tensor, where: str) -> str:
        """Take a tensor and return its name."""
        # The mapping keeps the tensor alive, so that no other has its id.
        name = self._names.setdefault(id(tensor), where)
        self.tensors.setdefault(name, tensor)
        return name

    def pack(self, value: object, where: str) -> Packed:
        """Return the value as JSON.

        Args:
            value: anything.
            where: the path to it, unique among the values of this packer.

        Raises:
            NotPackable: it is, or holds, something that a state cannot hold.
        """
        match value:
            case None | bool() | int() | float() | str():
                return _plain(value)
            case Tensor():
                return self._pack_tensor(value, where)
            case torch.dtype():
                return {"dtype": str(value).removeprefix("torch.")}
            case torch.device():
                return {"device": value.type}
            case torch.Generator():
                return {"generator": self.put(value.get_state(), where)}
            case _:
                return self._pack_container(value, where)

    def _pack_tensor(self, tensor: Tensor, where: str) -> Packed:
        if id(tensor) in self._weights:
            return {"weight": self._weights[id(tensor)]}
        if tensor.layout is not torch.strided or tensor.is_meta or tensor.dtype not in WRITABLE_TYPES:
            raise NotPackable(where, tensor)
        # A step count that stays with the computer, as torch's own have it.
        away = {"cpu": True} if self._on_card and tensor.device.type == "cpu" else {}
        # Sums over a transposed matrix have other last bits. Without strides it comes back as its weight lies, else in rows.
        in_rows = self._plain and tensor.is_contiguous()
        strides = {} if in_rows or not _is_dense(tensor) else {"strides": list(tensor.stride())}
        return {"tensor": self.put(tensor, where), **away, **strides}

    def _pack_container(self, value: object, where: str) -> Packed:
        if id(value) in self._open:
            raise NotPackable(where, value)
        self._open.add(id(value))
        try:
            if isinstance(value, Mapping):
                items = enumerate(value.items())
                return {
                    "dict": [
                        [self.pack(key, f"{where}/{index}.key"), self.pack(item, f"{where}/{_step(key, index)}")]
                        for index, (key, item) in items
                    ]
                }
            if isinstance(value, deque):
                return {"deque": self._pack_all(value, where), "maxlen": value.maxlen}
            for name, kind in _SEQUENCES.items():
                if type(value) is kind:
                    return {name: self._pack_all(value, where)}  # type: ignore[arg-type]  # all of them are collections
        finally:
            self._open.discard(id(value))
        raise NotPackable(where, value)

    def _pack_all(self, values: Collection[object], where: str) -> list[Packed]:
        return [self.pack(one, f"{where}/{index}") for index, one in enumerate(values)]


class ValueUnpacker:
    """Makes values of what a ValuePacker returned.

    Args:
        tensors: by name.
        weights: the network's, by name.
    """

    def __init__(self, tensors: Mapping[str, Tensor], weights: Mapping[str, nn.Parameter]) -> None:
        self._tensors, self._weights = tensors, weights
        self._made: dict[str, Tensor] = {}

    def tensor(self, name: str, like: Tensor | None, strides: Sequence[int] | None = None) -> Tensor:
        """Return a copy of a tensor, the same one each time.

        Args:
            name: its name.
            like: gives the device, and the layout in memory where the shapes agree; None leaves it on the CPU.
            strides: the layout in memory.
        """
        if name not in self._made:
            self._made[name] = _laid_out(self._tensors[name], like, strides)
        return self._made[name]

    def unpack(self, packed: Packed, like: Tensor | None, now: object = None) -> Any:
        """Return the value.

        Args:
            packed: from ValuePacker.pack.
            like: see `tensor`.
            now: what stands in its place; a mapping, list or generator is changed in place, since others may hold it.
        """
        if not isinstance(packed, dict):
            return packed
        kind = next(iter(packed))
        if kind in {"dict", "deque"} or kind in _SEQUENCES:
            return self._container(kind, packed, like, now)
        return self._leaf(kind, packed, like, now)

    def _leaf(self, kind: str, packed: Packed, like: Tensor | None, now: object) -> Any:
        content = packed[kind]
        match kind:
            case "tensor":
                return self.tensor(content, None if packed.get("cpu") else like, packed.get("strides"))
            case "weight":
                return self._weights[content]
            case "dtype":
                return getattr(torch, content)
            case "device":
                return torch.device("cpu") if like is None or content == "cpu" else like.device
            case _:
                return self._generator(content, now)

    def _container(self, kind: str, packed: Packed, like: Tensor | None, now: object) -> Any:
        if kind == "dict":
            return _in_place({self.unpack(key, like): self.unpack(value, like) for key, value in packed[kind]}, now)
        values = [self.unpack(one, like) for one in packed[kind]]
        return deque(values, packed["maxlen"]) if kind == "deque" else _in_place(_SEQUENCES[kind](values), now)

    def _generator(self, name: str, now: object) -> torch.Generator:
        generator = now if isinstance(now, torch.Generator) else torch.Generator()
        generator.set_state(self._tensors[name])
        return generator


class DamagedValue(ValueError):
    """A packed value that no ValuePacker made; its text is a phrase that names the path to it."""


def check_packed(packed: Packed, where: str, tensors: Mapping[str, Tensor], weights: Collection[str]) -> None:
    """Check that `packed` is what a ValuePacker returns, so that unpacking it can neither fail nor take memory without end.

    Args:
        packed: a JSON value from a file.
        where: the path to it, for the error.
        tensors: of the same file, by name.
        weights: the network's names.

    Raises:
        DamagedValue: it is not.
    """
    match packed:
        case {"dict": [*pairs], **rest} if not rest:
            for pair in pairs:
                _check_pair(pair, where, tensors, weights)
        case {"list": [*values], **rest} | {"tuple": [*values], **rest} if not rest:
            _check_all(values, where, tensors, weights)
        case {"set": [*values], **rest} | {"frozenset": [*values], **rest} if not rest:
            for value in values:
                _check_key(value, where)
            _check_all(values, where, tensors, weights)
        case {"deque": [*values], "maxlen": None | int() as most, **rest} if not rest:
            if most is not None and most < len(values):
                raise DamagedValue(f"{printable(where, 100)}: more values than it takes")
            _check_all(values, where, tensors, weights)
        case _ if not _is_leaf(packed, tensors, weights):
            raise DamagedValue(f"{printable(where, 100)}: {shown(packed)}")


def _is_leaf(packed: Packed, tensors: Mapping[str, Tensor], weights: Collection[str]) -> bool:
    fits = False
    match packed:
        case None | bool() | int() | float() | str():
            fits = True
        case {"tensor": str(name), **rest}:
            fits = name in tensors and _is_placed(tensors[name], rest)
        case {"weight": str(name), **rest} if not rest:
            fits = name in weights
        case {"generator": str(name), **rest} if not rest:
            fits = name in tensors and _is_generators(tensors[name])
        case {"dtype": str(name), **rest} if not rest:
            fits = isinstance(getattr(torch, name, None), torch.dtype)
        case {"size": [*sides], **rest} if not rest:
            fits = all(type(side) is int and side >= 0 for side in sides)
        case {"device": str(), **rest}:
            fits = not rest
    return fits


def _check_all(values: Sequence[Packed], where: str, tensors: Mapping[str, Tensor], weights: Collection[str]) -> None:
    for index, value in enumerate(values):
        check_packed(value, f"{where}/{index}", tensors, weights)


def _check_pair(pair: Packed, where: str, tensors: Mapping[str, Tensor], weights: Collection[str]) -> None:
    if not isinstance(pair, list) or len(pair) != 2:
        raise DamagedValue(f"{printable(where, 100)}: {shown(pair)} in place of a key and its value")
    key, value = pair
    _check_key(key, where)
    check_packed(key, f"{where}/key", tensors, weights)
    check_packed(value, f"{where}/{key if isinstance(key, str) else '…'}", tensors, weights)


def _check_key(packed: Packed, where: str) -> None:
    """Check that a mapping or set can hold the value."""
    kind = next(iter(packed), "") if isinstance(packed, dict) else ""
    if isinstance(packed, list) or kind in ("list", "dict", "set", "deque"):
        raise DamagedValue(f"{printable(where, 100)}: {shown(packed)} as a key")
    if kind in ("tuple", "frozenset"):
        for one in packed[kind] if isinstance(packed[kind], list) else ():
            _check_key(one, where)


def _is_generators(tensor: Tensor) -> bool:
    return tensor.dtype is torch.uint8 and tensor.shape in (_CPU_GENERATOR, _GPU_GENERATOR)


def _is_placed(tensor: Tensor, rest: Mapping[Any, Packed]) -> bool:
    """Return whether what is said beside a tensor's name says how it lies in memory."""
    if rest.keys() - {"cpu", "strides"} or rest.get("cpu", True) is not True:
        return False
    strides = rest.get("strides")
    if strides is None:
        return "strides" not in rest
    return (
        isinstance(strides, list)
        and len(strides) == tensor.dim()
        and all(type(stride) is int and stride >= 0 for stride in strides)
        and _fills(strides, tensor.shape)
    )


def has_tensor(packed: Packed) -> bool:
    """Return whether a packed value holds a tensor that is not a weight."""
    if isinstance(packed, list):
        return any(map(has_tensor, packed))
    if isinstance(packed, dict):
        return bool({"tensor", "generator"} & packed.keys()) or any(map(has_tensor, packed.values()))
    return False


def _plain(value: bool | int | float | str | None) -> Packed:
    """Return a number without its subclass, such as numpy's or an enumeration's."""
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return None


def _step(key: object, index: int) -> str:
    return key if isinstance(key, str) else str(index)


def _in_place(made: Any, now: object) -> Any:
    if isinstance(made, dict) and isinstance(now, dict):
        now.clear()
        now.update(made)
        return now
    if isinstance(made, list) and type(now) is list:
        now[:] = made
        return now
    return made


def _is_dense(tensor: Tensor) -> bool:
    """Return whether a tensor's numbers lie one beside the other, in whatever order; not so a slice, or one that repeats."""
    return _fills(tensor.stride(), tensor.shape)


def _fills(strides: Sequence[int], shape: Sequence[int]) -> bool:
    expected = 1
    for stride, side in sorted(zip(strides, shape, strict=True)):
        if side != 1 and stride != expected:
            return False
        expected *= side
    return expected > 0


def _laid_out(value: Tensor, like: Tensor | None, strides: Sequence[int] | None) -> Tensor:
    device = value.device if like is None else like.device
    if strides is not None:
        return torch.empty_strided(tuple(value.shape), tuple(strides), dtype=value.dtype, device=device).copy_(value)
    if like is None or value.shape != like.shape:
        return value.to(device, copy=True)
    return torch.empty_like(like, dtype=value.dtype).detach().copy_(value)
