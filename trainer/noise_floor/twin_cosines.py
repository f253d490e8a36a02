"""Cosines between the LoRAs of twins: what a cosine between two bakes is to be read beside.

Bakes that differ in their random numbers alone are far from parallel (0.41 after 1200 steps was seen elsewhere from nothing but the
order of sums), so a cosine between two bakes says nothing without it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainer.journal.journal import Journal
from trainer.measures.interference import Scope, common_name, interference
from trainer.noise_floor.floors import NoiseFloors
from trainer.noise_floor.saved_loras import SavedLora, loras_in
from trainer.refusals import real_path

# Of the same bits, from bakes with the same random numbers: no twins.
_SAME = 1 - 1e-9


@dataclass(frozen=True)
class TwinCosines:
    """How parallel the twins of a bake are.

    Attributes:
        bake: its number.
        step: optimizer steps in the LoRAs.
        twins: numbers of the others.
        cosines: part and block group -> the least and the greatest cosine between two of them.
    """

    bake: int
    step: int
    twins: tuple[int, ...]
    cosines: Mapping[Scope, tuple[float, float]]


def twin_cosines(journal: Journal, file: Path, own_name: Callable[[str], str] = common_name) -> TwinCosines | None:
    """Return how parallel the bake that saved a file and its twins are; None for another file, and without twins.

    Args:
        journal: of the workspace.
        file: a LoRA.
        own_name: as interference takes it.

    Raises:
        ModelError: a LoRA cannot be read.
    """
    saved = _saved_by(journal, file)
    if saved is None:
        return None
    bake, step = saved.bake, saved.step
    files = {bake: file}
    for number in NoiseFloors(journal).family(bake):
        if number != bake and (twin := _file_at(journal, number, step)) is not None:
            files[number] = twin
    if len(files) < 2:
        return None
    found: dict[Scope, list[float]] = {}
    for scopes in interference(list(files.values()), own_name=own_name, overlaps=False).values():
        whole = scopes["", ""].cosine
        if whole is None or whole > _SAME:
            continue
        for scope, each in scopes.items():
            if each.cosine is not None:
                found.setdefault(scope, []).append(each.cosine)
    if not found:
        return None
    twins = tuple(number for number in files if number != bake)
    return TwinCosines(bake, step, twins, {scope: (min(each), max(each)) for scope, each in found.items()})


def _saved_by(journal: Journal, file: Path) -> SavedLora | None:
    """Return which LoRA of which bake a file is."""
    try:
        folder = real_path(file).parent.relative_to(real_path(journal.path.parent))
    except (OSError, ValueError):
        return None
    return loras_in(journal, folder).get(file.name)


def _file_at(journal: Journal, number: int, step: int) -> Path | None:
    folder = journal.path.parent / journal.bakes.read(number).folder
    files = (folder / each.file for each in journal.results.checkpoints(number) if each.step == step)
    return next((path for path in files if path.is_file()), None)
