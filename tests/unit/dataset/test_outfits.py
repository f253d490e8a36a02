from pathlib import Path

import pytest

from trainer.dataset.outfits import outfits_of
from trainer.dataset.records import Picture

OUTFITS = {"5_beach": "bikini, straw hat", "winter": r"coat \(long\), Scarf", "none": " , "}


@pytest.mark.parametrize(
    ("folder", "caption", "worn"),
    [
        ("5_beach", "1girl, coat", ("5_beach",)),
        ("3_all", "1girl, straw_hat, bikini", ("5_beach",)),
        ("3_all", "scarf, coat (long), bikini, straw hat", ("5_beach", "winter")),
        ("3_all", "1girl, bikini", ()),
        ("3_all", "", ()),
    ],
)
def test_an_outfit_is_worn_by_its_folder_or_by_all_its_words(folder: str, caption: str, worn: tuple[str, ...]) -> None:
    picture = Picture(Path("a.png"), folder, 1, 64, 64, caption, None)
    assert outfits_of(picture, OUTFITS) == worn
