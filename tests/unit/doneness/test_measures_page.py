"""The page of measures says what the program measures and concludes."""

from pathlib import Path

from measures_page import page

from trainer.doneness.record import EpochState
from trainer.doneness.rules import RULES
from trainer.measures.registry import MEASURES

ROOT = Path(__file__).parents[3]


def test_the_page_in_docs_is_the_one_the_records_make() -> None:
    assert (ROOT / "docs" / "measures.md").read_text("utf-8") == page(), "run `make docs`"


def test_every_measure_rule_and_state_is_on_the_page() -> None:
    text = page()
    assert not [key for key in MEASURES if f"| `{key}` |" not in text]
    assert not [rule.key for rule in RULES if f"| {rule.words} |" not in text]
    assert not [state for state in EpochState if state is not EpochState.UNKNOWN and f"| {state.value} |" not in text]


def test_every_measure_says_what_it_is_in_whole_sentences() -> None:
    assert not [record.key for record in MEASURES.values() if not record.help.endswith(".") or len(record.help) < 40]


def test_nothing_on_it_speaks_of_quality() -> None:
    assert "quality" not in page().casefold()
