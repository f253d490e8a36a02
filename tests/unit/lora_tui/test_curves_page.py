"""The page of curves is what the records make."""

from pathlib import Path

from curves_page import page

from lora_tui.wording.curve_marks import MARK_KINDS
from trainer.measures.curve_groups import CURVE_GROUPS
from trainer.measures.curve_records import STEP_CURVES

ROOT = Path(__file__).parents[3]


def test_the_page_in_docs_is_the_one_the_records_make() -> None:
    assert (ROOT / "docs" / "curves.md").read_text("utf-8") == page(), "run `make docs`"


def test_every_group_number_and_mark_is_on_the_page() -> None:
    text = page()
    assert not [group.key for group in CURVE_GROUPS if f"| {group.title} |" not in text]
    assert not [curve.name for curve in STEP_CURVES if curve.source == "steps" and f"`{curve.name}`" not in text]
    assert not [kind.letter for kind in MARK_KINDS if f"| {kind.letter} | {kind.title} |" not in text]
