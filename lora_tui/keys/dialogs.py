"""The actions that keys of dialogs and panes give."""

from lora_tui.keys.action import Action

_QUEUE = ("queue",)
_GRIDS = ("grids",)
_CHECKLIST = ("checklist",)
_FORM = ("form",)
_PARITY = ("parity table",)
_LANES = ("doneness lanes",)
_MAP = ("block map",)
_ADVICE = ("advice",)
_OFFER = ("ladder offer",)
_AIM = ("aim",)
_REPORT = ("report list",)
_FILTER = ("filter",)
_SAMPLES = ("samples",)

# fmt: off
DIALOG_ACTIONS: tuple[Action, ...] = (
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
    Action("parity.close", "escape,C,q", "leave", "close", "close the table", ("parity",)),
    Action(
        "parity.take", "enter,t", "take", "make yours like it",
        "make the settings like this column's trainer (shows what changes, and asks)", ("parity",), right="bake", opens="always",
    ),
    Action("parity.columns", "c", "columns", "trainers", "choose the trainers shown", ("parity",), opens="always"),
    Action("parity.differences", "d", "differences", "differences", "only the rows that differ, or all", ("parity",)),
    Action("parity.left", "left,h", "move(-1, 0)", "left", "trainer to the left", _PARITY),
    Action("parity.right", "right,l", "move(1, 0)", "right", "trainer to the right", _PARITY),
    Action("parity.up", "up,k", "move(0, -1)", "up", "row above", _PARITY),
    Action("parity.down", "down,j", "move(0, 1)", "down", "row below", _PARITY),
    Action("parity.first", "home", "edge(0)", "first", "your settings", _PARITY),
    Action("parity.last", "end", "edge(-1)", "last", "last trainer", _PARITY),
    Action("parity.page-down", "pagedown", "page(1)", "page down", "page down", _PARITY),
    Action("parity.page-up", "pageup", "page(-1)", "page up", "page up", _PARITY),
    Action("measures.close", "escape,q", "leave", "close", "close the measures", ("measures",)),
    Action("measures.next", "m,tab", "choose(1)", "next measure", "the next measure", ("measures",)),
    Action("measures.previous", "M,shift+tab", "choose(-1)", "measure before", "the measure before", ("measures",)),
    Action("measures.left", "left,h", "move(-1, 0)", "earlier", "the epoch before", _MAP),
    Action("measures.right", "right,l", "move(1, 0)", "later", "the epoch after", _MAP),
    Action("measures.up", "up,k", "move(0, -1)", "up", "row above", _MAP),
    Action("measures.down", "down,j", "move(0, 1)", "down", "row below", _MAP),
    Action("measures.first", "home", "edge(0)", "first", "the first epoch", _MAP),
    Action("measures.last", "end", "edge(-1)", "last", "the last epoch", _MAP),
    Action("measures.page-down", "pagedown", "page(1)", "page down", "page down", _MAP),
    Action("measures.page-up", "pageup", "page(-1)", "page up", "page up", _MAP),
    Action("doneness.close", "escape,w,q", "leave", "close", "close the lanes", ("doneness",)),
    Action(
        "doneness.rules", "r", "rules", "rules", "the rules that place an epoch: what each reads, and what that is a sign of", ("doneness",),
        opens="always",
    ),
    Action(
        "doneness.aim", "a", "aim", "aim for the band", "rates that would make the parts done at one epoch, as far as a simple model tells",
        ("doneness",), opens="always",
    ),
    Action("doneness.left", "left,h", "move(-1, 0)", "earlier", "the epoch before", _LANES),
    Action("doneness.right", "right,l", "move(1, 0)", "later", "the epoch after", _LANES),
    Action("doneness.up", "up,k", "move(0, -1)", "lane above", "the lane above, its evidence first", _LANES),
    Action("doneness.down", "down,j", "move(0, 1)", "lane below", "the lane below, its evidence first", _LANES),
    Action("doneness.first", "home", "edge(0)", "first", "the first epoch", _LANES),
    Action("doneness.last", "end", "edge(-1)", "last", "the last epoch", _LANES),
    Action("advice.close", "escape,A,q", "leave", "close", "close the advice", _ADVICE),
    Action(
        "advice.tick", "space", "tick", "tick", "say that you see this symptom, or take it back (remembered for the bake)", _ADVICE,
        right="order", acts=True, undone="again takes it back",
    ),
    Action("advice.next", "tab,shift+tab", "switch", "other list", "from what you see to what to try, and back", _ADVICE),
    Action(
        "advice.ladder", "l", "ladder", "ladder", "queue the ladder that would test what is under the cursor (asks)", _ADVICE,
        right="bake", opens="sometimes",
    ),
    Action(
        "offer.held", "h", "queue(True)", "queue, held", "queue the ladder, its bakes held until you release them", _OFFER, right="bake",
        acts=True, undone="the queue removes them",
    ),
    Action("offer.run", "b", "queue(False)", "queue to run", "queue the ladder to run", _OFFER, right="bake", acts=True, undone="the queue removes them"),
    Action(
        "aim.variants", "v", "variants", "queue variants", "queue a bake for each of these ways, held", _AIM, right="bake", acts=True, undone="they are held; the queue removes them",
    ),
    Action(
        "aim.ladder", "l", "ladder", "ladder around it", "queue a ladder around the first of them (asks)", _AIM, right="bake",
        opens="sometimes",
    ),
    Action("advice.down", "j", "move(1)", "down", "next entry", ("advice list",)),
    Action("advice.up", "k", "move(-1)", "up", "previous entry", ("advice list",)),
    Action("columns.toggle", "space", "turn", "show, hide", "show this trainer, or leave it out", ("columns",)),
    Action("columns.all", "a", "all", "all, none", "show every trainer, or none", ("columns",)),
    Action(
        "about.down", "J,shift+down", "read_on(1)", "more", "scroll the text about the cell or entry",
        ("parity", "report", "doneness", "journal", "advice", "ladders", "ladder"),
    ),
    Action(
        "about.up", "K,shift+up", "read_on(-1)", "back", "scroll it back",
        ("parity", "report", "doneness", "journal", "advice", "ladders", "ladder"),
    ),
    # Before the line for the source has it: it has nothing to scroll.
    Action(
        "source.again", "up", "again", "last report", "back to the report of what was read last", ("source",), first=True,
    ),
    Action("report.close", "escape,q", "leave", "close", "close; nothing is written", ("report",)),
    Action(
        "report.save", "enter,s", "save", "save as settings", "save as a settings file of the workspace, and open it",
        ("import report",), right="bake", opens="always",
    ),
    Action(
        "report.paths", "m", "map_paths", "find paths", "say where folders of another computer are on this one",
        ("import report",), right="bake", opens="always",
    ),
    Action(
        "report.find", "slash", "find", "find", "list only what has a text in name, value, result or reason",
        ("report",), shown_key="/", opens="always",
    ),
    Action("report.down", "down,j", "move(1)", "down", "next entry", _REPORT),
    Action("report.up", "up,k", "move(-1)", "up", "previous entry", _REPORT),
    Action("report.page-down", "pagedown", "page(1)", "page down", "page down", _REPORT),
    Action("report.page-up", "pageup", "page(-1)", "page up", "page up", _REPORT),
    Action("report.first", "home", "edge(0)", "first", "first entry", _REPORT),
    Action("report.last", "end", "edge(-1)", "last", "last entry", _REPORT),
    Action(
        "report.next-list", "right_square_bracket,tab", "next_list(1)", "next list", "first entry of the next list", _REPORT,
        shown_key="]",
    ),
    Action(
        "report.previous-list", "left_square_bracket,shift+tab", "next_list(-1)", "previous list",
        "first entry of this list, then of the previous one", _REPORT, shown_key="[",
    ),
    Action("report.list-1", "1", "list(1)", "first list", "first list: keys taken, or settings lost", _REPORT),
    Action("report.list-2", "2", "list(2)", "second list", "second list: what was translated", _REPORT),
    Action("report.list-3", "3", "list(3)", "third list", "third list: keys without effect, or settings written", _REPORT),
    Action("report.list-4", "4", "list(4)", "fourth list", "fourth list: unknown keys, or settings not needed", _REPORT),
    Action("export.write", "enter,w", "write", "write it", "write the files into exports/", ("export report",), right="bake", acts=True, undone="adds files under names that are free"),
    Action("filter.down", "down", "move(1)", "next", "next entry found", _FILTER),
    Action("filter.up", "up", "move(-1)", "previous", "previous entry found", _FILTER),
    Action("filter.keep", "tab", "submit", "keep", "back to the list, with these entries", _FILTER),
    Action("filter.cancel", "escape", "leave", "all", "all entries again", _FILTER),
    Action(
        "live.find", "slash", "find", "find", "find one of these settings by name, synonym or what it does", ("live settings",), shown_key="/",
        opens="always",
    ),
    Action("changes.apply", "enter", "apply", "change them", "change these settings", ("changes",)),
    Action("checks.close", "escape,c", "leave", "close", "close", ("checks",)),
    Action(
        "checks.accept", "a", "accept", "accept", "accept what is marked until the data change (asks for a reason)", ("checks",),
        right="bake", opens="sometimes",
    ),
    Action(
        "checks.withdraw", "w", "withdraw", "withdraw", "take back that it is accepted", ("checks",), right="bake", acts=True, undone="accept it again",
    ),
    Action("judgement.close", "J", "leave", "close", "back to the pictures", ("judgement",)),
    Action(
        "judgement.propose", "v", "propose", "queue three variants", "queue three variants, held", ("judgement",), right="bake",
        acts=True, undone="they are held; the queue removes them",
    ),
    Action(
        "judgement.ladder", "l", "point_ladder", "ladder around it", "queue a ladder around the point that the verdicts show (asks)",
        ("judgement",), right="bake", acts=True, undone="asks",
    ),
    # Before the line for the size has them: it has nothing to scroll.
    Action("fit.down", "down", "scroll(1)", "down", "scroll down", ("fit",), first=True),
    Action("fit.up", "up", "scroll(-1)", "up", "scroll up", ("fit",), first=True),
    Action("fit.page-down", "pagedown", "scroll(10)", "page down", "scroll down a page", ("fit",), first=True),
    Action("fit.page-up", "pageup", "scroll(-10)", "page up", "scroll up a page", ("fit",), first=True),
    # Before the line has them: it has nothing to scroll.
    Action("bench.down", "pagedown", "scroll('down')", "down", "scroll down", ("bench",), first=True),
    Action("bench.up", "pageup", "scroll('up')", "up", "scroll up", ("bench",), first=True),
    Action("queue.close", "escape,Q", "leave", "close", "back to the bake", _QUEUE),
    Action("queue.later", "J,shift+down", "reorder(1)", "later", "start it later", _QUEUE, right="order", acts=True, undone="start it sooner again"),
    Action("queue.sooner", "K,shift+up", "reorder(-1)", "sooner", "start it sooner", _QUEUE, right="order", acts=True, undone="start it later again"),
    Action("queue.hold", "h", "hold", "hold, release", "hold it back, or release it", _QUEUE, right="order", acts=True, undone="again releases"),
    Action("queue.change", "e", "change", "edit", "change one of its settings", _QUEUE, right="order", opens="always"),
    Action(
        "queue.grid", "g", "test_grid", "test grid", "add the subject's test grid at the end", _QUEUE, right="bake",
        acts=True, undone="remove it from the queue",
    ),
    Action("queue.remove", "delete,d", "remove", "remove", "remove it from the queue", _QUEUE, right="order", opens="always"),
    Action(
        "queue.take-over", "t", "take_over", "run jobs of earlier sessions here",
        "run here what earlier sessions left in the queue", _QUEUE, right="bake", acts=True, undone="hold or remove them",
    ),
    Action("grids.close", "escape,o", "leave", "close", "open none", _GRIDS),
    Action(
        "grids.resume", "g", "choose('resume')", "resume", "make the remaining pictures of an unfinished grid", _GRIDS, right="bake",
        acts=True, undone="ending the grid keeps its pictures",
    ),
    Action("grids.edit", "e", "choose('spec')", "edit", "load its settings into the builder", _GRIDS),
    Action("checklist.keep", "enter,c", "keep", "save", "save the checklist", _CHECKLIST, first=True, acts=True, undone="open the checklist again and change it"),
    Action("checklist.there", "y,plus", "tick(True)", "yes", "the picture shows it", _CHECKLIST),
    Action("checklist.missing", "n,minus", "tick(False)", "no", "the picture does not show it", _CHECKLIST),
    Action("checklist.open", "backspace", "tick(None)", "not checked", "not checked", _CHECKLIST),
    Action("checklist.take", "p", "take", "take over", "take over what the tagger proposes for all that is not checked", _CHECKLIST),
    Action("checklist.change", "space", "cycle", "change", "yes, no, not checked", _CHECKLIST),
    # Panes
    Action("form.down", "down", "move(1)", "next field", "next field", _FORM),
    Action("form.up", "up", "move(-1)", "previous field", "previous field", _FORM),
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
    Action("form.next-option", "right", "turn(1)", "next option", "next option", _FORM),
    Action("form.previous-option", "left", "turn(-1)", "previous option", "previous option", _FORM),
    Action("form.reset", "backspace", "put_back", "reset", "reset this field to the saved value", _FORM),
    Action("editor.keep", "tab,shift+tab", "submit", "keep", "keep the value", ("editor",)),
    Action("editor.cancel", "escape", "leave", "cancel", "cancel the edit", ("editor",)),
    Action("find.down", "down", "move(1)", "next", "next field found", ("find",)),
    Action("find.up", "up", "move(-1)", "previous", "previous field found", ("find",)),
    Action("find.take", "tab", "submit", "go to", "go to the field", ("find",)),
    Action("find.cancel", "escape", "leave", "cancel", "cancel the search", ("find",)),
    Action("log.down", "j,down", "scroll_down", "down", "scroll the log down", ("log",)),
    Action("log.up", "k,up", "scroll_up", "up", "scroll the log up", ("log",)),
    Action("samples.close", "escape,q,V", "leave", "close", "close the samples", _SAMPLES),
    Action("samples.left", "left,h", "move(-1)", "earlier", "the step before, in every tile", _SAMPLES),
    Action("samples.right", "right,l", "move(1)", "later", "the next step, in every tile", _SAMPLES),
    Action("samples.first", "home", "edge(0)", "first", "the first samples", _SAMPLES),
    Action("samples.last", "end", "edge(-1)", "last", "the last samples, and those that come", _SAMPLES),
    Action("samples.up", "up,k", "prompt(-1)", "previous", "the prompt or seed before", _SAMPLES),
    Action("samples.down", "down,j", "prompt(1)", "next", "the next prompt or seed", _SAMPLES),
    Action("samples.large", "enter", "large", "full screen", "show the picture on the full screen, or all of them", _SAMPLES, opens="always"),
    Action("epochs.down", "j,down", "move(1)", "down", "the LoRA saved before", ("epochs",)),
    Action("epochs.up", "k,up", "move(-1)", "up", "the LoRA saved after", ("epochs",)),
    Action("epochs.page-down", "pagedown", "page(1)", "page down", "page down", ("epochs",)),
    Action("epochs.page-up", "pageup", "page(-1)", "page up", "page up", ("epochs",)),
    Action("epochs.first", "home", "edge(0)", "newest", "the newest LoRA", ("epochs",)),
    Action("epochs.last", "end", "edge(-1)", "oldest", "the oldest LoRA", ("epochs",)),
    Action(
        "epochs.choose", "enter", "choose", "actions",
        "what can be done with this LoRA: grid, use, fork, measures, best, champion, delete", ("epochs",), opens="always",
    ),
)
# fmt: on
"""In the order of the help."""
