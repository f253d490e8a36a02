"""True pictures only where they are asked for, and half-blocks everywhere else."""

import sys
from pathlib import Path

import pytest
from grid_viewer import Gallery, GalleryApp, until

from lora_tui.terminal.graphics import VARIABLE, detect_graphics, pixel_graphics


@pytest.fixture(autouse=True)
def half_blocks_after():
    yield
    detect_graphics({})


@pytest.mark.parametrize("environ", [{}, {VARIABLE: ""}, {VARIABLE: "half"}])
def test_without_a_word_pictures_are_half_blocks(environ: dict[str, str]) -> None:
    assert detect_graphics(environ) == ""
    assert pixel_graphics() is None


def test_without_the_extra_the_way_to_install_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textual_image.widget", None)
    assert "pip install lora-tui[images]" in detect_graphics({VARIABLE: "sixel"})
    assert pixel_graphics() is None


async def test_with_sixel_the_large_picture_is_sent_in_its_own_pixels(tmp_path: Path) -> None:
    pytest.importorskip("textual_image")
    assert detect_graphics({VARIABLE: "sixel"}) == ""
    across, down = pixel_graphics().cell
    app = GalleryApp(Gallery(tmp_path / "w", (2, 1, 1, 1)))
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.complete)
        large = app.viewer.query_one("#large")
        widget = large.query_one("#pixels")
        await until(pilot, lambda: widget.image is not None)
        assert widget.image.size[0] == widget.image.size[1] > 3 * large.size.height
        assert widget.image.size[0] <= large.size.width * across and widget.image.size[1] <= large.size.height * down
