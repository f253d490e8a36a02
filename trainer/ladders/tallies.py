"""Tallies of what the user said of the pictures of each rung."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from trainer.doneness.verdicts import FAVOURITE, OVER, RIGHT, UNDER, WHOLE, verdicts_of
from trainer.journal.journal import Journal
from trainer.judging.grids import judged_grids
from trainer.ladders.readings import LadderReadings
from trainer.workspace import Workspace

SAID = (FAVOURITE, UNDER, RIGHT, OVER)
"""What is counted, in the order in which it is shown."""


def tallies_of(journal: Journal, workspace: Workspace, readings: LadderReadings) -> dict[int, dict[str, int]]:
    """Return rung -> verdict -> how many pictures of its bakes' LoRAs alone, at full strength, over all judged grids."""
    places = {
        bake: (rung, workspace.root / readings.bakes[bake].folder, _files(journal, bake))
        for rung, bakes in readings.rungs.items()
        for bake in bakes
    }
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for grid in judged_grids(journal, workspace) if places else ():
        for rung, folder, files in places.values():
            for verdict in verdicts_of(grid.made, grid.notes, folder, files):
                if verdict.about in (WHOLE, FAVOURITE):
                    counts[rung][verdict.said] += 1
    return {
        rung: {said: found[said] for said in SAID if found[said]}
        for rung in readings.rungs
        if (found := counts.get(rung)) is not None
    }


def _files(journal: Journal, bake: int) -> Mapping[str, int]:
    return {saved.file: saved.step for saved in journal.results.checkpoints(bake)}
