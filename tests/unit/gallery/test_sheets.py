"""A grid on contact sheets: every picture in its place, pixel by pixel, with its labels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_grid import SIZE, made_grid, renamed
from PIL import Image

from trainer.formats.infotext import parse_infotext
from trainer.formats.picture_text import read_parameters
from trainer.gallery import sheets
from trainer.gallery.sheets import common_facts, value_label, write_sheets
from trainer.gallery.sidecar import MadeCell, MadeGrid
from trainer.grid.cell import Axis
from trainer.grid.recipe import Recipe


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def where(sheet: np.ndarray, cell: MadeCell, folder: Path) -> tuple[int, int] | None:
    """Return (x, y) of a cell's picture in a sheet, None where it is not there pixel by pixel."""
    wanted = pixels(folder / cell.file)
    ground = wanted[0, 0]
    for y, x in np.argwhere((sheet == ground).all(axis=2)):
        if np.array_equal(sheet[y : y + SIZE, x : x + SIZE], wanted):
            return int(x), int(y)
    return None


def with_giant(made: MadeGrid) -> MadeGrid:
    return replace(made, spec=made.spec.model_copy(update={"giant": True}))


def test_each_value_of_z_has_its_sheet(tmp_path: Path) -> None:
    assert write_sheets(made_grid(tmp_path, (2, 1, 3, 1)), tmp_path) == []
    assert sorted(path.name for path in tmp_path.glob("*sheet*")) == ["sheet-z1.png", "sheet-z2.png", "sheet-z3.png"]


def test_every_picture_is_in_its_place_pixel_by_pixel(tmp_path: Path) -> None:
    made = made_grid(tmp_path, (3, 2, 1, 2))
    write_sheets(made, tmp_path)
    sheet = pixels(tmp_path / "sheet-z1.png")
    places = {cell.place: where(sheet, cell, tmp_path) for cell in made.cells}
    assert None not in places.values()
    columns = {(place.x, place.seed): at[0] for place, at in places.items() if at and place.y == 0}
    assert [*columns.values()] == sorted(columns.values())
    for place, at in places.items():
        assert at is not None
        assert at[0] == columns[place.x, place.seed]
        assert (at[1] > places[replace(place, y=0)][1]) == (place.y == 1)  # type: ignore[index]


def test_all_sheets_on_one_only_where_it_is_asked_for(tmp_path: Path) -> None:
    made = made_grid(tmp_path, (2, 2, 2, 1))
    write_sheets(made, tmp_path)
    assert not (tmp_path / "giant.png").exists()
    write_sheets(with_giant(made), tmp_path)
    giant = pixels(tmp_path / "giant.png")
    assert all(where(giant, cell, tmp_path) for cell in made.cells)


def test_a_picture_that_is_not_made_leaves_a_grey_place(tmp_path: Path) -> None:
    made = made_grid(tmp_path, (2, 1, 1, 1), missing=1)
    write_sheets(made, tmp_path)
    sheet = pixels(tmp_path / "sheet-z1.png")
    x, y = where(sheet, made.cells[0], tmp_path) or (0, 0)
    place = sheet[y : y + SIZE, x + SIZE + 4 : x + 2 * SIZE + 4]
    assert tuple(place[0, 0]) == (0xE4, 0xE0, 0xDA)
    assert len(np.unique(place.reshape(-1, 3), axis=0)) > 1, "a sign besides the colour"


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n cut off", b"GIF89a"])
def test_a_damaged_picture_is_a_missing_one(tmp_path: Path, content: bytes) -> None:
    made = made_grid(tmp_path, (2, 1, 1, 1))
    (tmp_path / made.cells[1].file).write_bytes(content)
    assert write_sheets(made, tmp_path) == []
    assert where(pixels(tmp_path / "sheet-z1.png"), made.cells[0], tmp_path)


def test_a_picture_of_another_size_than_its_recipe_is_not_read(tmp_path: Path) -> None:
    made = made_grid(tmp_path, (1, 1, 1, 1))
    Image.new("RGB", (4000, 4000)).save(tmp_path / made.cells[0].file)
    assert sheets.read_picture(made.cells[0], tmp_path) is None


def test_a_sheet_that_would_be_too_large_is_not_written_with_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "MAX_PIXELS", 120_000)
    notes = write_sheets(with_giant(made_grid(tmp_path, (2, 2, 4, 1))), tmp_path)
    assert [note.partition(":")[0] for note in notes] == ["giant.png was not written"]
    assert len([*tmp_path.glob("sheet-z*.png")]) == 4


def test_a_folder_that_cannot_be_written_is_a_note_and_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sheets, "write_atomically", full)
    notes = write_sheets(made_grid(tmp_path, (1, 1, 1, 1)), tmp_path)
    assert notes == ["sheet-z1.png could not be written (No space left on device)"]


def test_a_sheet_holds_its_first_pictures_infotext_and_its_axes(tmp_path: Path) -> None:
    write_sheets(with_giant(made_grid(tmp_path, (3, 2, 2, 1))), tmp_path)
    first = parse_infotext(read_parameters(tmp_path / "x1-y1-z2-s1.png"))
    info = parse_infotext(read_parameters(tmp_path / "sheet-z2.png"))
    assert (info.prompt, info.fields["Seed"]) == (first.prompt, "11")
    told = {key: info.fields.get(key) for key in ("Script", "X Type", "X Values", "Y Type", "Y Values", "Z Type")}
    assert told == {
        "Script": "X/Y/Z plot",
        "X Type": "Epoch",
        "X Values": "1,2,3",
        "Y Type": "U-Net weight",
        "Y Values": "0,0.25",
        "Z Type": None,
    }
    giant = parse_infotext(read_parameters(tmp_path / "giant.png"))
    assert giant.fields["Z Values"] == '"hifumi, red dress","hifumi, swimsuit, beach"'


@pytest.mark.parametrize(
    "label", ["プロンプト, 日本語", "a\nb\x1b[31m", "", "x" * 3000, "\u202e right to left", "שלום עולם"]
)
def test_any_label_can_be_drawn(tmp_path: Path, label: str) -> None:
    made = made_grid(tmp_path, (1, 1, 1, 1))
    prompts = Axis("prompt", "Prompt", (label,), label)
    assert write_sheets(replace(renamed(made, x=(label,)), y=prompts, z=prompts), tmp_path) == []
    assert where(pixels(tmp_path / "sheet-z1.png"), made.cells[0], tmp_path)


def test_a_grid_without_axes_is_one_picture_with_its_title(tmp_path: Path) -> None:
    made = made_grid(tmp_path, (1, 1, 1, 1))
    alone = replace(made, x=(none := Axis("", "", ("",))), y=none, z=none, seeds=none)
    assert write_sheets(alone, tmp_path) == []
    assert where(pixels(tmp_path / "sheet-z1.png"), made.cells[0], tmp_path)


@pytest.mark.parametrize(
    ("axis", "label"),
    [
        (Axis("unet_weight:2", "U-Net weight 2", ("0.25",)), "U-Net weight 2 0.25"),
        (Axis("sampler", "Sampler", ("Euler a",)), "Euler a"),
        (Axis("prompt_sr", "Prompt S/R", ("",)), "–"),
        (Axis("epoch", "Epoch", ("3",)), "Epoch 3"),
        (Axis("epoch", "Epoch", ("42:step 600",)), "42:step 600"),
        (Axis("", "", ("",)), ""),
    ],
)
def test_a_value_has_its_axis_as_heading_unless_it_needs_none(axis: Axis, label: str) -> None:
    assert value_label(axis, 0) == label


def test_only_settings_that_all_pictures_share_are_in_the_title(tmp_path: Path) -> None:
    recipes: list[Recipe] = [cell.recipe for cell in made_grid(tmp_path, (1, 1, 1, 2)).cells]
    assert common_facts(recipes) == ["64×64", "20 steps", "DPM++ 2M Karras", "CFG 7"]
    assert common_facts(recipes[:1])[-1] == "seed 11"
