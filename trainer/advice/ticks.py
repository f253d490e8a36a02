"""Symptoms that the user sees in a bake, kept in the journal and in the bake's own folder."""

from collections.abc import Collection

from trainer.advice.symptoms import SYMPTOMS, symptoms_named
from trainer.journal.bake_folder import write_bake_json
from trainer.journal.journal import Journal
from trainer.workspace import Workspace


def ticked(journal: Journal, number: int) -> tuple[str, ...]:
    """Return the keys of the symptoms that the user sees in a bake; what another version called a symptom is left out."""
    kept = {tick.symptom for tick in journal.symptoms.of_bake(number)}
    return tuple(key for key in SYMPTOMS if key in kept)


def keep_ticks(journal: Journal, workspace: Workspace, number: int, symptoms: Collection[str]) -> None:
    """Write which symptoms the user sees in a bake, in the place of those before.

    Raises:
        SettingsError: there is no symptom of a key.
        WorkspaceError: there is no such bake, or it cannot be written.
    """
    keys = [symptom.key for symptom in symptoms_named(symptoms)]
    bake = journal.bakes.read_bake(number)
    journal.symptoms.keep(number, keys)
    folder = workspace.root / bake.folder
    if folder.is_dir():
        write_bake_json(journal, number, folder)
