"""Editor of the settings: what was typed, its plan, and errors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lora_tui.forms.draft import SettingsDraft, changed_since
from lora_tui.forms.edit_history import EditHistory, edit_words
from lora_tui.keys.own_keys import keys_of
from lora_tui.widgets.field_list import FormState
from lora_tui.widgets.plan_bar import PlanBar
from lora_tui.widgets.settings_form import SettingsForm
from lora_tui.wording.memory import PeakView
from lora_tui.workers.memory_planner import MemoryPlanner, MemoryPredicted, Wanted
from lora_tui.workers.planner import Checked, Planned, Planner, PlanView
from trainer.errors import DatasetError, LoraTuiError, ModelError, SettingsError
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.checks.record import CheckResult
    from trainer.memory.available import AvailableMemory
    from trainer.memory.peak import Policy
    from trainer.settings.model import Settings
    from trainer.settings.parts import Family

NOTHING_OPEN = """\
No settings yet.

<key workspace.switch>  the demo, another workspace, or a new one
<key subject.new>  create a subject from a folder of pictures
<key settings.open>  open a settings file of this workspace
<key settings.import>  import another trainer's settings"""
"""With the keys by their actions."""

# The settings that a kind of error may be about, by the paths in them.
_PATHS: dict[type[LoraTuiError], tuple[str, ...]] = {
    # All that name a file of weights; the base last.
    ModelError: ("pretrained_model_name_or_path",),
    DatasetError: (
        "reg_data_dir",
        "conditioning_data_dir",
        "validation_data_dir",
        "dataset_config",
        "train_data_dir",
    ),
    SettingsError: ("dataset_config", ""),
}


_READ_AGAIN = "the file, read again"
NO_UNDO, NO_REDO = "nothing to undo", "nothing to do again"


def setting_of_path(error: LoraTuiError, settings: "Settings") -> str:
    """Return the setting that names the file or folder which an error is about; empty for a kind of error that is about none.

    Args:
        error: names the place in full.
        settings: as typed; their paths may be relative ones.
    """
    from trainer.settings.describe import settings_naming

    names = _PATHS.get(type(error), ())
    if not names:
        return ""
    # The last is what it is about where no other path of the settings stands in what it says.
    *others, last = (*settings_naming("weights"), *names) if isinstance(error, ModelError) else names
    for name in others:
        place = getattr(settings, name).strip().lstrip("./~") if name != last else ""
        if place and place in error.where:
            return name
    return last


@dataclass(frozen=True)
class _Edited:
    """What an edit changes of a draft; see SettingsDraft."""

    now: "Settings"
    chosen: "Settings | None"
    parent: int | None


class SettingsEditor:
    """Keeps form and plan bar in step with one draft. All calls come from the screen, in the screen's thread.

    Attributes:
        draft: the open settings, None without any.
        view: their plan, None while it is being made or if they have an error.
        error: their error, None if none is known.
        peak: their memory; pending while it is being predicted.
        results: what the checks found in them; None while nothing is known.
    """

    def __init__(
        self, form: SettingsForm, plan_bar: PlanBar, planner: Planner, memory: MemoryPlanner | None = None
    ) -> None:
        self.draft: SettingsDraft | None = None
        self.view: PlanView | None = None
        self.error: LoraTuiError | None = None
        self.peak = PeakView()
        self.results: tuple[CheckResult, ...] | None = None
        self._form = form
        self._plan_bar = plan_bar
        self._planner = planner
        self._memory = memory
        self._memory_question = 0
        self._memory_trouble = ""
        self._newest: Settings | None = None
        self._running: tuple[int, Settings, Settings] | None = None
        self._question = 0
        self._answered = 0
        # A file that is opened again still knows its edits.
        self._histories: dict[Path, EditHistory[_Edited]] = {}

    @property
    def plan_line(self) -> str:
        """The plan of the current settings; empty while it is being made."""
        return self.view.line if self.view is not None and self._answered == self._question else ""

    @property
    def refusal(self) -> LoraTuiError | None:
        """Why the settings cannot be baked: their error, or what the checks found; None if nothing is known."""
        from trainer.checks.report import refusal_of

        return self.error or refusal_of(self.results or ())

    @property
    def counts(self) -> str:
        """How much the checks found, "" where that is nothing."""
        from trainer.checks.report import count

        counts = count(self.results or ())
        return counts.text() if counts.any else ""

    @property
    def resolved(self) -> "Settings | None":
        """The settings with blank paths filled in, as far as a plan was made."""
        return self.view.resolved if self.view is not None else None

    @property
    def family(self) -> "Family | None":
        """The base's family, as far as a plan was made."""
        planned = self.view.planned if self.view is not None else None
        return planned.base.family if planned is not None else None

    @property
    def policy(self) -> "Policy | None":
        """Whose kernels count; None, for those of this computer, where no card was read."""
        return "card" if self.peak.room is not None and self.peak.room.policy == "card" else None

    def load(self, draft: SettingsDraft, what: str = "") -> None:
        """Take `draft` as what is open.

        Args:
            draft: the settings.
            what: names what was loaded into a form that had other values of this file before; "" for the file itself.
        """
        known = self._history_of(draft)
        if known.state.now != draft.now:
            known.edited(_edited(draft), _words(known.state.now, draft.now, what or _READ_AGAIN))
        self.draft, self.view, self.error, self.results = draft, None, None, None
        # The memory of another subject does not apply to this one.
        self._show_peak(PeakView(room=self.peak.room))
        self._plan_bar.show_note("reading the pictures …")
        self.ask()

    def ask(self) -> None:
        """Request a plan of the current settings."""
        if self.draft is not None:
            # The error may be fixed; until the answer comes it blocks nothing.
            self.error = None
            self._question = self._planner.ask(self.draft.now, self.draft.path)
            self._show_peak(replace(self.peak, pending=self._memory is not None))
            self._show()

    def read_data_again(self) -> None:
        """Request a plan for which pictures and captions are read again: their files have changed."""
        self._planner.note_data_changed()
        self.ask()

    def show_nothing(self, note: str) -> None:
        """Show that nothing is open, what can be done, and a note."""
        self._form.show_empty(f"{keys_of(self._form.app).fill(NOTHING_OPEN)}\n\n{note}")
        self._plan_bar.show_note("no settings are open")

    def show_closed(self, path: Path, error: LoraTuiError) -> None:
        """Show that the settings file cannot be used."""
        self._form.show_empty(f"{printable(path.name)} cannot be used:\n\n{printable(error.line())}")
        self._plan_bar.show_error(error.line())

    def typed(self, name: str, text: str) -> None:
        """Take what was typed into field `name`, or show under it what is wrong."""
        if self.draft is None:
            return
        try:
            self._take(self.draft.typed(name, text))
        except SettingsError as error:
            self._form.refuse(name, error_text(error))

    def reset(self, name: str) -> None:
        """Take the file's value of field `name`."""
        if self.draft is None:
            return
        try:
            self._take(self.draft.reset(name), "as in the file")
        except SettingsError as error:
            self._form.refuse(name, error_text(error))

    def undo(self) -> str:
        """Take the last edit of this file back; return what was undone, or that nothing is left."""
        return self._step("undone", EditHistory.undo) or NO_UNDO

    def redo(self) -> str:
        """Do what was undone last again; return what it was, or that nothing is undone."""
        return self._step("done again", EditHistory.redo) or NO_REDO

    def _step(self, word: str, way: Callable[[EditHistory[_Edited]], str | None]) -> str:
        """Go one edit back or forth; return "" where there is none."""
        if self.draft is None:
            return ""
        history = self._history_of(self.draft)
        if (words := way(history)) is None:
            return ""
        before, state = self.draft, history.state
        self.draft = replace(before, now=state.now, chosen=state.chosen, parent=state.parent)
        self._form.accept()
        self.ask()
        changed = [name for name in type(state.now).model_fields if before.value(name) != self.draft.value(name)]
        if changed:
            self._form.go_to(changed[0])
        return f"{word}: {words}"

    def written(self, draft: SettingsDraft) -> None:
        """Note that `draft` was written into its file."""
        if self.draft is not None and self.draft.path == draft.path:
            # What was typed while the file was being written is still unsaved.
            self.draft = SettingsDraft(draft.path, draft.now, self.draft.now, parent=draft.parent)
            if draft.parent is None:
                # The bake that they were made from has its child; going back does not make another.
                self._history_of(draft).rewrite(lambda each: replace(each, parent=None))
            self._show()

    def planned(self, message: Planned) -> None:
        """Show the answer of the planner, unless another question was asked meanwhile."""
        if message.question != self._question:
            return
        self._answered = message.question
        self.error = message.error
        if message.view is not None:
            self.view = message.view
            self.results = message.view.results
            self.predict_memory()
            self._show_plan()
        elif message.error is not None:
            self.results = None
            self._plan_bar.show_error(message.error.line())
        self._show()

    def checked(self, message: Checked) -> None:
        """Show everything that the checks found, unless another question was asked meanwhile."""
        if message.question != self._question:
            return
        self.results = message.results
        if self.error is None:
            self._show_plan()
        else:
            self._plan_bar.show_error(self.error.line(), self.counts)

    def predict_memory(self) -> None:
        """Have the memory of the settings worked out, as far as there is a plan of them."""
        if self._memory is None or self.view is None:
            return
        asks = self.view.planned is not None
        self._show_peak(replace(self.peak, pending=asks))
        if self.view.planned is not None:
            self._memory_question = self._memory.ask(Wanted(self.view.planned, self.policy))

    def memory_predicted(self, message: MemoryPredicted) -> None:
        """Show what the settings would take, unless another question was asked meanwhile."""
        if message.question != self._memory_question or self._answered != self._question:
            return
        self._memory_trouble = "" if message.error is None else message.error.line()
        self._show_peak(PeakView(message.prediction, self.peak.room))
        self._show_plan()

    def show_room(self, room: "AvailableMemory | None") -> None:
        """Take how much memory there is now."""
        before, self.peak = self.peak.room, replace(self.peak, room=room)
        self._show_peak(self.peak)
        if (before and before.policy) != (room and room.policy):
            self.predict_memory()

    def changed(self, changes: Mapping[str, object], what: str = "") -> None:
        """Take several values at once, as if each had been typed; none of them where one is wrong.

        Args:
            changes: setting -> its new value.
            what: names the change, for whoever undoes it.
        """
        if self.draft is None:
            return
        try:
            self._take(self.draft.changed(changes), what)
        except SettingsError as error:
            self._form.refuse(self.field_of(error), error_text(error))

    def refuse(self, error: LoraTuiError) -> str:
        """Show what is wrong, beside its field if it has one; return that field's name."""
        self._plan_bar.show_error(error.line())
        name = self.field_of(error)
        if name:
            self.error = error
            self._show()
            self._form.go_to(name)
        return name

    def compare_with(self, newest: "Settings | None") -> None:
        """Mark what differs from `newest`, the settings of the last bake."""
        if newest is not self._newest:
            self._newest = newest
            self._show()

    def show_running(self, number: int, asked: "Settings | None", in_force: "Settings | None") -> None:
        """Show under each live setting what it is in bake `number`, which runs, where that differs.

        Args:
            number: of the bake that runs.
            asked: the settings it started with, None where none runs.
            in_force: the same with all changes since.
        """
        running = None if asked is None or in_force is None else (number, asked, in_force)
        if running != self._running:
            self._running = running
            self._show()

    @property
    def prepares_next(self) -> bool:
        """Whether the settings differ from those that the running bake started with: the next bake is being prepared."""
        return self._running is not None and bool(self._differs(self._running[1]))

    def field_of(self, error: LoraTuiError) -> str:
        """Return the field an error is about; empty where it names none."""
        from trainer.settings.describe import is_setting

        # `hifumi.toml: unet_lr` names the file too.
        named = error.where.rpartition(": ")[2]
        if is_setting(named):
            return named
        return "" if self.draft is None else setting_of_path(error, self.draft.now)

    def _show_plan(self) -> None:
        if self.view is not None and self.error is None:
            from trainer.checks.report import warning_lines

            trouble = (self._memory_trouble,) if self._memory_trouble else ()
            self._plan_bar.show_plan(self.view.line, (*warning_lines(self.results or ()), *trouble), self.counts)

    def _show_peak(self, peak: PeakView) -> None:
        self.peak = peak
        self._plan_bar.show_peak(peak)

    def _differs(self, running: "Settings") -> frozenset[str]:
        return frozenset() if self.draft is None else changed_since(running, self.draft.now, self.resolved)

    def _values_running(self) -> dict[str, str]:
        """Return the values in force of the bake that runs, of the live settings that differ."""
        from trainer.settings.describe import field, shown_value

        if self._running is None:
            return {}
        number, _, in_force = self._running
        return {
            name: f"{shown_value(in_force, name) or 'blank'} in bake {number:04d} now"
            for name in self._differs(in_force)
            if field(name).live
        }

    def _history_of(self, draft: SettingsDraft) -> EditHistory[_Edited]:
        """Return the edits of a draft's file; they begin with the draft where the file is new."""
        return self._histories.setdefault(draft.path, EditHistory(_edited(draft)))

    def _take(self, draft: SettingsDraft, what: str = "") -> None:
        assert self.draft is not None
        if draft.now != self.draft.now:
            self._history_of(self.draft).edited(_edited(draft), _words(self.draft.now, draft.now, what))
        self.draft = draft
        self._form.accept()
        self.ask()

    def _show(self) -> None:
        if self.draft is None:
            return
        from trainer.settings.describe import fields, shown_value

        now, resolved = self.draft.now, self.resolved
        names = [info.name for info in fields()]
        values = {name: shown_value(now, name) for name in names}
        inherited = (
            {name: shown_value(resolved, name) for name in names if not values[name]} if resolved is not None else {}
        )
        state = FormState(
            values=values,
            inherited=inherited,
            changed=changed_since(self._newest, now, resolved),
            unsaved=self.draft.unsaved,
            wrong=self.field_of(self.error) if self.error is not None else "",
            error=error_text(self.error) if self.error is not None else "",
            below=self._values_running(),
        )
        star = " *" if self.draft.unsaved else ""
        self._form.show(fields(now.behave_like, self.family), state, f"{printable(self.draft.path.name)}{star}")


def _edited(draft: SettingsDraft) -> _Edited:
    return _Edited(draft.now, draft.chosen, draft.parent)


def _words(before: "Settings", now: "Settings", what: str = "") -> str:
    """Return what an edit from `before` to `now` did."""
    from trainer.settings.describe import shown_value

    names = [name for name in type(now).model_fields if getattr(before, name) != getattr(now, name)]
    old, new = ({name: shown_value(each, name) for name in names} for each in (before, now))
    return edit_words(old, new, what)


def error_text(error: LoraTuiError) -> str:
    """Return an error's line for a place that says already what it is about."""
    parts = [error.found, f"expected {error.expected}" if error.expected else "", error.way_out]
    return "; ".join(part for part in parts if part)
