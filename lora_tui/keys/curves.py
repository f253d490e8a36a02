"""The actions that keys of the curves give: where they are opened, on their screen, and in the list that they are chosen from."""

from lora_tui.keys.action import Action
from trainer.measures.curve_groups import CURVE_GROUPS

_CURVES = ("curves",)
_CHOICE = ("curve choice",)

# fmt: off
CURVE_ACTIONS: tuple[Action, ...] = (
    Action(
        "curves.open", "z", "curves", "curves",
        "curves on the full screen: zoomed, read at any step, several bakes over each other", ("bake", "journal"), "Curves", opens="always", jump=True,
    ),
    Action("curves.enlarge", "enter", "enlarge", "curves", "these curves on the full screen", ("curves pane",), opens="always"),
    Action("curves.close", "escape,q,z", "leave", "back", "back; first out of a region, and from one chart to all", _CURVES),
    Action("curves.left", "left,h", "move(-1)", "left", "cursor to the left", _CURVES),
    Action("curves.right", "right,l", "move(1)", "right", "cursor to the right", _CURVES),
    Action("curves.far-left", "shift+left,H", "move(-10)", "far left", "cursor far to the left", _CURVES),
    Action("curves.far-right", "shift+right,L", "move(10)", "far right", "cursor far to the right", _CURVES),
    Action("curves.first", "home", "edge(0)", "first step", "cursor on the first step", _CURVES),
    Action("curves.last", "end", "edge(1)", "last step", "cursor on the last step recorded", _CURVES),
    Action(
        "curves.previous-mark", "left_square_bracket", "go_to_mark(-1)", "previous mark",
        "cursor on the mark before: a save, samples, a change, a resume, a stop", _CURVES, shown_key="[",
    ),
    Action("curves.next-mark", "right_square_bracket", "go_to_mark(1)", "next mark", "cursor on the next mark", _CURVES, shown_key="]"),
    Action("curves.up", "up,k", "choose_chart(-1)", "chart above", "the chart above", _CURVES),
    Action("curves.down", "down,j", "choose_chart(1)", "chart below", "the chart below", _CURVES),
    Action("curves.alone", "enter", "alone", "one chart", "this chart alone, or all of them", _CURVES, "One chart, or all"),
    Action("curves.zoom-in", "plus,equals_sign", "zoom(1)", "zoom in", "zoom in around the cursor, down to single steps", _CURVES, shown_key="+"),
    Action("curves.zoom-out", "minus", "zoom(-1)", "zoom out", "zoom out", _CURVES, shown_key="-"),
    Action("curves.region", "v", "region", "region", "start a region at the cursor; again zooms to it", _CURVES, "Zoom to a region"),
    Action("curves.all", "w", "all", "all steps", "all steps", _CURVES, "Show all steps"),
    Action("curves.pan-left", "comma", "pan(-1)", "pan left", "half a screen to the left", _CURVES, shown_key=","),
    Action("curves.pan-right", "full_stop", "pan(1)", "pan right", "half a screen to the right", _CURVES, shown_key="."),
    Action("curves.follow", "f", "follow", "follow", "stay on the last step while it bakes, or no longer", _CURVES, "Follow the last step"),
    Action("curves.log", "y", "log", "log axis", "logarithmic axis of this chart on/off", _CURVES, "Logarithmic axis"),
    Action(
        "curves.spikes", "s", "spikes", "spikes", "let the highest values decide the axes too, or hold them at the edge", _CURVES,
        "Show spikes in full",
    ),
    Action("curves.pin", "p", "pin", "pin", "put the next bake on top, with its marks", _CURVES, "Pin another bake"),
    Action("curves.choose", "c", "choose", "choose", "choose curves from the list of all", _CURVES, "Choose curves", opens="always"),
    *(
        Action(
            f"curves.{group.key}", group.digit, f"group('{group.key}')", group.title, f"{group.title} on/off: {group.help}", _CURVES,
        )
        for group in CURVE_GROUPS
        if group.digit
    ),
    Action("curve-choice.turn", "space", "turn", "show, hide", "show this curve, or hide it", _CHOICE),
)
# fmt: on
"""In the order of the help."""
