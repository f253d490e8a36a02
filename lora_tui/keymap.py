"""The actions that keys give: one record each, which bindings, key lines, help, palette and docs/keys.md are made from."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from textual.binding import BindingType

from lora_tui.dialog_keys import DIALOG_ACTIONS
from lora_tui.journal_keys import JOURNAL_ACTIONS
from lora_tui.key_action import Action
from lora_tui.ladder_keys import LADDER_ACTIONS

__all__ = [
    "ACTIONS",
    "BY_ID",
    "Action",
    "actions_of",
    "bindings",
    "key_table",
    "shown_grid_keys",
    "shown_journal_keys",
    "shown_keys",
    "shown_ladder_keys",
    "shown_ladders_keys",
]


_APP = ("app",)
_BAKE = ("bake",)
# What is done to the bake shown, and to the one under the cursor of the journal.
_BAKES = ("bake", "journal")
_GRID = ("grid",)
_SCREENS = ("bake", "grid", "journal", "ladders", "ladder")
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
        "Pause or continue", right="order", acts=True,
    ),
    Action(
        "bake.save", "s", "save_now", "save now", "save a LoRA after this step", _BAKE, "Save now", right="order",
        acts=True,
    ),
    Action(
        "bake.stop", "x", "stop", "stop", "stop after this step and save (asks first)", _BAKE, "Stop", right="order",
        opens="always",
    ),
    Action(
        "bake.stop-at-epoch", "X", "stop_at_epoch", "stop at epoch", "stop at the end of this epoch and save", _BAKE,
        "Stop at the end of the epoch", right="order", acts=True,
    ),
    Action(
        "bake.free", "F", "free", "free the GPU",
        "save the state and unload the model from the GPU; space continues from there", _BAKE, "Free the GPU", right="order",
        acts=True,
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
        "Resume", right="bake", acts=True,
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
    Action("grid.screen", "g", "grid", "grid", "grids: compare pictures of the bake's epochs", _BAKE, "Grid", opens="always"),
    Action(
        "plan.open", "p", "plan", "plan",
        "the complete plan: folders, tags, buckets, rates, timesteps, files, memory", _BAKE, "Plan", opens="always",
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
        "checks.open", "c", "checks", "checks",
        "what the checks found in pictures, captions and settings; accept what is meant so", _BAKE, "Checks", opens="always",
    ),
    Action(
        "queue.open", "Q", "queue", "queue", "queue: expected start times, reorder, hold, show a bake", _BAKE, "Queue",
        opens="always",
    ),
    Action(
        "bake.report", "R", "report", "report",
        "write everything known of the bake as one HTML page and copy the command that fetches it", _BAKES, "Report",
        right="bake", acts=True,
    ),
    Action(
        "journal.open", "j,J", "journal", "journal", "every bake, compared, searched and noted on (J where j moves in a list)", _BAKE,
        "Journal", opens="always",
    ),
    Action(
        "ladders.open", "l", "ladders", "ladders",
        "ladders: one question asked by many bakes that differ in one setting, and what they answer", _BAKES, "Ladders", opens="always",
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
        "form.find", "slash", "find", "find", "find a setting by name or label", _BAKE, "Find a setting", "/",
        opens="always",
    ),
    Action(
        "settings.save", "ctrl+s", "save_settings", "save settings", "save the settings to their file", _BAKE,
        "Save settings", right="bake", acts=True,
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
        ("bake", "plan"), "Compare trainers", opens="always",
    ),
    Action(
        "doneness.open", "d", "doneness", "doneness",
        "where each epoch of the bake stands between raw and burnt, part by part, with the evidence", _BAKES, "Doneness",
        opens="always",
    ),
    Action(
        "advice.open", "A", "advice", "advice",
        "what to try with this bake: from what you see and what was measured, with its sources and the ladder that would test it",
        ("bake", "journal", "ladder", "doneness", "judgement"), "Advice", opens="always",
    ),
    Action(
        "measures.open", "m", "measures", "measures",
        "what was measured of the bake: curves by part, and a map of its blocks over the epochs", _BAKES, "Measures",
        opens="always",
    ),
    Action(
        "bench.open", "O", "bench", "LoRA bench",
        "LoRA files: inspect, resize, merge, average, mix, weigh, extract, verify, metadata", _BAKES, "LoRA bench", right="bake",
        opens="always",
    ),
    # The Grid screen
    Action(
        "grid.make", "b", "make", "make",
        "make the grid in the builder: queued, or between two steps of the running bake (asks)", _GRID, "Make the grid", right="order",
        opens="always", acts=True,
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
        "HTML page", right="bake", acts=True,
    ),
    Action(
        "grid.open", "o", "grids", "grids", "open another grid, or resume an unfinished one", _GRID, "Open a grid",
        opens="always",
    ),
    Action("grid.edit", "e", "edit", "edit", "load the settings of the grid on screen into the builder", _GRID, "Edit the grid"),
    Action("grid.view", "v", "next_view", "view", "builder or pictures (in a narrow terminal)", _GRID),
    Action(
        "grid.save", "ctrl+s", "save_spec", "save spec", "save the grid's settings to a file for `lora-tui grid`", _GRID,
        "Save the grid's settings", right="bake", acts=True,
    ),
    # Pictures of a grid
    Action(
        "grid.favourite", "space", "favourite", "favourite", "mark as a favourite, or unmark", _JUDGING, right="order",
        acts=True,
    ),
    Action(
        "grid.under", "1", "verdict('under')", "under", "undertrained; again takes it back", _JUDGING, right="order",
        acts=True,
    ),
    Action(
        "grid.right", "2", "verdict('right')", "right", "trained right; again takes it back", _JUDGING, right="order",
        acts=True,
    ),
    Action("grid.over", "3", "verdict('over')", "over", "overtrained; again takes it back", _JUDGING, right="order", acts=True),
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
    *JOURNAL_ACTIONS,
    *LADDER_ACTIONS,
    *DIALOG_ACTIONS,
    # Everywhere
    Action("grid.leave", "escape", "leave", "back", "back to the bake", _GRID),
    Action("app.slow-line", "S", "app.slow_line", "slow connection", "slow-connection mode on/off", _BAKE, "Slow connection"),
    Action("app.theme", "ctrl+t", "app.next_theme", "theme", "next theme", _BAKE),
    Action(
        "app.help", "question_mark", "help", "help", "keys of this screen, and help for the focused field", ("bake", "grid", "journal", "ladders", "ladder", "parity", "report", "doneness", "measures", "advice"), "Help",
        "?", opens="always",
    ),
    Action(
        "app.palette", "ctrl+p", "app.command_palette", "commands", "all commands by name", _SCREENS, first=True,
        opens="always",
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


def key_table(*scopes: str) -> str:
    """Return the actions of these scopes as a table of docs/keys.md."""
    rows = [f"| `{action.documented_key}` | {action.help} |" for action in actions_of(*scopes)]
    return "\n".join(["| key | does |", "|---|---|", *rows]) + "\n"


def _all_rights(right: str) -> bool:
    return True


# What an onlooker's key line has in place of the keys that would do nothing.
_FOR_ONLOOKERS = ("grid.screen", "queue.open", "plan.open")


def shown_keys(
    *,
    live: bool,
    paused: bool,
    parked: bool,
    narrow: bool,
    ended_early: bool = False,
    epochs: bool = False,
    allows: Callable[[str], bool] = _all_rights,
) -> tuple[tuple[str, str], ...]:
    """Return (action id, label) of the keys that matter now on the Bake screen, six at most.

    Args:
        live: a bake runs.
        paused: it is paused.
        parked: the bake shown has freed its card.
        narrow: the panes are tabs.
        ended_early: the bake shown has steps left and no engine runs it; a parked one counts.
        epochs: LoRAs of it are saved.
        allows: whether the screen has the right of that name.
    """
    tabs = ("view.next",) if narrow else ()
    labels = {"bake.pause": "continue"} if paused or parked else {}
    wanted: tuple[str, ...]
    if live:
        wanted = ("bake.pause", "bake.save", "bake.stop", *(tabs or ("grid.screen",)))
    elif parked:
        # What continues a parked bake queues it again.
        pause = ("bake.pause",) if allows(BY_ID["bake.resume"].right) else ()
        wanted = (*pause, "bake.resume", "bake.start", *tabs)
    elif ended_early:
        wanted = ("bake.resume", "bake.start", "form.find", *tabs)
    else:
        last = ("grid.screen",) if epochs else ("subject.new",)
        wanted = ("bake.start", "form.find", "settings.save", *(tabs or last))
    held = _allowed(wanted, allows)
    if len(held) < len(wanted):
        held += tuple(name for name in _FOR_ONLOOKERS if name not in held)
    return _labelled((*held[:4], "app.help", "app.palette"), labels)


def shown_grid_keys(
    *, building: bool, unfinished: bool, narrow: bool, allows: Callable[[str], bool] = _all_rights
) -> tuple[tuple[str, str], ...]:
    """Return (action id, label) of the keys that matter now on the Grid screen.

    Args:
        building: the builder has the focus, not the pictures.
        unfinished: the grid shown is queued or being made.
        narrow: builder and pictures are shown one at a time.
        allows: whether the screen has the right of that name.
    """
    end = ("grid.end",) if unfinished else ()
    view = ("grid.view",) if narrow else ()
    labels = {"grid.view": "pictures" if building else "builder"}
    if building:
        wanted = ("grid.make", "grid.preset", "grid.open")
        return _labelled((*_allowed((*wanted, *end), allows), *view, "app.help", "grid.leave"), labels)
    judged = ("grid.favourite", "grid.crop", "grid.compare", "grid.blind")
    judging = _allowed((*judged, *end), allows)
    return _labelled((*judging, *(view or ("grid.edit",)), "app.help", "grid.leave"), labels)


def shown_journal_keys(
    *, overlaid: bool, narrow: bool, allows: Callable[[str], bool] = _all_rights
) -> tuple[tuple[str, str], ...]:
    """Return (action id, label) of the keys that matter now on the Journal screen.

    Args:
        overlaid: curves are shown in place of the bake under the cursor.
        narrow: there is room for a few keys only.
        allows: whether the screen has the right of that name.
    """
    wanted: tuple[str, ...] = ("journal.show", "journal.mark", "journal.filter", "journal.overlay", "journal.diff")
    if overlaid:
        wanted = ("journal.mark", "journal.pin", "journal.metric", "journal.overlay", "journal.diff")
    if not narrow:
        wanted += ("journal.tree", "journal.notes", "journal.rebake")
    labels = {"journal.overlay": "bake"} if overlaid else {}
    return _labelled((*_allowed(wanted, allows), "app.help", "journal.close"), labels)


def shown_ladders_keys(*, some: bool, allows: Callable[[str], bool] = _all_rights) -> tuple[tuple[str, str], ...]:
    """Return (action id, label) of the keys that matter now on the screen of all ladders.

    Args:
        some: there is a ladder.
        allows: whether the screen has the right of that name.
    """
    wanted = ("ladders.show", "ladders.new") if some else ("ladders.new",)
    return _labelled((*_allowed(wanted, allows), "app.help", "ladders.close"))


def shown_ladder_keys(
    *, curves: bool, to_continue: bool, narrow: bool, allows: Callable[[str], bool] = _all_rights
) -> tuple[tuple[str, str], ...]:
    """Return (action id, label) of the keys that matter now on the screen of one ladder.

    Args:
        curves: the curves of all rungs are shown in place of a measure over the knob.
        to_continue: a bake of it ended early, or was never queued.
        narrow: there is room for a few keys only.
        allows: whether the screen has the right of that name.
    """
    wanted: tuple[str, ...] = ("ladder.show", "ladder.measure", "ladder.curves", "ladder.grid")
    if to_continue:
        wanted = ("ladder.continue", *wanted)
    if not narrow:
        wanted += ("ladder.extend", "ladder.cut", "ladder.doneness")
    labels = {"ladder.curves": "measure", "ladder.measure": "curve"} if curves else {}
    return _labelled((*_allowed(wanted, allows), "app.help", "ladder.close"), labels)


def _allowed(ids: tuple[str, ...], allows: Callable[[str], bool]) -> tuple[str, ...]:
    return tuple(name for name in ids if allows(BY_ID[name].right))


def _labelled(ids: tuple[str, ...], labels: Mapping[str, str] = MappingProxyType({})) -> tuple[tuple[str, str], ...]:
    return tuple((name, labels.get(name, BY_ID[name].label)) for name in ids)
