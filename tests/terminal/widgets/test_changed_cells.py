"""A pane and a plot on a screen: what did not change is not painted again, and what is seen is right."""

from typing import Any

import pytest
from screen_alone import ScreenAlone
from textual.app import ComposeResult
from textual.content import Content
from textual.geometry import Region
from textual.screen import Screen

from lora_tui.plots.braille import PlotLine, Window
from lora_tui.plots.curves import Plot
from lora_tui.widgets.braille_plot import BraillePlot
from lora_tui.widgets.pane import Pane

COLUMNS, ROWS = 60, 12


class Lines(Pane):
    """Texts, a line each."""

    def __init__(self) -> None:
        super().__init__()
        self.texts = ["one", "two", "three"]

    def lines(self, width: int) -> list[Content]:
        return [Content(text) for text in self.texts]


class Both(Screen[None]):
    def compose(self) -> ComposeResult:
        yield Lines()
        yield BraillePlot("none yet")


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Region, ...]]:
    """The regions of each repaint; none for a whole widget."""
    asked: list[tuple[Region, ...]] = []
    for kind in (Lines, BraillePlot):

        def refresh(self: Any, *regions: Region, kind: Any = kind, **how: bool) -> Any:
            asked.append(regions)
            return super(kind, self).refresh(*regions, **how)

        monkeypatch.setattr(kind, "refresh", refresh)
    return asked


def plot(*values: float) -> Plot:
    return Plot((PlotLine("smooth", range(len(values)), values, values),), Window(0, 10, 0, 1))


async def test_lines_that_stayed_are_not_painted_again(painted: list[tuple[Region, ...]]) -> None:
    app = ScreenAlone(Both())
    async with app.run_test(size=(COLUMNS, ROWS)) as pilot:
        lines = app.screen.query_one(Lines)
        painted.clear()
        lines.texts = ["one", "2", "three"]
        lines.redraw()
        lines.redraw()
        assert painted == [(Region(0, 1, COLUMNS, 1),)]
        await pilot.pause()
        assert app.text().splitlines()[:3] == lines.texts
        lines.texts = ["one", "2"]
        painted.clear()
        lines.redraw()
        assert painted == [()]


async def test_cells_of_a_plot_that_stayed_are_not_painted_again(painted: list[tuple[Region, ...]]) -> None:
    app, whole = ScreenAlone(Both()), ScreenAlone(Both())
    first, second = plot(0.1, 0.5, 0.2), plot(0.1, 0.5, 0.2, 0.3)
    async with app.run_test(size=(COLUMNS, ROWS)) as pilot:
        drawn = app.screen.query_one(BraillePlot)
        drawn.show(first, Content("loss"))
        await pilot.pause()
        painted.clear()
        drawn.show(second, Content("loss"))
        (regions,) = painted
        assert 0 < sum(region.area for region in regions) < 20
        await pilot.pause()
        seen = app.text()
    async with whole.run_test(size=(COLUMNS, ROWS)) as pilot:
        whole.screen.query_one(BraillePlot).show(second, Content("loss"))
        await pilot.pause()
        assert seen == whole.text()


async def test_a_plot_of_another_size_is_painted_whole(painted: list[tuple[Region, ...]]) -> None:
    app = ScreenAlone(Both())
    async with app.run_test(size=(COLUMNS, ROWS)) as pilot:
        drawn = app.screen.query_one(BraillePlot)
        drawn.show(plot(0.1, 0.5), Content("loss"))
        await pilot.pause()
        await pilot.resize_terminal(COLUMNS, ROWS + 4)
        painted.clear()
        drawn.show(plot(0.1, 0.5, 0.3), Content("loss"))
        assert painted == [()]
        painted.clear()
        drawn.show_nothing("none")
        await pilot.pause()
        assert "none" in app.text()
