"""What each screen is for: a record beside its place, which the help and docs/screens are made from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ScreenGuide:
    """A screen for somebody who sees it for the first time.

    Attributes:
        scope: its own among the scopes of its place in `lora_tui.keys.places`.
        page: name of its page in docs/screens, and of its picture in docs/pictures.
        title: heads its page.
        purpose: what one sees and does there, in two to four sentences; keys by their actions, as `<key bake.start>`.
        opened: ids of the actions that open it.
        command: opens it, where no key does.
        more: pages of docs that say more: name -> what about.
    """

    scope: str
    page: str
    title: str
    purpose: str
    opened: tuple[str, ...] = ()
    command: str = ""
    more: tuple[tuple[str, str], ...] = ()


GUIDES: tuple[ScreenGuide, ...] = (
    ScreenGuide(
        "bake",
        "bake",
        "The Bake screen",
        "Where lora-tui opens: the settings of the next bake on the left; the GPU, the bake that runs or ran last, its curves, its saved "
        "LoRAs and its log beside them. <key bake.start> starts a bake with these settings, <key form.find> finds a setting, and every other "
        "screen opens from here and closes with esc. In a narrow terminal the panes are tabs (<key view.next>).",
        command="lora-tui",
        more=(("first-bake.md", "a first bake, step by step"), ("settings.md", "every setting")),
    ),
    ScreenGuide(
        "plan",
        "plan",
        "The plan",
        "What the settings will do, before anything runs: pictures, repeats and exposures, tags, buckets, steps and rates epoch by epoch, "
        "timesteps, files, time and GPU memory. It is worked out again as you edit; the line above the progress of the Bake screen is its summary.",
        ("plan.open",),
        more=(("settings.md", "every setting"),),
    ),
    ScreenGuide(
        "checks",
        "checks",
        "The checks",
        "Everything that is wrong or doubtful in pictures, captions and settings, the worst first, each with its place and the way out. An "
        "error refuses the bake, a warning does not. What is meant so is accepted with a reason (<key checks.accept>), until the data change.",
        ("checks.open",),
        more=(("checks.md", "every check"),),
    ),
    ScreenGuide(
        "dataset",
        "dataset",
        "The Dataset screen",
        "The pictures of the settings as a bake reads them: what their buckets cut off, how often they are shown, their captions tag by tag, "
        "all tags with their counts. Captions are edited one by one or thousands at a time, after a look at what would change, and "
        "<key dataset.undo> takes any of it back. <key pictures.exclude> leaves pictures out while their files stay, <key dataset.findings> "
        "lists what stands out.",
        ("dataset.open",),
        more=(
            ("dataset-screen.md", "the whole screen"),
            ("captions.md", "edits of captions"),
            ("dataset.md", "queries and figures"),
        ),
    ),
    ScreenGuide(
        "curves",
        "curves",
        "The curves",
        "The curves of a bake, or of the bakes marked in the journal, on the full screen: loss, validation, rates, gradient norm, size of "
        "change, VRAM, time of a step. A cursor reads all of them at one step, digits show and hide them, and the letters below say where "
        "something was saved, changed, resumed or stopped.",
        ("curves.open", "curves.enlarge"),
        more=(("curves.md", "every curve and mark"),),
    ),
    ScreenGuide(
        "samples",
        "samples",
        "The samples",
        "The sample pictures that a bake makes of itself (`sample_every_n_epochs`): one tile for each prompt and seed, all at the same step. "
        "Left and right move all of them through the bake together.",
        ("samples.open",),
        more=(("settings.md", "the settings of samples"),),
    ),
    ScreenGuide(
        "grid",
        "grid",
        "The Grid screen",
        "Pictures made with the saved LoRAs side by side: over epochs, weights, prompts, seeds and more. The builder on the left says what is "
        "compared, <key grid.make> makes it, in the middle of a bake too. <key grid.under> <key grid.right> <key grid.over> judge a "
        "picture, <key grid.judgement> says what the judgements say, <key grid.use> sends a LoRA to your webui.",
        ("grid.screen",),
        more=(("grids.md", "axes, values, files and judging"),),
    ),
    ScreenGuide(
        "journal",
        "journal",
        "The Journal screen",
        "Every bake, one line each, with what changed from the one it was made from. Marked ones (<key journal.mark>) are laid over each other "
        "as curves; <key journal.diff> compares two, <key journal.notes> keeps notes, <key journal.filter> lists some, <key journal.rebake> "
        "loads a bake's settings to bake from them.",
        ("journal.open",),
        more=(("filter.md", "what bakes are searched by"),),
    ),
    ScreenGuide(
        "doneness",
        "doneness",
        "The lanes of doneness",
        "Where each saved epoch stands between raw and burnt, a lane for each part, as far as what was measured tells beyond its noise; `?` "
        "where it does not. The evidence of the place under the cursor stands below.",
        ("doneness.open", "ladder.doneness"),
        more=(("measures.md", "every rule and number"),),
    ),
    ScreenGuide(
        "measures",
        "measures",
        "The measures",
        "Everything that was measured of a bake's saved LoRAs, one measure at a time: as curves by part, and as a map of the block groups over "
        "the epochs. What is not recorded yet is named with the setting that records it.",
        ("measures.open", "ladder.measures"),
        more=(("measures.md", "every measure"),),
    ),
    ScreenGuide(
        "advice",
        "advice",
        "The advice",
        "What to try with a bake. Tick the symptoms that you see (<key advice.tick>); those that were measured are marked. Beside them stands what to "
        "try, in the order data, repeats, steps, rates, with its sources and the ladder that would test it.",
        ("advice.open",),
        more=(("advice.md", "every symptom and move"),),
    ),
    ScreenGuide(
        "ladders",
        "ladders",
        "The list of ladders",
        "A ladder asks one question with several bakes that differ in one setting. Here are all of them, how far they are and what they answer; "
        "<key ladders.new> makes a new one after saying how many bakes, hours and gigabytes that is.",
        ("ladders.open",),
        more=(("ladders.md", "ready ladders"), ("ladder-answers.md", "how an answer is found")),
    ),
    ScreenGuide(
        "ladder",
        "ladder",
        "A ladder",
        "One ladder: its rungs with their twins, a measure over the setting with the noise of the twins as bars, or the curves of all rungs, "
        "and the answer in words.",
        ("ladders.show",),
        more=(("ladder-answers.md", "how an answer is found"),),
    ),
    ScreenGuide(
        "queue",
        "queue",
        "The queue",
        "What waits for the GPU, in the order in which it will run, with expected times. Entries are moved, held back, changed and removed.",
        ("queue.open",),
    ),
    ScreenGuide(
        "import report",
        "import",
        "The report of an import",
        "What became of each key of another trainer's settings: taken, translated, without effect here and why, or unknown. <key report.save> "
        "saves the settings to a file of the workspace and opens it; nothing is written before.",
        ("settings.import",),
        more=(("other-trainers.md", "what each trainer's files become"), ("importing.md", "every key of every format")),
    ),
    ScreenGuide(
        "parity",
        "trainers",
        "The table of trainers",
        "What other trainers would make of the same settings and pictures: steps, rates, warm-up, captions. Each is a column; why a cell differs stands "
        "below. <key parity.take> makes your settings like a column's trainer, after showing what changes.",
        ("parity.open",),
        more=(("other-trainers.md", "settings of other trainers"),),
    ),
    ScreenGuide(
        "bench",
        "bench",
        "The LoRA bench",
        "LoRA files without a GPU: inspected, resized, merged, averaged, mixed, weighed, extracted, verified. Choose an operation, name files "
        "by path or as `12@5` (bake 12, epoch 5), and see what is lost before a file is written.",
        ("bench.open",),
        more=(("lora-bench.md", "every operation"), ("lora-files.md", "kinds of files")),
    ),
    ScreenGuide(
        "replay",
        "replay",
        "A replay",
        "`lora-tui replay N` shows a past bake on the Bake screen as if it were baking, faster. Nothing is written and nothing can be ordered.",
        command="lora-tui replay N",
        more=(("shell.md", "commands without the screen"),),
    ),
)
"""In the order of docs/screens/README.md."""
