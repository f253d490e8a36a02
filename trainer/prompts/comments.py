"""Comments of a prompt: from a `#` to the end of its line (the webui since 1.10)."""

import re

_WHOLE_LINE = re.compile(r"^#[^\n]*(?:\n|\Z)", re.MULTILINE)
_REST_OF_LINE = re.compile(r"#[^\n]*")


def without_comments(text: str) -> str:
    """Return `text` without its comments; a line with nothing else is removed completely. As in the webui, `#` cannot be escaped."""
    if "#" not in text:
        return text
    return _REST_OF_LINE.sub("", _WHOLE_LINE.sub("", text))
