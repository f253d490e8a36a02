"""What a report is made from: the bake's rows of the journal, read once."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import PurePath

from trainer.dataset.manifest import Manifest
from trainer.history.facts import facts_of
from trainer.history.setting_changes import shown_setting, value_of
from trainer.journal.bake_manifest import readable_manifest
from trainer.journal.derived_records import BakeFacts, FactSource
from trainer.journal.journal import Journal
from trainer.journal.measure_records import BakeNote, MeasuredValue
from trainer.journal.records import Bake, Checkpoint
from trainer.text import duration, plural
from trainer.workspace import Workspace


class ReportSource:
    """One bake, as a report asks for it.

    Args:
        journal, workspace: whose.
        bake: its row.
    """

    def __init__(self, journal: Journal, workspace: Workspace, bake: Bake) -> None:
        self.journal, self.workspace, self.bake = journal, workspace, bake

    @cached_property
    def saved(self) -> list[Checkpoint]:
        """Its LoRAs, oldest first."""
        return self.journal.results.checkpoints(self.bake.number)[::-1]

    @cached_property
    def values(self) -> list[MeasuredValue]:
        """Everything measured of it, by step."""
        return self.journal.measures.of_bake(self.bake.number)

    @cached_property
    def measured_parts(self) -> frozenset[str]:
        """Keys of the parts that something was measured of."""
        return frozenset(value.part for value in self.values)

    @cached_property
    def note(self) -> BakeNote:
        """What the user wrote about it."""
        return self.journal.notes.of(self.bake.number)

    @cached_property
    def settings(self) -> BakeFacts:
        """Its settings that differ from the defaults."""
        return facts_of(self.journal, FactSource(self.bake.number, self.bake.settings_toml))

    @cached_property
    def parent(self) -> Bake | None:
        """The bake it was changed from, None without one, or where that was never started."""
        parent = None if self.bake.parent is None else self.journal.bakes.find(self.bake.parent)
        return None if parent is None or parent.withdrawn or parent.grid is not None else parent

    @cached_property
    def manifest(self) -> Manifest | None:
        """What it stands on; None before it started, and where the list is damaged."""
        return readable_manifest(self.journal, self.bake.number)

    @cached_property
    def steps(self) -> int:
        """Optimizer steps done, as far as curves and files tell."""
        curves = self.journal.curves.last_values(self.bake.number)
        return max([step for step, _ in curves.values()] + [each.step for each in self.saved], default=0)

    def epoch_of(self, step: int) -> str:
        """Return what the LoRA after a step is called: `epoch 3`, `step 420`."""
        per_epoch = self.bake.steps_per_epoch
        return f"epoch {step // per_epoch}" if per_epoch and step % per_epoch == 0 else f"step {step:,}"

    def facts(self) -> tuple[str, ...]:
        """Return in a few words each what it is."""
        return tuple(self._facts())

    def _facts(self) -> Iterator[str]:
        bake = self.bake
        yield "imported" if bake.imported else str(bake.state)
        if self.steps:
            of = f" of {bake.total_steps:,}" if bake.total_steps and self.steps != bake.total_steps else ""
            yield f"{plural(self.steps, 'step')}{of}"
        if bake.started is not None and bake.ended is not None and bake.attempt == 1:
            yield duration(bake.ended - bake.started)
        if self.saved:
            yield plural(len(self.saved), "LoRA file")
        if bake.peak_vram is not None:
            yield f"peak {bake.peak_vram / 2**30:.2f} GiB"

    def setting(self, name: str) -> str:
        """Return a setting as people read it; of a path its last name alone."""
        shown = shown_setting(value_of(self.settings.settings, name))
        return PurePath(shown).name if "/" in shown else shown
