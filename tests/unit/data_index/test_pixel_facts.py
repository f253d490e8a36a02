"""What pixels say: sharpness and how far details reach."""

from pathlib import Path

import numpy as np
import pytest
from check_inputs import write_broken_inside
from PIL import Image, ImageDraw, ImageFilter

from trainer.data_index.pixel_facts import MAX_PIXELS, detail, pixel_facts, sharpness
from trainer.data_index.row_faults import BLURRED, UPSCALED
from trainer.dataset.picture_file import UnreadablePicture


def drawing(seed: int, side: int = 512) -> Image.Image:
    """Return lines and filled shapes with smooth edges, as a drawing has them."""
    draws = np.random.default_rng(seed)
    large = Image.new("L", (2 * side, 2 * side), 235)
    pen = ImageDraw.Draw(large)
    for _ in range(60):
        x, y, right, low = draws.integers(0, 2 * side, 4).tolist()
        box = (min(x, right), min(y, low), max(x, right), max(y, low))
        if draws.integers(2):
            pen.ellipse(box, fill=int(draws.integers(256)), outline=20, width=6)
        else:
            pen.line((x, y, right, low), fill=int(draws.integers(80)), width=6)
    return large.resize((side, side), Image.Resampling.BOX)


def photograph(seed: int, side: int = 512) -> Image.Image:
    """Return noise whose power falls with the square of the frequency, as that of photographs does (Field 1987), with edges in it."""
    draws = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
    frequency[0, 0] = 1.0
    spectrum = np.exp(2j * np.pi * draws.random((side, side // 2 + 1))) / frequency
    values = np.fft.irfft2(spectrum, (side, side))
    values = 128 + 45 * values / values.std()
    values[side // 4 : side // 2, side // 4 : side // 2] += 60
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def enlarged(picture: Image.Image, times: float, how: Image.Resampling) -> Image.Image:
    small = (round(picture.width / times), round(picture.height / times))
    return picture.resize(small, Image.Resampling.BOX).resize(picture.size, how)


def reach(picture: Image.Image) -> float:
    found = detail(picture)
    assert found is not None
    return found


PICTURES = [
    pytest.param(draw, seed, id=f"{draw.__name__} {seed}") for draw in (drawing, photograph) for seed in range(3)
]


@pytest.mark.parametrize(("draw", "seed"), PICTURES)
def test_a_sharp_picture_is_neither_blurred_nor_upscaled(draw, seed: int) -> None:
    picture = draw(seed)
    assert sharpness(picture) > 2 * BLURRED
    assert reach(picture) > UPSCALED + 0.1


@pytest.mark.parametrize(("draw", "seed"), PICTURES)
@pytest.mark.parametrize("how", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS])
def test_an_enlarged_picture_uses_the_share_that_it_came_with(draw, seed: int, how: Image.Resampling) -> None:
    picture = draw(seed)
    twice, thrice = reach(enlarged(picture, 2, how)), reach(enlarged(picture, 3, how))
    assert thrice < twice < UPSCALED + 0.02
    assert twice == pytest.approx(0.5, abs=0.12) and thrice == pytest.approx(0.34, abs=0.12)


@pytest.mark.parametrize(("draw", "seed"), PICTURES)
def test_a_picture_out_of_focus_is_blurred(draw, seed: int) -> None:
    sharp, soft = draw(seed), draw(seed).filter(ImageFilter.GaussianBlur(5))
    assert sharpness(soft) < BLURRED < sharpness(sharp)


def test_sharpness_does_not_depend_on_the_size_that_a_picture_was_saved_at() -> None:
    picture = drawing(1, 512)
    larger = picture.resize((1536, 1536), Image.Resampling.NEAREST)
    assert sharpness(larger) == pytest.approx(sharpness(picture), rel=0.05)


def test_what_is_too_small_or_flat_has_no_reach() -> None:
    assert detail(drawing(1, 400).crop((0, 0, 400, 40))) is None
    assert detail(Image.new("L", (300, 300), 90)) is None


def test_a_picture_is_turned_and_its_transparency_laid_on_white(tmp_path: Path) -> None:
    picture = drawing(2, 128).convert("RGBA")
    picture.putalpha(drawing(3, 128))
    picture.save(tmp_path / "a.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    white = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    white.rotate(90).save(tmp_path / "b.jpg", quality=97, exif=exif)
    first, second = pixel_facts(tmp_path / "a.png"), pixel_facts(tmp_path / "b.jpg")
    assert first is not None and second is not None
    assert first.picture_hash is not None and second.picture_hash is not None
    assert (first.picture_hash ^ second.picture_hash).bit_count() <= 4


def test_a_picture_that_is_damaged_inside_says_so(tmp_path: Path) -> None:
    write_broken_inside(tmp_path / "x.png", 64, 64)
    with pytest.raises(UnreadablePicture):
        pixel_facts(tmp_path / "x.png")


def test_a_huge_picture_is_not_decoded(tmp_path: Path) -> None:
    side = int(MAX_PIXELS**0.5) + 1
    write_broken_inside(tmp_path / "x.png", side, side)
    assert pixel_facts(tmp_path / "x.png") is None
