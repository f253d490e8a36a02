"""The actions that keys give on every screen, or on most: help, palette, colours, the way out."""

from lora_tui.keys.action import Action

_APP = ("app",)
_BAKE = ("bake",)
# A dialog of lines has it where no line has the focus.
_HELPED = (
    "bake",
    "grid",
    "journal",
    "ladders",
    "ladder",
    "dataset",
    "curves",
    "samples",
    "parity",
    "dialog",
    "doneness",
    "measures",
    "advice",
    "full picture",
    "crop",
    "compare",
)

# fmt: off
EVERYWHERE_ACTIONS: tuple[Action, ...] = (
    Action("app.slow-line", "S", "app.slow_line", "slow connection", "slow-connection mode on/off", _BAKE, "Slow connection"),
    Action("app.theme", "ctrl+t", "app.next_theme", "theme", "next theme", _BAKE),
    Action(
        "app.help", "question_mark,f1", "help", "help", "keys of this screen, what its columns and signs mean, and the focused field", _HELPED, "Help", "?",
        opens="always",
    ),
    Action(
        "app.palette", "ctrl+p", "app.command_palette", "commands", "everything that can be done here, by name, help or key", _APP,
        "Commands", first=True, opens="always",
    ),
    Action(
        "app.quit", "ctrl+q,ctrl+c", "quit", "quit", "quit (asks while a bake runs)", _APP, "Quit", first=True,
        opens="always",
    ),
    Action(
        "app.no-suspend", "ctrl+z", "no_suspend", "no suspending",
        "nothing: suspending would freeze the bake along with the screen", _APP, first=True,
    ),
)
# fmt: on
"""In the order of the help."""
