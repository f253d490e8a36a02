"""docs/filter.md is what the grammar and the fields say."""

from pathlib import Path

from filter_page import page


def test_the_page_is_made_from_the_grammar_and_the_fields() -> None:
    assert (Path(__file__).parents[3] / "docs" / "filter.md").read_text("utf-8") == page(), "run `make docs`"
