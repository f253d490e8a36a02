"""The page of ladders says what presets there are."""

from pathlib import Path

from ladders_page import page

from trainer.grid.presets import PRESETS as GRID_PRESETS
from trainer.ladders.presets import PRESETS

ROOT = Path(__file__).parents[3]


def test_the_page_in_docs_is_the_one_the_records_make() -> None:
    assert (ROOT / "docs" / "ladders.md").read_text("utf-8") == page(), "run `make docs`"


def test_every_preset_is_on_the_page_with_its_sentence_of_the_notes() -> None:
    text = page()
    assert not [preset.key for preset in PRESETS.values() if f"| `{preset.key}`" not in text]
    assert not [preset.key for preset in PRESETS.values() if preset.quote not in text]
    assert not [grid.key for grid in GRID_PRESETS if grid.quote and f"| `{grid.key}` |" not in text]


def test_the_readme_leads_to_it() -> None:
    assert "(docs/ladders.md)" in (ROOT / "README.md").read_text("utf-8")
