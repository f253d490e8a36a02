"""The plan of a bake: batches, steps, saves, size and time, from settings and pictures."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from trainer.dataset.batches import batches_per_epoch, bucket_uses
from trainer.dataset.buckets import Placement, placements_of
from trainer.dataset.cut_captions import CutCaption, Tokens, cut_captions
from trainer.dataset.records import DataSet
from trainer.errors import SettingsError
from trainer.families.registry import family_record
from trainer.plan.disk import (
    EIGHT_HOURS,
    BakeLength,
    bytes_per_8_hours,
    metrics_disk_bytes,
    size_text,
    states_disk_bytes,
)
from trainer.plan.lr_schedules import step_rules, warmup_of
from trainer.plan.param_groups import param_groups
from trainer.plan.saves import SavePoint, save_points
from trainer.settings.model import Settings
from trainer.settings.optimizers import check_arguments
from trainer.settings.parts import Family, Part, body_of, label_of, parts_of, stop_setting
from trainer.text import duration, plural


@dataclass(frozen=True)
class BucketCount:
    """One bucket in use: (width, height) in pixels, pictures in an epoch (repeats counted), batches."""

    size: tuple[int, int]
    pictures: int
    batches: int


@dataclass(frozen=True)
class Plan:
    """What a bake will do, step by step and file by file.

    Attributes:
        pictures: files, those of regularisation among them.
        repeats: of each picture, where all have the same, else None; those of regularisation come as often as they must.
        repeats_total: pictures in an epoch, repeats counted.
        buckets: those in use, by size.
        batches_per_epoch: forward passes in an epoch.
        steps_per_epoch: optimizer steps in an epoch.
        epochs: passes over the data; the last may be cut short.
        total_steps: optimizer steps.
        warmup_steps: of them, those on which the U-Net's rate still rises.
        saves: every LoRA that will be written, in order.
        lora_bytes: size of one of them, None where the base is not known.
        loras_disk_bytes: size of all of them.
        state_bytes: size of one training state, None where the base is not known.
        states_disk_bytes: what the states take at their most.
        total_disk_bytes: the most that the bake takes on the disk: LoRAs, states and metrics.
        bytes_per_8_hours: written in eight hours, None where no speed was measured.
        seconds: expected time of all steps, None where no speed was measured.
        placements: of each picture, in the data's order.
        family: the base's architecture.
        stops: the parts that stop training before the end, and after how many steps.
        captioned: pictures that have a caption file.
        reg_pictures: of the pictures, those of regularisation.
        cut: captions that are longer than what is read of them.
        behave_like: the trainer whose ways count; "" for ours.
    """

    pictures: int
    repeats: int | None
    repeats_total: int
    buckets: tuple[BucketCount, ...]
    batches_per_epoch: int
    steps_per_epoch: int
    epochs: int
    total_steps: int
    warmup_steps: int
    saves: tuple[SavePoint, ...]
    lora_bytes: int | None
    loras_disk_bytes: int | None
    state_bytes: int | None
    states_disk_bytes: int | None
    total_disk_bytes: int | None
    bytes_per_8_hours: int | None
    seconds: float | None
    placements: tuple[Placement, ...]
    family: Family
    stops: dict[Part, int] = field(default_factory=dict)
    captioned: int = 0
    reg_pictures: int = 0
    cut: tuple[CutCaption, ...] = ()
    behave_like: str = ""


def make_plan(
    settings: Settings,
    data: DataSet,
    *,
    family: Family,
    lora_bytes: int | None = None,
    state_bytes: int | None = None,
    seconds_per_step: float | None = None,
    tokens: Tokens | None = None,
) -> Plan:
    """Return what `settings` mean for `data`; quick enough for every key typed. Step counts as sd-scripts (on one process).

    Args:
        settings: with the names and paths in force.
        data: the pictures, scanned once.
        family: the base's architecture.
        lora_bytes: size of one LoRA file.
        state_bytes: size of one training state.
        seconds_per_step: measured speed of such a bake.
        tokens: as the base reads captions; None where they are not cut.

    Raises:
        SettingsError: nothing would train, or nothing to the end; the optimizer or the schedule does not take its arguments; the
            saves are too many.
        ModelError: the base's tokenizer cannot be read.
    """
    _check(settings, family)
    placements = placements_of(data)
    buckets = _bucket_counts(data, placements)
    _check_sizes(buckets, family)
    batches = batches_per_epoch(data, placements)
    steps_per_epoch = -(-batches // settings.gradient_accumulation_steps)
    epochs, total_steps = _length(settings, steps_per_epoch)
    stops = _stops(settings, family, steps_per_epoch, total_steps)
    saves = save_points(settings, steps_per_epoch=steps_per_epoch, epochs=epochs, total_steps=total_steps)
    course = BakeLength(steps_per_epoch, epochs, total_steps, len(saves), seconds_per_step)
    repeats = {picture.repeats for picture in data.pictures if not picture.is_reg}
    cut = cut_captions(data, tokens, int(settings.max_token_length)) if tokens else ()
    return Plan(
        pictures=len(data.pictures),
        repeats=repeats.pop() if len(repeats) == 1 else None,
        repeats_total=sum(bucket.pictures for bucket in buckets),
        buckets=buckets,
        batches_per_epoch=batches,
        steps_per_epoch=steps_per_epoch,
        epochs=epochs,
        total_steps=total_steps,
        warmup_steps=warmup_of(settings, body_of(family), total_steps),
        saves=saves,
        lora_bytes=lora_bytes,
        loras_disk_bytes=None if lora_bytes is None else lora_bytes * len(saves),
        **_disk(settings, course, lora_bytes, state_bytes),
        seconds=None if seconds_per_step is None else seconds_per_step * total_steps,
        placements=placements,
        family=family,
        stops=stops,
        captioned=sum(picture.caption_file is not None for picture in data.pictures),
        reg_pictures=sum(picture.is_reg for picture in data.pictures),
        cut=cut,
        behave_like=settings.behave_like or "",
    )


def plan_line(plan: Plan) -> str:
    """Return the plan on one line: pictures, captions, buckets, steps, stops, and time and disk where they are known."""
    each = f" ×{plan.repeats}" if plan.repeats is not None else ""
    more = f" and {plan.reg_pictures:,} for regularisation" if plan.reg_pictures else ""
    parts = [
        *([f"like {plan.behave_like}"] if plan.behave_like else []),
        f"{plural(plan.pictures - plan.reg_pictures, 'picture')}{each}{more} → {plan.repeats_total:,} / epoch",
        f"{plan.captioned:,} of {plan.pictures:,} captioned",
        plural(len(plan.buckets), "bucket"),
        _steps_text(plan),
        *(f"{label_of(part)} stops after {stop:,}" for part, stop in plan.stops.items()),
    ]
    if plan.seconds is not None:
        parts.append(f"≈ {duration(max(1, plan.seconds))}")
    if plan.loras_disk_bytes is not None:
        states = f" + {size_text(plan.states_disk_bytes)} of states" if plan.states_disk_bytes is not None else ""
        parts.append(f"{size_text(plan.loras_disk_bytes)}{states} on disk")
    # For a bake of minutes a figure per 8 hours means nothing.
    if plan.bytes_per_8_hours is not None and (plan.seconds or 0) >= EIGHT_HOURS / 8:
        parts.append(f"{size_text(plan.bytes_per_8_hours)} written per 8 hours")
    return " · ".join(parts)


def plan_json(plan: Plan) -> dict[str, object]:
    """Return the plan as plain JSON values; sizes are [width, height]."""
    return asdict(plan)


def _check(settings: Settings, family: Family) -> None:
    """Refuse errors that show in the settings together but in no single one of them."""
    groups = param_groups(settings, family)
    if not groups:
        raise SettingsError(
            "unet_lr, text_encoder_lr",
            found=_all_zero(family),
            expected="a rate above 0 for one part",
        )
    check_arguments(settings.optimizer_type, settings.optimizer_options)
    if any(settings.schedule_of(group.part) == "piecewise_constant" for group in groups):
        step_rules(settings)


def _check_sizes(buckets: Sequence[BucketCount], family: Family) -> None:
    """Refuse buckets whose latents the family cannot have."""
    record = family_record(family)
    grain = record.trained_grain
    odd = next((bucket.size for bucket in buckets if any(side % grain for side in bucket.size)), None)
    if odd is not None:
        raise SettingsError(
            "resolution, bucket_reso_steps",
            found=f"a bucket of {odd[0]} × {odd[1]}",
            expected=f"sides that are multiples of {grain}, as {record.title} needs",
        )


def _all_zero(family: Family) -> str:
    return "both 0" if len(parts_of(family)) == 2 else "all 0"


def _bucket_counts(data: DataSet, placements: Sequence[Placement]) -> tuple[BucketCount, ...]:
    # Data sets of a file do not share batches, and may have buckets of the same size.
    pictures: Counter[tuple[int, int]] = Counter()
    batches: Counter[tuple[int, int]] = Counter()
    for use in bucket_uses(data, placements):
        pictures[use.size] += use.pictures
        batches[use.size] += use.batches
    return tuple(BucketCount(size, pictures[size], batches[size]) for size in sorted(pictures))


def _length(settings: Settings, steps_per_epoch: int) -> tuple[int, int]:
    """Return (epochs, steps); the last epoch may be cut short by max_train_steps."""
    if settings.max_train_epochs is not None:
        return settings.max_train_epochs, settings.max_train_epochs * steps_per_epoch
    return -(-settings.max_train_steps // steps_per_epoch), settings.max_train_steps


def _stops(settings: Settings, family: Family, steps_per_epoch: int, total_steps: int) -> dict[Part, int]:
    """Return after which step each part stops that trains, and not to the end."""
    found = {
        part: settings.stop_step(part, total=total_steps, steps_per_epoch=steps_per_epoch)
        for part in parts_of(family)
        if settings.rate(part)
    }
    stops = {part: step for part, step in found.items() if step is not None}
    if len(stops) == len(found):
        raise SettingsError(
            ", ".join(stop_setting(part) for part in stops),
            found=f"every part stops, the last one after step {max(stops.values()):,} of {total_steps:,}",
            expected="at least one part that trains to the end",
            way_out="leave one of the stops blank, or train fewer steps",
        )
    return stops


def _disk(
    settings: Settings, length: BakeLength, lora_bytes: int | None, state_bytes: int | None
) -> dict[str, int | None]:
    if lora_bytes is None or state_bytes is None:
        return dict.fromkeys(("state_bytes", "states_disk_bytes", "total_disk_bytes", "bytes_per_8_hours"))
    states = states_disk_bytes(settings, length, state_bytes)
    return {
        "state_bytes": state_bytes,
        "states_disk_bytes": states,
        "total_disk_bytes": length.files * lora_bytes + states + metrics_disk_bytes(length),
        "bytes_per_8_hours": bytes_per_8_hours(settings, length, lora_bytes=lora_bytes, state_bytes=state_bytes),
    }


def _steps_text(plan: Plan) -> str:
    if plan.total_steps == plan.steps_per_epoch * plan.epochs:
        return f"{plural(plan.steps_per_epoch, 'step')} × {plan.epochs:,} = {plan.total_steps:,}"
    return f"{plural(plan.steps_per_epoch, 'step')} / epoch, {plan.total_steps:,} in all"
