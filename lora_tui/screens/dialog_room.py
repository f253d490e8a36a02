"""Heights of what scrolls in a dialog, so that everything else in it has room on a low terminal."""

from collections.abc import Mapping

from textual.containers import VerticalScroll
from textual.geometry import Size
from textual.widget import Widget
from textual.widgets import OptionList

# Lines that a text below a list keeps.
_LEAST_LINES = 2

Scrolls = OptionList | VerticalScroll


def heights_that_fit(panel: Widget, screen: Size) -> Mapping[Scrolls, int]:
    """Return how many lines each list or text of a panel may have at most, for all of the panel to be on the screen.

    Of several the last gives way first, down to two lines.
    """
    shown = [child for child in panel.children if child.display]
    scrolling = [child for child in shown if isinstance(child, Scrolls)]
    taken = sum(child.styles.margin.height + _height(child) * (child not in scrolling) for child in shown)
    wanted = {child: min(_most(child, screen), _wanted(child)) for child in scrolling}
    lacking = sum(wanted.values()) + taken + panel.gutter.height - screen.height
    heights = dict(wanted)
    for number, child in reversed(list(enumerate(scrolling))):
        least = min(_LEAST_LINES, wanted[child]) if number else 1
        heights[child] = max(least, wanted[child] - max(0, lacking))
        lacking -= wanted[child] - heights[child]
    return heights


def scrolls_needlessly(panel: Widget, screen: Size) -> bool:
    """Return whether a panel has a scrollbar that takes away the room for which it is there.

    Beside a scrollbar lines are shorter and may need one more of them; Textual asks about a scrollbar with the lines as they are, so
    that a panel that came from a smaller terminal keeps one that it would not have got.
    """
    styles = panel.styles
    height = styles.height
    if not panel.show_vertical_scrollbar or height is None or not height.is_auto:
        return False
    width = panel.outer_size.width - styles.gutter.width
    most = screen.height if styles.max_height is None else int(styles.max_height.resolve(screen, screen))
    return panel.get_content_height(screen, screen, width) + styles.gutter.height <= most


def _height(child: Widget) -> int:
    return child.outer_size.height


def _wanted(child: Scrolls) -> int:
    """Return the lines of everything in it."""
    if isinstance(child, OptionList):
        return child.virtual_size.height + child.gutter.height
    return sum(_height(each) + each.styles.margin.height for each in child.children if each.display)


def _most(child: Scrolls, screen: Size) -> int:
    """Return how high its style sheet lets it be."""
    most = child.styles.base.max_height
    return screen.height if most is None else int(most.resolve(screen, screen))
