"""The number of steps that fit into train_minutes, fixed once at the start of a bake."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from trainer.bake.latents import PreparedPicture
from trainer.bake.pictures.samples import Samples
from trainer.bake.reporter import Reporter
from trainer.bake.saving.folder_records import write_fixed_steps
from trainer.bake.saving.state import seconds_to_write_state
from trainer.bake.session import TrainingSession
from trainer.bake.step_speed import measure_speed
from trainer.bake.validation import Validation
from trainer.errors import DiskFull, LoraTuiError
from trainer.jobs.bakes import measured_speed
from trainer.jobs.measuring import measuring_seconds
from trainer.jobs.preflight import PlannedBake, prepare_from
from trainer.journal.pace import pace_line
from trainer.journal.records import Stage
from trainer.plan.disk import check_disk_space
from trainer.plan.minutes import Pace, fixed_settings, steps_that_fit, usable
from trainer.settings.model import Settings
from trainer.settings.parts import label_of
from trainer.text import duration, minutes_text, plural, step_seconds

# Of the minutes, what the measurement may take; a few steps in any case.
_MEASURED_SHARE = 0.05


@dataclass(frozen=True)
class LengthInputs:
    """What the steps of a bake are worked out from.

    Attributes:
        planned, session: data and provisional plan; model, LoRA and optimizer, before their first step.
        trained, held_out: latents, masks and sizes by picture index.
        folder: the bake's.
        samples: makes its sample pictures.
        used: seconds since the bake's start, without pauses.
        stop: whether it was ordered to end.
    """

    planned: PlannedBake
    session: TrainingSession
    trained: Mapping[int, PreparedPicture]
    held_out: Mapping[int, PreparedPicture]
    folder: Path
    samples: Samples
    used: Callable[[], float]
    stop: Callable[[], bool]


@dataclass(frozen=True)
class _StepSeconds:
    """The seconds of a step, and in words where they are from."""

    seconds: float
    source: str
    is_new: bool = False


def fix_steps(inputs: LengthInputs, report: Reporter) -> PlannedBake | None:
    """Return the bake with a number of steps in place of its minutes, which the journal and its folder have then.

    A speed of an earlier bake is taken where there is one, else it is measured over the first steps, which are undone. What is
    measured depends on the clock, so that the same minutes may come to another number next time; the bits depend on the number alone.

    Returns:
        the bake; None where it was ordered to end meanwhile.

    Raises:
        SettingsError: the settings do not allow that number, because every part would stop before its end.
    """
    settings = inputs.session.settings
    minutes = settings.train_minutes
    assert minutes is not None
    speed = _speed(inputs, 60 * minutes, report)
    if speed is None:
        return None
    pace = _pace(inputs, speed.seconds, report)
    used = inputs.used()
    steps = steps_that_fit(60 * minutes - used, settings, inputs.planned.plan.steps_per_epoch, pace)
    fixed, planned = fixed_settings(settings, steps), inputs.planned
    ready = prepare_from(fixed, planned.data, planned.validation, planned.base)
    write_fixed_steps(ready, minutes, speed.seconds, inputs.folder, report)
    try:
        check_disk_space(ready.plan.total_disk_bytes, inputs.folder)
    except DiskFull as error:
        # Now that their number is known; the bake itself waits for space.
        report.log(error.line(), level="warning")
    rest = 60 * minutes - used - steps * pace.step
    of_all = f"of the {minutes_text(minutes)} are over" if used <= 60 * minutes else "are over already"
    over = f"{duration(used)} {of_all}"
    report.log(
        f"train_minutes = {minutes:g} → {plural(steps, 'step')}: {step_seconds(speed.seconds)}/step, {speed.source}; "
        f"{over}{_rest_text(pace, rest)}; "
        f"the number stays, as max_train_steps = {steps}"
    )
    if ready.plan.stops and speed.is_new:
        parts = " and the ".join(label_of(part) for part in ready.plan.stops)
        report.log(
            f"measured with every part training: steps get faster once the {parts} stops, and the bake ends sooner"
        )
    if rest < 0:
        report.log(f"{minutes_text(minutes)} is too short for this bake: it takes one step and ends", level="warning")
    if _wants_samples(settings) and not pace.samples:
        report.log(
            "what sample pictures take is not known: it comes on top of the minutes",
            level="warning",
        )
    return ready


def report_pace(report: Reporter) -> None:
    """Log by how much a bake that was planned by the clock took longer or shorter than asked; nothing where it kept to it."""
    journal = report.journal
    if line := pace_line(journal.curves, journal.bakes.read(report.number)):
        report.log(line)


def _speed(inputs: LengthInputs, seconds: float, report: Reporter) -> _StepSeconds | None:
    """Return the seconds of a step: of an earlier bake, else measured now; None where the bake was ordered to end meanwhile."""
    journal, session = report.journal, inputs.session
    known = usable(measured_speed(journal, session.settings, journal.bakes.read(report.number).device))
    if known is not None:
        return _StepSeconds(known.seconds, f"measured by bake {known.bake}")
    with report.during(Stage.SPEED):
        measured = measure_speed(
            session,
            inputs.planned.data,
            inputs.trained,
            most_seconds=_MEASURED_SHARE * seconds,
            progress=partial(report.stage, Stage.SPEED),
            stop=inputs.stop,
        )
    if measured is None:
        return None
    undone = "is" if measured.steps == 1 else "are"
    return _StepSeconds(
        measured.seconds, f"measured over {plural(measured.steps, 'step')}, which {undone} undone", is_new=True
    )


def _pace(inputs: LengthInputs, step: float, report: Reporter) -> Pace:
    """Return what a step takes, and all that is done between steps, as far as it is known; the bake stays as it is."""
    session, planned = inputs.session, inputs.planned
    validation = 0.0
    if planned.validation is not None:
        with report.during(Stage.SPEED):
            began = time.perf_counter()
            measured = Validation(session, planned.validation.pictures, inputs.held_out)
            measured.measure(0, lambda done, total: None)
            validation = time.perf_counter() - began
    state = seconds_to_write_state(session, inputs.folder)
    plan = planned.plan
    share = (plan.lora_bytes or 0) / plan.state_bytes if plan.state_bytes else 0.0
    samples = 0.0
    if _wants_samples(session.settings):
        with report.during(Stage.SPEED):
            samples = inputs.samples.expected_seconds() or 0.0
    measures = _measuring_seconds(inputs, step)
    return Pace(step, validation=validation, samples=samples, lora=state * share, state=state, measures=measures)


def _measuring_seconds(inputs: LengthInputs, step: float) -> float:
    try:
        return measuring_seconds(inputs.planned, inputs.folder / "settings.toml", step)
    except LoraTuiError:
        # What is wrong with them is said when it is time for them; they take no time then.
        return 0.0


def _wants_samples(settings: Settings) -> bool:
    return bool(settings.sample_at_first or settings.sample_every_n_epochs or settings.sample_every_n_steps)


def _rest_text(pace: Pace, seconds: float) -> str:
    """Return what is kept of the minutes for what is done between steps."""
    if seconds < 1:
        return ""
    known = {"validation": pace.validation, "sample pictures": pace.samples, "measures": pace.measures}
    what = ", ".join(name for name, taken in known.items() if taken)
    return f", {duration(seconds)} kept for {f'{what} and saving' if what else 'saving'}"
