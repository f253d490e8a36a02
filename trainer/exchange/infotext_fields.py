"""Typed access to the fields of an infotext."""

import math
import re
from collections.abc import Mapping

from trainer.errors import GridError
from trainer.text import printable

_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")


class InfotextFields:
    """The fields of an infotext, with a clear error for one that is missing or wrong.

    Args:
        fields: key -> value, as parse_infotext returns them.
    """

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.fields = fields

    def has(self, key: str) -> bool:
        """Return whether there is such a field."""
        return key in self.fields

    def text(self, key: str, default: str | None = None) -> str:
        """Return a field as text, `default` where it is missing.

        Raises:
            GridError: in all methods: it is missing without a default, or is not such a value.
        """
        found = self.fields.get(key, default)
        if found is None:
            raise GridError(
                f"infotext: {key}", found="is missing", expected="a complete infotext, as a webui or lora-tui writes it"
            )
        return found

    def integer(self, key: str, default: int | None = None) -> int:
        """Return a field as a whole number."""
        text = self.text(key, None if default is None else str(default))
        if not re.fullmatch(r"-?\d{1,20}", text):
            raise GridError(f"infotext: {key}", found=printable(text, 60), expected="a whole number")
        return int(text)

    def number(self, key: str, default: float | None = None) -> float:
        """Return a field as a finite number."""
        text = self.text(key, None if default is None else str(default))
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise GridError(f"infotext: {key}", found=printable(text, 60), expected="a number")
        return number

    def size(self) -> tuple[int, int]:
        """Return width and height in pixels."""
        text = self.text("Size")
        match = _SIZE.fullmatch(text)
        if match is None:
            raise GridError("infotext: Size", found=printable(text, 60), expected="such as 512x768")
        return int(match[1]), int(match[2])
