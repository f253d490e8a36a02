"""docs/conventions.md is what the families' records say."""

from pathlib import Path

from conventions_page import page

from trainer.families.registry import FAMILIES

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_is_up_to_date() -> None:
    assert (DOCS / "conventions.md").read_text(encoding="utf-8") == page()


def test_every_convention_is_on_it_with_its_sources() -> None:
    for record in FAMILIES.values():
        for convention in record.conventions:
            assert f"### `{convention.key}`" in page()
            assert all(source in page() for source in convention.sources)
