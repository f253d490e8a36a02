"""The actions that keys of the screens of ladders, and of their lists, give."""

from lora_tui.keys.action import Action

_LADDERS = ("ladders",)
_LADDER = ("ladder",)
_LIST = ("ladder list",)
_RUNGS = ("rung list",)

# fmt: off
LADDER_ACTIONS: tuple[Action, ...] = (
    # The list of ladders
    Action("ladders.close", "escape,l,q", "leave", "back", "back to the screen before", _LADDERS),
    Action("ladders.show", "enter", "show", "show", "show this ladder: its rungs, what they measure, and what it answers", _LADDERS, opens="always"),
    Action(
        "ladders.new", "n", "new", "new ladder", "a new ladder: choose a setting or a ready ladder, its rungs and its twins", _LADDERS,
        "New ladder", right="bake", opens="always",
    ),
    Action("ladders.down", "down,j", "move(1)", "down", "next ladder", _LIST),
    Action("ladders.up", "up,k", "move(-1)", "up", "previous ladder", _LIST),
    Action("ladders.page-down", "pagedown", "page(1)", "page down", "page down", _LIST),
    Action("ladders.page-up", "pageup", "page(-1)", "page up", "page up", _LIST),
    Action("ladders.first", "home", "edge(0)", "first", "first ladder", _LIST),
    Action("ladders.last", "end", "edge(-1)", "last", "last ladder", _LIST),
    # One ladder
    Action("ladder.close", "escape,q", "leave", "back", "back to the list; from the curves first to the measure", _LADDER),
    # It leaves two screens, which nobody means who has not seen the second.
    Action(
        "ladder.show", "enter", "show", "show", "show the bake under the cursor on the Bake screen", _LADDER, "Show this bake", acts=True, undone="changes nothing; the ladders open it again",
    ),
    Action(
        "ladder.measure", "c", "measure", "measure", "choose the measure that is drawn over the knob, or what the curves show", _LADDER,
        "Choose the measure", opens="always",
    ),
    Action(
        "ladder.curves", "o", "curves", "curves", "curves of all rungs over each other, or the measure over the knob again", _LADDER,
        "Curves of all rungs",
    ),
    Action(
        "ladder.grid", "g", "grid", "grid", "load one grid over rungs, epochs and seeds into the grid builder", _LADDER, "Grid of all rungs",
        opens="always",
    ),
    Action("ladder.extend", "plus", "extend", "extend", "more rungs, or more twins of each", _LADDER, "Extend", "+", right="bake", opens="always"),
    Action(
        "ladder.cut", "delete,x", "cut", "cut", "take the rung under the cursor out of the ladder (asks); what it baked is kept", _LADDER,
        "Cut a rung", right="order", opens="always",
    ),
    Action(
        "ladder.continue", "r,C", "continue", "continue", "queue the bakes again that ended early, and those that were never queued", _LADDER,
        "Continue the ladder", right="bake", acts=True, undone="hold the ladder, or remove bakes from the queue",
    ),
    Action(
        "ladder.hold", "H", "hold", "hold, release", "hold the bakes of the ladder back that wait, or release them", _LADDER,
        "Hold or release the ladder", right="order", acts=True, undone="again releases",
    ),
    Action(
        "ladder.doneness", "w", "doneness", "doneness", "where each epoch of the bake under the cursor stands between raw and burnt", _LADDER,
        "Doneness", opens="always",
    ),
    Action(
        "ladder.measures", "m", "measures", "all measures", "everything that was measured of the bake under the cursor", _LADDER, "Measures",
        opens="always",
    ),
    Action("rungs.left", "left,h", "move(-1, 0)", "left", "the twin before", _RUNGS),
    Action("rungs.right", "right,l", "move(1, 0)", "right", "the next twin", _RUNGS),
    Action("rungs.up", "up,k", "move(0, -1)", "up", "the rung above", _RUNGS),
    Action("rungs.down", "down,j", "move(0, 1)", "down", "the rung below", _RUNGS),
    Action("rungs.first", "home", "edge(0)", "first", "the first rung", _RUNGS),
    Action("rungs.last", "end", "edge(-1)", "last", "the last rung", _RUNGS),
)
# fmt: on
"""In the order of the help."""
