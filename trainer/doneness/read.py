"""Doneness of a bake of a workspace, read from its journal, its list of data and the grids of its LoRAs."""

from collections.abc import Sequence

from trainer.doneness.floors import floors_of
from trainer.doneness.place import place
from trainer.doneness.record import Doneness, SavedEpoch
from trainer.doneness.rules import measures_read
from trainer.doneness.verdicts import Verdict, verdicts_of
from trainer.errors import LoraTuiError
from trainer.families.registry import first_family
from trainer.journal.bake_manifest import readable_manifest
from trainer.journal.bake_settings import settings_of
from trainer.journal.journal import Journal
from trainer.journal.measure_records import MeasuredValue
from trainer.journal.records import Bake, Checkpoint
from trainer.judging.grids import judged_grids
from trainer.measures.of_validation import HELD_OUT_CHANGE
from trainer.measures.student import CONFIDENCE, quantile
from trainer.settings.model import Settings
from trainer.settings.parts import Part, all_parts
from trainer.workspace import Workspace


def doneness_of(journal: Journal, workspace: Workspace, number: int) -> Doneness:
    """Return where each epoch of a bake stands between raw and burnt.

    Args:
        journal, workspace: where everything is.
        number: the bake's.

    Raises:
        WorkspaceError: there is no such bake, or the journal cannot be read.
    """
    bake = journal.bakes.read(number)
    saved = journal.results.checkpoints(number)
    measured = journal.measures.of_bake(number, measures_read())
    repeats, held_out = _data(journal, number)
    settings = _settings(journal, bake)
    plain = not any(value.name == HELD_OUT_CHANGE and not value.scope for value in measured)
    values = [*measured, *_validation(saved, held_out)] if plain else measured
    return place(
        number,
        _epochs(bake, saved, values, repeats),
        values,
        _parts(settings, values),
        floors_of(journal, number, plain_validation=plain),
        verdicts=_verdicts(journal, workspace, bake, saved),
        best_step=journal.notes.of(number).best_step,
        running=bake.state.live,
        of_another_folder=settings is not None
        and bool(settings.validation_outfit and not settings.validation_data_dir),
    )


def _epochs(
    bake: Bake, saved: Sequence[Checkpoint], values: Sequence[MeasuredValue], repeats: tuple[int, int] | None
) -> list[SavedEpoch]:
    """Return the axis: every saved LoRA, and what was measured where no row of a LoRA is left."""
    per_epoch = bake.steps_per_epoch
    epochs = {each.step: each.epoch for each in saved}
    for value in values:
        if value.step:
            epochs.setdefault(value.step, value.step // per_epoch if per_epoch else 0)
    return [
        SavedEpoch(
            step,
            epoch,
            # The last step may end its epoch early.
            not per_epoch or step % per_epoch == 0 or step == bake.total_steps,
            None if repeats is None or not per_epoch else _shown(repeats, step / per_epoch),
        )
        for step, epoch in sorted(epochs.items())
    ]


def _shown(repeats: tuple[int, int], epochs: float) -> tuple[int, int]:
    return round(repeats[0] * epochs), round(repeats[1] * epochs)


def _data(journal: Journal, number: int) -> tuple[tuple[int, int] | None, int]:
    """Return the fewest and the most repeats of trained pictures, and how many pictures are held out; (None, 0) where it is not known."""
    manifest = readable_manifest(journal, number)
    if manifest is None:
        return None, 0
    repeats = [picture.repeats for picture in manifest.pictures if not picture.is_reg]
    return ((min(repeats), max(repeats)) if repeats else None), len(manifest.validation)


def _validation(saved: Sequence[Checkpoint], held_out: int) -> list[MeasuredValue]:
    """Return the validation that every bake with held-out pictures has, for one in which it was not measured by bands."""
    t = quantile(CONFIDENCE, max(1, held_out - 1))
    return [
        MeasuredValue(
            step=each.step,
            name=HELD_OUT_CHANGE,
            value=each.val_change,
            low=None if each.val_error is None else each.val_change - t * each.val_error,
            high=None if each.val_error is None else each.val_change + t * each.val_error,
            count=held_out,
        )
        for each in saved
        if each.val_change is not None
    ]


def _settings(journal: Journal, bake: Bake) -> Settings | None:
    """Return a bake's settings; None where they cannot be read."""
    try:
        return settings_of(journal, bake)
    except LoraTuiError:
        return None


def _parts(settings: Settings | None, values: Sequence[MeasuredValue]) -> tuple[Part, ...]:
    """Return the parts that a bake trains: those with a value of their own, without any those of the first family; by the settings' rates."""
    measured = {value.part for value in values}
    parts = tuple(part for part in all_parts() if part in measured) or tuple(each.key for each in first_family().parts)
    if settings is None:
        return parts
    return tuple(part for part in parts if settings.rate(part) > 0) or parts


def _verdicts(journal: Journal, workspace: Workspace, bake: Bake, saved: Sequence[Checkpoint]) -> list[Verdict]:
    files = {each.file: each.step for each in saved}
    grids = judged_grids(journal, workspace) if files else ()
    return [said for grid in grids for said in verdicts_of(grid.made, grid.notes, workspace.root / bake.folder, files)]
