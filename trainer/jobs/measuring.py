"""What is measured of each LoRA that a bake saves, and what that costs, as a plan says it before the bake starts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from trainer.dataset.measured_pictures import spread_pictures
from trainer.grid.cost import unet_passes
from trainer.grid.probe_pictures import ProbeSet, planned_pictures
from trainer.jobs.minutes import speed_known_at
from trainer.jobs.preflight import PlannedBake
from trainer.measures.bands import BANDS, TIMES_PER_BAND
from trainer.measures.of_validation import MEMORIZATION, VALIDATION
from trainer.measures.part_groups import TIMES, passes_of
from trainer.plan.probed_pictures import LEAST_PICTURES, probed_held_out, probed_members
from trainer.settings.parts import parts_of
from trainer.text import duration, plural

# The weights of the base take no gradients, so that the backward pass costs about as much as the forward pass.
_PASSES_PER_STEP = 2

_TIMES_OF_BANDS = TIMES_PER_BAND * len(BANDS)


@dataclass(frozen=True)
class MeasuredPlan:
    """A bake that is planned, as far as its measures ask.

    Attributes:
        ready: the bake.
        settings_path: the file its settings belong to; the subject and the workspace are found by it.
        pass_seconds: about how long one picture of the training's size takes to go through the model once, without a gradient; None
            where no bake like this one was measured.
    """

    ready: PlannedBake
    settings_path: Path
    pass_seconds: float | None


def measuring_lines(ready: PlannedBake, settings_path: Path) -> tuple[str, ...]:
    """Return what is measured beside the weights and what it costs, a line each; none where nothing of that is switched on.

    Args:
        ready: the bake as it is planned.
        settings_path: the file its settings belong to.

    Raises:
        LoraTuiError: what a measure needs is missing or wrong.
    """
    if not any(getattr(ready.settings, name) for name in _LINES):
        return ()
    planned = MeasuredPlan(ready, settings_path, _pass_seconds(ready, settings_path))
    return tuple(
        line for name, lines_of in _LINES.items() if getattr(ready.settings, name) for line in lines_of(planned)
    )


def measuring_seconds(ready: PlannedBake, settings_path: Path, step_seconds: float) -> float:
    """Return about how long the measures of one saved LoRA take, where a step takes `step_seconds`; arguments and errors as above."""
    planned = MeasuredPlan(ready, settings_path, _seconds_of_pass(ready, step_seconds))
    passes = sum(of_each(planned).areas for name, of_each in _PASSES.items() if getattr(ready.settings, name))
    return passes * _seconds_of_pass(ready, step_seconds)


def _pass_seconds(ready: PlannedBake, settings_path: Path) -> float | None:
    speed = speed_known_at(ready.settings, settings_path)
    return None if speed is None else _seconds_of_pass(ready, speed.seconds)


def _seconds_of_pass(ready: PlannedBake, step_seconds: float) -> float:
    # Of one process: it measures alone.
    pictures = ready.settings.train_batch_size * ready.settings.gradient_accumulation_steps
    return step_seconds / pictures / _PASSES_PER_STEP


@dataclass(frozen=True)
class _Passes:
    """Passes of one picture each.

    Attributes:
        count: how many.
        area: of these pictures, in areas of a training picture.
    """

    count: int
    area: float = 1.0

    @property
    def areas(self) -> float:
        """Passes of training pictures that take as long."""
        return self.count * self.area


def _parts_passes(planned: MeasuredPlan) -> _Passes:
    settings, pictures = planned.ready.settings, len(spread_pictures(planned.ready.data.pictures))
    parts = [part for part in parts_of(planned.ready.base.family) if settings.has_layers(part)]
    return _Passes(pictures * TIMES * passes_of(parts))


def _parts_lines(planned: MeasuredPlan) -> Iterator[str]:
    """Yield what it takes to measure what each part does."""
    pictures = len(spread_pictures(planned.ready.data.pictures))
    cost = _cost(planned, _parts_passes(planned))
    yield f"what each part does: {plural(pictures, 'picture')} at {plural(TIMES, 'time')}, {cost}"


def _held_out_passes(planned: MeasuredPlan) -> _Passes:
    settings, validation = planned.ready.settings, planned.ready.validation
    if settings.measure_memorization or validation is None:
        # Memorization measures them as well.
        return _Passes(0)
    return _Passes(len(probed_held_out(settings, validation)) * _TIMES_OF_BANDS)


def _held_out_lines(planned: MeasuredPlan) -> Iterator[str]:
    """Yield what it takes to measure held-out pictures by bands, where the line on memorization does not say it already."""
    settings, validation = planned.ready.settings, planned.ready.validation
    if settings.measure_memorization or validation is None:
        return
    pictures = len(probed_held_out(settings, validation))
    yield f"by bands: {_held_out_text(pictures)}, {_cost(planned, _held_out_passes(planned))}"


def _memorization_passes(planned: MeasuredPlan) -> _Passes:
    settings, validation = planned.ready.settings, planned.ready.validation
    if validation is None:
        return _Passes(0)
    members = probed_members(settings, planned.ready.data, validation)
    pictures = len(probed_held_out(settings, validation)) + len(members)
    # With captions and without.
    return _Passes(2 * pictures * _TIMES_OF_BANDS)


def _memorization_lines(planned: MeasuredPlan) -> Iterator[str]:
    """Yield what it takes to measure memorization, and whether there are pictures enough to say anything of it."""
    ready = planned.ready
    settings, validation = ready.settings, ready.validation
    if validation is None:
        return
    pictures = len(probed_held_out(settings, validation))
    members = len(probed_members(settings, ready.data, validation))
    yield (
        f"memorization: {_held_out_text(pictures)} and {plural(members, 'trained one')}, with and without captions, "
        f"{_cost(planned, _memorization_passes(planned))}"
    )
    if min(pictures, members) < LEAST_PICTURES:
        which = "held-out picture" if pictures < LEAST_PICTURES else "training picture"
        yield f"no claim on memorization can be made: that takes at least {plural(LEAST_PICTURES, which)}"
    if settings.validation_outfit and not settings.validation_data_dir:
        yield "the folder held out is new to the LoRA in other ways, too: it then falls less than trained pictures without memorization"


def _held_out_text(pictures: int) -> str:
    return f"{plural(pictures, 'held-out picture')} at {plural(_TIMES_OF_BANDS, 'time')}"


def _pictures(planned: MeasuredPlan) -> ProbeSet:
    ready = planned.ready
    folders = {picture.folder for picture in ready.data.pictures if not picture.is_reg}
    return planned_pictures(ready.settings, planned.settings_path, ready.base, folders)


def _picture_passes(planned: MeasuredPlan) -> _Passes:
    recipes = [picture.recipe for picture in _pictures(planned).pictures]
    width, height = planned.ready.settings.size
    passes = sum(unet_passes(recipe) for recipe in recipes)
    pixels = sum(recipe.width * recipe.height * unet_passes(recipe) for recipe in recipes)
    return _Passes(passes, pixels / passes / (width * height))


def _picture_lines(planned: MeasuredPlan) -> Iterator[str]:
    """Yield which pictures are made, what that takes, and what is measured in them."""
    wanted = _pictures(planned)
    made, not_made = wanted.measured()
    yield (
        f"test pictures: {plural(wanted.prompts, 'prompt')} × {plural(wanted.seeds, 'seed')}"
        f" = {plural(len(wanted.pictures), 'picture')}, {_cost(planned, _picture_passes(planned))};"
        " as many of the base once, which later bakes find again"
    )
    yield f"measured in them: {'; '.join(filter(None, (', '.join(made), *not_made, wanted.left_out)))}"


def _cost(planned: MeasuredPlan, passes: _Passes) -> str:
    """Return in words what a number of passes per saved LoRA takes."""
    text = f"{passes.count:,} passes per saved LoRA"
    if planned.pass_seconds is None:
        return text
    seconds = passes.areas * planned.pass_seconds
    saves = len(planned.ready.plan.saves)
    return f"{text}, about {duration(seconds)}" + (f", {duration(seconds * saves)} in all" if saves > 1 else "")


_LINES: dict[str, Callable[[MeasuredPlan], Iterator[str]]] = {
    "measure_parts": _parts_lines,
    VALIDATION: _held_out_lines,
    MEMORIZATION: _memorization_lines,
    "measure_pictures": _picture_lines,
}
"""The setting that switches a measure on -> its lines in a plan."""

_PASSES: dict[str, Callable[[MeasuredPlan], _Passes]] = {
    "measure_parts": _parts_passes,
    VALIDATION: _held_out_passes,
    MEMORIZATION: _memorization_passes,
    "measure_pictures": _picture_passes,
}
"""The same -> its passes for each saved LoRA."""
