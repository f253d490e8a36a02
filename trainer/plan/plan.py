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
from trainer.journal.curves import MeasuredSpeed
from trainer.plan.disk import (
    EIGHT_HOURS,
    BakeLength,
    bytes_per_8_hours,
    metrics_disk_bytes,
    size_text,
    states_disk_bytes,
)
from trainer.plan.lr_schedules import step_rules, warmup_of
from trainer.plan.minutes import TimePlan, planned_steps, script_json, steps_from_minutes, usable
from trainer.plan.param_groups import param_groups
from trainer.plan.saves import SavePoint, save_points
from trainer.settings.model import Settings
from trainer.settings.optimizers import check_arguments
from trainer.settings.parts import (
    Family,
    Part,
    body_of,
    is_encoder,
    label_of,
    parts_of,
    stop_setting,
    switch_of,
)
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
        total_steps: optimizer steps. Until a measurement has given their number (`steps_known`) it is provisional, and with it all
            that follows: epochs, warm-up, saves and stops.
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
        timing: how the steps follow from train_minutes; None where they do not.
        processes: that train together, each on a GPU of its own.
        batch_size: pictures that one of them takes of a full batch; None where the groups of a data set file differ in it.
        held_out_pictures: training pictures that are measured and not trained on; those of validation_data_dir do not count.
        excluded_pictures: files in the folders that exclude_pictures leaves out; they count nowhere else.
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
    timing: TimePlan | None = None
    held_out_pictures: int = 0
    excluded_pictures: int = 0
    processes: int = 1
    batch_size: int | None = None

    @property
    def steps_known(self) -> bool:
        """Whether the number of steps is known, or expected from a measured speed."""
        return self.timing is None or self.timing.speed is not None


def make_plan(
    settings: Settings,
    data: DataSet,
    *,
    family: Family,
    lora_bytes: int | None = None,
    state_bytes: int | None = None,
    speed: MeasuredSpeed | None = None,
    tokens: Tokens | None = None,
) -> Plan:
    """Return what `settings` mean for `data`; quick enough for every key typed. Step counts as sd-scripts (on one process).

    Args:
        settings: with the names and paths in force.
        data: the pictures, scanned once.
        family: the base's architecture.
        lora_bytes: size of one LoRA file.
        state_bytes: size of one training state.
        speed: measured, of such a bake.
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
    timing = _timing(settings, family, speed)
    known = timing is None or timing.speed is not None
    epochs, total_steps = _length(settings, steps_per_epoch, speed)
    stops = _stops(settings, family, steps_per_epoch, total_steps, known=known)
    saves = save_points(settings, steps_per_epoch=steps_per_epoch, epochs=epochs, total_steps=total_steps)
    course = BakeLength(steps_per_epoch, epochs, total_steps, len(saves), None if speed is None else speed.seconds)
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
        loras_disk_bytes=lora_bytes * len(saves) if lora_bytes is not None and known else None,
        **_disk(settings, course, lora_bytes, state_bytes, known=known),
        seconds=speed.seconds * total_steps if speed is not None and known else None,
        placements=placements,
        family=family,
        stops=stops,
        captioned=sum(picture.caption_file is not None for picture in data.pictures),
        reg_pictures=sum(picture.is_reg for picture in data.pictures),
        cut=cut,
        behave_like=settings.behave_like or "",
        timing=timing,
        held_out_pictures=len({picture.path for picture in data.held_out}),
        excluded_pictures=len({picture.path for picture in data.excluded}),
        processes=settings.num_processes,
        batch_size=_batch_of_process(settings, data),
    )


def plan_line(plan: Plan) -> str:
    """Return the plan on one line: pictures, captions, buckets, steps, stops, and time and disk where they are known."""
    each = f" ×{plan.repeats}" if plan.repeats is not None else ""
    more = f" and {plan.reg_pictures:,} for regularisation" if plan.reg_pictures else ""
    parts = [
        *([f"like {plan.behave_like}"] if plan.behave_like else []),
        f"{plural(plan.pictures - plan.reg_pictures, 'picture')}{each}{more} → {plan.repeats_total:,} / epoch",
        *([f"{plan.held_out_pictures:,} held out"] if plan.held_out_pictures else []),
        *([f"{plan.excluded_pictures:,} left out"] if plan.excluded_pictures else []),
        f"{plan.captioned:,} of {plan.pictures:,} captioned",
        plural(len(plan.buckets), "bucket"),
        *_together(plan),
        _steps_text(plan),
        *_stop_texts(plan),
    ]
    if plan.seconds is not None and plan.timing is None:
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
    values = asdict(plan)
    if not plan.steps_known:
        values |= dict.fromkeys(("total_steps", "epochs", "warmup_steps", "saves", "stops"))
    if plan.timing is not None:
        values["timing"] |= {"anon_1337_script": script_json(plan.timing)}
    return values


def _check(settings: Settings, family: Family) -> None:
    """Refuse errors that show in the settings together but in no single one of them."""
    groups = param_groups(settings, family)
    if not groups:
        _refuse_only_switched_off(settings, family)
        raise SettingsError(
            "unet_lr, text_encoder_lr",
            found=_all_zero(family),
            expected="a rate above 0 for one part",
        )
    check_arguments(settings.optimizer_type, settings.optimizer_options)
    if any(settings.schedule_of(group.part) == "piecewise_constant" for group in groups):
        step_rules(settings)


def _refuse_only_switched_off(settings: Settings, family: Family) -> None:
    """Refuse to train text encoders alone where each of the family's waits for a setting of its own."""
    encoders = [part for part in parts_of(family) if is_encoder(part)]
    if settings.network_train_text_encoder_only and not any(map(settings.has_layers, encoders)):
        switches = ", ".join(filter(None, map(switch_of, encoders)))
        raise SettingsError(
            "network_train_text_encoder_only",
            found=f"yes, and no text encoder of {family_record(family).title} trains",
            expected="a part that trains",
            way_out=f"set {switches}, or network_train_text_encoder_only = false" if switches else "set it to false",
        )


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


def _timing(settings: Settings, family: Family, speed: MeasuredSpeed | None) -> TimePlan | None:
    """Return how the steps follow from minutes, None where they do not."""
    if settings.train_minutes is None:
        return None
    stops = {part: settings.stop_of(part) for part in parts_of(family) if settings.rate(part)}
    asked = {part: stop for part, stop in stops.items() if stop}
    return TimePlan(settings.train_minutes, usable(speed), asked)


def _length(settings: Settings, steps_per_epoch: int, speed: MeasuredSpeed | None) -> tuple[int, int]:
    """Return (epochs, steps); the last epoch may be cut short by minutes or max_train_steps."""
    if settings.train_minutes is not None:
        steps = planned_steps(settings, steps_per_epoch, speed)
        return -(-steps // steps_per_epoch), steps
    if settings.max_train_epochs is not None:
        return settings.max_train_epochs, settings.max_train_epochs * steps_per_epoch
    return -(-settings.max_train_steps // steps_per_epoch), settings.max_train_steps


def _stops(
    settings: Settings, family: Family, steps_per_epoch: int, total_steps: int, *, known: bool
) -> dict[Part, int]:
    """Return after which step each part stops that trains, and not to the end; `known`: whether that many steps are certain."""
    trained = [part for part in parts_of(family) if settings.rate(part)]
    found = {part: settings.stop_step(part, total=total_steps, steps_per_epoch=steps_per_epoch) for part in trained}
    stops = {part: step for part, step in found.items() if step is not None}
    # Of an unknown number of steps, what stops in a bake of two stops in each.
    if len(stops) == len(found) and (
        known or all(settings.stop_step(part, total=2, steps_per_epoch=steps_per_epoch) for part in trained)
    ):
        raise SettingsError(
            ", ".join(stop_setting(part) for part in stops),
            found=f"every part stops, the last one after step {max(stops.values()):,} of {total_steps:,}",
            expected="at least one part that trains to the end",
            way_out="leave one of the stops blank, or train fewer steps",
        )
    return stops


def _disk(
    settings: Settings, length: BakeLength, lora_bytes: int | None, state_bytes: int | None, *, known: bool
) -> dict[str, int | None]:
    if lora_bytes is None or state_bytes is None or not known:
        unknown = dict.fromkeys(("states_disk_bytes", "total_disk_bytes", "bytes_per_8_hours"))
        return {"state_bytes": None if lora_bytes is None else state_bytes, **unknown}
    states = states_disk_bytes(settings, length, state_bytes)
    return {
        "state_bytes": state_bytes,
        "states_disk_bytes": states,
        "total_disk_bytes": length.files * lora_bytes + states + metrics_disk_bytes(length),
        "bytes_per_8_hours": bytes_per_8_hours(settings, length, lora_bytes=lora_bytes, state_bytes=state_bytes),
    }


def _batch_of_process(settings: Settings, data: DataSet) -> int | None:
    sizes = {group.batch_size // settings.num_processes for group in data.groups}
    return sizes.pop() if len(sizes) == 1 else None


def _together(plan: Plan) -> list[str]:
    """Return how many processes train together, and how many pictures each takes of a batch; nothing of one alone."""
    if plan.processes == 1:
        return []
    each = f" × {plural(plan.batch_size, 'picture')}" if plan.batch_size is not None else ""
    return [f"{plural(plan.processes, 'process')}{each}"]


def _stop_texts(plan: Plan) -> list[str]:
    """Return when each part stops; of steps that are not known yet as it was typed."""
    if plan.timing is not None and not plan.steps_known:
        return [f"{label_of(part)} stops at {stop}" for part, stop in plan.timing.stops.items()]
    return [f"{label_of(part)} stops after {stop:,}" for part, stop in plan.stops.items()]


def _steps_text(plan: Plan) -> str:
    if plan.timing is not None:
        return f"{plural(plan.steps_per_epoch, 'step')} / epoch, {steps_from_minutes(plan.timing, plan.total_steps)}"
    if plan.total_steps == plan.steps_per_epoch * plan.epochs:
        return f"{plural(plan.steps_per_epoch, 'step')} × {plan.epochs:,} = {plan.total_steps:,}"
    return f"{plural(plan.steps_per_epoch, 'step')} / epoch, {plan.total_steps:,} in all"
