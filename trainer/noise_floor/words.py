"""A comparison with its noise in words, and what it rests on."""

import math

from trainer.noise_floor.record import Compared, Floor, Standing
from trainer.settings.random_numbers import RandomSource, listed_sources
from trainer.text import plural

NOT_KNOWN = "noise not known: make a twin"
"""Where a bake has no twin, and nobody's noise can be borrowed."""

UNTIL_TWINS = "noise not known until a twin that waits is baked"
"""In its place where a twin is queued already."""

# Below it `1.0 times` would be read as inside.
_JUST = 1.05
_WHOLE = 10


def words(compared: Compared) -> str:
    """Return what the noise says of a difference: `inside the noise`, `2.3 times outside the noise`, `noise not known: make a twin`."""
    found = compared.floor
    if compared.standing is Standing.UNKNOWN:
        return NOT_KNOWN if found is None else f"{_beyond(found)}: make a twin that varies all"
    if compared.standing is Standing.INSIDE:
        return f"inside the noise{_borrowed(found)}"
    times = compared.times
    if times is None or math.isinf(times):
        return f"outside the noise{_borrowed(found)}: twins are the same to the last digit"
    if times < _JUST:
        return f"just outside the noise{_borrowed(found)}"
    return f"{times:.1f} times outside the noise{_borrowed(found)}" if times < _WHOLE else _many(times, found)


def counts(compared: Compared, *, of: str = "seed") -> str:
    """Return what stands on each side, bakes and pictures apart: `1 bake against 3 bakes × 4 seeds`.

    Args:
        compared: the comparison.
        of: what its pictures are counted in.
    """
    first, second = plural(compared.first_bakes, "bake"), plural(compared.second_bakes, "bake")
    each = f" × {plural(compared.pictures, of)}" if compared.pictures else ""
    return f"{first}{each} on each side" if first == second else f"{first}{each} against {second}{each}"


def rests_on(found: Floor) -> str:
    """Return what a floor was estimated from: `3 bakes × 4 seeds`, `2 bakes, borrowed from 31, same data`."""
    pictures = f" × {plural(found.pictures, 'picture')}" if found.pictures else ""
    taken = f", borrowed from {found.borrowed_from}, same data" if found.borrowed_from is not None else ""
    return f"{plural(found.bakes, 'bake')}{pictures}{taken}"


def _many(times: float, found: Floor | None) -> str:
    return f"{times:,.0f} times outside the noise{_borrowed(found)}"


def _borrowed(found: Floor | None) -> str:
    if found is None or found.borrowed_from is None:
        return ""
    return f" borrowed from {found.borrowed_from}, same data"


def _beyond(found: Floor) -> str:
    varied = [source for source in RandomSource if source not in found.unknown]
    return f"outside the noise of {listed_sources(varied)}, that of {listed_sources(found.unknown)} not known"
