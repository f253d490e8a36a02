"""Bakes checked and queued: every error that can be found early is found here, before anything is written or loaded."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from trainer.dataset.records import DataSet
from trainer.errors import SettingsError
from trainer.grid.probe_pictures import check_pictures
from trainer.grid.sample_prompts import check_samples
from trainer.jobs.moved_files import with_files_of_bake
from trainer.jobs.optimizer_trial import try_optimizer_of
from trainer.jobs.preflight import PlannedBake, prepare, prepare_from
from trainer.jobs.several_processes import check_processes
from trainer.journal.bake_settings import settings_of
from trainer.journal.curves import MeasuredSpeed
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, NewBake
from trainer.machine.card_lock import CPU
from trainer.machine.devices import card_device, fp16_needs_a_card, xformers_needs_a_card
from trainer.machine.engines import running_engines
from trainer.models.identify import Base
from trainer.plan.disk import check_disk_space
from trainer.plan.plan import Plan
from trainer.settings.describe import fields, speed_settings
from trainer.settings.kept import kept_settings, kept_toml
from trainer.settings.model import Settings
from trainer.settings.parts import Part, all_parts
from trainer.settings.subject import resolve
from trainer.workspace import Workspace, first_free_number, make_workspace


def check(settings: Settings, settings_path: Path, speed: MeasuredSpeed | None = None) -> PlannedBake:
    """Return the job that `settings` describe, or say what is wrong with them. Writes nothing.

    Args:
        settings: as typed; blank paths come from the subject.
        settings_path: the file they belong to; relative paths start at its folder.
        speed: measured, of a bake like this, if one is known.

    Raises:
        SettingsError, DatasetError, ModelError, DeviceError, GridError: the first thing found wrong.
    """
    resolved = with_files_of_bake(resolve(settings, settings_path), settings_path)
    _check_card(resolved)
    planned = prepare(resolved, speed)
    if try_optimizer_of(resolved, planned.base) != planned.optimizer_state:
        planned = prepare_from(resolved, planned.data, planned.validation, planned.base, speed)
    check_samples(resolved, settings_path, planned.base)
    check_pictures(resolved, settings_path, planned.base)
    return planned


def plan_for(
    resolved: Settings, data: DataSet, validation: DataSet | None, base: Base, speed: MeasuredSpeed | None = None
) -> PlannedBake:
    """Return the job for data already scanned; quick enough for every key typed, but for an optimizer's class not tried before.

    Raises:
        SettingsError, DatasetError, DeviceError: the settings do not fit the data, the base or the machine.
    """
    _check_card(resolved)
    planned = prepare_from(resolved, data, validation, base, speed)
    if try_optimizer_of(resolved, base) != planned.optimizer_state:
        planned = prepare_from(resolved, data, validation, base, speed)
    return planned


def queue_bake(
    journal: Journal,
    workspace: Workspace,
    ready: PlannedBake,
    *,
    why: str,
    engine: str,
    parent: int | None = None,
    not_before: float | None = None,
    held: bool = False,
    on_failure: Literal["continue", "hold"] = "continue",
    starts_from: str = "",
) -> Bake:
    """Write the job into the journal, for the engine with key `engine` to take.

    Args:
        journal: the workspace's.
        workspace: where it will be baked.
        ready: from `check`.
        why: the user's note; may be empty.
        engine: key of the engine that is to run it; "" leaves it to whichever engine takes it over.
        parent: number of the bake it was changed from; None: the newest of its name that ran, or will run before it.
        not_before, held, on_failure, starts_from: as in `NewBake`.

    Raises:
        SettingsError: it is for more processes than were started.
        DiskFull: the disk has no space for what the bake will write.
        WorkspaceError: the journal or the bakes' folder cannot be written.
    """
    check_processes(ready.settings)
    check_disk_space(ready.plan.total_disk_bytes, workspace.root)
    make_workspace(workspace.root)
    if parent is None:
        parent = next(
            (
                bake.number
                for bake in journal.bakes.latest()
                if bake.grid is None
                and bake.name == ready.settings.output_name
                and (bake.ran or not (bake.held or bake.withdrawn))
            ),
            None,
        )
    return journal.bakes.add(
        NewBake(
            name=ready.settings.output_name,
            why=why,
            # As they were asked for: until it starts, other settings may make other numbers of them.
            settings_toml=kept_toml(ready.as_asked, journal.paths),
            engine=engine,
            total_steps=known_steps(ready.plan),
            steps_per_epoch=ready.plan.steps_per_epoch,
            parent=parent,
            not_before=not_before,
            held=held,
            on_failure=on_failure,
            starts_from=starts_from,
            planned_seconds=planned_seconds(journal, ready),
        ),
        least_number=first_free_number(workspace.bakes),
    )


def queue_engine(workspace: Workspace) -> str:
    """Return the key of a running engine in `workspace` that works through the queue, "" if there is none."""
    return next((engine.key for engine in running_engines(workspace.root) if engine.takes_queue), "")


def known_steps(plan: Plan) -> int:
    """Return the steps of a plan as the journal keeps them: 0 while their number follows from a measurement to come."""
    return plan.total_steps if plan.steps_known else 0


def measured_speed(journal: Journal, settings: Settings, device: str | None = None) -> MeasuredSpeed | None:
    """Return the speed of the newest bake on the same base, size and batch that computed in the same way, if there is one.

    Args:
        journal: where it is looked for.
        settings: of the bake that is planned, its paths filled in.
        device: key of the GPU that it will run on, `cpu` without one; None where that is not decided: any of the kind this machine has.
    """
    wanted, trained = {name: getattr(settings, name) for name in speed_settings()}, _trained(settings)

    def fits(text: str) -> bool:
        try:
            ran = kept_settings(text, "journal", journal.paths)
        except SettingsError:
            # Of another version: it says nothing of this one.
            return False
        return _trained(ran) == trained and all(getattr(ran, name) == value for name, value in wanted.items())

    def fits_device(ran_on: str) -> bool:
        if device is not None:
            return ran_on == device
        # An older version did not note it.
        return not ran_on or (ran_on == CPU) is not card_device()

    found = journal.curves.measured_speed(fits, fits_device)
    if found is None or found.between_seconds is None:
        return found
    ran = settings_of(journal, journal.bakes.read(found.bake))
    same = all(getattr(ran, name) == getattr(settings, name) for name in _between_steps())
    return found if same else replace(found, between_seconds=None)


def _trained(settings: Settings) -> frozenset[Part]:
    """Return the parts that train: one that does not runs once for each caption, and not in every step."""
    return frozenset(part for part in all_parts() if settings.rate(part))


def _between_steps() -> tuple[str, ...]:
    """Return the settings that decide what a bake does between its steps."""
    validation = ("validation_data_dir", "validate_every_n_steps")
    own = tuple(
        info.name for info in fields() if info.section in ("Saving", "Measures", "Sampling") and not info.stays_here
    )
    return (*validation, *own, "sample_prompts")


def planned_seconds(journal: Journal, ready: PlannedBake) -> float | None:
    """Return how long a bake is expected to take, in seconds, None where no speed is known."""
    if ready.settings.train_minutes is not None:
        return 60 * ready.settings.train_minutes
    if ready.plan.seconds is not None:
        return ready.plan.seconds
    speed = measured_speed(journal, ready.settings)
    return None if speed is None else speed.seconds * ready.plan.total_steps


def _check_card(settings: Settings) -> None:
    """Refuse what is bound to fail without a card, before torch, which decides in the end, is loaded."""
    if card_device():
        return
    if settings.mixed_precision == "fp16":
        raise fp16_needs_a_card()
    if settings.xformers:
        raise xformers_needs_a_card()
