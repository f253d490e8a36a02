"""What an optimizer keeps, whichever class it is: of each weight, of its groups, and of itself.

The classes agree on little: step counts stand in a weight's entries, in a group from the first step on, or in an attribute of the
optimizer. So everything is kept that has changed since the optimizer was made.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from trainer.bake.saving.packed_values import (
    DamagedValue,
    NotPackable,
    Packed,
    ValuePacker,
    ValueUnpacker,
    check_packed,
    has_tensor,
)
from trainer.errors import SettingsError
from trainer.network.injection import LoraNetwork
from trainer.optimizers import DEFAULT_OPTIMIZER, Options
from trainer.text import printable
from trainer.typed_values import shown

WEIGHTS, GROUPS, ATTRIBUTES, SHARED = "optimizer/", "groups/", "attributes/", "shared/"
"""What the names of its tensors begin with."""

_START = "as_it_was_made"
# The program's own entries of a group; the rates follow from settings and step.
_OWN_KEYS = {"params", "lr", "base_lr", "part", "lr_multiplier"}
_TORCHS_ATTRIBUTES = frozenset(vars(torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)))
# Set by bake.optimizer and by gradient scalers.
_OWN_ATTRIBUTES = {_START, "step", "skips_next", "found_inf", "grad_scale", "_step_supports_amp_scaling"}


@dataclass(frozen=True)
class OptimizerState:
    """What an optimizer keeps.

    Attributes:
        tensors: by name, where they lie.
        weights: by weight and the optimizer's own name, all that is not a tensor of that weight's own.
        groups: by `part/lr_multiplier` and name: `now`, and `was` where the group had a value as it was made.
        attributes: of the optimizer itself, by name.
        shared: [key, value] of what it keeps for no single weight.
    """

    tensors: dict[str, Tensor] = field(default_factory=dict)
    weights: dict[str, dict[str, Packed]] = field(default_factory=dict)
    groups: dict[str, dict[str, Packed]] = field(default_factory=dict)
    attributes: dict[str, Packed] = field(default_factory=dict)
    shared: list[Packed] = field(default_factory=list)


@dataclass(frozen=True)
class _StartValue:
    """A value of an optimizer as it was made; one that cannot be packed counts as the same while it is the same object."""

    value: object
    packed: Packed
    tensors: Mapping[str, Tensor]
    packable: bool

    @classmethod
    def of(cls, value: object, weights: Mapping[str, nn.Parameter]) -> "_StartValue":
        packer = ValuePacker(weights)
        try:
            packed = packer.pack(value, "")
        except NotPackable:
            return cls(value, None, {}, packable=False)
        copies = {name: tensor.detach().clone() for name, tensor in packer.tensors.items()}
        return cls(value, packed, copies, packable=True)

    def again(self, now: object, weights: Mapping[str, nn.Parameter]) -> object:
        """Return the value as it was."""
        return ValueUnpacker(self.tensors, weights).unpack(self.packed, None, now)


@dataclass(frozen=True)
class _Start:
    groups: dict[str, dict[str, _StartValue]]
    attributes: dict[str, _StartValue]


def named_weights(network: LoraNetwork) -> dict[str, nn.Parameter]:
    """Return the weights of a network by the names that states know them by."""
    return {f"{layer.name}.{which}": getattr(layer, which) for layer in network for which in ("down", "up")}


def remember_start(optimizer: torch.optim.Optimizer, weights: Mapping[str, nn.Parameter]) -> None:
    """Note what an optimizer is as it was made, for pack_optimizer and unpack_optimizer.

    Args:
        optimizer: before its first step.
        weights: the network's, by name.
    """

    def values(items: Iterator[tuple[str, object]]) -> dict[str, _StartValue]:
        return {key: _StartValue.of(value, weights) for key, value in items}

    groups = {_name_of(group): values(_group_items(group)) for group in optimizer.param_groups}
    setattr(optimizer, _START, _Start(groups, values(_attributes(optimizer))))


def pack_optimizer(
    optimizer: torch.optim.Optimizer, groups: Sequence[dict[str, Any]], weights: Mapping[str, nn.Parameter]
) -> OptimizerState:
    """Return what the optimizer keeps; the tensors are not copied.

    Args:
        optimizer: after remember_start.
        groups: every group the bake began with, those at rest included.
        weights: the network's, by name.

    Raises:
        SettingsError: it keeps something that no state can hold.
    """
    packer, start = ValuePacker(weights), _start_of(optimizer)
    try:
        of_weights = {
            name: dict(_pack_of_weight(packer, name, optimizer.state.get(weight, {})))
            for name, weight in weights.items()
        }
        known = set(weights.values())
        others = [(key, value) for key, value in optimizer.state.items() if key not in known]
        shared = [
            [packer.pack(key, f"{SHARED}{index}.key"), packer.pack(value, f"{SHARED}{index}")]
            for index, (key, value) in enumerate(others)
        ]
        of_groups = {_name_of(group): dict(_pack_group(packer, group, start)) for group in groups}
        attributes = dict(_pack_attributes(packer, optimizer, start))
    except NotPackable as error:
        raise SettingsError(
            "optimizer_type",
            found=f"{printable(type(optimizer).__name__, 60)} keeps {printable(_own_name(error.where), 80)}, of type "
            f"{printable(error.kind, 80)}, which no state can hold, so that a bake could not be resumed",
            expected="an optimizer that keeps tensors, numbers and texts, and lists and mappings of them",
            way_out=f"set optimizer_type = {DEFAULT_OPTIMIZER}",
        ) from error
    filled = {name: values for name, values in of_weights.items() if values}
    return OptimizerState(packer.tensors, filled, of_groups, attributes, shared)


def unpack_optimizer(
    kept: OptimizerState,
    optimizer: torch.optim.Optimizer,
    groups: Sequence[dict[str, Any]],
    weights: Mapping[str, nn.Parameter],
    trained: Collection[nn.Parameter],
) -> None:
    """Put back what an optimizer kept, whatever it has done since it was made.

    A value of a group that was made another way than the state's, because the settings of a fork are other ones, stays.

    Args:
        kept: from pack_optimizer, with tensors on any device.
        optimizer: after remember_start.
        groups: every group the bake began with.
        weights: the network's, by name.
        trained: the weights that get what was kept of them.
    """
    unpacker, start = ValueUnpacker(kept.tensors, weights), _start_of(optimizer)
    _unpack_weights(kept, unpacker, optimizer, weights, trained)
    some = next(iter(weights.values()))
    for group in groups:
        was_made = start.groups.get(_name_of(group), {})
        _back_to_start(group, [key for key, _ in _group_items(group)], was_made, weights)
        for key, packed in _groups_entry(kept, group).items():
            was = was_made.get(key)
            if "was" not in packed or (was is not None and was.packed == packed["was"]):
                group[key] = unpacker.unpack(packed["now"], some, group.get(key))
    own = vars(optimizer)
    _back_to_start(own, [key for key, _ in _attributes(optimizer)], start.attributes, weights)
    for key, packed in kept.attributes.items():
        own[key] = unpacker.unpack(packed, some, own.get(key))


def check_optimizer_state(kept: OptimizerState, weights: Collection[str]) -> None:
    """Check that what was read from a file is what pack_optimizer returned.

    Args:
        kept: with all tensors of the file.
        weights: the network's, by name.

    Raises:
        DamagedValue: a value is of another form.
    """

    def check(packed: Packed, where: str) -> None:
        check_packed(packed, where, kept.tensors, weights)

    for name, values in kept.weights.items():
        for key, packed in values.items():
            check(packed, f"{WEIGHTS}{name}/{key}")
    for name, values in kept.groups.items():
        for key, change in values.items():
            where = f"{GROUPS}{name}/{key}"
            if not isinstance(change, dict) or "now" not in change or change.keys() - {"was", "now"}:
                raise DamagedValue(f"{where}: {shown(change)} in place of what it was and is")
            check(change["now"], where)
    for key, packed in kept.attributes.items():
        if key in _TORCHS_ATTRIBUTES | _OWN_ATTRIBUTES or hasattr(torch.optim.Optimizer, key):
            raise DamagedValue(f"{ATTRIBUTES}{key}: an attribute that no optimizer has of its own")
        check(packed, f"{ATTRIBUTES}{key}")
    for index, pair in enumerate(kept.shared):
        check({"dict": [pair]}, f"{SHARED}{index}")


def groups_of_format_1(
    plain: Mapping[str, Mapping[str, Any]],
    tensors: Mapping[str, Tensor],
    optimizer: torch.optim.Optimizer,
    options: Options,
) -> dict[str, dict[str, Packed]]:
    """Return the groups of a state of format 1, which held plain values and not what they were at the start.

    Of those that a group has from the start the numbers are taken that no option names: an option changed for a fork is the fork's.
    """
    found: dict[str, dict[str, Packed]] = {}
    for name, start in _start_of(optimizer).groups.items():
        values: dict[str, Packed] = dict(plain.get(name, {}))
        values |= {
            path.removeprefix(f"{GROUPS}{name}/"): {"tensor": path}
            for path in tensors
            if path.startswith(f"{GROUPS}{name}/")
        }
        for key, value in values.items():
            was = start.get(key)
            if was is None:
                found.setdefault(name, {})[key] = {"now": value}
            elif isinstance(value, dict) or (key not in options and _runs_with_steps(was.value, value)):
                found.setdefault(name, {})[key] = {"was": was.packed, "now": value}
    return found


def _runs_with_steps(was: object, now: object) -> bool:
    return isinstance(was, int | float) and isinstance(now, int | float) and not isinstance(was, bool)


def _pack_of_weight(packer: ValuePacker, name: str, values: object) -> Iterator[tuple[str, Packed]]:
    """Yield what is kept of one weight, but for its own tensors, whose names say where they belong."""
    if not isinstance(values, Mapping):
        raise NotPackable(f"{WEIGHTS}{name}/state", values)
    for key, value in values.items():
        where = f"{WEIGHTS}{name}/{key}"
        if not isinstance(key, str):
            raise NotPackable(where, key)
        packed = packer.pack(value, where)
        if "/" in key or packed != {"tensor": where}:
            yield key, packed


def _pack_group(packer: ValuePacker, group: dict[str, Any], start: _Start) -> Iterator[tuple[str, Packed]]:
    """Yield what has changed of a group."""
    name = _name_of(group)
    for key, value in _group_items(group):
        was = start.groups.get(name, {}).get(key)
        if was is not None and not was.packable and was.value is value:
            continue
        packed = packer.pack(value, f"{GROUPS}{name}/{key}")
        if was is None:
            yield key, {"now": packed}
        elif packed != was.packed or has_tensor(packed):
            yield key, {"was": was.packed, "now": packed}


def _pack_attributes(
    packer: ValuePacker, optimizer: torch.optim.Optimizer, start: _Start
) -> Iterator[tuple[str, Packed]]:
    for key, value in _attributes(optimizer):
        was = start.attributes.get(key)
        if was is not None and not was.packable and was.value is value:
            continue
        packed = packer.pack(value, f"{ATTRIBUTES}{key}")
        if was is None or packed != was.packed or has_tensor(packed):
            yield key, packed


def _unpack_weights(
    kept: OptimizerState,
    unpacker: ValueUnpacker,
    optimizer: torch.optim.Optimizer,
    weights: Mapping[str, nn.Parameter],
    trained: Collection[nn.Parameter],
) -> None:
    own = _own_tensors(kept.tensors)
    wanted = set(trained)
    optimizer.state.clear()
    for name, weight in weights.items():
        if weight not in wanted:
            continue
        others = kept.weights.get(name, {})
        values = {key: unpacker.tensor(of, weight) for key, of in own.get(name, {}).items() if key not in others}
        values |= {key: unpacker.unpack(packed, weight) for key, packed in others.items()}
        if values:
            optimizer.state[weight] = values
    some = next(iter(weights.values()))
    for key, packed in kept.shared:
        optimizer.state[unpacker.unpack(key, some)] = unpacker.unpack(packed, some)


def _own_tensors(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, str]]:
    """Return the names of each weight's own tensors, by weight and by the optimizer's name."""
    found: dict[str, dict[str, str]] = {}
    for name in tensors:
        path = name.removeprefix(WEIGHTS).split("/")
        if name.startswith(WEIGHTS) and len(path) == 2:
            found.setdefault(path[0], {})[path[1]] = name
    return found


def _groups_entry(kept: OptimizerState, group: dict[str, Any]) -> dict[str, Packed]:
    """Return what was kept of a group; of one that was not there before, as after LoRA+ parted it, what its part had."""
    exact = kept.groups.get(_name_of(group))
    if exact is not None:
        return exact
    return next((packed for name, packed in kept.groups.items() if name.startswith(f"{group['part']}/")), {})


def _back_to_start(
    values: dict[str, Any], keys: Sequence[str], start: Mapping[str, _StartValue], weights: Mapping[str, nn.Parameter]
) -> None:
    for key in keys:
        was = start.get(key)
        if was is None:
            del values[key]
        elif was.packable:
            values[key] = was.again(values[key], weights)


def _own_name(where: str) -> str:
    """Return the name that the optimizer has for what stands at a path."""
    parts = 2 if where.startswith(WEIGHTS) else 3 if where.startswith(GROUPS) else 1
    return where.split("/", parts)[-1]


def _start_of(optimizer: torch.optim.Optimizer) -> _Start:
    start: _Start = getattr(optimizer, _START)
    return start


def _name_of(group: Mapping[str, Any]) -> str:
    return f"{group['part']}/{group['lr_multiplier']}"


def _group_items(group: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    return ((key, value) for key, value in list(group.items()) if key not in _OWN_KEYS)


def _attributes(optimizer: torch.optim.Optimizer) -> Iterator[tuple[str, object]]:
    """Yield the optimizer's attributes that are its class's alone."""
    own = _TORCHS_ATTRIBUTES | _OWN_ATTRIBUTES
    return ((key, value) for key, value in list(vars(optimizer).items()) if key not in own)
