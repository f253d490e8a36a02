"""The memory limit of a bake: sizes as typed, less what context and desktop take of a card."""

import re

from trainer.errors import SettingsError
from trainer.text import printable

_GIB = 1024**3

CONTEXT_AND_DESKTOP = int(0.6 * _GIB)
"""What CUDA's context, its libraries and a desktop take of a card beside the bake: 8 GiB leave 7.4."""

_SIZE = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*(gb|gib|mib|)", re.ASCII | re.IGNORECASE)
# Above any card there is.
_MAX_BYTES = 1024 * _GIB


def limit_of(text: str) -> int:
    """Return the bytes a bake may take, of a size as typed.

    `8GB`, or `8` alone, is a card as it is sold, which has 8 GiB: what the context and the desktop take is subtracted. `7.4GiB`
    and `7578MiB` are what the bake itself may take.

    Raises:
        SettingsError: the text is no size, or no room is left.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise _wrong(text, "is not a size")
    unit = found[2].casefold()
    size = int(float(found[1]) * (_GIB / 1024 if unit == "mib" else _GIB))
    limit = size if unit.endswith("ib") else size - CONTEXT_AND_DESKTOP
    if limit <= 0:
        raise _wrong(text, "leaves no room for a bake")
    if limit > _MAX_BYTES:
        raise _wrong(text, "is more than any GPU has")
    return limit


def _wrong(text: str, why: str) -> SettingsError:
    return SettingsError(
        "--fit",
        found=f"{printable(text, 60)!r} {why}",
        expected="a GPU's size as `8GB`, or what the bake may take as `7.4GiB`",
    )
