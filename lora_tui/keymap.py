"""The actions that keys give: one record each, which bindings, key lines, help, palette and docs/keys.md are made from."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from textual.binding import Binding, BindingType
from textual.dom import DOMNode

from lora_tui.curve_keys import CURVE_ACTIONS
from lora_tui.dataset_keys import DATASET_ACTIONS
from lora_tui.dialog_keys import DIALOG_ACTIONS
from lora_tui.journal_keys import JOURNAL_ACTIONS
from lora_tui.key_action import Action
from lora_tui.ladder_keys import LADDER_ACTIONS
from lora_tui.replay_keys import REPLAY_ACTIONS

__all__ = [
    "ACTIONS",
    "BY_ID",
    "Action",
    "actions_of",
    "bindings",
    "key_table",
    "records_of",
]


_APP = ("app",)
_BAKE = ("bake",)
# What is done to the bake shown, and to the one under the cursor of the journal.
_BAKES = ("bake", "journal")
_GRID = ("grid",)
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
    "curves",
)
_PICTURES = ("pictures",)
_JUDGING = ("pictures", "full picture")
_SHEET = ("sheet",)
_CROP = ("crop",)
_COMPARE = ("compare",)

# fmt: off
ACTIONS: tuple[Action, ...] = (
    # The Bake screen
    Action(
        "bake.start", "b", "bake", "bake", "start a bake with these settings (asks for a note)", _BAKE, "Bake", right="bake",
        opens="always",
    ),
    Action(
        "bake.pause", "space", "pause", "pause", "pause the bake (the model stays loaded), or continue", _BAKE,
        "Pause or continue", right="order", acts=True, undone="again continues",
    ),
    Action(
        "bake.save", "s", "save_now", "save now", "save a LoRA after this step", _BAKE, "Save now", right="order",
        acts=True, undone="adds a LoRA, which pruning deletes",
    ),
    Action(
        "bake.stop", "x", "stop", "stop", "stop after this step and save (asks first)", _BAKE, "Stop", right="order",
        opens="always",
    ),
    Action(
        "bake.stop-at-epoch", "X", "stop_at_epoch", "stop at epoch", "stop at the end of this epoch and save", _BAKE,
        "Stop at the end of the epoch", right="order", acts=True, undone="resuming continues from there",
    ),
    Action(
        "bake.free", "F", "free", "free the GPU",
        "save the state and unload the model from the GPU; space continues from there", _BAKE, "Free the GPU", right="order",
        acts=True, undone="pause or resume continues from there",
    ),
    Action(
        "bake.live", "L", "live_settings", "change", "change a setting while the bake runs", _BAKE,
        "Change a live setting", right="order", opens="always",
    ),
    Action(
        "bake.stop-part", "T", "stop_part", "stop a part",
        "stop training the text encoder or U-Net (what it learned is kept)", _BAKE, "Stop training a part", right="order",
        opens="always",
    ),
    Action(
        "bake.resume", "r", "resume", "resume", "resume the bake shown, which ended early, from its last state", _BAKE,
        "Resume", right="bake", acts=True, undone="stopping it saves a state to resume from",
    ),
    Action(
        "bake.fork", "B", "fork", "fork", "fork this bake from one of its epochs, with your edited settings", _BAKE,
        "Fork", right="bake", opens="always",
    ),
    Action(
        "bake.twin", "t", "twin", "twin",
        "queue this bake again with other random numbers: what twins differ in is noise (asks which, and how many)", _BAKES,
        "Twin", right="bake", opens="always",
    ),
    Action("grid.screen", "g", "grid", "grid", "grids: compare pictures of the bake's epochs", _BAKE, "Grid", opens="always", jump=True),
    Action(
        "plan.open", "p", "plan", "plan",
        "the complete plan: folders, tags, buckets, rates, timesteps, files, memory", _BAKE, "Plan", opens="always", jump=True,
    ),
    Action(
        "plan.fit", "f", "fit", "fit", "find the fastest settings that fit into the GPU's memory (asks before it changes any)",
        _BAKE, "Fit", right="bake", opens="always",
    ),
    Action(
        "data.hold-out", "H", "hold_out", "hold out", "hold out some pictures, or an outfit, to be measured and not trained on", _BAKE,
        "Hold out pictures", right="bake", opens="always",
    ),
    Action(
        "dataset.open", "d", "dataset", "data set",
        "the data set: pictures with crop, caption and repeats, tags with counts, buckets, near-duplicates; edit captions, leave pictures out",
        _BAKE, "Data set", opens="always", jump=True,
    ),
    Action(
        "checks.open", "c", "checks", "checks",
        "what the checks found in pictures, captions and settings; accept what is meant so", _BAKE, "Checks", opens="always", jump=True,
    ),
    Action(
        "queue.open", "Q", "queue", "queue", "queue: expected start times, reorder, hold, show a bake", _BAKE, "Queue",
        opens="always", jump=True,
    ),
    Action(
        "bake.report", "R", "report", "report",
        "write everything known of the bake as one HTML page and copy the command that fetches it", _BAKES, "Report",
        right="bake", acts=True, undone="adds a page, or writes its own page again",
    ),
    Action(
        "journal.open", "j,J", "journal", "journal", "every bake, compared, searched and noted on (J where j moves in a list)", _BAKE,
        "Journal", opens="always", jump=True,
    ),
    Action(
        "ladders.open", "l", "ladders", "ladders",
        "ladders: one question asked by many bakes that differ in one setting, and what they answer", _BAKES, "Ladders", opens="always", jump=True,
    ),
    Action(
        "bake.previous", "comma", "show_neighbour(-1)", "older bake", "show the bake before the one shown", _BAKE,
        "Older bake", ",",
    ),
    Action(
        "bake.next", "full_stop", "show_neighbour(1)", "newer bake",
        "show the bake after the one shown, held ones too; the last that ran is shown by itself", _BAKE, "Newer bake", ".",
    ),
    Action("view.next", "v", "next_view", "view", "next tab (in a narrow terminal)", _BAKE),
    Action("view.settings", "1", "view('settings')", "settings", "settings", _BAKE),
    Action("view.curves", "2", "view('curves')", "curves", "curves of loss and learning rates", _BAKE),
    Action("view.epochs", "3", "view('epochs')", "epochs", "saved LoRAs", _BAKE),
    Action("view.log", "4", "view('log')", "log", "log", _BAKE),
    Action(
        "form.find", "slash", "find", "find", "find a setting by name, by what it does, or by another trainer's name for it", _BAKE, "Find a setting", "/",
        opens="always",
    ),
    Action(
        "settings.save", "ctrl+s", "save_settings", "save settings", "save the settings to their file", _BAKE,
        "Save settings", right="bake", acts=True, undone="undo in the form, then save again",
    ),
    Action(
        "settings.undo", "u", "undo", "undo", "undo the last edit of the form, and say what it was",
        ("bake", "spec form"), "Undo an edit", right="bake",
    ),
    Action(
        "settings.redo", "ctrl+r", "redo", "redo", "do what was undone last again", ("bake", "spec form"), "Redo an edit", right="bake",
    ),
    Action(
        "settings.edit-text", "e", "edit_text", "edit as text", "open the settings file in $VISUAL or $EDITOR, while a bake continues",
        _BAKE, "Edit the settings as text", right="bake", opens="always",
    ),
    Action(
        "workspace.switch", "W", "workspaces", "workspaces", "open another workspace, or make one", _BAKE, "Workspaces",
        opens="always",
    ),
    Action(
        "subject.new", "n", "new_subject", "new", "new subject from a folder of pictures", _BAKE, "New subject", right="bake",
        opens="always",
    ),
    Action(
        "settings.open", "o", "open_settings", "open", "open another settings file of the workspace", _BAKE,
        "Open settings", opens="always",
    ),
    Action(
        "settings.import", "i", "import_settings", "import", "import another trainer's settings, from a file or a paste", _BAKE,
        "Import settings", right="bake", opens="always",
    ),
    Action(
        "settings.export", "E", "export_settings", "export", "export the settings for another trainer", _BAKE,
        "Export settings", right="bake", opens="always",
    ),
    Action(
        "bake.again", "a", "bake_again", "bake again",
        "read settings back from the newest LoRA of the bake shown, to bake it again", _BAKE, "Bake again from the LoRA",
        right="bake", opens="always",
    ),
    Action(
        "parity.open", "C", "compare_trainers", "trainers", "what other trainers would make of these settings, side by side",
        ("bake", "plan"), "Compare trainers", opens="always", jump=True,
    ),
    Action(
        "doneness.open", "w", "doneness", "doneness",
        "where each epoch of the bake stands between raw and burnt, part by part, with the evidence", _BAKES, "Doneness",
        opens="always", jump=True,
    ),
    Action(
        "advice.open", "A", "advice", "advice",
        "what to try with this bake: from what you see and what was measured, with its sources and the ladder that would test it",
        ("bake", "journal", "ladder", "doneness", "judgement"), "Advice", opens="always", jump=True,
    ),
    Action(
        "measures.open", "m", "measures", "measures",
        "what was measured of the bake: curves by part, and a map of its blocks over the epochs", _BAKES, "Measures",
        opens="always", jump=True,
    ),
    Action(
        "samples.open", "V", "samples", "samples",
        "the sample pictures of the bake: one cursor over the steps moves those of every prompt", _BAKES, "Samples", opens="always", jump=True,
    ),
    Action(
        "bench.open", "O", "bench", "LoRA bench",
        "LoRA files: inspect, resize, merge, average, mix, weigh, extract, verify, metadata", _BAKES, "LoRA bench", right="bake",
        opens="always", jump=True,
    ),
    # The Grid screen
    Action(
        "grid.make", "b", "make", "make",
        "make the grid in the builder: queued, or between two steps of the running bake (asks)", _GRID, "Make the grid", right="order",
        opens="always", acts=True, undone="asks; ending the grid keeps its pictures",
    ),
    Action(
        "grid.end", "x", "end", "end", "skip the epoch under the cursor in the rest of the grid, or end the grid (asks)",
        _GRID, "End the grid", right="order", opens="always",
    ),
    Action(
        "grid.preset", "r", "preset", "presets", "load a preset grid into the builder, or bring back what it had", _GRID, "Presets",
        opens="always",
    ),
    Action(
        "grid.style", "y", "style", "style", "load prompt, sampler, size etc. from a style of the workspace", _GRID,
        "Styles", opens="always",
    ),
    Action(
        "grid.judgement", "J", "judgement", "results", "results of your judging; queue three variants from here", _GRID,
        "Results of judging", opens="always",
    ),
    Action(
        "grid.use", "u", "use", "use", "send this picture's LoRA to where you use it", _GRID, "Use this LoRA", right="bake",
        opens="always",
    ),
    Action(
        "grid.page", "H", "page", "page", "write the grid as one HTML page and copy the command that fetches it", _GRID,
        "HTML page", right="bake", acts=True, undone="adds a page, or writes its own page again",
    ),
    Action(
        "grid.open", "o", "grids", "grids", "open another grid, or resume an unfinished one", _GRID, "Open a grid",
        opens="always",
    ),
    Action("grid.edit", "e", "edit", "edit", "load the settings of the grid on screen into the builder", _GRID, "Edit the grid"),
    Action("grid.view", "v", "next_view", "view", "builder or pictures (in a narrow terminal)", _GRID),
    Action(
        "grid.save", "ctrl+s", "save_spec", "save spec", "save the grid's settings to a file for `lora-tui grid`", _GRID,
        "Save the grid's settings", right="bake", acts=True, undone="the file before is kept beside it as .bak",
    ),
    # Pictures of a grid
    Action(
        "grid.favourite", "space", "favourite", "favourite", "mark as a favourite, or unmark", _JUDGING, right="order",
        acts=True, undone="again unmarks",
    ),
    Action(
        "grid.under", "1", "verdict('under')", "under", "undertrained; again takes it back", _JUDGING, right="order",
        acts=True, undone="again takes it back",
    ),
    Action(
        "grid.right", "2", "verdict('right')", "right", "trained right; again takes it back", _JUDGING, right="order",
        acts=True, undone="again takes it back",
    ),
    Action("grid.over", "3", "verdict('over')", "over", "overtrained; again takes it back", _JUDGING, right="order", acts=True, undone="again takes it back"),
    Action("grid.unet", "U", "part('unet')", "U-Net", "the next verdict is for the U-Net only", _JUDGING),
    Action(
        "grid.text-encoder", "T", "part('text_encoder')", "text encoder",
        "the next verdict is for the text encoder only", _JUDGING,
    ),
    Action(
        "grid.checklist", "c", "checklist", "checklist", "fill in the subject's checklist for this picture", _JUDGING, right="order",
        opens="always",
    ),
    Action("grid.large", "enter", "large", "full screen", "show the picture on the full screen", _PICTURES, opens="always"),
    Action("grid.mark", "m", "mark", "mark", "mark the picture for comparison with another", _PICTURES),
    Action("grid.compare", "w", "compare", "compare", "compare the marked picture with this one", _PICTURES, opens="always"),
    Action(
        "grid.crop", "z", "crop", "crop", "mark a region and show it at native resolution for every epoch", _PICTURES,
        opens="always",
    ),
    Action(
        "grid.blind", "B", "blind", "blind", "blind mode: labels hidden, order shuffled; again reveals them",
        ("pictures", "grid"), "Blind mode",
    ),
    Action("sheet.left", "left,h", "move(-1, 0)", "left", "picture to the left", ("sheet", "full picture")),
    Action("sheet.right", "right,l", "move(1, 0)", "right", "picture to the right", ("sheet", "full picture")),
    Action("sheet.up", "up,k", "move(0, -1)", "up", "picture above", ("sheet", "full picture")),
    Action("sheet.down", "down,j", "move(0, 1)", "down", "picture below", ("sheet", "full picture")),
    Action("sheet.first", "home", "edge(-1)", "first", "first picture of the row", _SHEET),
    Action("sheet.last", "end", "edge(1)", "last", "last picture of the row", _SHEET),
    Action(
        "sheet.previous", "left_square_bracket", "turn(-1)", "previous sheet", "previous sheet", _SHEET, shown_key="[",
    ),
    Action("sheet.next", "right_square_bracket", "turn(1)", "next sheet", "next sheet", _SHEET, shown_key="]"),
    Action("sheet.larger", "plus,equals_sign", "zoom(1)", "larger", "larger pictures", _SHEET, shown_key="+"),
    Action("sheet.smaller", "minus", "zoom(-1)", "smaller", "smaller pictures", _SHEET, shown_key="-"),
    Action("full-picture.close", "escape,enter,q", "leave", "back", "back to the sheet", ("full picture",)),
    Action("crop.close", "escape,q", "leave", "back", "back to the sheet", _CROP),
    Action("crop.switch", "enter,z", "switch", "every epoch", "every epoch, or the whole picture", _CROP),
    Action("crop.left", "left,h", "move(-1, 0)", "left", "move the region left", _CROP),
    Action("crop.right", "right,l", "move(1, 0)", "right", "move the region right", _CROP),
    Action("crop.up", "up,k", "move(0, -1)", "up", "move the region up", _CROP),
    Action("crop.down", "down,j", "move(0, 1)", "down", "move the region down", _CROP),
    Action("crop.far-left", "shift+left,H", "move(-4, 0)", "far left", "move the region far left", _CROP),
    Action("crop.far-right", "shift+right,L", "move(4, 0)", "far right", "move the region far right", _CROP),
    Action("crop.far-up", "shift+up,K", "move(0, -4)", "far up", "move the region far up", _CROP),
    Action("crop.far-down", "shift+down,J", "move(0, 4)", "far down", "move the region far down", _CROP),
    Action("crop.larger", "plus,equals_sign", "grow(1)", "larger", "a larger region", _CROP, shown_key="+"),
    Action("crop.smaller", "minus", "grow(-1)", "smaller", "a smaller region", _CROP, shown_key="-"),
    Action("crop.page-down", "pagedown", "scroll(1)", "page down", "scroll down", _CROP),
    Action("crop.page-up", "pageup", "scroll(-1)", "page up", "scroll up", _CROP),
    Action("compare.close", "escape,w,q,enter", "leave", "back", "back to the sheet", _COMPARE),
    Action("compare.left", "left,h", "edge(-1)", "left", "move the edge left", _COMPARE),
    Action("compare.right", "right,l", "edge(1)", "right", "move the edge right", _COMPARE),
    Action("compare.second", "home", "edge(-99)", "second picture", "the second picture only", _COMPARE),
    Action("compare.first", "end", "edge(99)", "first picture", "the first picture only", _COMPARE),
    Action("compare.swap", "tab,space", "swap", "swap sides", "swap the sides of the two pictures", _COMPARE),
    *CURVE_ACTIONS,
    *JOURNAL_ACTIONS,
    *LADDER_ACTIONS,
    *REPLAY_ACTIONS,
    *DATASET_ACTIONS,
    *DIALOG_ACTIONS,
    # Everywhere
    Action("grid.leave", "escape", "leave", "back", "back to the bake", _GRID),
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
"""Every action, in the order of the help."""

BY_ID: Mapping[str, Action] = MappingProxyType({action.id: action for action in ACTIONS})
"""Id -> action."""


def actions_of(*scopes: str) -> tuple[Action, ...]:
    """Return the actions that hold in any of these scopes, in the order of the help."""
    return tuple(action for action in ACTIONS if not set(scopes).isdisjoint(action.scopes))


def bindings(*scopes: str) -> list[BindingType]:
    """Return the bindings of a screen, dialog or widget that goes by these names."""
    return [action.binding for action in actions_of(*scopes)]


@cache
def records_of(kind: type[DOMNode]) -> tuple[Action, ...]:
    """Return the actions that a class of screens, dialogs or widgets has, its own before those that it inherits.

    Of those that do the same the nearest only, as a dialog's own way to close it.
    """
    found: dict[str, Action] = {}
    for base in kind.__mro__:
        if not issubclass(base, DOMNode):
            continue
        for binding in vars(base).get("BINDINGS", ()):
            record = BY_ID.get(binding.id or "") if isinstance(binding, Binding) else None
            if record is not None:
                found.setdefault(record.action, record)
        if not base._inherit_bindings:
            break
    return tuple(found.values())


def key_table(*scopes: str) -> str:
    """Return the actions of these scopes as a table of docs/keys.md."""
    rows = [f"| `{action.documented_key}` | {action.help} |" for action in actions_of(*scopes)]
    return "\n".join(["| key | does |", "|---|---|", *rows]) + "\n"
