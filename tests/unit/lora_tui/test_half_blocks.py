"""Two pixels in one character."""

from lora_tui.pictures.picture_cache import Pixels
from lora_tui.widgets.half_blocks import row

RED, BLUE, WHITE = b"\xff\x00\x00", b"\x00\x00\xff", b"\xff\xff\xff"


def colours(segment) -> tuple[str, str]:
    style = segment.style
    return (style.color.triplet.hex if style.color else "", style.bgcolor.triplet.hex)


def test_the_upper_pixel_is_the_ink_and_the_lower_one_the_ground() -> None:
    (cell,) = row(Pixels(1, 2, RED + BLUE), 0)
    assert cell.text == "▀"
    assert colours(cell) == ("#ff0000", "#0000ff")


def test_two_equal_pixels_need_no_ink() -> None:
    (cell,) = row(Pixels(1, 2, RED + RED), 0)
    assert (cell.text, colours(cell)) == (" ", ("", "#ff0000"))


def test_each_line_shows_its_own_two_rows() -> None:
    pixels = Pixels(1, 4, RED + BLUE + BLUE + WHITE)
    assert [colours(row(pixels, line)[0]) for line in (0, 1)] == [("#ff0000", "#0000ff"), ("#0000ff", "#ffffff")]


def test_neighbours_of_one_colour_are_one_segment() -> None:
    segments = row(Pixels(4, 2, RED * 3 + BLUE + RED * 3 + RED), 0)
    assert [(segment.text, segment.cell_length) for segment in segments] == [("   ", 3), ("▀", 1)]


def test_a_line_is_as_wide_as_the_picture() -> None:
    pixels = Pixels(16, 2, bytes(range(96)))
    assert sum(segment.cell_length for segment in row(pixels, 0)) == 16


def test_no_colour_moves_by_more_than_an_eye_sees() -> None:
    for value in range(256):
        (cell,) = row(Pixels(1, 2, bytes((value, 0, 0)) + WHITE), 0)
        assert abs(cell.style.color.triplet.red - value) <= 3
