"""No module outside `trainer/families` names a family: a base is asked for its family's record."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import lora_tui
import trainer
from trainer.families.registry import FAMILIES

ROOMS = [Path(place) for package in (trainer, lora_tui) for place in package.__path__]
FAMILIES_FOLDER = Path(trainer.__path__[0]) / "families"
# Keys and words of other programs' files, which some families are called by there, too.
TABLES = Path(trainer.__path__[0]) / "interop" / "trainers"


def named_families(source: str) -> Iterator[int]:
    """Yield the lines of string literals that are a family's key: in comparisons, tables, patterns and defaults alike."""
    if not any(key in source for key in FAMILIES):
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and node.value in FAMILIES:
            yield node.lineno


@pytest.mark.parametrize(
    "line",
    [
        'wide = family == "sdxl"',
        'def plan(family="sd1"): ...',
        'match family:\n    case "sdxl": pass',
        'TABLE = {"sd1": 512}',
    ],
)
def test_a_named_family_is_found(line: str) -> None:
    assert len(list(named_families(line))) == 1
    assert not list(named_families(f'"""A plan of an SD1.x base ({len(line)})."""'))


def test_no_module_names_a_family() -> None:
    modules = [path for room in ROOMS for path in room.rglob("*.py") if not path.is_relative_to(FAMILIES_FOLDER)]
    modules = [path for path in modules if path.parent != TABLES]
    assert len(modules) > 300
    found = [f"{path}:{line}" for path in modules for line in named_families(path.read_text("utf-8"))]
    assert found == []
