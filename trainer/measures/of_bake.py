"""Measures of a bake's LoRA files that are missing in the journal, made up for from the files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trainer.errors import LoraTuiError, ModelError
from trainer.journal.bake_settings import settings_of
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, Checkpoint
from trainer.measures.background import measure_saved
from trainer.measures.base_norms import FOLDER, base_norms
from trainer.measures.of_weights import DELTA_NORM
from trainer.measures.weights import MeasuringStopped
from trainer.models.identify import Base, identify_base
from trainer.models.kohya_names import ModuleNames


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
    base, norms, without = _base_of(journal, bake, stop)
    own_name = ModuleNames(base.family, base.lora_shapes).own if base is not None else _as_it_is
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
                own_name=own_name,
                norms=norms,
                rounded={},
                stop=stop,
                threads=threads,
            )
        except ModelError as error:
            # The next one is measured beside the last whole one before it.
            usable.pop(each.file)
            broken.append(error.line())
            continue
        journal.measures.add(bake.number, values)
        measured.append(each.step)
    return MadeUp(tuple(measured), gone, tuple(broken), without)


def _base_of(journal: Journal, bake: Bake, stop: Callable[[], bool]) -> tuple[Base | None, Mapping[str, float], str]:
    """Return the bake's base, the norms of its weights, and why there are none."""
    try:
        base = identify_base(settings_of(journal, bake).pretrained_model_name_or_path)
        norms = base_norms(base, journal.path.parent / FOLDER, stop=stop)
    except LoraTuiError as error:
        return None, {}, error.line()
    if norms is None:
        raise MeasuringStopped
    return base, norms, ""


def _as_it_is(name: str) -> str:
    return name
