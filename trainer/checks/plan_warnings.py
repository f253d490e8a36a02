"""Checks of rates, schedules and optimizer, and of what settings make of the pictures."""

import math
import os
from collections import Counter
from collections.abc import Iterator

from trainer.checks.record import CheckedBake
from trainer.dataset.records import BucketRules, times_enlarged
from trainer.dataset.sources import folder_words
from trainer.families.registry import family_record
from trainer.finding import Finding
from trainer.machine.cpu import has_bf16_units
from trainer.machine.devices import card_device
from trainer.optimizers import averages_weights, class_record, estimates_rate
from trainer.plan.hold_out_offers import may_hold_out, usual_offer
from trainer.plan.lr_schedules import warmup_of
from trainer.plan.param_groups import param_groups
from trainer.settings.amounts import parse_size, steps_of
from trainer.settings.describe import number_text
from trainer.settings.parts import Part, label_of, parts_of, rate_setting, settings_of_part, stop_setting
from trainer.text import plural

MOST_ENLARGED = 1.5
"""How far a picture may be enlarged to its bucket without a word: beyond it more than half of what the bucket shows is made up."""


def emulated_bf16(bake: CheckedBake) -> Iterator[Finding]:
    """Yield bf16 on a processor that cannot multiply it."""
    if bake.settings.mixed_precision == "bf16" and not card_device() and has_bf16_units() is False:
        yield Finding(
            "bf16-emulated",
            "mixed_precision",
            "bf16 on a processor without units for it: a step of SD1.5 takes minutes here; no computes in fp32, which is many times "
            "as fast and takes twice the memory",
        )


def rates_of_0(bake: CheckedBake) -> Iterator[Finding]:
    """Yield the parts that have layers and do not train."""
    trained = _trained(bake)
    instead = f"only the {label_of(trained[0])} trains" if len(trained) == 1 else "it does not train"
    for part in parts_of(bake.planned.family):
        if bake.settings.has_layers(part) and part not in trained:
            yield Finding("rate-0", rate_setting(part), f"the {label_of(part)}'s rate is 0: {instead}")


def warmups(bake: CheckedBake) -> Iterator[Finding]:
    """Yield warm-ups that are not over when the bake, or the part, stops."""
    total = bake.planned.total_steps
    if not bake.planned.steps_known:
        return
    found = {part: warmup_of(bake.settings, part, total) for part in _trained(bake)}
    for steps in sorted({steps for steps in found.values() if steps >= total}):
        part = next(part for part, its in found.items() if its == steps)
        text = f"the warm-up ({plural(steps, 'step')}) is as long as the bake: the rates never reach their peak"
        yield Finding("warmup-too-long", settings_of_part(part).warmup[0], text)
    for part, stop in bake.planned.stops.items():
        if stop <= found[part] < total:
            yield Finding(
                "warmup-too-long",
                stop_setting(part),
                f"the {label_of(part)} stops after step {stop:,}, within its warm-up of {found[part]:,}: "
                "its rate never reaches its peak",
            )


def decay(bake: CheckedBake) -> Iterator[Finding]:
    """Yield a decay that is missing, or begins before the warm-up ends."""
    settings, total = bake.settings, bake.planned.total_steps
    if not bake.planned.steps_known:
        return
    falling = [part for part in _trained(bake) if settings.schedule_of(part) == "warmup_stable_decay"]
    steps = steps_of(settings.lr_decay_steps, total)
    if falling and not steps:
        yield Finding("decay-steps", "lr_decay_steps", "warmup_stable_decay never falls: lr_decay_steps is 0")
    elif any(warmup_of(settings, part, total) + steps > total for part in falling):
        text = "warm-up and lr_decay_steps together are longer than the bake: the rates jump from one to the other"
        yield Finding("decay-steps", "lr_decay_steps", text)


def estimated_rates(bake: CheckedBake) -> Iterator[Finding]:
    """Yield rates that an optimizer takes for factors on its own."""
    name = bake.settings.optimizer_type
    if not estimates_rate(name):
        return
    rates = sorted({group.rate for group in param_groups(bake.settings, bake.planned.family)})
    listed = ", ".join(number_text(float(f"{rate:.3g}")) for rate in rates)

    def found(text: str) -> Finding:
        return Finding("estimated-rate", "optimizer_type", text)

    if max(rates) <= 0.1:
        yield found(f"{name} finds its own step size and takes a rate as a factor on it: use 1 instead of {listed}")
    spec = class_record(name)
    if len(rates) > 1 and spec is not None and spec.needs_equal_rates:
        yield found(
            f"{name} finds the step size of each group separately: the unequal rates ({listed}) are factors on these and do not balance the groups"
        )
    elif len(rates) > 1:
        yield found(f"{name} may know one step size for all groups and refuse or ignore unequal rates ({listed})")


def averaging(bake: CheckedBake) -> Iterator[Finding]:
    """Yield a falling schedule under an optimizer that averages instead."""
    settings = bake.settings
    if not averages_weights(settings.optimizer_type):
        return
    used = {settings.schedule_of(part) for part in _trained(bake)}
    if falling := sorted(used - {"constant", "constant_with_warmup"}):
        yield Finding(
            "averaging-schedule",
            "lr_scheduler",
            f"{settings.optimizer_type} averages the weights instead of lowering the rate: use lr_scheduler = constant instead of "
            f"{', '.join(falling)}",
        )


def snr_weights(bake: CheckedBake) -> Iterator[Finding]:
    """Yield weights by the SNR that cancel or double each other."""
    settings = bake.settings
    if settings.zero_terminal_snr == "yes" and settings.v_parameterization == "no":
        text = "zero_terminal_snr with noise prediction: the last timestep is pure noise, so nothing is learned from it"
        yield Finding("snr-weights", "zero_terminal_snr", text)
    if settings.min_snr_gamma is not None and settings.debiased_estimation_loss:
        text = "min_snr_gamma and debiased_estimation_loss both weight by the SNR, one on top of the other"
        yield Finding("snr-weights", "debiased_estimation_loss", text)


def eight_bits(bake: CheckedBake) -> Iterator[Finding]:
    """Yield a base in 8 bits."""
    settings = bake.settings
    if settings.int8_base or settings.fp8_base:
        yield Finding(
            "eight-bit-base",
            "int8_base" if settings.int8_base else "fp8_base",
            "the LoRA learns on an 8-bit base, slightly different from the one it will be used on",
            "" if settings.int8_base else "int8_base is three to four times closer at the same size",
        )


def small_resolution(bake: CheckedBake) -> Iterator[Finding]:
    """Yield a resolution far below what the family was trained at."""
    record = family_record(bake.planned.family)
    if any(math.prod(group.rules.size) < record.least_area for group in bake.data.groups):
        yield Finding(
            "resolution-small",
            "resolution",
            f"{record.title} was trained at {record.sampling.side}²: what it learns at a quarter of that area or less will hardly show at full size",
        )


def large_resolution(bake: CheckedBake) -> Iterator[Finding]:
    """Yield training and sample pictures with sides longer than the family is made for."""
    record = family_record(bake.planned.family)
    largest = max(bake.planned.buckets, key=lambda bucket: max(bucket.size), default=None)
    if largest is not None and (beyond := record.sampling.beyond(*largest.size)):
        yield Finding("resolution-large", "resolution", f"{record.title} is trained at {beyond}")
    asked = bake.settings.sample_resolution
    if asked and (beyond := record.sampling.beyond(*record.sampling.fit(*parse_size(asked)))):
        yield Finding("resolution-large", "sample_resolution", f"{record.title} draws sample pictures at {beyond}")


def shared_with_validation(bake: CheckedBake) -> Iterator[Finding]:
    """Yield training pictures that lie where validation pictures are taken from; folders are compared, not files."""
    folder_setting = bake.settings.validation_data_dir
    if not folder_setting:
        return
    validation = os.path.realpath(folder_setting)
    shared = 0
    for folder, count in Counter(picture.path.parent for picture in bake.data.pictures).items():
        parent, name = os.path.split(os.path.realpath(folder))
        read_from_above = parent == validation and folder_words(name) is not None
        if read_from_above or os.path.join(parent, name) == validation:
            shared += count
    if shared:
        yield Finding(
            "validation-shared",
            "validation_data_dir",
            f"{plural(shared, 'picture')} of validation also trained on: the validation loss will look too good",
        )


def nothing_held_out(bake: CheckedBake) -> Iterator[Finding]:
    """Yield that no pictures are held out, where some could be."""
    if may_hold_out(bake.settings, bake.data):
        pictures = plural(usual_offer(bake.data), "picture")
        yield Finding(
            "nothing-held-out",
            "validation_split",
            f"no pictures are held out, so nothing shows whether more than the pictures themselves is learned; 10 % would be {pictures}",
        )


def memorization_of_other_folders(bake: CheckedBake) -> Iterator[Finding]:
    """Yield that memorization is to be told from pictures of another folder than the trained ones."""
    if bake.settings.measure_memorization and bake.settings.validation_outfit and bake.data.held_out:
        yield Finding(
            "memorization-folder",
            "validation_outfit",
            "the held-out pictures are a folder of their own, so what is learned of the other folders counts as memorized too",
        )


def enlarged(bake: CheckedBake) -> Iterator[Finding]:
    """Yield pictures that are enlarged although nothing should be."""
    data = bake.data
    found = [
        data.name_of(picture)
        for picture, placed in zip(data.pictures, bake.planned.placements, strict=True)
        if _keeps_small(data.groups[picture.group].rules) and placed.resized[0] > picture.width
    ]
    if found:
        yield Finding(
            "bucket-enlarged",
            "bucket_reso_steps",
            f"{plural(len(found), 'picture')} narrower than bucket_reso_steps enlarged despite bucket_no_upscale",
            cases=tuple(found),
        )


def small_pictures(bake: CheckedBake) -> Iterator[Finding]:
    """Yield pictures of which their bucket has more than twice as many pixels as they have."""
    data, found = bake.data, []
    for picture, placed in zip(data.pictures, bake.planned.placements, strict=True):
        times = times_enlarged((picture.width, picture.height), placed.resized)
        if times > MOST_ENLARGED and not _keeps_small(data.groups[picture.group].rules):
            found.append((times, f"{data.name_of(picture)}: {picture.width}×{picture.height}, enlarged {times:.2g}×"))
    if found:
        found.sort(key=lambda each: -each[0])
        yield Finding(
            "picture-small",
            "resolution",
            f"{plural(len(found), 'picture')} enlarged more than {MOST_ENLARGED}× for the bucket: blur is learned as if it "
            "were the subject's",
            cases=tuple(words for _, words in found),
        )


def buckets_of_one(bake: CheckedBake) -> Iterator[Finding]:
    """Yield buckets that hold a single picture: its batches have no other picture in them."""
    data = bake.data
    alone: dict[tuple[int, tuple[int, int]], list[int]] = {}
    for index, (picture, placed) in enumerate(zip(data.pictures, bake.planned.placements, strict=True)):
        alone.setdefault((picture.group, placed.bucket), []).append(index)
    found = [
        (size, data.pictures[indices[0]])
        for (group, size), indices in sorted(alone.items())
        if len(indices) == 1 and data.groups[group].batch_size > 1
    ]
    # A data set of a few pictures has nothing else.
    if not found or len(data.pictures) < 2:
        return
    size, picture = found[0]
    name, more = data.name_of(picture), f" and {len(found) - 1:,} more" if len(found) > 1 else ""
    yield Finding(
        "bucket-of-one",
        f"{size[0]}×{size[1]}",
        f"{plural(len(found), 'bucket')} with a single picture, which fills its batches alone: "
        f"{size[0]}×{size[1]} with {name}{more}",
        cases=tuple(f"{width}×{height}: {data.name_of(each)}" for (width, height), each in found),
    )


def reg_weight_0(bake: CheckedBake) -> Iterator[Finding]:
    """Yield regularisation pictures that count for nothing."""
    if bake.settings.prior_loss_weight == 0 and any(picture.is_reg for picture in bake.data.pictures):
        text = "regularisation pictures take time but do not count: prior_loss_weight is 0"
        yield Finding("reg-weight-0", "prior_loss_weight", text)


def _keeps_small(rules: BucketRules) -> bool:
    """Return whether pictures are not to be enlarged."""
    return rules.enable and rules.no_upscale


def _trained(bake: CheckedBake) -> list[Part]:
    return [part for part in parts_of(bake.planned.family) if bake.settings.rate(part)]
