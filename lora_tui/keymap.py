"""Which key does what on the Bake screen, and which of them the last line shows."""

from textual.binding import Binding

BAKE_KEYS = (
    Binding("b", "bake", "bake", id="bake.start", tooltip="bake these settings; asks for a line of why first"),
    Binding("space", "pause", "pause", id="bake.pause", tooltip="pause the bake with the model kept, or go on"),
    Binding("s", "save_now", "save now", id="bake.save", tooltip="save a LoRA after this step"),
    Binding("x", "stop", "stop", id="bake.stop", tooltip="stop after this step, keeping what is baked; asks first"),
    Binding(
        "X",
        "stop_at_epoch",
        "stop at epoch",
        id="bake.stop-at-epoch",
        tooltip="stop at the end of this epoch, keeping it",
    ),
    Binding(
        "F",
        "free",
        "free the card",
        id="bake.free",
        tooltip="save the state and let the card go; space goes on from there",
    ),
    Binding("L", "live_settings", "change", id="bake.live", tooltip="change a setting while the bake is at work"),
    Binding(
        "T",
        "stop_part",
        "stop a part",
        id="bake.stop-part",
        tooltip="stop the text encoder or the U-Net, which keeps what it has learned; asks which",
    ),
    Binding(
        "r",
        "resume",
        "take up again",
        id="bake.resume",
        tooltip="take the bake shown, which ended early, up again at its last state",
    ),
    Binding(
        "B",
        "fork",
        "fork",
        id="bake.fork",
        tooltip="bake on from an epoch of the bake shown, with what is changed on the desk",
    ),
    Binding("g", "grid", "grid", id="grid.screen", tooltip="grids: pictures of the bake's epochs beside each other"),
    Binding(
        "p",
        "plan",
        "plan",
        id="plan.open",
        tooltip="the whole plan: folders, tags, buckets, rates, times, files, memory",
    ),
    Binding(
        "f",
        "fit",
        "fit",
        id="plan.fit",
        tooltip="the fastest settings that fit into the card's memory; asks before it changes any",
    ),
    Binding("Q", "queue", "queue", id="queue.open", tooltip="the bakes in line: when each begins, another order, hold"),
    Binding("v", "next_view", "view", id="view.next", tooltip="next tab (in a narrow terminal)"),
    Binding("1", "view('settings')", "settings", id="view.settings", tooltip="settings"),
    Binding("2", "view('curves')", "curves", id="view.curves", tooltip="curves of loss and rates"),
    Binding("3", "view('epochs')", "epochs", id="view.epochs", tooltip="saved LoRAs"),
    Binding("4", "view('log')", "log", id="view.log", tooltip="log"),
    Binding("slash", "find", "find", key_display="/", id="form.find", tooltip="find a setting by name or label"),
    Binding("ctrl+s", "save_settings", "save settings", id="settings.save", tooltip="save the settings to their file"),
    Binding("n", "new_subject", "new", id="subject.new", tooltip="new subject from a folder of pictures"),
    Binding("o", "open_settings", "open", id="settings.open", tooltip="open another settings file of the workspace"),
    Binding(
        "S",
        "app.slow_line",
        "slow line",
        id="app.slow-line",
        tooltip="save bytes on a slow line; again paints everything",
    ),
    Binding("t", "app.next_theme", "theme", id="app.theme", tooltip="next theme"),
    Binding(
        "question_mark", "help", "help", key_display="?", id="app.help", tooltip="this help, and that of the field"
    ),
    Binding(
        "ctrl+p", "app.command_palette", "commands", priority=True, id="app.palette", tooltip="all commands by name"
    ),
)
"""The bindings of the Bake screen, in the order of the help."""

GRID_KEYS = (
    Binding(
        "b",
        "make",
        "make it",
        id="grid.make",
        tooltip="make the grid in the builder: in the queue, or between two steps of the bake at work; asks",
    ),
    Binding(
        "x",
        "end",
        "end",
        id="grid.end",
        tooltip="leave the epoch under the cursor out of the rest, or end the grid, keeping what is made; asks",
    ),
    Binding("r", "preset", "ready-made", id="grid.ready-made", tooltip="a ready-made grid into the builder"),
    Binding(
        "y",
        "style",
        "style",
        id="grid.style",
        tooltip="prompt, sampler, size and the like from a style of the workspace",
    ),
    Binding(
        "J",
        "judgement",
        "judgement",
        id="grid.judgement",
        tooltip="what ticks, verdicts and favourites say; from there three variants into the queue",
    ),
    Binding("u", "use", "use", id="grid.use", tooltip="send the LoRA of this picture to where it is used"),
    Binding(
        "H",
        "page",
        "page",
        id="grid.page",
        tooltip="write the grid as one HTML page, and copy the command that fetches it",
    ),
    Binding(
        "o", "grids", "grids", id="grid.open", tooltip="the grids there are: look at one, go on with one that was cut"
    ),
    Binding("e", "edit", "spec", id="grid.edit", tooltip="into the builder"),
    Binding("v", "next_view", "view", id="grid.view", tooltip="builder or pictures (in a narrow terminal)"),
    Binding(
        "ctrl+s",
        "save_spec",
        "save spec",
        id="grid.save",
        tooltip="write the spec into a file that `lora-tui grid` makes",
    ),
    Binding("escape", "leave", "back", id="grid.leave", tooltip="back to the bake"),
    Binding(
        "question_mark", "help", "help", key_display="?", id="grid.help", tooltip="this help, and that of the field"
    ),
    Binding(
        "ctrl+p", "app.command_palette", "commands", priority=True, id="grid.palette", tooltip="all commands by name"
    ),
)
"""The bindings of the Grid screen besides those of the pictures, in the order of the help."""

APP_KEYS = (
    Binding(
        "ctrl+q,ctrl+c", "quit", "quit", id="app.quit", priority=True, tooltip="quit; asks while a bake is at work"
    ),
    Binding(
        "ctrl+z",
        "no_suspend",
        "no suspending",
        id="app.no-suspend",
        priority=True,
        tooltip="nothing: suspending would freeze the bake along with the screen",
    ),
)
"""The bindings that hold on every screen."""


def shown_keys(
    *, live: bool, paused: bool, parked: bool, narrow: bool, ended_early: bool = False, epochs: bool = False
) -> tuple[tuple[str, str], ...]:
    """Return (binding id, label) of the keys that matter now, six at most.

    Args:
        live: a bake is at work.
        paused: it is paused.
        parked: the bake shown has let its card go.
        narrow: the panes are tabs.
        ended_early: the bake shown has steps left and nobody at work on it; a parked one has too.
        epochs: LoRAs of it are saved.
    """
    tabs = (("view.next", "view"),) if narrow else ()
    grid = ("grid.screen", "grid")
    always = (("app.help", "help"), ("app.palette", "commands"))
    if live:
        now = (("bake.pause", "go on" if paused else "pause"), ("bake.save", "save now"), ("bake.stop", "stop"))
        return (*now, *(tabs or (grid,)), *always)
    again = ("bake.resume", "take up again")
    if parked:
        return (("bake.pause", "go on"), again, ("bake.start", "bake"), *tabs, *always)
    if ended_early:
        return (again, ("bake.start", "bake"), ("form.find", "find"), *tabs, *always)
    wanted = (("bake.start", "bake"), ("form.find", "find"), ("settings.save", "save settings"))
    return (*wanted, *(tabs or (grid if epochs else ("subject.new", "new"),)), *always)


def shown_grid_keys(*, building: bool, unfinished: bool, narrow: bool) -> tuple[tuple[str, str], ...]:
    """Return (binding id, label) of the keys that matter now on the Grid screen.

    Args:
        building: the builder has the focus, not the pictures.
        unfinished: the grid shown waits or is being made.
        narrow: builder and pictures are shown one at a time.
    """
    end = (("grid.end", "end"),) if unfinished else ()
    view = (("grid.view", "pictures" if building else "builder"),) if narrow else ()
    if building:
        wanted = (("grid.make", "make it"), ("grid.ready-made", "ready-made"), ("grid.open", "grids"))
        return (*wanted, *end, *view, ("grid.help", "help"), ("grid.leave", "back"))
    judged = (("grid.favourite", "favourite"), ("grid.crop", "crop"), ("grid.wipe", "wipe"), ("grid.blind", "blind"))
    return (*judged, *end, *(view or (("grid.edit", "spec"),)), ("grid.help", "help"), ("grid.leave", "back"))
