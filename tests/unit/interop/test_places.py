"""Places in nested keys."""

import pytest

from trainer.interop.places import Beside, at_places, row_of


@pytest.mark.parametrize(
    ("key", "row", "places"),
    [
        ("plain", "plain", ()),
        ("tables.of.tables", "tables.of.tables", ()),
        ("concepts[12].text.keep", "concepts[*].text.keep", ("12",)),
        ("a[3].b[0].c", "a[*].b[*].c", ("3", "0")),
        ("a[x]", "a[x]", ()),
    ],
)
def test_a_key_is_a_row_at_its_places(key: str, row: str, places: tuple[str, ...]) -> None:
    assert row_of(key) == (row, places)
    assert at_places(row, places) == key


def test_a_place_is_carried_into_an_option_with_words_of_its_own() -> None:
    assert at_places("datasets[0].subsets[reg *].image_dir", ("4",)) == "datasets[0].subsets[reg 4].image_dir"


def test_a_key_sees_what_stands_beside_it() -> None:
    values = {"concepts[0].on": False, "concepts[1].on": True, "rate": 2}
    assert Beside(values, ("1",))["concepts[*].on"] is True
    assert Beside(values, ("0",)).get("concepts[*].on") is False
    assert Beside(values, ("7",)).get("concepts[*].on", "none") == "none"
    assert Beside(values, ("0",))["rate"] == 2
    assert dict(Beside(values, ())) == values
