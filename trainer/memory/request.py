"""Request for a memory prediction: the settings, the base and the largest batch, comparable and hashable. Free of torch."""

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from trainer.dataset.batches import GroupBucket, bucket_uses, instances
from trainer.dataset.captions import fixed_caption
from trainer.families.registry import add_family, family_record
from trainer.grid.defaults import defaults_for
from trainer.grid.sample_prompts import makes_pictures
from trainer.jobs.preflight import PlannedBake
from trainer.machine.devices import card_device
from trainer.memory.peak import Policy
from trainer.plan.optimizer_bytes import MeasuredState
from trainer.settings.amounts import parse_size
from trainer.settings.describe import memory_settings
from trainer.settings.model import Settings
from trainer.settings.parts import Family, Part, is_encoder, parts_of
from trainer.settings.toml_file import parse_settings, settings_toml


@dataclass(frozen=True)
class BucketUse:
    """A bucket that trains: its size in pixels, the pictures it shows in an epoch, and the batch size of a data set of its own."""

    width: int
    height: int
    pictures: int
    own_batch: int | None = None


@dataclass(frozen=True, eq=False)
class MemoryRequest:
    """One request for a memory prediction. Two are equal where the answer must be.

    Attributes:
        settings: as they would run.
        family: the base's architecture.
        base: its name or path, and `fingerprint`: size and time of change of its file.
        buckets: those that train.
        captions_vary: whether a picture's caption may vary, so that no encoder output can be cached.
        sample: width and height of pictures that the bake makes, None where none are made.
        policy: the kernels and allocator that count.
        optimizer_state: what an optimizer named by its path keeps, where its trial has seen it.
        precision: of the arithmetic under that policy.
    """

    settings: Settings
    family: Family
    base: str
    fingerprint: str
    buckets: tuple[BucketUse, ...]
    captions_vary: bool
    sample: tuple[int, int] | None
    policy: Policy
    optimizer_state: MeasuredState | None = None

    @property
    def precision(self) -> str:
        """The precision that mixed_precision means under the policy: `auto` is bf16 on a card."""
        wanted = self.settings.mixed_precision
        if wanted == "auto":
            return "bf16" if self.policy == "card" else "no"
        return wanted

    @property
    def largest(self) -> tuple[int, int, int]:
        """Width, height and pictures at once of the batch that takes the most."""
        size, micro = self.settings.train_batch_size, self.settings.micro_batch_size

        def at_once(use: BucketUse) -> int:
            batch = min(use.pictures, use.own_batch or size)
            return min(batch, micro) if micro else batch

        largest = max(self.buckets, key=lambda use: (use.width * use.height * at_once(use), at_once(use)))
        return largest.width, largest.height, at_once(largest)

    @property
    def batch(self) -> int:
        """Pictures of the full batch in that bucket; micro_batch_size divides it."""
        size, bucket = self.settings.train_batch_size, self.largest[:2]
        return max(
            min(use.pictures, use.own_batch or size) for use in self.buckets if (use.width, use.height) == bucket
        )

    @property
    def trained_parts(self) -> tuple[Part, ...]:
        """The parts that train in the first step."""
        return tuple(part for part in parts_of(self.family) if self.settings.rate(part) > 0)

    @property
    def cached_encoders(self) -> tuple[Part, ...]:
        """The encoders whose outputs are cached from the start, so that they need not be loaded."""
        if self.captions_vary:
            return ()
        return tuple(part for part in parts_of(self.family) if is_encoder(part) and part not in self.trained_parts)

    @cached_property
    def key(self) -> str:
        """The same text for the same answer."""
        settings = self.settings
        facts = {
            "settings": {name: getattr(settings, name) for name in memory_settings()},
            "layers": [part for part in parts_of(self.family) if settings.has_layers(part)],
            "accumulates": settings.gradient_accumulation_steps > 1,
            "base": [self.base, self.fingerprint, self.family],
            "batch": [*self.largest, self.batch],
            "training": self.trained_parts,
            "kept": self.cached_encoders,
            "sample": self.sample,
            "policy": self.policy,
        }
        if self.optimizer_state is not None:
            facts["optimizer_state"] = self.optimizer_state.to_json()
        return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        """Return whether the answer must be the same."""
        return isinstance(other, MemoryRequest) and self.key == other.key

    def __hash__(self) -> int:
        """Hash the key."""
        return hash(self.key)

    def with_settings(self, settings: Settings) -> Self:
        """Return the same request for other settings on the same base and pictures."""
        return replace(self, settings=settings)

    def to_json(self) -> dict[str, Any]:
        """Return the request as plain JSON values."""
        return {
            "settings": settings_toml(self.settings),
            "family": self.family,
            "family_module": family_record(self.family).module,
            "base": self.base,
            "fingerprint": self.fingerprint,
            "buckets": [[use.width, use.height, use.pictures, use.own_batch] for use in self.buckets],
            "captions_vary": self.captions_vary,
            "sample": self.sample,
            "policy": self.policy,
            "optimizer_state": None if self.optimizer_state is None else self.optimizer_state.to_json(),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return the request that to_json wrote; a family that this process does not know yet is known from then on."""
        add_family(values["family_module"])
        return cls(
            parse_settings(values["settings"], "the memory request"),
            values["family"],
            values["base"],
            values["fingerprint"],
            tuple(BucketUse(*use) for use in values["buckets"]),
            values["captions_vary"],
            None if values["sample"] is None else (values["sample"][0], values["sample"][1]),
            values["policy"],
            None if values["optimizer_state"] is None else MeasuredState.from_json(values["optimizer_state"]),
        )


def request_of(planned: PlannedBake, policy: Policy | None = None) -> MemoryRequest:
    """Return the request for a planned bake.

    Args:
        planned: from jobs.preflight.
        policy: the kernels and allocator that count; None for those of this computer.
    """
    settings, data = planned.settings, planned.data
    shown = set(instances(data))
    uses = bucket_uses(data, planned.plan.placements)
    return MemoryRequest(
        settings=settings,
        family=planned.base.family,
        base=str(settings.pretrained_model_name_or_path),
        fingerprint=_fingerprint(planned.base.path, *planned.base.component_files.values()),
        buckets=tuple(
            _bucket_of_one_process(use, settings) for use in sorted(uses, key=lambda use: (*use.size, use.group))
        ),
        captions_vary=any(fixed_caption(data.pictures[index]) is None for index in shown),
        sample=_sample_size(planned) if makes_pictures(settings) else None,
        policy=policy or ("card" if card_device() else "cpu"),
        optimizer_state=planned.optimizer_state,
    )


def _bucket_of_one_process(use: GroupBucket, settings: Settings) -> BucketUse:
    """Return what a bucket's batches put on one GPU: of several processes each takes its share of a batch."""
    pictures, batch = (-(-number // settings.num_processes) for number in (use.pictures, use.batch_size))
    return BucketUse(*use.size, pictures, batch if batch != settings.train_batch_size else None)


def _sample_size(planned: PlannedBake) -> tuple[int, int]:
    if planned.settings.sample_resolution:
        return family_record(planned.base.family).sampling.fit(*parse_size(planned.settings.sample_resolution))
    look = defaults_for(planned.base)
    return look.width, look.height


def _fingerprint(*paths: Path) -> str:
    """Return a text that changes when a file does: of a folder, from all its files' sizes and times."""
    files = [each for path in paths for each in _files_at(path)]
    text = " ".join(f"{each.name} {(stat := each.stat()).st_size} {stat.st_mtime_ns}" for each in files)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _files_at(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
