"""A line of a dialog that is typed into."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DialogField:
    """A line to type into.

    Attributes:
        key: names it.
        label: stands before it.
        hint: stands in it while it is empty.
    """

    key: str
    label: str
    hint: str
