"""The list of data of a bake as the journal has it."""

from trainer.dataset.manifest import FILE, Manifest, read_manifest
from trainer.errors import LoraTuiError
from trainer.journal.journal import Journal


def readable_manifest(journal: Journal, number: int) -> Manifest | None:
    """Return the manifest of a bake; None before it started, and where the list is damaged, of which whoever opens it is told."""
    blob = journal.results.manifest(number)
    try:
        return None if blob is None else read_manifest(blob, FILE)
    except LoraTuiError:
        return None
