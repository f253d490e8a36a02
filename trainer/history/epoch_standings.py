"""What is known of each saved LoRA of a bake beside its numbers: what the user said of its pictures, the best one, champions, files gone."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trainer.history.champions import champions
from trainer.history.facts import FAVOURITE, VERDICTS, tally_of
from trainer.journal.derived_records import GridTally
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, Checkpoint
from trainer.workspace import Workspace

# Grids whose verdicts nobody has counted since they were given; more are counted as the journal's list is read.
_MAX_UNCOUNTED = 20


@dataclass(frozen=True)
class EpochStanding:
    """What is known of one saved LoRA.

    Attributes:
        said: `favourite` and the verdicts -> of how many pictures that it made alone, at full weight.
        best: whether the user called it the best of its bake.
        champion: whether a subject calls it its champion.
        there: whether its file is still there.
    """

    said: Mapping[str, int] = field(default_factory=dict)
    best: bool = False
    champion: bool = False
    there: bool = True

    @property
    def verdict(self) -> str:
        """The verdict given most often, "" without one; of equal ones the first of under, right, over."""
        most = max(VERDICTS, key=lambda verdict: self.said.get(verdict, 0))
        return most if self.said.get(most) else ""

    @property
    def favourites(self) -> int:
        """How many of its pictures are favourites."""
        return self.said.get(FAVOURITE, 0)


class EpochStandings:
    """Reads them; what has not changed is not read again.

    Args:
        journal, workspace: where the bakes are. Use it in the thread that opened the journal.
    """

    def __init__(self, journal: Journal, workspace: Workspace) -> None:
        self._journal, self._workspace = journal, workspace
        self._tallies: dict[int, GridTally] = {}
        self._tallied = 0.0
        self._uncounted: dict[int, tuple[object, GridTally]] = {}
        self._champions_of: tuple[object, ...] | None = None
        self._champions: frozenset[Path] = frozenset()

    def of_bake(self, bake: Bake, saved: Sequence[Checkpoint]) -> dict[int, EpochStanding]:
        """Return step -> what is known of the LoRA saved after it; nothing is written.

        Args:
            bake: whose.
            saved: its LoRAs.
        """
        if not saved:
            return {}
        folder = self._workspace.root / bake.folder
        said = self._said(bake.number)
        best = self._journal.notes.of(bake.number).best_step
        champion = self._read_champions()
        # Of a bake without its folder, as from another computer's journal, nothing is known to have been deleted.
        known = folder.is_dir()
        return {
            each.step: EpochStanding(
                said.get(each.step, {}),
                best=each.step == best,
                champion=Path(folder / each.file) in champion,
                there=not known or (folder / each.file).is_file(),
            )
            # Of several files of one step the newest is listed first, and stands for all.
            for each in reversed(saved)
        }

    def _said(self, number: int) -> Mapping[int, Mapping[str, int]]:
        counts: dict[int, Counter[str]] = defaultdict(Counter)
        for tally in self._all_tallies():
            for step, said in tally.counts.get(str(number), {}).items():
                if step.isdecimal():
                    counts[int(step)].update(said)
        return {step: dict(said) for step, said in counts.items()}

    def _all_tallies(self) -> Iterable[GridTally]:
        for tally in self._journal.derived.tallies(self._tallied):
            self._tallies[tally.grid] = tally
        self._tallied = max((tally.seconds for tally in self._tallies.values()), default=0.0)
        missing = self._journal.derived.without_tally(_MAX_UNCOUNTED)
        for grid in missing:
            notes = tuple(self._journal.grids.cell_notes(grid))
            if grid not in self._uncounted or self._uncounted[grid][0] != notes:
                self._uncounted[grid] = notes, tally_of(self._journal, self._workspace, grid)
        yield from (tally for grid, tally in self._tallies.items() if grid not in missing)
        yield from (self._uncounted[grid][1] for grid in missing)

    def _read_champions(self) -> frozenset[Path]:
        files = sorted(self._workspace.subjects.glob("*.toml"))
        marks = tuple((file.name, about.st_mtime_ns, about.st_size) for file in files if (about := _stat(file)))
        if marks != self._champions_of:
            self._champions_of = marks
            self._champions = frozenset(path for path, _ in champions(self._workspace))
        return self._champions


def _stat(file: Path) -> os.stat_result | None:
    try:
        return file.stat()
    except OSError:
        return None
