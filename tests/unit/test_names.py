"""Names and first lines of docstrings, over every module of the two packages."""

import functools
import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for package in ("trainer", "lora_tui") for path in (ROOT / package).rglob("*.py"))


# As the formatter writes them: a class of a module stands at a line's start, and a docstring in three double quotes.
PUBLIC_CLASS = re.compile(r"^class ([A-Za-z]\w*)", re.MULTILINE)
FIRST_LINE = re.compile(r'\A(?:#.*\n|\s)*[rR]?"""\s*(.*)')


@functools.cache
def _texts() -> dict[Path, str]:
    return {path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in MODULES}


def test_a_public_class_name_stands_once() -> None:
    places = defaultdict(list)
    for path, text in _texts().items():
        for name in PUBLIC_CLASS.findall(text):
            places[name].append(str(path))
    assert len(places) > 300
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


def test_a_modules_docstring_says_what_it_is_and_asks_nothing() -> None:
    found = {path: FIRST_LINE.match(text) for path, text in _texts().items()}
    first = {path: match[1].removesuffix('"""').strip() if match else "" for path, match in found.items()}
    assert {str(path): line for path, line in first.items() if not line or line.endswith("?") or "? " in line} == {}
