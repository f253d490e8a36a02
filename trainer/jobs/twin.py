"""Twins of a bake: the same settings and data with other random numbers, or, as an exact repeat, with the same."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trainer.dataset.manifest import Manifest, manifest_of
from trainer.dataset.manifest_changes import picture_changes
from trainer.errors import DatasetError, SettingsError, WorkspaceError
from trainer.jobs.bakes import check, queue_bake
from trainer.jobs.fork import keep_state
from trainer.jobs.moved_files import moved_lines, with_moved_files
from trainer.jobs.preflight import PlannedBake
from trainer.jobs.ran_here import check_ran_here
from trainer.jobs.same_content import bake_provenance, check_same_models, listed_models, models_now
from trainer.journal.bake_settings import settings_of
from trainer.journal.deciding_marks import deciding_marks
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, Mark, MarkKind
from trainer.journal.state_files import states_of, step_of
from trainer.settings.model import Settings
from trainer.settings.random_numbers import RANDOM_SOURCES, RandomSource, listed_sources
from trainer.text import plural, printable
from trainer.workspace import Workspace

MAX_TWINS = 20
"""At most so many are queued at once."""

# Large enough that two are hardly ever the same, small enough to be read.
_SEEDS = 1_000_000
_MAX_NAMED = 20


@dataclass(frozen=True)
class TwinsToQueue:
    """Twins that may be queued; nothing is written yet.

    Attributes:
        of: the bake.
        vary: the sources of random numbers that are drawn anew; none for exact repeats.
        planned: each twin, checked.
        state: the file that they start from, None where they start afresh.
        notes: what the user should know, one line each.
    """

    of: Bake
    vary: tuple[RandomSource, ...]
    planned: tuple[PlannedBake, ...]
    state: Path | None
    notes: tuple[str, ...]

    @property
    def why(self) -> str:
        """The note of each twin."""
        return (
            f"twin of {self.of.number}: other {listed_sources(self.vary)}"
            if self.vary
            else f"repeat of {self.of.number}"
        )


def preview_twins(
    journal: Journal,
    workspace: Workspace,
    number: int,
    vary: Collection[RandomSource] = tuple(RandomSource),
    count: int = 1,
    look_in: Sequence[Path] = (),
) -> TwinsToQueue:
    """Return what `queue_twins` would queue of the same arguments. Writes nothing.

    Args:
        journal, workspace: where the bake is.
        number: of the bake.
        vary: the sources of random numbers to draw anew; none for exact repeats. All leaves out what decides nothing in this bake.
        count: how many.
        look_in: folders to search for models and pictures that are gone from their place.

    Raises:
        WorkspaceError: no bake has that number, it makes a grid, its LoRA comes from elsewhere, it was changed while it ran, or the state it started from is gone.
        ModelError, DatasetError: base, VAE, start LoRA or pictures are not those that the bake was made on.
        SettingsError: a source that decides nothing in this bake, or its settings no longer fit.
    """
    bake = journal.bakes.read(number)
    if bake.grid is not None:
        raise WorkspaceError(f"job {number}", found=f"makes grid {bake.grid}", expected="a bake", way_out="name a bake")
    check_ran_here(bake)
    if not 1 <= count <= MAX_TWINS:
        raise SettingsError(
            "--count", found=str(count), expected=f"a whole number from 1 to {MAX_TWINS}", way_out="change it"
        )
    _check_unchanged(bake, journal.results.marks(number))
    before = bake_provenance(journal, number)
    kept = settings_of(journal, bake)
    settings = with_moved_files(kept, before, journal.paths, look_in)
    varied = _varied(bake, settings, vary)
    state = _start_state(journal, workspace, bake) if bake.starts_from else None
    models = models_now(settings) or {}
    check_same_models(before, settings, models)
    first = check(_with_seeds(settings, varied), workspace.root / "settings.toml")
    if before.manifest is not None:
        now = manifest_of(first.data, first.validation, listed_models(models))
        check_same_data(bake, before.manifest, now)
    planned = (first, *(_again(first, varied) for _ in range(count - 1)))
    return TwinsToQueue(bake, varied, planned, state, tuple(moved_lines(kept, settings)))


def queue_twins(
    journal: Journal, workspace: Workspace, twins: TwinsToQueue, *, engine: str, held: bool = False
) -> tuple[Bake, ...]:
    """Queue twins as children of their bake.

    Args:
        journal, workspace: where the bake is.
        twins: from preview_twins.
        engine: key of the engine that is to run them, "" for any.
        held: whether they wait to be released.

    Raises:
        DiskFull, WorkspaceError: as queue_bake.
    """
    queued = []
    link = twins.state
    for planned in twins.planned:
        link = keep_state(journal, workspace, link) if link is not None else None
        queued.append(
            queue_bake(
                journal,
                workspace,
                planned,
                why=twins.why,
                engine=engine,
                parent=twins.of.number,
                held=held,
                starts_from=link.relative_to(workspace.root).as_posix() if link is not None else "",
            )
        )
    return tuple(queued)


def _varied(bake: Bake, settings: Settings, vary: Collection[RandomSource]) -> tuple[RandomSource, ...]:
    """Return the sources to draw anew, without a start that is not drawn.

    Raises:
        SettingsError: the start alone was asked for.
    """
    wanted = tuple(source for source in RandomSource if source in vary)
    fixed = bake.starts_from or (settings.network_weights and settings.dim_from_weights)
    if not fixed or RandomSource.INIT not in wanted:
        return wanted
    if len(wanted) == 1:
        where = "a state" if bake.starts_from else "network_weights"
        raise SettingsError(
            "--vary init",
            found=f"bake {bake.number} starts from {where}, whose values are not drawn",
            expected="what is drawn in this bake",
            way_out="vary order, noise or all",
        )
    return tuple(source for source in wanted if source is not RandomSource.INIT)


def _with_seeds(settings: Settings, varied: Sequence[RandomSource]) -> Settings:
    """Return settings with a new seed of each of these sources."""
    new: dict[str, int] = {}
    for source in varied:
        while (seed := secrets.randbelow(_SEEDS)) == settings.seed_of(source):
            pass
        new[RANDOM_SOURCES[source].setting] = seed
    return settings.model_copy(update=new)


def _again(planned: PlannedBake, varied: Sequence[RandomSource]) -> PlannedBake:
    """Return a planned twin with seeds of its own: nothing else of its plan depends on them."""
    settings = _with_seeds(planned.settings, varied)
    if planned.asked is None:
        return replace(planned, settings=settings)
    seeds = {RANDOM_SOURCES[source].setting: settings.seed_of(source) for source in varied}
    return replace(planned, settings=settings, asked=planned.asked.model_copy(update=seeds))


def _check_unchanged(bake: Bake, marks: Sequence[Mark]) -> None:
    """See that a bake ran as its settings say.

    Raises:
        WorkspaceError: something was changed while it ran.
    """
    changed = next(deciding_marks(marks), None)
    if changed is not None:
        what = "was rolled back" if changed.kind is MarkKind.ROLL_BACK else f"{printable(changed.text, 80)} was set"
        raise WorkspaceError(
            f"bake {bake.number}",
            found=f"{what} at step {changed.step} while it ran",
            expected="a bake that ran as its settings say",
            way_out="a bake with the settings it ended with can have twins: start one and make a twin of that",
        )


def check_same_data(
    bake: Bake,
    before: Manifest,
    now: Manifest,
    way_out: str = "put them back, or start a new bake on these and make a twin of that",
) -> None:
    """See that a bake's pictures are still those it was trained on; what is kept out of training may be another.

    Args:
        bake: which.
        before: what it was trained on.
        now: what it would be trained on now.
        way_out: what the user can do where that differs.

    Raises:
        DatasetError: they are not.
    """
    changes = picture_changes(replace(before, validation=()), replace(now, validation=()))
    if changes:
        raise DatasetError(
            f"the pictures of bake {bake.number}",
            found=f"changed in {plural(len(changes), 'place')} since: {printable(changes[0], 120)}",
            expected="the data it was trained on",
            way_out=way_out,
            details=[f"changed: {change}" for change in changes[:_MAX_NAMED]],
        )


def _start_state(journal: Journal, workspace: Workspace, bake: Bake) -> Path:
    """Return the state that a fork started from: its own link to it, else the parent's.

    Raises:
        WorkspaceError: it is gone.
    """
    link = workspace.root / bake.starts_from
    if link.is_file():
        return link
    first = journal.families.first_step(bake.number)
    if bake.parent is not None and first is not None:
        for state in states_of(workspace.root / journal.bakes.read(bake.parent).folder):
            if step_of(state) == first - 1:
                return state
    raise WorkspaceError(
        f"bake {bake.number}",
        found=f"was forked from bake {bake.parent}, and the state it started from is gone",
        expected="that state",
        way_out="set keep_states = epochs before a bake whose forks are to have twins",
    )
