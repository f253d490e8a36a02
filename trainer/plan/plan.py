"""What will these settings mean for these pictures? Batches, steps, saves, size and time, before anything runs."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from trainer.dataset.buckets import Placement, place, rules_of
from trainer.dataset.scan import DataSet, words_of
from trainer.errors import SettingsError
from trainer.plan.disk import NIGHT, Course, night_bytes, numbers_room, size_text, states_room
from trainer.plan.no_effect import settings_without_effect
from trainer.plan.saves import SavePoint, save_points
from trainer.settings.model import Settings
from trainer.span import span


@dataclass(frozen=True)
class BucketCount:
    """One bucket in use: (width, height) in pixels, pictures in an epoch (repeats counted), batches."""

    size: tuple[int, int]
    pictures: int
    batches: int


@dataclass(frozen=True)
class Plan:
    """What a bake will do.

    Attributes:
        pictures: files.
        repeats: of each picture, where all have the same, else None.
        repeats_total: pictures in an epoch, repeats counted.
        buckets: those in use, by size.
        batches_per_epoch: forward passes in an epoch.
        steps_per_epoch: optimizer steps in an epoch.
        epochs: passes over the data; the last may be cut short.
        total_steps: optimizer steps.
        warmup_steps: of them, those on which the rates still rise.
        saves: every LoRA that will be written, in order.
        lora_bytes: size of one of them, None where the base is not known.
        disk_bytes: size of all of them.
        state_bytes: size of one training state, None where the base is not known.
        states_disk_bytes: what the states take at their most.
        room_bytes: what the bake takes at its most: LoRAs, states and numbers.
        night_bytes: what eight hours of it write, None where no speed was measured.
        seconds: expected time of all steps, None where no speed was measured.
        warnings: what will not do what it seems to, one line each.
        placements: of each picture, in the data's order.
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
    disk_bytes: int | None
    state_bytes: int | None
    states_disk_bytes: int | None
    room_bytes: int | None
    night_bytes: int | None
    seconds: float | None
    warnings: tuple[str, ...]
    placements: tuple[Placement, ...]


def make_plan(
    settings: Settings,
    data: DataSet,
    *,
    lora_bytes: int | None = None,
    state_bytes: int | None = None,
    seconds_per_step: float | None = None,
) -> Plan:
    """Return what `settings` mean for `data`; quick enough for every key typed. Step counts as sd-scripts (on one process).

    Args:
        settings: with the names and paths in force.
        data: the pictures, scanned once.
        lora_bytes: size of one LoRA file.
        state_bytes: size of one training state.
        seconds_per_step: measured speed of such a bake.

    Raises:
        SettingsError: nothing would train, or the saves are too many.
    """
    if not settings.unet_rate and not settings.text_encoder_rate:
        raise SettingsError("unet_lr, text_encoder_lr", found="both 0", expected="a rate above 0 for one part")
    rules = rules_of(settings)
    placements = tuple(place(picture.width, picture.height, rules) for picture in data.pictures)
    buckets = _bucket_counts(data, placements, settings.train_batch_size)
    batches = sum(bucket.batches for bucket in buckets)
    steps_per_epoch = -(-batches // settings.gradient_accumulation_steps)
    epochs, total_steps = _length(settings, steps_per_epoch)
    warmup_steps = 0 if settings.lr_scheduler == "constant" else settings.warmup_steps(total_steps)
    saves = save_points(settings, steps_per_epoch=steps_per_epoch, epochs=epochs, total_steps=total_steps)
    course = Course(steps_per_epoch, epochs, total_steps, len(saves), seconds_per_step)
    repeats = {picture.repeats for picture in data.pictures}
    return Plan(
        pictures=len(data.pictures),
        repeats=repeats.pop() if len(repeats) == 1 else None,
        repeats_total=sum(bucket.pictures for bucket in buckets),
        buckets=buckets,
        batches_per_epoch=batches,
        steps_per_epoch=steps_per_epoch,
        epochs=epochs,
        total_steps=total_steps,
        warmup_steps=warmup_steps,
        saves=saves,
        lora_bytes=lora_bytes,
        disk_bytes=None if lora_bytes is None else lora_bytes * len(saves),
        **_disk(settings, course, lora_bytes, state_bytes),
        seconds=None if seconds_per_step is None else seconds_per_step * total_steps,
        warnings=(
            *settings_without_effect(settings, data),
            *_about_rates(settings, warmup_steps, total_steps),
            *_about_pictures(settings, data, placements),
        ),
        placements=placements,
    )


def plan_line(plan: Plan) -> str:
    """Return the plan on one line: pictures, buckets, steps, and time and disk where they are known."""
    each = f" ×{plan.repeats}" if plan.repeats is not None else ""
    parts = [
        f"{_counted(plan.pictures, 'picture')}{each} → {plan.repeats_total:,} / epoch",
        _counted(len(plan.buckets), "bucket"),
        _steps_text(plan),
    ]
    if plan.seconds is not None:
        parts.append(f"≈ {span(max(1, plan.seconds))}")
    if plan.disk_bytes is not None:
        states = f" + {size_text(plan.states_disk_bytes)} of states" if plan.states_disk_bytes is not None else ""
        parts.append(f"{size_text(plan.disk_bytes)}{states} on disk")
    # Of a bake of minutes the night says nothing.
    if plan.night_bytes is not None and (plan.seconds or 0) >= NIGHT / 8:
        parts.append(f"{size_text(plan.night_bytes)} written a night")
    return " · ".join(parts)


def plan_json(plan: Plan) -> dict[str, object]:
    """Return the plan as plain JSON values; sizes are [width, height]."""
    return asdict(plan)


def _bucket_counts(data: DataSet, placements: tuple[Placement, ...], batch_size: int) -> tuple[BucketCount, ...]:
    pictures: Counter[tuple[int, int]] = Counter()
    for picture, placement in zip(data.pictures, placements, strict=True):
        pictures[placement.bucket] += picture.repeats
    return tuple(BucketCount(size, count, -(-count // batch_size)) for size, count in sorted(pictures.items()))


def _length(settings: Settings, steps_per_epoch: int) -> tuple[int, int]:
    """Return (epochs, steps); the last epoch may be cut short by max_train_steps."""
    if settings.max_train_epochs is not None:
        return settings.max_train_epochs, settings.max_train_epochs * steps_per_epoch
    return -(-settings.max_train_steps // steps_per_epoch), settings.max_train_steps


def _disk(settings: Settings, course: Course, lora_bytes: int | None, state_bytes: int | None) -> dict[str, int | None]:
    if lora_bytes is None or state_bytes is None:
        return dict.fromkeys(("state_bytes", "states_disk_bytes", "room_bytes", "night_bytes"))
    states = states_room(settings, course, state_bytes)
    return {
        "state_bytes": state_bytes,
        "states_disk_bytes": states,
        "room_bytes": course.files * lora_bytes + states + numbers_room(course),
        "night_bytes": night_bytes(settings, course, lora_bytes=lora_bytes, state_bytes=state_bytes),
    }


def _about_rates(settings: Settings, warmup_steps: int, total_steps: int) -> Iterator[str]:
    if settings.trains_unet and not settings.unet_rate:
        yield "the U-Net's rate is 0: only the text encoder trains"
    if settings.trains_text_encoder and not settings.text_encoder_rate:
        yield "the text encoder's rate is 0: only the U-Net trains"
    if warmup_steps >= total_steps:
        yield f"the warm-up of {warmup_steps:,} steps is as long as the bake: the rates never reach their peak"


def _about_pictures(settings: Settings, data: DataSet, placements: tuple[Placement, ...]) -> Iterator[str]:
    shared = _shared_with_validation(settings, data)
    if shared:
        yield f"{_counted(shared, 'picture')} of validation also trained on: the validation loss will flatter"
    if settings.bucket_no_upscale and settings.enable_bucket:
        sizes = ((picture.width, picture.height) for picture in data.pictures)
        enlarged = sum(placed.resized[0] > size[0] for placed, size in zip(placements, sizes, strict=True))
        if enlarged:
            yield f"{_counted(enlarged, 'picture')} narrower than bucket_reso_steps enlarged all the same"


def _shared_with_validation(settings: Settings, data: DataSet) -> int:
    """Return how many training pictures lie where validation pictures are taken from; folders are compared, not files."""
    if not settings.validation_data_dir:
        return 0
    validation = os.path.realpath(settings.validation_data_dir)
    shared = 0
    for folder, count in Counter(picture.path.parent for picture in data.pictures).items():
        parent, name = os.path.split(os.path.realpath(folder))
        read_from_above = parent == validation and words_of(name) is not None
        if read_from_above or os.path.join(parent, name) == validation:
            shared += count
    return shared


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def _steps_text(plan: Plan) -> str:
    if plan.total_steps == plan.steps_per_epoch * plan.epochs:
        return f"{plan.steps_per_epoch:,} steps × {plan.epochs:,} = {plan.total_steps:,}"
    return f"{plan.steps_per_epoch:,} steps / epoch, {plan.total_steps:,} in all"
