"""What figures are compared with: another commit's. Checked without torch, before anything is loaded or measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from base_commit import commit_of


class BadArgument(ValueError):
    """An argument that names nothing that could be measured, in one line."""


@dataclass(frozen=True)
class Compared:
    """What the figures are compared with.

    Attributes:
        commit: full hash of another commit; None for nothing.
        cases: a part of the names of what is compared; empty for all.
    """

    commit: str | None = None
    cases: str = ""


def compared_with(base: str, cases: str, parts: Sequence[str], able: Sequence[str]) -> Compared:
    """Return what the arguments name.

    Args:
        base: name of a commit; empty for none.
        cases: as in Compared.
        parts: those asked for.
        able: those that can be compared with a commit.

    Raises:
        BadArgument: with what is wrong.
    """
    if not base:
        if cases:
            raise BadArgument(f"CASES={cases}: chooses among what is compared; name a commit with BASE=")
        return Compared()
    if unable := [name for name in parts if name not in able]:
        raise BadArgument(f"BASE={base}: {', '.join(unable)} cannot be compared; ONLY can be {', '.join(able)}")
    try:
        return Compared(commit_of(base), cases)
    except LookupError as error:
        raise BadArgument(f"BASE={base}: {error}") from None
