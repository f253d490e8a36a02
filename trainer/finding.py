"""Something a check before a bake has found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What one check found at one place, in words.

    Attributes:
        check: key of the check, as in `trainer.checks.registry`.
        place: the file, folder or setting it is about.
        text: what was found; a sentence that can be read without the place.
        way_out: what the user can do about it, "" where `text` says all there is.
        cases: every single case where `text` counts them and names one.
    """

    check: str
    place: str
    text: str
    way_out: str = ""
    cases: tuple[str, ...] = ()

    def line(self) -> str:
        """Return the finding on one line."""
        return f"{self.text}; {self.way_out}" if self.way_out else self.text
