"""Bars drawn in block characters."""

from textual.content import Content


def bar(share: float, width: int, colour: str = "$meter-ours") -> Content:
    """Return a bar of `width` cells, filled by `share` (0 to 1)."""
    return stacked_bar(((share, colour),), width)


def stacked_bar(parts: tuple[tuple[float, str], ...], width: int) -> Content:
    """Return a bar of `width` cells with one stretch for each (share of the whole, colour); what is left is free."""
    width = max(0, width)
    pieces: list[tuple[str, str]] = []
    filled = 0
    reached = 0.0
    for share, colour in parts:
        # Rounding the running sum, not each share, keeps the bar's end where the total is.
        reached = min(1.0, reached + max(0.0, share))
        cells = max(round(reached * width) - filled, 0)
        pieces.append(("▇" * cells, colour))
        filled += cells
    return Content.assemble(*pieces, ("▁" * (width - filled), "$meter-free"))
