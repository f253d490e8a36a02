"""Bakes of the journal that are a rung of a ladder already: done, running or waiting, whatever their seeds."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from trainer.dataset.manifest import Manifest, manifest_bytes, manifest_of
from trainer.errors import LoraTuiError
from trainer.jobs.bakes import known_steps
from trainer.jobs.preflight import PlannedBake
from trainer.jobs.same_content import listed_models, models_now
from trainer.journal.bake_settings import settings_of
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState
from trainer.ladders.state import UNFINISHED
from trainer.ladders.twin_seeds import seeds_of
from trainer.machine.card_lock import CPU
from trainer.machine.devices import card_device
from trainer.noise_floor.families import Families, family_of_planned
from trainer.settings.describe import fields, settings_naming
from trainer.settings.kept import kept_toml
from trainer.settings.model import Settings
from trainer.settings.one_setting import Decides
from trainer.settings.random_numbers import SEEDS, RandomSource
from trainer.workspace import Workspace


@dataclass(frozen=True)
class KnownBake:
    """A bake that is, or will be, what a rung asks for.

    Attributes:
        number: of the bake.
        seeds: source -> its seed, of those that decide anything.
        waits: whether it is not done yet.
        held: whether it waits to be released.
    """

    number: int
    seeds: Mapping[RandomSource, int]
    waits: bool = False
    held: bool = False


class KnownBakes:
    """What of a ladder the journal has already.

    Args:
        journal, workspace: where it is looked for.
        taken: bakes that have a place in the ladder already.
    """

    def __init__(self, journal: Journal, workspace: Workspace, taken: Collection[int] = ()) -> None:
        self._journal, self._workspace = journal, workspace
        self._taken = set(taken)
        self._families = Families(journal)
        self._device = "gpu" if card_device() else CPU
        self._manifests: dict[tuple[object, ...], tuple[Manifest, bytes]] = {}
        self._waiting = [bake for bake in journal.queue.waiting() if _never_started(bake)]
        self._asked: dict[int, Settings | None] = {}

    def take(self, number: int) -> None:
        """Note that a bake has a place now."""
        self._taken.add(number)

    def of(self, planned: PlannedBake) -> list[KnownBake]:
        """Return the bakes that need not be baked again for a planned one, those with the earliest number first.

        Raises:
            DatasetError, ModelError: a picture or a model cannot be read.
        """
        found = {known.number: known for known in (*self._on_the_same(planned), *self._asked_alike(planned))}
        return [found[number] for number in sorted(found)]

    def manifest(self, planned: PlannedBake) -> Manifest:
        """Return the list of what a planned bake would stand on.

        Raises:
            DatasetError, ModelError: a picture or a model cannot be read.
        """
        return self._listed(planned)[0]

    def _listed(self, planned: PlannedBake) -> tuple[Manifest, bytes]:
        models = (str(getattr(planned.settings, name)) for name in settings_naming("weights"))
        # Rungs share their data as long as they are planned on the same.
        key = (id(planned.data), id(planned.validation), *models)
        if key not in self._manifests:
            listed = listed_models(models_now(planned.settings) or {})
            manifest = manifest_of(planned.data, planned.validation, listed)
            self._manifests[key] = manifest, manifest_bytes(manifest)
        return self._manifests[key]

    def _on_the_same(self, planned: PlannedBake) -> Iterator[KnownBake]:
        """Yield the bakes whose data are known: they stand on the same, by content, and everything else is the same too."""
        kept = kept_toml(planned.settings, self._journal.paths)
        family = family_of_planned(kept, self._listed(planned)[1], device=self._device)
        plan = planned.plan
        for member in self._families.of_planned(
            family, total_steps=known_steps(plan), steps_per_epoch=plan.steps_per_epoch
        ):
            bake = None if member.bake in self._taken else self._journal.bakes.find(member.bake)
            if bake is None:
                continue
            if bake.state in UNFINISHED:
                yield KnownBake(bake.number, member.seeds, waits=True, held=_held(bake))
            elif bake.state is BakeState.DONE and self._has_loras(bake):
                yield KnownBake(bake.number, member.seeds)

    def _asked_alike(self, planned: PlannedBake) -> Iterator[KnownBake]:
        """Yield the bakes that wait with settings of the same effect; what they will stand on shows when they start."""
        for bake in self._waiting:
            if bake.number in self._taken:
                continue
            asked = self._settings_of(bake)
            if asked is not None and _decides_the_same(asked, planned.as_asked):
                yield KnownBake(bake.number, seeds_of(asked), waits=True, held=_held(bake))

    def _settings_of(self, bake: Bake) -> Settings | None:
        if bake.number not in self._asked:
            try:
                self._asked[bake.number] = settings_of(self._journal, bake)
            except LoraTuiError:
                # Of another version, or damaged: whoever runs it says so.
                self._asked[bake.number] = None
        return self._asked[bake.number]

    def _has_loras(self, bake: Bake) -> bool:
        """Return whether a LoRA of a bake is still there: without one there is nothing to compare but what was measured."""
        folder = self._workspace.root / bake.folder
        return any((folder / saved.file).is_file() for saved in self._journal.results.checkpoints(bake.number))


def _never_started(bake: Bake) -> bool:
    return bake.grid is None and bake.started is None and not bake.starts_from


def _held(bake: Bake) -> bool:
    return bake.state is BakeState.QUEUED and bake.held


def _decides_the_same(one: Settings, other: Settings) -> bool:
    """Return whether two bakes differ in their random numbers at most."""
    names = (info.name for info in fields() if info.decides is not Decides.NO and info.name not in SEEDS)
    return all(getattr(one, name) == getattr(other, name) for name in names)
