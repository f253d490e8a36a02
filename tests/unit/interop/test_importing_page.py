"""The page of other trainers' files says what the tables say."""

import re
from pathlib import Path

import pytest
from importing_page import page

from trainer.interop.export.targets import TARGETS
from trainer.interop.record import TrainerFormat
from trainer.interop.registry import FORMATS

ROOT = Path(__file__).parents[3]


def test_the_page_in_docs_is_the_one_the_tables_make() -> None:
    assert (ROOT / "docs" / "importing.md").read_text("utf-8") == page(), "run `make docs`"


@pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.key)
def test_every_key_of_a_format_stands_on_the_page_or_is_counted(kind: TrainerFormat) -> None:
    section = re.split(r"^##", page().split(f"\n### {kind.title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    named = set(re.findall(r"`([^`]+)`", section))
    plain = [rule.key for rule in kind.rules if rule.options == (rule.key,) and not rule.rule]
    counted = f"{len(plain)} keys, all of sd-scripts' options" in section
    missing = {rule.key for rule in kind.rules} - named
    assert missing == set() or (counted and missing <= set(plain))


def test_every_export_is_marked() -> None:
    assert [key for key in TARGETS if f"`--to {key}` writes the keys marked ▸" not in page()] == []
