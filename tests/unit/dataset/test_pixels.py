"""Pixels of a picture in its bucket."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer.dataset.area_resize import shrink
from trainer.dataset.buckets import Placement, placement_of
from trainer.dataset.pixels import load_pixels
from trainer.dataset.records import BucketRules, Picture
from trainer.dataset.scan import scan
from trainer.errors import DatasetError

SD1 = BucketRules(size=(512, 512), enable=True, low=256, high=1024, step=64, no_upscale=False)


def picture_of(image: Image.Image, path: Path, kind: str | None = None, **options: object) -> Picture:
    image.save(path, kind, **options)
    return scan(path.parent, caption_extension=(".txt",)).pictures[0]


def as_is(picture: Picture) -> Placement:
    size = (picture.width, picture.height)
    return Placement(bucket=size, resized=size, crop=(0, 0))


def colour(image: Image.Image, path: Path) -> list[int]:
    picture = picture_of(image, path)
    return [int(value) for value in load_pixels(picture, as_is(picture))[0, 0]]


def test_pixels_come_as_height_width_rgb(tmp_path: Path) -> None:
    picture = picture_of(Image.new("RGB", (640, 480), (10, 20, 30)), tmp_path / "a.png")
    pixels = load_pixels(picture, placement_of(640, 480, SD1))
    assert pixels.shape == (448, 576, 3)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert (pixels == [10, 20, 30]).all()


def test_a_picture_of_the_buckets_size_is_not_touched(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 64, 3), dtype=np.uint8)
    picture = picture_of(Image.fromarray(noise), tmp_path / "a.png")
    assert (load_pixels(picture, as_is(picture)) == noise).all()


def test_the_crop_is_taken_where_the_placement_says(tmp_path: Path) -> None:
    ramp = np.arange(10 * 8 * 3, dtype=np.uint8).reshape(10, 8, 3)
    picture = picture_of(Image.fromarray(ramp), tmp_path / "a.png")
    pixels = load_pixels(picture, Placement(bucket=(4, 6), resized=(8, 10), crop=(1, 3)))
    assert (pixels == ramp[3:9, 1:5]).all()


def test_transparency_lies_on_white(tmp_path: Path) -> None:
    assert colour(Image.new("RGBA", (2, 2), (0, 0, 0, 0)), tmp_path / "a.png") == [255, 255, 255]
    assert colour(Image.new("RGBA", (2, 2), (0, 0, 0, 255)), tmp_path / "a.png") == [0, 0, 0]
    assert colour(Image.new("LA", (2, 2), (0, 128)), tmp_path / "a.png") == [127, 127, 127]


def test_a_transparent_palette_colour_lies_on_white(tmp_path: Path) -> None:
    image = Image.new("P", (2, 2), 1)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.save(tmp_path / "a.png", transparency=1)
    picture = scan(tmp_path, caption_extension=(".txt",)).pictures[0]
    assert load_pixels(picture, as_is(picture))[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    ("mode", "value", "seen"),
    [("L", 100, [100] * 3), ("1", 1, [255] * 3), ("I;16", 25600, [100] * 3), ("RGB", (1, 2, 3), [1, 2, 3])],
)
def test_every_kind_of_pixel_becomes_rgb(mode: str, value: int, seen: list[int], tmp_path: Path) -> None:
    assert colour(Image.new(mode, (2, 2), value), tmp_path / "a.png") == seen


def test_a_print_picture_in_cmyk_becomes_rgb(tmp_path: Path) -> None:
    assert colour(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), tmp_path / "a.jpg")[0] > 200


def png(path: Path, depth: int, kind: int, rows: bytes, size: int = 2) -> Path:
    """Write a PNG by hand; `rows` are those of the picture with a 0 in front of each."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", size, size, depth, kind, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


@pytest.mark.parametrize(
    ("kind", "pixel", "seen"),
    [
        (0, (25700,), [100, 100, 100]),
        (2, (2570, 25700, 65535), [10, 100, 255]),
        # half transparent black on white, and nothing at all
        (4, (0, 32896), [127, 127, 127]),
        (6, (65535, 0, 0, 65535), [255, 0, 0]),
        (6, (65535, 0, 0, 0), [255, 255, 255]),
    ],
)
def test_sixteen_bits_a_channel_become_eight(
    kind: int, pixel: tuple[int, ...], seen: list[int], tmp_path: Path
) -> None:
    row = b"\0" + struct.pack(f">{len(pixel)}H", *pixel) * 2
    png(tmp_path / "a.png", 16, kind, row * 2)
    picture = scan(tmp_path, caption_extension=(".txt",)).pictures[0]
    assert load_pixels(picture, as_is(picture))[0, 0].tolist() == seen


def test_a_palette_is_looked_up(tmp_path: Path) -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([255, 0, 0, 10, 20, 30])
    for name in ("a.png", "a.gif", "a.bmp"):
        (tmp_path / name).mkdir()
        assert colour(image, tmp_path / name / name) == [10, 20, 30]


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.avif", "a.png"])
def test_of_a_moving_picture_the_first_one_counts(name: str, tmp_path: Path) -> None:
    first, second = Image.new("RGB", (16, 16), "red"), Image.new("RGB", (16, 16), "blue")
    picture = picture_of(first, tmp_path / name, save_all=True, append_images=[second])
    red, green, blue = load_pixels(picture, as_is(picture))[8, 8].tolist()
    assert red > 250
    assert max(green, blue) < 5


def test_what_is_transparent_in_a_gif_a_webp_and_an_avif_lies_on_white(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (16, 16), (0, 0, 0, 0))
    palette = Image.new("P", (16, 16), 1)
    palette.putpalette([255, 0, 0, 0, 255, 0])
    palette.save(tmp_path / "a.gif", transparency=1)
    clear.save(tmp_path / "b.webp", lossless=True)
    clear.save(tmp_path / "c.avif")
    for picture in scan(tmp_path, caption_extension=(".txt",)).pictures:
        assert load_pixels(picture, as_is(picture)).min() >= 254, picture.path.name


# Where the upper left quarter of the stored picture is seen, by its EXIF orientation: (row, column).
SEEN = {1: (0, 0), 2: (0, 1), 3: (1, 1), 4: (1, 0), 5: (0, 0), 6: (0, 1), 7: (1, 1), 8: (1, 0)}


@pytest.mark.parametrize("ending", ["jpg", "webp", "png", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_orientation_says(ending: str, orientation: int, tmp_path: Path) -> None:
    image = Image.new("RGB", (64, 32), "black")
    image.paste("white", (0, 0, 32, 16))
    exif = image.getexif()
    exif[0x0112] = orientation
    picture = picture_of(image, tmp_path / f"a.{ending}", exif=exif, quality=95)
    pixels = load_pixels(picture, as_is(picture))
    assert pixels.shape == ((32, 64, 3) if orientation < 5 else (64, 32, 3))
    quarters = pixels.reshape(2, pixels.shape[0] // 2, 2, pixels.shape[1] // 2, 3).mean(axis=(1, 3, 4))
    expected = np.zeros((2, 2))
    expected[SEEN[orientation]] = 255
    assert np.abs(quarters - expected).max() < 8


def test_shrinking_means_the_area_each_new_pixel_covers() -> None:
    # three pixels to two: each new one covers one and a half
    row = np.array([[[0], [90], [180]]], dtype=np.uint8)
    assert shrink(row, 2, 1)[0, :, 0].tolist() == [30, 150]
    square = np.array([[[0], [100]], [[50], [250]]], dtype=np.uint8)
    assert shrink(square, 1, 1).tolist() == [[[100]]]


def test_shrinking_by_a_whole_number_is_the_mean_of_blocks() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (600, 40, 3), dtype=np.uint8)
    blocks = pixels.reshape(300, 2, 10, 4, 3).mean(axis=(1, 3))
    assert np.abs(shrink(pixels, 10, 300) - blocks).max() <= 0.5


def test_shrinking_keeps_a_plain_colour_and_a_picture_of_the_same_size() -> None:
    plain = np.full((577, 333, 3), 255, dtype=np.uint8)
    assert (shrink(plain, 101, 64) == 255).all()
    noise = np.random.default_rng(2).integers(0, 256, (300, 7, 3), dtype=np.uint8)
    assert (shrink(noise, 7, 300) == noise).all()


def test_a_picture_shrunk_on_both_sides_is_averaged_any_other_is_lanczos(tmp_path: Path) -> None:
    noise = Image.effect_noise((600, 300), 90).convert("RGB")
    picture = picture_of(noise, tmp_path / "a.png")
    small = load_pixels(picture, Placement(bucket=(300, 150), resized=(300, 150), crop=(0, 0)))
    assert (small == shrink(np.asarray(noise), 300, 150)).all()
    for size in ((1200, 600), (300, 300), (600, 150)):
        resized = load_pixels(picture, Placement(bucket=size, resized=size, crop=(0, 0)))
        assert (resized == np.asarray(noise.resize(size, Image.Resampling.LANCZOS))).all()


def test_a_picture_broken_since_the_scan_is_named(tmp_path: Path) -> None:
    picture = picture_of(Image.new("RGB", (64, 64)), tmp_path / "a.png")
    picture.path.write_bytes(picture.path.read_bytes()[:60])
    with pytest.raises(DatasetError, match=r"a\.png: unreadable picture"):
        load_pixels(picture, as_is(picture))
    picture.path.unlink()
    with pytest.raises(DatasetError, match="no such file or directory"):
        load_pixels(picture, as_is(picture))


def test_a_picture_changed_since_the_scan_is_named(tmp_path: Path) -> None:
    picture = picture_of(Image.new("RGB", (64, 64)), tmp_path / "a.png")
    Image.new("RGB", (32, 64)).save(picture.path)
    with pytest.raises(DatasetError, match="32×64 pixels; expected 64×64 as when the folder was read"):
        load_pixels(picture, as_is(picture))
