"""What each epoch of a bake showed of folders, outfits and tags, from the list of its pictures."""

import contextlib
from collections.abc import Mapping

from trainer.dataset.exposures import EpochExposure, listed_exposures
from trainer.errors import LoraTuiError
from trainer.journal.bake_manifest import readable_manifest
from trainer.journal.bake_settings import settings_of
from trainer.journal.journal import Journal
from trainer.settings.subject import subject_named
from trainer.workspace import Workspace

# As many of the commonest as one reads.
_MAX_TAGS = 6


def bake_exposures(journal: Journal, workspace: Workspace, number: int) -> tuple[EpochExposure, ...]:
    """Return what an epoch of a bake shows of folders, outfits and the commonest tags; nothing where its pictures are not known.

    Args:
        journal, workspace: where it is.
        number: the bake's.

    Raises:
        WorkspaceError: there is no such bake.
    """
    manifest = readable_manifest(journal, number)
    if manifest is None:
        return ()
    outfits: Mapping[str, str] = {}
    # What is known of a bake is shown also where its subject is gone or broken.
    with contextlib.suppress(LoraTuiError):
        name = settings_of(journal, journal.bakes.read(number)).subject
        outfits = subject_named(workspace.subjects, name).outfits if "/" not in name else {}
    return listed_exposures(manifest.pictures, outfits, _MAX_TAGS)
