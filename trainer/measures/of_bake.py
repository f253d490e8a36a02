"""Measures of a bake's LoRA files that are missing in the journal, made up for from the files."""

from collections.abc import Callable
from dataclasses import dataclass

from trainer.errors import LoraTuiError, ModelError
from trainer.journal.bake_settings import settings_of
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, Checkpoint
from trainer.measures.background import measure_saved
from trainer.measures.base_norms import FOLDER
from trainer.measures.of_files import BaseForFiles, base_for_files
from trainer.measures.of_weights import DELTA_NORM


@dataclass(frozen=True)
class MadeUp:
    """What was made up for.

    Attributes:
        steps: whose LoRAs were measured, rising.
        gone: steps whose file is not there any more.
        broken: what is wrong with each file that could not be measured, a line each.
        without_base: why nothing could be said of the base's weights, "" where it could.
    """

    steps: tuple[int, ...] = ()
    gone: tuple[int, ...] = ()
    broken: tuple[str, ...] = ()
    without_base: str = ""


def missing_steps(journal: Journal, bake: Bake) -> tuple[Checkpoint, ...]:
    """Return the LoRAs of a bake that were not measured, one of each step, by step."""
    measured = journal.measures.steps(bake.number, DELTA_NORM.key)
    found = {each.step: each for each in journal.results.checkpoints(bake.number) if each.step not in measured}
    return tuple(found[step] for step in sorted(found))


def make_up(
    journal: Journal,
    bake: Bake,
    *,
    show: Callable[[int, int], object] = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
    threads: int = 1,
) -> MadeUp:
    """Measure the LoRAs of a bake that were not measured when they were saved, and write the values into the journal.

    What the file's precision rounded off is known only when a LoRA is saved.

    Args:
        journal: of the workspace.
        bake: which.
        show: takes how many are done, and of how many.
        stop: asked between two modules whether to give up; what was measured until then stays.
        threads: as measure_lora has them.

    Raises:
        MeasuringStopped: `stop` became true.
    """
    missing = missing_steps(journal, bake)
    folder = journal.path.parent / bake.folder
    there = [each for each in missing if (folder / each.file).is_file()]
    gone = tuple(each.step for each in missing if each not in there)
    if not there:
        return MadeUp((), gone)
    beside, without = _base_of(journal, bake, stop)
    usable = {each.file: each for each in journal.results.checkpoints(bake.number)}
    measured: list[int] = []
    broken: list[str] = []
    for done, each in enumerate(there):
        show(done, len(there))
        try:
            values = measure_saved(
                tuple(usable.values()),
                folder,
                each.step,
                folder / each.file,
                own_name=beside.own_name,
                norms=beside.norms,
                rounded={},
                stop=stop,
                threads=threads,
                weights=beside.weights,
            )
        except ModelError as error:
            # The next one is measured beside the last whole one before it.
            usable.pop(each.file)
            broken.append(error.line())
            continue
        journal.measures.add(bake.number, values)
        measured.append(each.step)
    return MadeUp(tuple(measured), gone, tuple(broken), without)


def _base_of(journal: Journal, bake: Bake, stop: Callable[[], bool]) -> tuple[BaseForFiles, str]:
    """Return what its files are measured beside, and why nothing of a base."""
    try:
        name = settings_of(journal, bake).pretrained_model_name_or_path
        return base_for_files(name, journal.path.parent / FOLDER, stop), ""
    except LoraTuiError as error:
        return BaseForFiles(own_name=_as_it_is), error.line()


def _as_it_is(name: str) -> str:
    return name
