"""Messages between the processes of one bake: facts as JSON and tensors as safetensors, so that nothing is unpickled."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from trainer.bake.batch import Batch, StepBatches

_LENGTH_BYTES = 8


@dataclass(frozen=True)
class RankMessage:
    """One message of the process that leads.

    Attributes:
        kind: what is to be done.
        facts: plain values.
        tensors: on the CPU, by name.
    """

    kind: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    tensors: Mapping[str, Tensor] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return it as bytes."""
        head = json.dumps({"kind": self.kind, "facts": self.facts}).encode()
        return len(head).to_bytes(_LENGTH_BYTES, "little") + head + safetensors.torch.save(_alone(self.tensors))

    @staticmethod
    def from_bytes(content: bytes) -> "RankMessage":
        """Return the message in bytes of `to_bytes`."""
        end = _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "little")
        head = json.loads(content[_LENGTH_BYTES:end])
        return RankMessage(head["kind"], head["facts"], safetensors.torch.load(content[end:]))


def facts_of_step(work: StepBatches) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return a step's batches as plain values and tensors; `step_of` makes them again."""
    tensors: dict[str, Tensor] = {}
    captions: list[list[str]] = []
    for place, batch in enumerate(work.batches):
        captions.append(list(batch.captions))
        for each in fields(Batch):
            value = getattr(batch, each.name)
            if isinstance(value, Tensor):
                tensors[f"{place}/{each.name}"] = value
    facts = {
        "step": work.step,
        "epoch": work.epoch,
        "ends_epoch": work.ends_epoch,
        "pictures": list(work.pictures),
        "captions": captions,
    }
    return facts, tensors


def step_of(message: RankMessage) -> StepBatches:
    """Return the step that a message holds."""
    facts, tensors = message.facts, message.tensors
    batches = []
    for place, captions in enumerate(facts["captions"]):
        values = {each.name: tensors.get(f"{place}/{each.name}") for each in fields(Batch)}
        batches.append(Batch(**{**values, "captions": tuple(captions)}))  # type: ignore[arg-type]  # only masks may be None
    return StepBatches(facts["step"], facts["epoch"], facts["ends_epoch"], tuple(batches), tuple(facts["pictures"]))


def _alone(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors as safetensors takes them: each in memory of its own, dense, on the CPU."""
    apart: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        own = tensor.detach().to("cpu").contiguous()
        if own.numel() and own.untyped_storage().data_ptr() in seen:
            # With ip_noise_gamma off a batch holds one noise under two names.
            own = own.clone()
        seen.add(own.untyped_storage().data_ptr())
        apart[name] = own
    return apart


def as_tensor(content: bytes) -> Tensor:
    """Return bytes as a tensor, uint8 [length]."""
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)
