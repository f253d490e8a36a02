"""The page of checks says what the program says."""

from pathlib import Path

from checks_page import page

ROOT = Path(__file__).parents[3]


def test_the_page_in_docs_is_the_one_the_checks_make() -> None:
    assert (ROOT / "docs" / "checks.md").read_text("utf-8") == page(), "run `make docs`"
