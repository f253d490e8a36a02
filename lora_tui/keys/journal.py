"""The actions that keys of the Journal screen and of its list give."""

from lora_tui.keys.action import Action

_JOURNAL = ("journal",)
_LIST = ("bake list",)
_DIFF = ("bake diff",)
_NOTES = ("notes",)

# fmt: off
JOURNAL_ACTIONS: tuple[Action, ...] = (
    Action("journal.close", "escape,q", "leave", "back", "back to the bake; with a filter, first to all bakes", _JOURNAL),
    Action("journal.show", "enter", "show", "show", "show this bake on the Bake screen: curves, epochs, log", _JOURNAL, "Show this bake"),
    Action("journal.mark", "space", "mark", "mark", "mark the bake for curves and comparison, or unmark it", _JOURNAL),
    Action("journal.unmark", "u", "unmark", "unmark all", "unmark all", _JOURNAL, "Unmark all"),
    Action(
        "journal.filter", "slash", "find", "filter", "list only some: unet_lr>1e-4 subject:hifumi tag:te", _JOURNAL,
        "Filter the bakes", "/", opens="always",
    ),
    Action("journal.sort", "s", "sort", "sort", "choose the order of the list", _JOURNAL, "Sort the bakes", opens="always"),
    Action("journal.tree", "T", "tree", "tree", "each bake below the one it was made from, or the plain list", _JOURNAL, "Tree of bakes"),
    Action(
        "journal.overlay", "o", "overlay", "overlay", "curves of the marked bakes over each other, or the bake again", _JOURNAL,
        "Overlay the marked bakes",
    ),
    Action("journal.metric", "c", "metric", "curve", "choose what the curves show", _JOURNAL, "Choose the curve", opens="always"),
    Action(
        "journal.pin", "p", "pin", "pin", "put this bake's curve on top, and compare the others with it; again takes it down", _JOURNAL,
    ),
    Action(
        "journal.diff", "D", "diff", "diff", "settings, data and measures of the two bakes marked, or of this one and the one it was made from",
        _JOURNAL, "Compare two bakes", opens="always",
    ),
    Action(
        "journal.notes", "n", "notes", "notes", "write about this bake (markdown)", _JOURNAL, "Notes on this bake", right="order",
        opens="always",
    ),
    Action(
        "journal.tags", "number_sign", "tags", "tags", "tags of this bake", _JOURNAL, "Tags of this bake", "#", right="order",
        opens="always",
    ),
    Action(
        "journal.best", "e", "best", "best epoch", "say which epoch of this bake is the best", _JOURNAL, "Best epoch", right="order",
        opens="always",
    ),
    Action(
        "journal.rebake", "b", "rebake", "re-bake", "load the settings of this bake into the form, for another bake from it", _JOURNAL,
        "Re-bake", right="bake", acts=True, undone="asks where edits are not saved; undo in the form",
    ),
    Action(
        "journal.fork", "B", "fork", "fork", "fork this bake from one of its epochs, with the settings edited in the form", _JOURNAL,
        "Fork", right="bake", opens="always",
    ),
    Action(
        "journal.resume", "r", "resume", "resume", "resume this bake, which ended early, from its last state", _JOURNAL, "Resume",
        right="bake", acts=True, undone="stopping it saves a state to resume from",
    ),
    Action(
        "journal.prune", "P", "prune", "prune", "delete the epochs of this bake that nobody needs (asks)", _JOURNAL, "Prune",
        right="bake", opens="always",
    ),
    Action(
        "journal.delete", "delete,x", "delete", "delete", "delete this bake (says what goes and what stays, and asks)", _JOURNAL,
        "Delete this bake", right="bake", opens="always",
    ),
    Action(
        "journal.frontier", "f", "frontier", "frontier",
        "minutes of training against measures, verdicts and checklists, over all bakes of this subject: where more time stopped paying",
        _JOURNAL, "Frontier of the subject", opens="always",
    ),
    Action("frontier.close", "f", "leave", "close", "close", ("frontier",)),
    Action("bakes.down", "down,j", "move(1)", "down", "next bake", _LIST),
    Action("bakes.up", "up,k", "move(-1)", "up", "previous bake", _LIST),
    Action("bakes.page-down", "pagedown", "page(1)", "page down", "page down", _LIST),
    Action("bakes.page-up", "pageup", "page(-1)", "page up", "page up", _LIST),
    Action("bakes.first", "home", "edge(0)", "first", "first bake", _LIST),
    Action("bakes.last", "end", "edge(-1)", "last", "last bake", _LIST),
    Action("diff.close", "escape,D,q", "leave", "close", "close the comparison", _DIFF),
    # Before the text has it.
    Action("notes.close", "escape", "leave", "close", "save and close", _NOTES, first=True),
)
# fmt: on
"""In the order of the help."""
