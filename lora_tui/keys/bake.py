"""The actions that keys of the Bake screen give, of which some also hold for the bake under the cursor of the journal."""

from lora_tui.keys.action import Action

_BAKE = ("bake",)
# What is done to the bake shown, and to the one under the cursor of the journal.
_BAKES = ("bake", "journal")

# fmt: off
BAKE_ACTIONS: tuple[Action, ...] = (
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
        "stop training the {encoder} or {body} (what it learned is kept)", _BAKE, "Stop training a part", right="order",
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
)
# fmt: on
"""In the order of the help."""
