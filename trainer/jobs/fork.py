"""Bakes continued from another one: resumed, forked at an epoch, or extended past its end."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.atomic_file import link_or_copy
from trainer.dataset.manifest import manifest_of
from trainer.errors import LoraTuiError, SettingsError, WorkspaceError
from trainer.jobs.bakes import check, plan_for, queue_bake
from trainer.jobs.moved_files import moved_lines, with_moved_files
from trainer.jobs.preflight import PlannedBake
from trainer.jobs.ran_here import check_ran_here
from trainer.jobs.same_content import (
    check_resumable,
    check_same_models,
    listed_models,
    models_now,
    provenance_of,
    resume_provenance,
)
from trainer.jobs.several_processes import check_processes
from trainer.journal.bake_settings import settings_of
from trainer.journal.bakes import ENDED
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState
from trainer.journal.state_files import read_state_header, state_of_epoch, states_of
from trainer.plan.lr_schedules import lr_factor
from trainer.plan.plan import Plan
from trainer.settings.describe import field, shown_value
from trainer.settings.kept import kept_settings, kept_toml
from trainer.settings.model import Settings
from trainer.settings.parts import Part, label_of, parts_of
from trainer.settings.toml_file import apply_overrides
from trainer.text import plural, printable
from trainer.workspace import Workspace

_KEPT_STATE_PREFIX = ".fork-"
_WAYS_OUT = {
    "train_minutes": "set max_train_steps or max_train_epochs: a state has its steps already",
    "init_seed": "set order_seed or noise_seed: a state is past its start",
}
# Changed pictures: the log of the fork names more.
_MAX_NAMED = 20


@dataclass(frozen=True)
class ForkedBake:
    """A bake queued to start from another's state.

    Attributes:
        bake: the journal's row.
        step: steps in the state.
        notes: what the user should know, one line each.
    """

    bake: Bake
    step: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ForkPreview:
    """A fork that may be made; nothing is written yet.

    Attributes:
        state: the file it would start from.
        step: steps in it.
        planned: the new bake, checked.
        notes: what the user should know, one line each.
    """

    state: Path
    step: int
    planned: PlannedBake
    notes: tuple[str, ...]


def resume(journal: Journal, number: int, engine: str, look_in: Sequence[Path] = ()) -> Bake:
    """Queue bake `number`, which ended before its last step, to be resumed at its newest state.

    Args:
        journal: where it is.
        number: the bake's.
        engine: key of the engine that is to run it.
        look_in: folders to search for models and pictures that are gone from their place.

    Raises:
        WorkspaceError: no bake has that number, it runs or waits, or it is done.
        SettingsError: it is for more processes than were started, or for fewer.
        ModelError: its base, VAE or start LoRA is not the one its newest state was made on; the bake stays as it was.
    """
    bake = journal.bakes.read(number)
    check_ran_here(bake)
    if bake.state is BakeState.DONE:
        raise WorkspaceError(
            f"bake {number}",
            found="is done: no steps are left",
            expected="a bake that ended early",
            way_out=f"`lora-tui extend {number} --epochs N` adds epochs",
        )
    if bake.grid is None and bake.state in (BakeState.PARKED, *ENDED):
        settings = settings_of(journal, bake)
        check_processes(settings)
        found = with_moved_files(settings, resume_provenance(journal, bake), journal.paths, look_in)
        check_resumable(journal, bake, found)
        if found != settings:
            journal.bakes.set_settings(number, kept_toml(found, journal.paths))
            for line in moved_lines(settings, found):
                journal.log.write(line, bake=number)
    return journal.queue.requeue(number, engine)


def fork(
    journal: Journal,
    workspace: Workspace,
    number: int,
    *,
    epoch: int | None = None,
    overrides: Sequence[str] = (),
    why: str = "",
    engine: str = "",
    held: bool = False,
    look_in: Sequence[Path] = (),
) -> ForkedBake:
    """Queue a new bake that starts with the weights, moments and random numbers of bake `number` at the end of `epoch`.

    Args:
        journal, workspace: where both bakes are.
        number: the bake forked.
        epoch: None for its newest state.
        overrides: `name=value` on top of the settings in force at that state.
        why: the user's note.
        engine: key of the engine that is to run it.
        held: whether it waits to be released.
        look_in: folders to search for models and pictures that are gone from their place.

    Raises:
        WorkspaceError: no bake has that number, or no state of that epoch is kept.
        ModelError: the state cannot be read, or base, VAE or start LoRA is not the one it was made on.
        SettingsError: a change that cannot be made at a state, or no step would be left.
    """
    preview = preview_fork(journal, workspace, number, epoch=epoch, overrides=overrides, look_in=look_in)
    link = keep_state(journal, workspace, preview.state)
    bake = queue_bake(
        journal,
        workspace,
        preview.planned,
        why=why,
        engine=engine,
        parent=number,
        held=held,
        starts_from=link.relative_to(workspace.root).as_posix(),
    )
    return ForkedBake(bake, preview.step, preview.notes)


def preview_fork(
    journal: Journal,
    workspace: Workspace,
    number: int,
    *,
    epoch: int | None = None,
    overrides: Sequence[str] = (),
    look_in: Sequence[Path] = (),
) -> ForkPreview:
    """Return what `fork` would make of the same arguments. Writes nothing.

    Raises:
        WorkspaceError, ModelError, SettingsError: as `fork`.
    """
    path = _state_path(journal, workspace, number, epoch)
    facts = read_state_header(path)
    state = provenance_of(journal, path)
    kept = kept_settings(facts.settings_toml, printable(str(path)), journal.paths)
    before = with_moved_files(kept, state, journal.paths, look_in)
    after = apply_overrides(before, overrides)
    check_changes(before, after)
    models = models_now(after) or {}
    check_same_models(state, after, models)
    ready = check(after, workspace.root / "settings.toml")
    if ready.plan.total_steps <= facts.step:
        raise SettingsError(
            "max_train_epochs",
            found=f"{plural(ready.plan.total_steps, 'step')} in all, but the state is already at step {facts.step}",
            expected="more steps than that",
            way_out="raise max_train_epochs or max_train_steps",
        )
    notes = moved_lines(kept, before)
    notes += state.notes(manifest_of(ready.data, ready.validation, listed_models(models)), _MAX_NAMED)
    # Only settings that leave the data and the base as they are may change, so those are not checked again.
    old_plan = plan_for(before, ready.data, ready.validation, ready.base).plan
    notes += rate_notes(before, old_plan, after, ready.plan, facts.step)
    return ForkPreview(path, facts.step, ready, tuple(notes))


def settings_at(journal: Journal, workspace: Workspace, number: int, epoch: int | None = None) -> Settings:
    """Return the settings in force at the end of `epoch` (None: at the newest state), live changes included.

    Raises:
        WorkspaceError: no bake has that number, or no state of that epoch is kept.
        ModelError: the state cannot be read.
    """
    path = _state_path(journal, workspace, number, epoch)
    return kept_settings(read_state_header(path).settings_toml, printable(str(path)), journal.paths)


def kept_epochs(journal: Journal, workspace: Workspace, number: int) -> list[int]:
    """Return the epochs at whose ends a state of bake `number` is kept, the first one first.

    Raises:
        WorkspaceError: no bake has that number.
    """
    return _epochs_in(workspace.root / journal.bakes.read(number).folder)


def extend(
    journal: Journal,
    workspace: Workspace,
    number: int,
    *,
    epochs: int,
    why: str = "",
    engine: str = "",
    look_in: Sequence[Path] = (),
) -> ForkedBake:
    """Queue a new bake that continues from the last state of bake `number` up to `epochs` epochs in all.

    Raises:
        WorkspaceError, ModelError, SettingsError: as `fork`.
    """
    bake = journal.bakes.read(number)
    return fork(
        journal,
        workspace,
        number,
        overrides=counted_here(settings_of(journal, bake), bake, (f"max_train_epochs={epochs}",)),
        why=why or f"extended to {plural(epochs, 'epoch')}",
        engine=engine,
        look_in=look_in,
    )


def counted_here(settings: Settings, bake: Bake, overrides: Sequence[str]) -> tuple[str, ...]:
    """Return overrides with epochs as the bake's own screens count them.

    The trainer that a bake behaves like makes other steps of a number of epochs, so the steps are named in their place.

    Args:
        settings: of the bake, in force.
        bake: its row.
        overrides: `name=value`.
    """
    if settings.behave_like is None or settings.max_train_epochs is not None:
        return tuple(overrides)
    epochs = "max_train_epochs="
    return tuple(
        f"max_train_steps={int(text.removeprefix(epochs)) * bake.steps_per_epoch}" if text.startswith(epochs) else text
        for text in overrides
    )


def rate_notes(before: Settings, old: Plan, after: Settings, new: Plan, step: int) -> list[str]:
    """Return what becomes of each part's rate at the step after `step`: one line a part whose rate jumps.

    Args:
        before, old: settings and plan of the bake that made the state.
        after, new: those of the bake that continues.
        step: steps in the state.
    """
    notes = []
    for part in parts_of(new.family):
        # Past the old schedule's end its last step counts.
        old_rate = _rate(before, old, part, min(step, old.total_steps - 1))
        new_rate = _rate(after, new, part, step)
        if old_rate != new_rate:
            notes.append(
                f"the {label_of(part)}'s rate changes from {old_rate:.3g} to {new_rate:.3g} at step {step + 1}"
            )
    return notes


def _rate(settings: Settings, plan: Plan, part: Part, step: int) -> float:
    if step >= plan.stops.get(part, plan.total_steps):
        return 0.0
    return settings.rate(part) * lr_factor(settings, part, step, plan.total_steps)


def _state_path(journal: Journal, workspace: Workspace, number: int, epoch: int | None) -> Path:
    bake = journal.bakes.read(number)
    check_ran_here(bake)
    folder = workspace.root / bake.folder
    path = state_of_epoch(folder, epoch)
    if path is None:
        kept = _epochs_in(folder)
        there = (
            f"states at the end of epoch {', '.join(map(str, kept))}" if kept else "no state from the end of an epoch"
        )
        raise WorkspaceError(
            f"bake {number}",
            found=f"{there} in {printable(str(folder / 'state'))}",
            expected=f"a state from the end of epoch {epoch}" if epoch is not None else "a state",
            way_out="set keep_states = epochs before a bake to keep them all",
        )
    return path


def _epochs_in(folder: Path) -> list[int]:
    epochs = []
    for path in states_of(folder):
        try:
            facts = read_state_header(path)
        except LoraTuiError:
            # Nothing can start from what cannot be read.
            continue
        if facts.ends_epoch:
            epochs.append(facts.epoch)
    return epochs


def check_changes(before: Settings, after: Settings) -> None:
    """Check that a state of a bake with settings `before` can continue with `after`.

    Raises:
        SettingsError: something differs that cannot change at a state.
    """
    for name in type(after).model_fields:
        if getattr(before, name) == getattr(after, name):
            continue
        if not field(name).may_fork:
            raise SettingsError(
                name,
                found=f"changed from {shown_value(before, name) or 'blank'} to {shown_value(after, name) or 'blank'}",
                expected="the same value as in the forked bake",
                way_out=_WAYS_OUT.get(
                    name,
                    "rates, schedule, noise, memory, saving and sampling may change; for other changes start a new bake",
                ),
            )


def keep_state(journal: Journal, workspace: Workspace, path: Path) -> Path:
    """Keep a state for a new bake, which the bake that made it may remove at any moment; return the link."""
    link = workspace.bakes / f"{_KEPT_STATE_PREFIX}{secrets.token_hex(4)}.safetensors"
    # The state may itself be such a link, of a bake that needs it no more.
    link_or_copy(path, link)
    _remove_unused_states(journal, workspace, link)
    return link


def _remove_unused_states(journal: Journal, workspace: Workspace, new: Path) -> None:
    """Remove states kept for bakes that were removed from the queue, or have states of their own; `new` is of a bake to come."""
    wanted = {
        bake.starts_from
        for bake in journal.bakes.latest(limit=10_000)
        if bake.starts_from and bake.state is not BakeState.DONE and not journal.results.states(bake.number)
    }
    for link in workspace.bakes.glob(f"{_KEPT_STATE_PREFIX}*.safetensors"):
        if link != new and link.relative_to(workspace.root).as_posix() not in wanted:
            link.unlink(missing_ok=True)
