"""Kinds of files that the program opens, of all rooms."""

import kinds_of_data
import kinds_of_models
import kinds_of_settings
import kinds_of_workspaces
from fuzz_kind import Kind

KINDS: tuple[Kind, ...] = (
    *kinds_of_settings.KINDS,
    *kinds_of_data.KINDS,
    *kinds_of_models.KINDS,
    *kinds_of_workspaces.KINDS,
)
"""Every kind; a test holds that no module opens files without one."""


def kind_named(name: str) -> Kind:
    """Return the kind of that name."""
    return next(kind for kind in KINDS if kind.name == name)
