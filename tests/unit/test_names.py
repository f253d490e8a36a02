"""Names and first lines of docstrings, over every module of the two packages."""

import ast
import functools
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for package in ("trainer", "lora_tui") for path in (ROOT / package).rglob("*.py"))


@functools.cache
def _trees() -> dict[Path, ast.Module]:
    return {path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}


def test_a_public_class_name_stands_once() -> None:
    places = defaultdict(list)
    for path, tree in _trees().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(str(path))
    assert len(places) > 300
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


def test_a_modules_docstring_says_what_it_is_and_asks_nothing() -> None:
    first = {path: (ast.get_docstring(tree) or "").partition("\n")[0] for path, tree in _trees().items()}
    assert {str(path): line for path, line in first.items() if not line or line.endswith("?") or "? " in line} == {}
