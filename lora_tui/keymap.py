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
        "take_up",
        "take up again",
        id="bake.resume",
        tooltip="take the bake shown, which ended early, up again at its last state",
    ),
    Binding(
        "f",
        "fork",
        "fork",
        id="bake.fork",
        tooltip="bake on from an epoch of the bake shown, with what is changed on the desk",
    ),
    Binding("p", "plan", "plan", id="plan.open", tooltip="the whole plan: folders, tags, buckets, rates, times, files"),
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
    *, live: bool, paused: bool, parked: bool, narrow: bool, ended_early: bool = False
) -> tuple[tuple[str, str], ...]:
    """Return (binding id, label) of the keys that matter now, six at most.

    Args:
        live: a bake is at work.
        paused: it is paused.
        parked: the bake shown has let its card go.
        narrow: the panes are tabs.
        ended_early: the bake shown has steps left and nobody at work on it; a parked one has too.
    """
    tabs = (("view.next", "view"),) if narrow else ()
    always = (("app.help", "help"), ("app.palette", "commands"))
    if live:
        now = (("bake.pause", "go on" if paused else "pause"), ("bake.save", "save now"), ("bake.stop", "stop"))
        return (*now, *tabs, *always)
    again = ("bake.resume", "take up again")
    if parked:
        return (("bake.pause", "go on"), again, ("bake.start", "bake"), *tabs, *always)
    if ended_early:
        return (again, ("bake.start", "bake"), ("form.find", "find"), *tabs, *always)
    wanted = (("bake.start", "bake"), ("form.find", "find"), ("settings.save", "save settings"))
    return (*wanted, *(tabs or (("subject.new", "new"),)), *always)
