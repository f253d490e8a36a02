"""Masks of pictures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer.dataset.buckets import Placement, placement_of, placements_of
from trainer.dataset.pixels import load_mask
from trainer.dataset.read import read_data
from trainer.dataset.records import DataSet, Picture
from trainer.errors import DatasetError
from trainer.settings.model import Settings


def draw(path: Path, size: tuple[int, int] = (64, 64), mode: str = "RGB", colour: object = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)  # type: ignore[arg-type]
    return path


def read(tmp_path: Path, **settings: object) -> DataSet:
    values = {"train_data_dir": str(tmp_path / "data"), "masked_loss": True} | settings
    return read_data(Settings.model_validate(values))


def masked(tmp_path: Path) -> Picture:
    return read(tmp_path, conditioning_data_dir=str(tmp_path / "masks")).pictures[0]


def refusal(tmp_path: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        masked(tmp_path)
    return caught.value.line()


def as_is(picture: Picture) -> Placement:
    size = (picture.width, picture.height)
    return Placement(size, size, (0, 0))


def test_a_mask_is_found_by_its_pictures_name(tmp_path: Path) -> None:
    draw(tmp_path / "data" / "1_x" / "a.png")
    draw(tmp_path / "masks" / "b.png")
    mask = draw(tmp_path / "masks" / "a.webp")
    assert masked(tmp_path).mask == mask


def test_a_folder_of_the_pictures_folders_name_holds_its_masks(tmp_path: Path) -> None:
    for folder in ("1_x", "1_y"):
        draw(tmp_path / "data" / folder / "a.png")
        draw(tmp_path / "masks" / folder / "a.png")
    data = read(tmp_path, conditioning_data_dir=str(tmp_path / "masks"))
    assert [picture.mask for picture in data.pictures] == [tmp_path / "masks" / f / "a.png" for f in ("1_x", "1_y")]


def test_masks_come_only_with_a_masked_loss_but_transparency_without_it_too(tmp_path: Path) -> None:
    draw(tmp_path / "data" / "1_x" / "a.png")
    draw(tmp_path / "masks" / "a.png")
    masks = str(tmp_path / "masks")
    assert read(tmp_path).pictures[0].mask is None
    assert read(tmp_path, masked_loss=False, conditioning_data_dir=masks).pictures[0].mask is None
    assert read(tmp_path, masked_loss=False, alpha_mask=True).pictures[0].mask == "alpha"
    assert read(tmp_path, conditioning_data_dir=masks, alpha_mask=True).pictures[0].mask == tmp_path / "masks" / "a.png"


def test_regularisation_pictures_need_no_mask(tmp_path: Path) -> None:
    draw(tmp_path / "data" / "1_x" / "a.png")
    draw(tmp_path / "masks" / "a.png")
    draw(tmp_path / "reg" / "1_girl" / "b.png")
    settings = {"conditioning_data_dir": str(tmp_path / "masks"), "reg_data_dir": str(tmp_path / "reg")}
    assert [picture.mask is None for picture in read(tmp_path, **settings).pictures] == [False, True]


def test_pictures_without_a_mask_are_named_and_counted(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        draw(tmp_path / "data" / "1_x" / f"{name}.png")
    draw(tmp_path / "masks" / "b.png")
    line = refusal(tmp_path)
    assert line.startswith(
        f"{tmp_path}/data/1_x/a.png: no mask of this name in {tmp_path}/masks; 2 in all, also c.png;"
    )
    assert line.endswith("make the masks, or switch masked_loss off")


@pytest.mark.parametrize(("mask", "fits"), [((32, 16), True), ((33, 16), True), ((64, 64), False), ((36, 16), False)])
def test_a_mask_has_the_shape_of_its_picture_at_any_size(mask: tuple[int, int], fits: bool, tmp_path: Path) -> None:
    draw(tmp_path / "data" / "1_x" / "a.png", (128, 64))
    draw(tmp_path / "masks" / "a.png", mask)
    if fits:
        assert masked(tmp_path).mask
    else:
        said = f"masks/a.png: a mask of {mask[0]}×{mask[1]} pixels; expected the shape of its picture, 128×64"
        assert said in refusal(tmp_path)


def test_a_broken_mask_and_a_missing_folder_are_one_line_each(tmp_path: Path) -> None:
    draw(tmp_path / "data" / "1_x" / "a.png")
    assert f"{tmp_path}/masks: no such folder; expected a folder with masks" in refusal(tmp_path)
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "a.png").write_text("no")
    assert "masks/a.png: unreadable mask (not a PNG" in refusal(tmp_path)


def test_a_mask_at_the_latents_size_holds_the_means_of_areas(tmp_path: Path) -> None:
    draw(tmp_path / "data" / "1_x" / "a.png")
    mask = np.zeros((64, 64), dtype=np.uint8)
    mask[:, :32] = 255
    mask[:8, 32:36] = 255
    draw(tmp_path / "masks" / "a.png")
    Image.fromarray(mask).save(tmp_path / "masks" / "a.png")
    picture = masked(tmp_path)
    loaded = load_mask(picture, as_is(picture), (8, 8))
    assert (loaded.shape, loaded.dtype) == ((8, 8), np.float32)
    assert loaded[0].tolist() == [1, 1, 1, 1, 0.5, 0, 0, 0]
    assert loaded[1].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]


def test_a_mask_is_resized_and_cropped_as_its_picture_is(tmp_path: Path) -> None:
    # 128×96 at resolution 64: bucket 64×64 at steps of 64, resized to 85×64, ten columns cut off on the left
    draw(tmp_path / "data" / "1_x" / "a.png", (128, 96))
    mask = np.zeros((96, 128), dtype=np.uint8)
    mask[:, :64] = 255
    (tmp_path / "masks").mkdir()
    Image.fromarray(mask).save(tmp_path / "masks" / "a.png")
    settings = Settings(
        train_data_dir=str(tmp_path / "data"),
        masked_loss=True,
        conditioning_data_dir=str(tmp_path / "masks"),
        resolution="64",
        enable_bucket=False,
    )
    data = read_data(settings)
    placement = placements_of(data)[0]
    assert (placement.resized, placement.crop) == ((85, 64), (10, 0))
    loaded = load_mask(data.pictures[0], placement, (64, 64))
    # the edge at 64 of 128 columns lies at 42.5 of 85, at 32.5 behind the crop
    assert (loaded[:, :32] == 1).all()
    assert (loaded[:, 33:] == 0).all()
    assert np.allclose(loaded[:, 32], 0.5, atol=0.01)


def test_a_smaller_mask_is_enlarged(tmp_path: Path) -> None:
    draw(tmp_path / "data" / "1_x" / "a.png", (64, 64))
    draw(tmp_path / "masks" / "a.png", (16, 16), "L", 255)
    picture = masked(tmp_path)
    assert (load_mask(picture, placement_of(64, 64, read(tmp_path).groups[0].rules), (8, 8)) == 1).all()


@pytest.mark.parametrize(
    ("mode", "colour", "value"),
    [
        ("L", 255, 1.0),
        ("L", 51, 0.2),
        ("1", 1, 1.0),
        ("I;16", 65535, 1.0),
        ("RGB", (255, 0, 0), 1.0),
        ("RGB", (0, 255, 255), 0.0),
        ("RGBA", (255, 255, 255, 0), 0.0),
        ("LA", (255, 51), 0.2),
    ],
)
def test_of_a_mask_red_counts_and_what_is_transparent_does_not(
    mode: str, colour: object, value: float, tmp_path: Path
) -> None:
    draw(tmp_path / "data" / "1_x" / "a.png")
    draw(tmp_path / "masks" / "a.png", (64, 64), mode, colour)
    picture = masked(tmp_path)
    assert np.allclose(load_mask(picture, as_is(picture), (8, 8)), value, atol=0.002)


@pytest.mark.parametrize(
    ("mode", "colour", "value"),
    [("RGBA", (9, 9, 9, 51), 0.2), ("LA", (9, 0), 0.0), ("RGB", (0, 0, 0), 1.0), ("L", 0, 1.0), ("I;16", 0, 1.0)],
)
def test_transparency_is_a_mask_and_a_picture_without_any_counts_everywhere(
    mode: str, colour: object, value: float, tmp_path: Path
) -> None:
    draw(tmp_path / "data" / "1_x" / "a.png", (64, 64), mode, colour)
    picture = read(tmp_path, alpha_mask=True).pictures[0]
    assert np.allclose(load_mask(picture, as_is(picture), (8, 8)), value)


def test_a_transparent_palette_colour_does_not_count(tmp_path: Path) -> None:
    image = Image.new("P", (16, 16), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.paste(1, (0, 0, 8, 16))
    (tmp_path / "data" / "1_x").mkdir(parents=True)
    image.save(tmp_path / "data" / "1_x" / "a.gif", transparency=1)
    picture = read(tmp_path, alpha_mask=True).pictures[0]
    assert load_mask(picture, as_is(picture), (2, 1)).tolist() == [[0, 1]]


def test_a_mask_gone_since_it_was_found_is_named(tmp_path: Path) -> None:
    draw(tmp_path / "data" / "1_x" / "a.png")
    mask = draw(tmp_path / "masks" / "a.png")
    picture = masked(tmp_path)
    mask.unlink()
    with pytest.raises(DatasetError, match=r"masks/a\.png: unreadable picture \(no such file"):
        load_mask(picture, as_is(picture), (8, 8))
