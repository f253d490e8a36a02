"""Text cut and padded to a width in terminal cells; a Chinese letter takes two."""

from rich.cells import cell_len, set_cell_size


def cut(text: str, width: int) -> str:
    """Return `text` in `width` cells at most; a longer one ends in `…`."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 0 else ""


def cut_front(text: str, width: int) -> str:
    """Return `text` in `width` cells at most; a longer one begins with `…`, as the end of a path tells more."""
    if cell_len(text) <= width:
        return text
    while text and cell_len(text) > width - 1:
        text = text[1:]
    return f"…{text}" if width > 0 else ""


def left(text: str, width: int) -> str:
    """Return `text` in exactly `width` cells, at their left end."""
    return set_cell_size(cut(text, width), width)


def right(text: str, width: int) -> str:
    """Return `text` in exactly `width` cells, at their right end."""
    short = cut(text, width)
    return " " * (width - cell_len(short)) + short


def centred(text: str, width: int) -> str:
    """Return `text` in exactly `width` cells, in their middle."""
    short = cut(text, width)
    return set_cell_size(" " * ((width - cell_len(short)) // 2) + short, width)
