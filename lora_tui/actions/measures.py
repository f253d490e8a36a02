"""What was measured of a bake, and the noise of one value, read for a screen."""

from lora_tui.plots.measure_map import MeasuredEpochs
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState
from trainer.workspace import Workspace

_MAY_SAVE = frozenset({BakeState.STARTING, BakeState.BAKING, BakeState.PAUSED})


def read_measured(workspace: Workspace, number: int) -> MeasuredEpochs:
    """Return what was measured of a bake.

    Raises:
        WorkspaceError: the journal cannot be read, or has no such bake.
    """
    from trainer.measures.of_bake import missing_steps

    with Journal(workspace.journal_path) as journal:
        bake = journal.bakes.read(number)
        per_epoch = bake.steps_per_epoch
        steps = {each.step for each in journal.results.checkpoints(number)}
        return MeasuredEpochs(
            values=tuple(journal.measures.of_bake(number)),
            epochs={step: step // per_epoch for step in steps if per_epoch and step % per_epoch == 0},
            total_steps=bake.total_steps,
            missing=len(missing_steps(journal, bake)),
            running=bake.state in _MAY_SAVE,
        )


def noise_words(
    workspace: Workspace, number: int, name: str, part: str, scope: str, step: int, before: int | None
) -> str:
    """Return what a value's difference from the one saved before is beside the noise between bakes, in words.

    Args:
        workspace, number: the bake.
        name, part, scope: of the value.
        step: of its LoRA.
        before: of the LoRA before; None for none.
    """
    from trainer.measures.registry import MEASURES
    from trainer.measures.value_text import spread_text
    from trainer.noise_floor.floors import NoiseFloors
    from trainer.noise_floor.values import ValueKey
    from trainer.noise_floor.words import NOT_KNOWN, rests_on, words

    if not MEASURES[name].compared:
        return ""
    key = ValueKey(name, part, scope)
    with Journal(workspace.journal_path) as journal:
        floors = NoiseFloors(journal)
        floor = floors.floor_of([number], key, step)
        compared = None if before is None else floors.compare([number], [number], key, before, step)
    since = [f"since step {before:,}: {words(compared)}"] if compared is not None else []
    if floor is not None:
        since.append(f"twins are apart by {spread_text(MEASURES[name], floor.spread)} ({rests_on(floor)})")
    return "; ".join(since) or NOT_KNOWN
