"""Reading of a webui's files, up to a size that no real one has."""

from pathlib import Path

from trainer.errors import GridError
from trainer.regular_file import open_regular
from trainer.text import printable


def read_webui_file(path: Path, max_bytes: int, expected: str) -> bytes:
    """Return the file's content.

    Raises:
        GridError: it cannot be read, or has more than `max_bytes`.
    """
    where = printable(str(path))
    try:
        with open_regular(path) as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise GridError(where, found=f"cannot be read ({error.strerror})", expected=expected) from error
    if len(content) > max_bytes:
        raise GridError(where, found=f"more than {max_bytes:,} bytes", expected=expected)
    return content
