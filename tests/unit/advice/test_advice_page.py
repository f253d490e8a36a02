"""The page of advice says what the tables say."""

from pathlib import Path

from advice_page import page

from trainer.advice.sources import SOURCES
from trainer.advice.symptoms import SYMPTOMS

ROOT = Path(__file__).parents[3]


def test_the_page_in_docs_is_the_one_the_records_make() -> None:
    assert (ROOT / "docs" / "advice.md").read_text("utf-8") == page(), "run `make docs`"


def test_every_symptom_move_and_source_is_on_the_page() -> None:
    text = page()
    assert not [key for key, symptom in SYMPTOMS.items() if f"### {symptom.title}\n\n`{key}`" not in text]
    assert not [move for symptom in SYMPTOMS.values() for move in symptom.moves if f"| {move.why} |" not in text]
    assert not [key for key in SOURCES if f"| {key} |" not in text]


def test_nothing_on_it_speaks_of_quality() -> None:
    assert "quality" not in page().casefold()
