"""One grid over the rungs of a ladder, their epochs and seeds, as a spec like any other."""

from collections.abc import Iterator, Mapping

from trainer.errors import GridError
from trainer.grid.first_spec import epochs_of, spec_for_bake
from trainer.grid.spec import AxisSpec, EpochFile, GridSpec, LoraSpec
from trainer.grid.value_grammar import text_list
from trainer.journal.bake_settings import settings_of
from trainer.journal.journal import Journal
from trainer.ladders.readings import order_of
from trainer.ladders.record import BakeOfRung, LadderState
from trainer.text import plural
from trainer.workspace import Workspace

_LAST = "last"


def grid_spec(journal: Journal, workspace: Workspace, state: LadderState, *, twins: bool = True) -> GridSpec:
    """Return the grid of a ladder: epochs across, a row for each rung and twin, the seeds of the subject in each cell.

    Epochs are those that every bake has saved; where bakes saved different ones, the last of each stands beside them.

    Args:
        journal, workspace: where the bakes are.
        state: the ladder.
        twins: whether the twins of each rung have rows of their own, which show how much of a difference is noise.

    Raises:
        GridError: no bake of it has saved a LoRA, or its rungs are on different bases.
        WorkspaceError, SettingsError, ModelError: as spec_for_bake, of the centre or the first rung that has one.
    """
    rows = dict(_rows(journal, workspace, state, twins=twins))
    if not rows:
        raise GridError(
            f"ladder {state.number}",
            found="no bake of it has saved a LoRA",
            expected="rungs that are baked",
            way_out=f"`lora-tui ladder show {state.number}` says how it stands",
        )
    centre = state.spec.centre
    first = next((bake for bake in rows.values() if bake.rung == centre), next(iter(rows.values())))
    assert first.bake is not None
    _check_bases(journal, state, rows)
    saved = {name: _saved(journal, workspace, bake) for name, bake in rows.items()}
    labels = [label for label in next(iter(saved.values())) if all(label in each for each in saved.values())]
    # Bakes of different lengths are compared at their ends, too.
    if not labels or len({next(reversed(each)) for each in saved.values()}) > 1:
        labels.append(_LAST)
    epochs = [
        EpochFile(label=f"{name}:{label}", file=files[next(reversed(files))] if label == _LAST else files[label])
        for name, files in saved.items()
        for label in labels
    ]
    return spec_for_bake(journal, workspace, first.bake).model_copy(
        update={
            "name": f"ladder-{state.number}",
            "loras": (LoraSpec(),),
            "epochs": tuple(epochs),
            "x": AxisSpec(kind="epoch", values=text_list(labels)),
            "y": AxisSpec(kind="bake", values=text_list(rows)),
            "z": None,
            "order": "fair",
        }
    )


def _rows(
    journal: Journal, workspace: Workspace, state: LadderState, *, twins: bool
) -> Iterator[tuple[str, BakeOfRung]]:
    """Yield the name and the bake of each row, of those that have saved a LoRA, in the order of the axis."""
    for place in order_of(state):
        label = state.spec.rungs[place].label
        here = [each for each in state.of_rung(place) if _saved(journal, workspace, each)]
        for each in here if twins else here[:1]:
            yield (f"{label} twin {each.twin}" if each.twin and twins else label), each


def _saved(journal: Journal, workspace: Workspace, bake: BakeOfRung) -> dict[str, str]:
    """Return label -> file of the LoRAs that a bake has saved and that are still there, the oldest first."""
    found = journal.bakes.find(bake.bake) if bake.bake is not None else None
    if found is None or found.grid is not None:
        return {}
    return {epoch.label: epoch.file for epoch in epochs_of(journal, workspace, (found.number,))}


def _check_bases(journal: Journal, state: LadderState, rows: Mapping[str, BakeOfRung]) -> None:
    bases = {
        settings_of(journal, journal.bakes.read(bake.bake)).pretrained_model_name_or_path
        for bake in rows.values()
        if bake.bake is not None
    }
    if len(bases) > 1:
        raise GridError(
            f"ladder {state.number}",
            found=f"rungs on {plural(len(bases), 'base')}",
            expected="one base, on which all of them are shown",
            way_out="`lora-tui grid --bake N` makes the grid of each bake",
        )
