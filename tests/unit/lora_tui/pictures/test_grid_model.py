"""What of a grid is shown, in which order, and in which words."""

from dataclasses import replace
from pathlib import Path

import pytest
import tiny_flow
from grid_viewer import CHECKLIST, view_of
from made_grid import made_grid, renamed

from lora_tui.pictures.grid_model import BlindOrder, Sheet, cell_name, cell_text, sheet_title, verdict_line
from trainer.families.registry import FAMILIES
from trainer.gallery.sidecar import MadeGrid
from trainer.grid.cell import Axis, Place
from trainer.grid.recipe import LoraUse
from trainer.journal.grid_records import CellNote, GridState


@pytest.fixture
def made(tmp_path: Path) -> MadeGrid:
    return made_grid(tmp_path / "0007-look", (3, 2, 2, 2))


def words(made: MadeGrid, place: Place, note: CellNote | None = None, *, blind: bool = False) -> str:
    view = view_of(made)
    return cell_text(view, view.cells[place], note or CellNote(7, place.name), blind=blind).plain


def test_the_epochs_of_a_place_differ_from_it_by_the_epoch_alone(made: MadeGrid) -> None:
    assert view_of(made).epochs_of(Place(1, 1, 0, 1)) == tuple(Place(x, 1, 0, 1) for x in range(3))


def test_epochs_are_found_on_whatever_axis_they_are(made: MadeGrid) -> None:
    turned = replace(made, x=replace(made.x, kind="steps"), z=replace(made.z, kind="epoch"))
    assert view_of(turned).epochs_of(Place(1, 1, 0, 1)) == (Place(1, 1, 0, 1), Place(1, 1, 1, 1))


def test_without_epochs_the_first_axis_that_varies_stands_in_their_place(made: MadeGrid) -> None:
    turned = replace(made, x=Axis("", "", ("",)))
    assert view_of(turned).epoch_axis == "y"


def test_a_grid_of_seeds_alone_has_no_axis_and_no_label(made: MadeGrid) -> None:
    none = Axis("", "", ("",))
    view = view_of(replace(made, x=none, y=none, z=none))
    place = Place(0, 0, 0, 1)
    assert (view.epoch_axis, view.epochs_of(place), view.axis_label(view.epoch_axis, place)) == ("", (place,), "")


def test_in_blind_mode_each_picture_stands_in_exactly_one_other_order_place() -> None:
    arrangement = BlindOrder((3, 2, 2, 2), 7)
    places = [Place(x, y, z, s) for z in range(2) for y in range(2) for x in range(3) for s in range(2)]
    assert sorted(arrangement.place_at(at) for at in places) == sorted(places)
    assert all(arrangement.position_of(arrangement.place_at(at)) == at for at in places)
    assert [arrangement.place_at(at) for at in places] != places


def test_a_grid_is_always_shuffled_the_same_way() -> None:
    at = [Place(x, 0, 0, 0) for x in range(20)]
    first, again, other = (BlindOrder((20, 1, 1, 1), seed) for seed in (7, 7, 8))
    assert [first.place_at(one) for one in at] == [again.place_at(one) for one in at]
    assert [first.place_at(one) for one in at] != [other.place_at(one) for one in at]


def test_unless_blind_a_picture_stands_at_its_own_place() -> None:
    assert BlindOrder((3, 2, 1, 1)).place_at(Place(2, 1, 0, 0)) == Place(2, 1, 0, 0)


@pytest.mark.parametrize(
    ("note", "line"),
    [
        (CellNote(7, "a"), ""),
        (CellNote(7, "a", favourite=True, whole="right"), "★ ="),
        (CellNote(7, "a", whole="under", unet="over", text_encoder="right"), "- U+ T="),
        (CellNote(7, "a", ticks={"twintails": True, "halo above the head": False, "gone from the list": True}), "1/2"),
    ],
)
def test_a_verdict_is_shown_in_symbols(note: CellNote, line: str) -> None:
    assert verdict_line(note, CHECKLIST) == line


def test_beside_a_picture_stand_labels_prompt_seed_and_weights(made: MadeGrid) -> None:
    said = words(made, Place(1, 1, 0, 1))
    for part in ("Epoch 2", "U-Net weight 0.25", "seed 12", "hifumi, red dress", "negative: lowres", "U-Net 0.25"):
        assert part in said


def test_in_blind_mode_nothing_is_shown_that_differs_between_the_pictures(made: MadeGrid) -> None:
    said = words(made, Place(1, 1, 0, 1), blind=True)
    for part in ("Epoch", "0.25", "seed 12", "red dress", "hifumi-000002"):
        assert part not in said
    assert "negative: lowres" in said and "DPM++ 2M Karras" in said


def test_ticks_and_verdicts_stand_in_words(made: MadeGrid) -> None:
    note = CellNote(
        7, "x1-y1-z1-s1", favourite=True, unet="over", ticks={"twintails": True, "halo above the head": False}
    )
    said = words(made, Place(0, 0, 0, 0), note)
    assert "★ favourite · U-Net over" in said
    assert "✓ twintails  ✗ halo above the head" in said


def test_a_base_without_loras_says_so_and_an_encoder_of_another_file_is_named(made: MadeGrid) -> None:
    view = view_of(made)
    cell = view.cells[Place(0, 0, 0, 0)]
    plain = replace(cell, recipe=replace(cell.recipe, loras=()))
    mixed = LoraUse(Path("/a/new.safetensors"), rank=4, text_encoder_path=Path("/a/old.safetensors"))
    both = replace(cell, recipe=replace(cell.recipe, loras=(mixed,)))
    note = CellNote(7, "x1-y1-z1-s1")
    assert "no LoRA" in cell_text(view, plain, note, blind=False).plain
    assert "rank 4 · encoder of old" in cell_text(view, both, note, blind=False).plain


def test_control_characters_of_a_label_or_a_prompt_are_made_visible(made: MadeGrid) -> None:
    hostile = renamed(made, x=("\x1b[31m1", "2", "3"))
    view = view_of(hostile)
    cell = view.cells[Place(0, 0, 0, 0)]
    bad = replace(cell, recipe=replace(cell.recipe, prompt="a\x1b]0;b\x07"))
    said = cell_text(view, bad, CellNote(7, "x1-y1-z1-s1"), blind=False).plain
    assert "\x1b" not in said and "\x07" not in said
    assert "\x1b" not in cell_name(view, Place(0, 0, 0, 0))


def test_the_parts_are_called_as_the_grids_family_calls_them(made: MadeGrid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, tiny_flow.FAMILY.key, tiny_flow.FAMILY)
    other = replace(made, family=tiny_flow.FAMILY.key)
    text = words(other, Place(0, 1, 0, 0), CellNote(7, "x1-y2-z1-s1", unet="over"))
    assert "transformer over" in text
    assert "transformer 0.25 · text encoder 1" in text


def test_the_title_of_a_grid_being_made_says_what_is_left_once_its_first_picture_is_there(made: MadeGrid) -> None:
    view = view_of(made)

    def title(**row: object) -> str:
        grid = replace(view.grid, total=24, **row)
        sheet = Sheet(replace(view, grid=grid), BlindOrder(view.shape))
        return "".join(part if isinstance(part, str) else part[0] for part in sheet_title(sheet, 0))

    assert "● 0/24  " in title(state=GridState.MAKING, done=0)
    assert "● 4/24 · 2 min left  " in title(state=GridState.MAKING, done=4, sampled=2, sampling_seconds=10.0)
    assert "left" not in title(state=GridState.CUT, done=4, sampled=2, sampling_seconds=10.0)


def test_a_grid_that_failed_says_why_beside_the_pictures_it_has_but_not_blind(made: MadeGrid) -> None:
    view = view_of(made)
    failed = replace(view, grid=replace(view.grid, state=GridState.FAILED, error="grid 7: wild.safetensors is NaN"))
    cell, note = failed.cells[Place(0, 0, 0, 0)], CellNote(7, "x1-y1-z1-s1")
    assert "✗ grid 7: wild.safetensors is NaN" in cell_text(failed, cell, note, blind=False).plain
    assert "wild" not in cell_text(failed, cell, note, blind=True).plain
