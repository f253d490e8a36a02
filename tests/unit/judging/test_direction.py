"""Which way favourites and verdicts point, and how sure that is."""

from dataclasses import replace
from pathlib import Path

import pytest
from made_grid import made_grid

from trainer.gallery.sidecar import MadeGrid
from trainer.grid.cell import Axis
from trainer.journal.grid_records import CellNote
from trainer.judging.direction import directions, whole_direction

WEIGHTS = ("0.25", "0.5", "0.75", "1", "1.25", "1.5", "1.75")


@pytest.fixture
def sheet(tmp_path: Path) -> MadeGrid:
    """Return a sheet of U-Net weight (x) by text encoder weight (y), 0.25 to 1.75."""
    made = made_grid(tmp_path, shape=(7, 7, 1, 1))
    text = ",".join(WEIGHTS)
    return replace(
        made,
        x=Axis("unet_weight", "U-Net weight", WEIGHTS, text),
        y=Axis("text_encoder_weight", "Text encoder weight", WEIGHTS, text),
    )


def favourites(*places: tuple[str, str]) -> dict[str, CellNote]:
    names = [f"x{WEIGHTS.index(unet) + 1}-y{WEIGHTS.index(encoder) + 1}-z1-s1" for unet, encoder in places]
    return {name: CellNote(1, name, favourite=True) for name in names}


def test_favourites_above_full_weight_say_that_the_part_is_under(sheet: MadeGrid) -> None:
    liked = favourites(("1.5", "1"), ("1.75", "1"), ("1.5", "0.75"), ("1.75", "1.25"))
    unet, encoder = directions(sheet, liked)
    assert (unet.lean, unet.weight, unet.favourites) == ("under", 1.625, 4)
    assert encoder.lean == "right"
    assert "U-Net under: 4 favourites, average weight 1.62" in unet.summary


def test_favourites_below_it_say_that_the_part_is_over(sheet: MadeGrid) -> None:
    liked = favourites(("1", "0.25"), ("1", "0.5"), ("0.75", "0.25"), ("1.25", "0.25"), ("1", "0.25"))
    unet, encoder = directions(sheet, liked)
    assert (unet.lean, encoder.lean) == ("right", "over")
    assert encoder.strength == "strong evidence"
    # Three of four lie at the lowest weight, one above it: of all choices of four from 49 (7 a row) at most 1.5 % lie as far.
    assert encoder.chance < 0.015


def test_the_weight_of_the_whole_lora_has_a_direction_of_its_own(sheet: MadeGrid) -> None:
    assert whole_direction(sheet, favourites(("1.5", "1"))) is None
    whole = replace(sheet, x=replace(sheet.x, kind="weight"))
    assert whole_direction(whole, {}) is None
    found = whole_direction(whole, favourites(("1.5", "0.25"), ("1.5", "0.5"), ("1.75", "1"), ("1.25", "1.25")))
    assert found is not None
    assert (found.part, found.lean, found.weight) == ("whole", "under", 1.5)


def test_few_favourites_beside_full_weight_may_be_chance(sheet: MadeGrid) -> None:
    """All of so many above it: a fair coin does that with two of four, and with two of 2^6."""
    above = [("1.25", encoder) for encoder in WEIGHTS[:6]]
    few, many = directions(sheet, favourites(*above[:2]))[0], directions(sheet, favourites(*above))[0]
    assert few.beside_full == pytest.approx(2 / 4) and many.beside_full == pytest.approx(2 / 2**6)
    both = directions(sheet, favourites(("0.75", "1"), ("1.75", "1")))[0]
    assert both.beside_full == 1.0


def test_one_favourite_is_not_evidence(sheet: MadeGrid) -> None:
    _, encoder = directions(sheet, favourites(("1", "0.5")))
    assert encoder.lean == "over"
    # 28 of 49 pictures lie as far from the middle, 1, as 0.5 does: two rows on each side.
    assert encoder.chance == pytest.approx(28 / 49)
    assert encoder.strength == "may be chance"


def test_verdicts_on_a_part_count_where_its_weight_does_not_vary(tmp_path: Path) -> None:
    made = made_grid(tmp_path, shape=(3, 1, 1, 3))
    notes = {cell.place.name: CellNote(1, cell.place.name, text_encoder="over") for cell in made.cells[:6]}
    unet, encoder = directions(made, notes)
    assert (unet.lean, encoder.lean, encoder.votes) == ("unknown", "over", (0, 0, 6))
    # Six of six heads, either side.
    assert encoder.chance == pytest.approx(2 / 64)
    assert encoder.summary == "text encoder over; rated under ×0, right ×0, over ×6; good evidence (chance 3%)"


def test_nothing_marked_points_nowhere(sheet: MadeGrid) -> None:
    assert [each.lean for each in directions(sheet, {})] == ["unknown", "unknown"]


def test_many_favourites_are_drawn_against_and_the_chance_is_never_nothing(sheet: MadeGrid) -> None:
    liked = favourites(*((unet, encoder) for unet in WEIGHTS for encoder in ("0.25", "0.5")))
    _, encoder = directions(sheet, liked)
    assert 0 < encoder.chance < 0.001
