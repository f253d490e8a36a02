"""What figures are compared with: another commit, sd-scripts. Checked without torch, before anything is loaded or measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from base_commit import commit_of
from sd_scripts import Checkout, checkout_in

RACE = "race"


class BadArgument(ValueError):
    """An argument that names nothing that could be measured, in one line."""


@dataclass(frozen=True)
class Compared:
    """What the figures are compared with.

    Attributes:
        commit: full hash of another commit; None for none.
        scripts: a checkout of sd-scripts; None for none.
        cases: a part of the names of what is compared; empty for all.
    """

    commit: str | None = None
    scripts: Checkout | None = None
    cases: str = ""


def compared_with(base: str, scripts: str, cases: str, parts: Sequence[str], able: Sequence[str]) -> Compared:
    """Return what the arguments name.

    Args:
        base: name of a commit; empty for none.
        scripts: path of a checkout of sd-scripts; empty for none.
        cases: as in Compared.
        parts: those asked for.
        able: those that can be compared with a commit; `race` among them, which alone can be with sd-scripts.

    Raises:
        BadArgument: with what is wrong.
    """
    if not base and not scripts:
        if cases:
            raise BadArgument(f"CASES={cases}: chooses among what is compared; name that with BASE= or SD_SCRIPTS=")
        if RACE in parts:
            raise BadArgument(
                "ONLY=race: with whom? name a checkout of sd-scripts with SD_SCRIPTS=, or a commit with BASE="
            )
        return Compared()
    if scripts and (others := [name for name in parts if name != RACE]):
        raise BadArgument(f"SD_SCRIPTS={scripts}: {', '.join(others)} cannot be compared with it; ONLY can be {RACE}")
    if unable := [name for name in parts if name not in able]:
        raise BadArgument(f"BASE={base}: {', '.join(unable)} cannot be compared; ONLY can be {', '.join(able)}")
    try:
        commit = commit_of(base) if base else None
    except LookupError as error:
        raise BadArgument(f"BASE={base}: {error}") from None
    try:
        checkout = checkout_in(Path(scripts).expanduser()) if scripts else None
    except LookupError as error:
        raise BadArgument(f"SD_SCRIPTS={scripts}: {error}") from None
    return Compared(commit, checkout, cases)
