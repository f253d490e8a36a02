"""TOML of other trainers, also with a Windows path in double quotes, as people write it by hand."""

import re

from trainer.errors import SettingsError
from trainer.settings.toml_text import parse_toml

KEY = re.compile(r"""^\s*(?:[\w"'-]{1,200}\s*\.\s*)*(?:"([^"\n]{1,200})"|'([^'\n]{1,200})'|([\w-]{1,200}))\s*=(?!=)""")
"""A key at the start of a line; its groups hold its own name."""

_PATH_IN_QUOTES = re.compile(r'"((?:[A-Za-z]:\\|\\\\)[^"\n\']*)"')
_SINGLE = re.compile(r"(?<!\\)\\(?!\\)")


def parse_foreign_toml(text: str, where: str) -> dict[str, object]:
    """Return the values of a TOML text; `"D:\\lora"` with single backslashes is the path that was meant.

    Raises:
        SettingsError: it is broken even so.
    """
    try:
        return parse_toml(text, where)
    except SettingsError:
        mended = _PATH_IN_QUOTES.sub(lambda match: f"'{match[1]}'" if _SINGLE.search(match[1][2:]) else match[0], text)
        if mended == text:
            raise
        return parse_toml(mended, where)
