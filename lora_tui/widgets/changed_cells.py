"""The cells of a widget that differ from those on the screen, so that nothing else is painted."""

from collections.abc import Sequence

from textual.geometry import Region

# Two stretches of a row that differ are painted as one where fewer cells lie between: each takes some twenty bytes to go to.
_BRIDGE = 8


def changed_regions(before: Sequence[Sequence[object]], now: Sequence[Sequence[object]]) -> list[Region] | None:
    """Return the stretches of rows that differ; None where the sizes do.

    Args:
        before: the cells of each row as they were painted, each with its style.
        now: as they are to be.
    """
    if len(before) != len(now) or any(len(one) != len(other) for one, other in zip(before, now, strict=False)):
        return None
    regions = []
    for y, (old, new) in enumerate(zip(before, now, strict=True)):
        if old == new:
            continue
        places = [x for x, (one, other) in enumerate(zip(old, new, strict=True)) if one != other]
        start = end = places[0]
        for x in places[1:]:
            if x - end > _BRIDGE:
                regions.append(Region(start, y, end - start + 1, 1))
                start = x
            end = x
        regions.append(Region(start, y, end - start + 1, 1))
    return regions
