"""Warnings about settings and pictures of a plan."""

import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from trainer.dataset.buckets import Placement
from trainer.dataset.records import DataSet
from trainer.dataset.sources import folder_words
from trainer.families.registry import family_record
from trainer.optimizers import averages_weights, estimates_rate, spec_of
from trainer.plan.lr_schedules import warmup_of
from trainer.plan.param_groups import param_groups
from trainer.settings.amounts import steps_of
from trainer.settings.describe import number_text
from trainer.settings.model import Settings
from trainer.settings.parts import Family, Part, label_of, parts_of
from trainer.text import plural


def warnings_about_rates(
    settings: Settings, family: Family, total_steps: int, stops: Mapping[Part, int]
) -> tuple[str, ...]:
    """Return warnings about rates, schedules and optimizer, one line each.

    Args:
        settings: as they will run.
        family: the base's.
        total_steps: of the bake.
        stops: the parts that stop before the end, and after which step.
    """
    return (
        *_rates_of_0(settings, family),
        *_warmups(settings, family, total_steps, stops),
        *_decay(settings, family, total_steps),
        *_estimated(settings, family),
        *_averaging(settings, family),
        *_weights(settings),
        *_eight_bits(settings),
    )


def warnings_about_pictures(
    settings: Settings, data: DataSet, placements: Sequence[Placement], family: Family
) -> tuple[str, ...]:
    """Return warnings about the pictures, one line each.

    Args:
        settings: as they will run.
        data: the pictures.
        placements: of each.
        family: the base's.
    """
    found = []
    record = family_record(family)
    if any(math.prod(group.rules.size) < record.least_area for group in data.groups):
        found.append(
            f"{record.title} was trained at {record.sampling.side}²: what it learns at a quarter of that area or less will hardly show at full size"
        )
    if shared := _shared_with_validation(settings, data):
        found.append(
            f"{plural(shared, 'picture')} of validation also trained on: the validation loss will look too good"
        )
    enlarged = 0
    for picture, placed in zip(data.pictures, placements, strict=True):
        rules = data.groups[picture.group].rules
        enlarged += rules.enable and rules.no_upscale and placed.resized[0] > picture.width
    if enlarged:
        found.append(
            f"{plural(enlarged, 'picture')} narrower than bucket_reso_steps enlarged despite bucket_no_upscale"
        )
    if settings.prior_loss_weight == 0 and any(picture.is_reg for picture in data.pictures):
        found.append("regularisation pictures take time but do not count: prior_loss_weight is 0")
    return tuple(found)


def _rates_of_0(settings: Settings, family: Family) -> Iterator[str]:
    trained = [part for part in parts_of(family) if settings.rate(part)]
    instead = f"only the {label_of(trained[0])} trains" if len(trained) == 1 else "it does not train"
    for part in parts_of(family):
        if settings.has_layers(part) and part not in trained:
            yield f"the {label_of(part)}'s rate is 0: {instead}"


def _warmups(settings: Settings, family: Family, total_steps: int, stops: Mapping[Part, int]) -> Iterator[str]:
    trained = [part for part in parts_of(family) if settings.rate(part)]
    warmups = {part: warmup_of(settings, part, total_steps) for part in trained}
    for steps in sorted({steps for steps in warmups.values() if steps >= total_steps}):
        yield f"the warm-up ({plural(steps, 'step')}) is as long as the bake: the rates never reach their peak"
    for part, stop in stops.items():
        if stop <= warmups[part] < total_steps:
            yield (
                f"the {label_of(part)} stops after step {stop:,}, within its warm-up of {warmups[part]:,}: "
                "its rate never reaches its peak"
            )


def _decay(settings: Settings, family: Family, total_steps: int) -> Iterator[str]:
    falling = [
        part for part in parts_of(family) if settings.rate(part) and settings.schedule_of(part) == "warmup_stable_decay"
    ]
    decay = steps_of(settings.lr_decay_steps, total_steps)
    if falling and not decay:
        yield "warmup_stable_decay never falls: lr_decay_steps is 0"
    elif any(warmup_of(settings, part, total_steps) + decay > total_steps for part in falling):
        yield "warm-up and lr_decay_steps together are longer than the bake: the rates jump from one to the other"


def _estimated(settings: Settings, family: Family) -> Iterator[str]:
    name = settings.optimizer_type
    if not estimates_rate(name):
        return
    rates = sorted({group.rate for group in param_groups(settings, family)})
    listed = ", ".join(number_text(float(f"{rate:.3g}")) for rate in rates)
    if max(rates) <= 0.1:
        yield f"{name} finds its own step size and takes a rate as a factor on it: use 1 instead of {listed}"
    spec = spec_of(name)
    if len(rates) > 1 and spec is not None and spec.needs_equal_rates:
        yield f"{name} finds the step size of each group separately: the unequal rates ({listed}) are factors on these and do not balance the groups"
    elif len(rates) > 1:
        yield f"{name} may know one step size for all groups and refuse or ignore unequal rates ({listed})"


def _averaging(settings: Settings, family: Family) -> Iterator[str]:
    if not averages_weights(settings.optimizer_type):
        return
    used = {settings.schedule_of(part) for part in parts_of(family) if settings.rate(part)}
    if falling := sorted(used - {"constant", "constant_with_warmup"}):
        yield (
            f"{settings.optimizer_type} averages the weights instead of lowering the rate: use lr_scheduler = constant instead of "
            f"{', '.join(falling)}"
        )


def _weights(settings: Settings) -> Iterator[str]:
    if settings.zero_terminal_snr == "yes" and settings.v_parameterization == "no":
        yield "zero_terminal_snr with noise prediction: the last timestep is pure noise, so nothing is learned from it"
    if settings.min_snr_gamma is not None and settings.debiased_estimation_loss:
        yield "min_snr_gamma and debiased_estimation_loss both weight by the SNR, one on top of the other"


def _eight_bits(settings: Settings) -> Iterator[str]:
    if settings.int8_base or settings.fp8_base:
        nearer = "" if settings.int8_base else "; int8_base is three to four times closer at the same size"
        yield f"the LoRA learns on an 8-bit base, slightly different from the one it will be used on{nearer}"


def _shared_with_validation(settings: Settings, data: DataSet) -> int:
    """Return how many training pictures lie where validation pictures are taken from; folders are compared, not files."""
    if not settings.validation_data_dir:
        return 0
    validation = os.path.realpath(settings.validation_data_dir)
    shared = 0
    for folder, count in Counter(picture.path.parent for picture in data.pictures).items():
        parent, name = os.path.split(os.path.realpath(folder))
        read_from_above = parent == validation and folder_words(name) is not None
        if read_from_above or os.path.join(parent, name) == validation:
            shared += count
    return shared
