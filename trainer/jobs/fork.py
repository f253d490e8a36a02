"""How does a bake go on from another one? Taken up again, forked at an epoch, or extended past its end."""

import os
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import LoraTuiError, SettingsError, WorkspaceError
from trainer.jobs.bakes import check, plan_for, queue_bake
from trainer.jobs.preflight import PlannedBake
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState
from trainer.journal.state_files import read_state_header, state_of_epoch, states_of
from trainer.plan.lr_schedules import lr_factor
from trainer.plan.plan import Plan
from trainer.settings.describe import field, shown_value
from trainer.settings.model import Settings
from trainer.settings.parts import Part, label_of, parts_of
from trainer.settings.toml_file import apply_overrides, parse_settings
from trainer.text import printable
from trainer.workspace import Workspace

_KEPT_STATE_PREFIX = ".branch-"


@dataclass(frozen=True)
class ForkedBake:
    """A bake queued to begin from another's state.

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
        state: the file it would begin from.
        step: steps in it.
        ground: what the new bake would stand on.
        notes: what the user should know, one line each.
    """

    state: Path
    step: int
    planned: PlannedBake
    notes: tuple[str, ...]


def resume(journal: Journal, number: int, engine: str) -> Bake:
    """Queue bake `number`, which ended before its last step, to be taken up again at its newest state.

    Raises:
        WorkspaceError: there is no such bake, it is at work or waits, or it is done.
    """
    bake = journal.bakes.read(number)
    if bake.state is BakeState.DONE:
        raise WorkspaceError(
            f"bake {number}",
            found="done: no step is left",
            expected="one that ended early",
            way_out=f"`lora-tui extend {number} --epochs N` bakes on",
        )
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
) -> ForkedBake:
    """Queue a new bake that begins with the weights, moments and random numbers of bake `number` at the end of `epoch`.

    Args:
        journal, workspace: where both bakes are.
        number: the bake forked.
        epoch: None for its newest state.
        overrides: `name=value` on top of the settings in force at that state.
        why: a line of why.
        engine: key of the engine that shall take it.
        held: whether it waits to be released.

    Raises:
        WorkspaceError: there is no such bake, or no state of that epoch.
        ModelError: the state cannot be read.
        SettingsError: a change that a state cannot carry, or no step would be left.
    """
    prospect = preview_fork(journal, workspace, number, epoch=epoch, overrides=overrides)
    link = _keep_state(journal, workspace, prospect.state)
    bake = queue_bake(
        journal,
        workspace,
        prospect.planned,
        why=why,
        engine=engine,
        parent=number,
        held=held,
        starts_from=link.relative_to(workspace.root).as_posix(),
    )
    return ForkedBake(bake, prospect.step, prospect.notes)


def preview_fork(
    journal: Journal, workspace: Workspace, number: int, *, epoch: int | None = None, overrides: Sequence[str] = ()
) -> ForkPreview:
    """Return what `fork` would make of the same arguments. Writes nothing.

    Raises:
        WorkspaceError, ModelError, SettingsError: as `fork`.
    """
    path = _state_path(journal, workspace, number, epoch)
    facts = read_state_header(path)
    before = parse_settings(facts.settings_toml, printable(str(path)))
    after = apply_overrides(before, overrides)
    check_changes(before, after)
    ready = check(after, workspace.root / "settings.toml")
    if ready.plan.total_steps <= facts.step:
        raise SettingsError(
            "max_train_epochs",
            found=f"{ready.plan.total_steps} steps in all, and the state has {facts.step}",
            expected="more steps than the state has",
            way_out="raise max_train_epochs or max_train_steps",
        )
    # Only what leaves the data and the base as they are may change, so they need no second look.
    old_plan = plan_for(before, ready.data, ready.validation, ready.base).plan
    notes = rate_notes(before, old_plan, after, ready.plan, facts.step)
    return ForkPreview(path, facts.step, ready, tuple(notes))


def settings_at(journal: Journal, workspace: Workspace, number: int, epoch: int | None = None) -> Settings:
    """Return the settings in force at the end of `epoch` (None: at the newest state), live changes included.

    Raises:
        WorkspaceError: there is no such bake, or no state of that epoch.
        ModelError: the state cannot be read.
    """
    path = _state_path(journal, workspace, number, epoch)
    return parse_settings(read_state_header(path).settings_toml, printable(str(path)))


def kept_epochs(journal: Journal, workspace: Workspace, number: int) -> list[int]:
    """Return the epochs at whose ends a state of bake `number` is kept, the first one first.

    Raises:
        WorkspaceError: there is no such bake.
    """
    return _epochs_in(workspace.root / journal.bakes.read(number).folder)


def extend(
    journal: Journal, workspace: Workspace, number: int, *, epochs: int, why: str = "", engine: str = ""
) -> ForkedBake:
    """Queue a new bake that goes on from the last state of bake `number` up to `epochs` epochs in all.

    Raises:
        WorkspaceError, ModelError, SettingsError: as `fork`.
    """
    return fork(
        journal,
        workspace,
        number,
        overrides=(f"max_train_epochs={epochs}",),
        why=why or f"extended to {epochs} epochs",
        engine=engine,
    )


def rate_notes(before: Settings, old: Plan, after: Settings, new: Plan, step: int) -> list[str]:
    """Return what becomes of each part's rate at the step after `step`: one line a part whose rate jumps.

    Args:
        before, old: settings and plan of the bake that made the state.
        after, new: those of the bake that goes on.
        step: steps in the state.
    """
    notes = []
    for part in parts_of(new.family):
        # The last step that the old schedule has stands for all behind it.
        old_rate = _rate(before, old, part, min(step, old.total_steps - 1))
        new_rate = _rate(after, new, part, step)
        if old_rate != new_rate:
            notes.append(f"the {label_of(part)}'s rate goes from {old_rate:.3g} to {new_rate:.3g} at step {step + 1}")
    return notes


def _rate(settings: Settings, plan: Plan, part: Part, step: int) -> float:
    if step >= plan.stops.get(part, plan.total_steps):
        return 0.0
    return settings.rate(part) * lr_factor(settings, part, step, plan.total_steps)


def _state_path(journal: Journal, workspace: Workspace, number: int, epoch: int | None) -> Path:
    bake = journal.bakes.read(number)
    folder = workspace.root / bake.folder
    path = state_of_epoch(folder, epoch)
    if path is None:
        kept = _epochs_in(folder)
        there = f"states at the end of epoch {', '.join(map(str, kept))}" if kept else "no state at an epoch's end"
        raise WorkspaceError(
            f"bake {number}",
            found=f"{there} in {printable(str(folder / 'state'))}",
            expected=f"one at the end of epoch {epoch}" if epoch is not None else "a state",
            way_out="bake with keep_states = epochs to keep them all",
        )
    return path


def _epochs_in(folder: Path) -> list[int]:
    epochs = []
    for path in states_of(folder):
        try:
            facts = read_state_header(path)
        except LoraTuiError:
            # Nothing can begin from what cannot be read.
            continue
        if facts.ends_epoch:
            epochs.append(facts.epoch)
    return epochs


def check_changes(before: Settings, after: Settings) -> None:
    """See that a state of a bake with settings `before` can go on with `after`.

    Raises:
        SettingsError: something differs that a state cannot carry.
    """
    for name in type(after).model_fields:
        if getattr(before, name) == getattr(after, name):
            continue
        if not field(name).may_fork:
            raise SettingsError(
                name,
                found=f"changed from {shown_value(before, name) or 'blank'} to {shown_value(after, name) or 'blank'}",
                expected="the value of the bake that is forked",
                way_out="rates, schedule, noise, memory, saving and sampling may change; for the rest begin a new bake",
            )


def _keep_state(journal: Journal, workspace: Workspace, path: Path) -> Path:
    """Keep a state for a bake to come: its own bake may let it go any moment."""
    _remove_unused_states(journal, workspace)
    link = workspace.bakes / f"{_KEPT_STATE_PREFIX}{secrets.token_hex(4)}.safetensors"
    try:
        os.link(path, link)
    except OSError:
        # A file system without hard links.
        shutil.copyfile(path, link)
    return link


def _remove_unused_states(journal: Journal, workspace: Workspace) -> None:
    """Remove states kept for bakes that were taken out of the queue, or have states of their own."""
    wanted = {
        bake.starts_from
        for bake in journal.bakes.latest(limit=10_000)
        if bake.starts_from and bake.state is not BakeState.DONE and not journal.results.states(bake.number)
    }
    for link in workspace.bakes.glob(f"{_KEPT_STATE_PREFIX}*.safetensors"):
        if link.relative_to(workspace.root).as_posix() not in wanted:
            link.unlink(missing_ok=True)
