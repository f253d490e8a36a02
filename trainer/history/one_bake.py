"""Everything that is known of one bake, for the command and the pane that show it."""

from collections.abc import Mapping
from dataclasses import dataclass

from trainer.dataset.exposures import EpochExposure
from trainer.history.bake_exposures import bake_exposures
from trainer.history.history import BakeHistory
from trainer.history.records import BakeEntry
from trainer.history.tree import ancestors, children_of
from trainer.journal.bakes import no_bake
from trainer.journal.journal import Journal
from trainer.journal.measure_records import MeasuredValue
from trainer.journal.records import Checkpoint
from trainer.noise_floor.epochs import lowest_in_words
from trainer.workspace import Workspace


@dataclass(frozen=True)
class OneBake:
    """One bake.

    Attributes:
        entry: its line of the list.
        parents: the bake it was made from, that one's parent, and so on.
        children: the bakes that were made from it.
        checkpoints: its LoRAs, the first saved first.
        present: names of those whose files are there.
        measures: what was measured of its epochs.
        metadata: what is kept of the metadata of its newest LoRA.
        lowest: what the noise says of its lowest validation loss, a line each; "" without validation.
        exposures: what each epoch showed of folders, outfits and the commonest tags; empty where its pictures are not known.
    """

    entry: BakeEntry
    parents: tuple[BakeEntry, ...]
    children: tuple[BakeEntry, ...]
    checkpoints: tuple[Checkpoint, ...]
    present: frozenset[str]
    measures: tuple[MeasuredValue, ...]
    metadata: Mapping[str, str]
    lowest: str
    exposures: tuple[EpochExposure, ...] = ()


def one_bake(history: BakeHistory, journal: Journal, workspace: Workspace, number: int) -> OneBake:
    """Return everything that is known of a bake.

    Args:
        history: of the journal, refreshed.
        journal, workspace: where it is.
        number: the bake's.

    Raises:
        WorkspaceError: there is no such bake, or it is damaged.
    """
    entry = history.entry(number)
    if entry is None:
        # Says what is wrong with a damaged row, or that it is a grid's job.
        journal.bakes.read_bake(number)
        raise no_bake(str(journal.path), number)
    saved = tuple(reversed(journal.results.checkpoints(number)))
    folder = workspace.root / entry.folder
    children = children_of(history.entries).get(number, ())
    return OneBake(
        entry,
        tuple(ancestors(history.entries, number)),
        tuple(history.entries[child] for child in children),
        saved,
        frozenset(each.file for each in saved if (folder / each.file).is_file()),
        tuple(journal.measures.of_bake(number)),
        journal.derived.metadata_of(number),
        lowest_in_words(journal, number, saved[::-1]),
        bake_exposures(journal, workspace, number),
    )
