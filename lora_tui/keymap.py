"""The actions that keys give: one record each, which bindings, key lines, help, palette and docs/keys.md are made from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from textual.binding import Binding, BindingType


@dataclass(frozen=True)
class Action:
    """Something a key does.

    Attributes:
        id: names it in a user's key map.
        keys: the keys that give it, comma-separated as Textual spells them; a user's key map may name others.
        action: Textual's action string.
        label: one or two words for a key line.
        help: a line of help.
        scopes: the screens, dialogs and widgets that have it, by the names they call `bindings` with.
        palette: title in the command palette; "" where it is not offered there.
        shown_key: how its key is shown; "" for Textual's own way.
        first: whether it acts before the focused widget sees the key.
        opens: whether it opens a screen, a dialog or a line to type into, for which what is typed behind it is meant: "always", so that
            where it can open nothing that is dropped; "sometimes", where it does something else at other times; or "never".
        acts: whether it orders, queues, writes or removes something by itself; one typed before its screen was painted does not.
        right: the right of `lora_tui.ports.Rights` without which it does nothing but say so: `order`, `bake`, or "" for none.
    """

    id: str
    keys: str
    action: str
    label: str
    help: str
    scopes: tuple[str, ...]
    palette: str = ""
    shown_key: str = ""
    first: bool = False
    opens: Literal["always", "sometimes", "never"] = "never"
    acts: bool = False
    right: str = ""

    @property
    def documented_key(self) -> str:
        """Its first key as docs/keys.md writes it."""
        first = self.keys.partition(",")[0]
        return self.shown_key or {"escape": "esc"}.get(first, first)

    @property
    def binding(self) -> Binding:
        """The action as Textual binds it."""
        return Binding(
            self.keys,
            self.action,
            self.label,
            show=False,
            key_display=self.shown_key or None,
            priority=self.first,
            tooltip=self.help,
            id=self.id,
        )


_APP = ("app",)
_BAKE = ("bake",)
_GRID = ("grid",)
_BOTH = ("bake", "grid")
_PICTURES = ("pictures",)
_JUDGING = ("pictures", "full picture")
_SHEET = ("sheet",)
_CROP = ("crop",)
_COMPARE = ("compare",)
_QUEUE = ("queue",)
_GRIDS = ("grids",)
_CHECKLIST = ("checklist",)
_FORM = ("form",)

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
        "checks.open", "c", "checks", "checks",
        "what the checks found in pictures, captions and settings; accept what is meant so", _BAKE, "Checks", opens="always",
    ),
    Action(
        "queue.open", "Q", "queue", "queue", "queue: expected start times, reorder, hold, show a bake", _BAKE, "Queue",
        opens="always",
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
    # Dialogs
    Action("dialog.cancel", "escape", "leave", "cancel", "cancel", ("dialog",)),
    Action("list.down", "j", "move('down')", "down", "next entry", ("list",)),
    Action("list.up", "k", "move('up')", "up", "previous entry", ("list",)),
    Action("read.close", "escape,enter,q", "leave", "close", "close", ("read",)),
    Action("read.down", "j,down", "scroll('down')", "down", "scroll down", ("read",)),
    Action("read.up", "k,up", "scroll('up')", "up", "scroll up", ("read",)),
    # Before the line has them: what is typed behind a tab in one go belongs to the next line.
    Action("fields.next", "tab", "app.focus_next", "next", "next field", ("fields",), first=True),
    Action("fields.down", "down", "app.focus_next", "next", "next field", ("fields",)),
    Action("fields.up", "up", "app.focus_previous", "previous", "previous field", ("fields",)),
    Action("confirm.previous", "up,k,left,h", "move(-1)", "previous", "previous answer", ("confirm",)),
    Action("confirm.next", "down,j,right,l,tab", "move(1)", "next", "next answer", ("confirm",)),
    Action("confirm.accept", "enter", "accept", "answer", "give the marked answer", ("confirm",)),
    Action("help.close", "question_mark", "leave", "close", "close the help", ("help",), shown_key="?"),
    Action("digest.close", "space", "leave", "close", "close", ("digest",)),
    Action("plan.close", "p", "leave", "close", "close the plan", ("plan",)),
    Action("plan.next", "right_square_bracket", "section(1)", "next section", "next section", ("plan",), shown_key="]"),
    Action(
        "plan.previous", "left_square_bracket", "section(-1)", "previous section", "previous section", ("plan",),
        shown_key="[",
    ),
    Action("checks.close", "escape,c", "leave", "close", "close", ("checks",)),
    Action(
        "checks.accept", "a", "accept", "accept", "accept what is marked until the data change (asks for a reason)", ("checks",),
        right="bake", opens="sometimes",
    ),
    Action(
        "checks.withdraw", "w", "withdraw", "withdraw", "take back that it is accepted", ("checks",), right="bake", acts=True,
    ),
    Action("judgement.close", "J", "leave", "close", "back to the pictures", ("judgement",)),
    Action(
        "judgement.propose", "v", "propose", "queue three variants", "queue three variants, held", ("judgement",), right="bake",
        acts=True,
    ),
    # Before the line for the size has them: it has nothing to scroll.
    Action("fit.down", "down", "scroll(1)", "down", "scroll down", ("fit",), first=True),
    Action("fit.up", "up", "scroll(-1)", "up", "scroll up", ("fit",), first=True),
    Action("fit.page-down", "pagedown", "scroll(10)", "page down", "scroll down a page", ("fit",), first=True),
    Action("fit.page-up", "pageup", "scroll(-10)", "page up", "scroll up a page", ("fit",), first=True),
    Action("queue.close", "escape,Q", "leave", "close", "back to the bake", _QUEUE),
    Action("queue.later", "J,shift+down", "reorder(1)", "later", "start it later", _QUEUE, right="order", acts=True),
    Action("queue.sooner", "K,shift+up", "reorder(-1)", "sooner", "start it sooner", _QUEUE, right="order", acts=True),
    Action("queue.hold", "h", "hold", "hold, release", "hold it back, or release it", _QUEUE, right="order", acts=True),
    Action("queue.change", "e", "change", "edit", "change one of its settings", _QUEUE, right="order", opens="always"),
    Action(
        "queue.grid", "g", "test_grid", "test grid", "add the subject's test grid at the end", _QUEUE, right="bake",
        acts=True,
    ),
    Action("queue.remove", "delete,d", "remove", "remove", "remove it from the queue", _QUEUE, right="order", opens="always"),
    Action(
        "queue.take-over", "t", "take_over", "run jobs of earlier sessions here",
        "run here what earlier sessions left in the queue", _QUEUE, right="bake", acts=True,
    ),
    Action("grids.close", "escape,o", "leave", "close", "open none", _GRIDS),
    Action(
        "grids.resume", "g", "choose('resume')", "resume", "make the remaining pictures of an unfinished grid", _GRIDS, right="bake",
        acts=True,
    ),
    Action("grids.edit", "e", "choose('spec')", "edit", "load its settings into the builder", _GRIDS),
    Action("checklist.keep", "enter,c", "keep", "save", "save the checklist", _CHECKLIST, first=True, acts=True),
    Action("checklist.there", "y,plus", "tick(True)", "yes", "the picture shows it", _CHECKLIST),
    Action("checklist.missing", "n,minus", "tick(False)", "no", "the picture does not show it", _CHECKLIST),
    Action("checklist.open", "backspace", "tick(None)", "not checked", "not checked", _CHECKLIST),
    Action("checklist.change", "space", "cycle", "change", "yes, no, not checked", _CHECKLIST),
    # Panes
    Action("form.down", "down,j", "move(1)", "next field", "next field", _FORM),
    Action("form.up", "up,k", "move(-1)", "previous field", "previous field", _FORM),
    Action("form.page-down", "pagedown", "page(1)", "page down", "page down", _FORM),
    Action("form.page-up", "pageup", "page(-1)", "page up", "page up", _FORM),
    Action(
        "form.next-section", "right_square_bracket", "section(1)", "next section", "first field of the next section",
        _FORM, shown_key="]",
    ),
    Action(
        "form.previous-section", "left_square_bracket", "section(-1)", "previous section",
        "first field of this section, then of the previous one", _FORM, shown_key="[",
    ),
    Action("form.first", "home", "edge(0)", "first", "first field", _FORM),
    Action("form.last", "end", "edge(-1)", "last", "last field", _FORM),
    Action("form.edit", "enter", "choose", "edit", "edit the field; flip a switch; next option", _FORM, opens="sometimes"),
    Action("form.next-option", "right,l", "turn(1)", "next option", "next option", _FORM),
    Action("form.previous-option", "left,h", "turn(-1)", "previous option", "previous option", _FORM),
    Action("form.reset", "backspace", "put_back", "reset", "reset this field to the saved value", _FORM),
    Action("editor.keep", "tab,shift+tab", "submit", "keep", "keep the value", ("editor",)),
    Action("editor.cancel", "escape", "leave", "cancel", "cancel the edit", ("editor",)),
    Action("find.down", "down", "move(1)", "next", "next field found", ("find",)),
    Action("find.up", "up", "move(-1)", "previous", "previous field found", ("find",)),
    Action("find.take", "tab", "submit", "go to", "go to the field", ("find",)),
    Action("find.cancel", "escape", "leave", "cancel", "cancel the search", ("find",)),
    Action("log.down", "j,down", "scroll_down", "down", "scroll the log down", ("log",)),
    Action("log.up", "k,up", "scroll_up", "up", "scroll the log up", ("log",)),
    Action("epochs.down", "j,down", "scroll_down", "down", "scroll the saved LoRAs down", ("epochs",)),
    Action("epochs.up", "k,up", "scroll_up", "up", "scroll the saved LoRAs up", ("epochs",)),
    # Everywhere
    Action("grid.leave", "escape", "leave", "back", "back to the bake", _GRID),
    Action("app.slow-line", "S", "app.slow_line", "slow connection", "slow-connection mode on/off", _BAKE, "Slow connection"),
    Action("app.theme", "t", "app.next_theme", "theme", "next theme", _BAKE),
    Action(
        "app.help", "question_mark", "help", "help", "keys of this screen, and help for the focused field", _BOTH, "Help",
        "?", opens="always",
    ),
    Action(
        "app.palette", "ctrl+p", "app.command_palette", "commands", "all commands by name", _BOTH, first=True,
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


def _allowed(ids: tuple[str, ...], allows: Callable[[str], bool]) -> tuple[str, ...]:
    return tuple(name for name in ids if allows(BY_ID[name].right))


def _labelled(ids: tuple[str, ...], labels: Mapping[str, str] = MappingProxyType({})) -> tuple[tuple[str, str], ...]:
    return tuple((name, labels.get(name, BY_ID[name].label)) for name in ids)
