"""Editor of a grid's spec: what was typed, the pictures it gives, and errors."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from lora_tui.forms.edit_history import EditHistory, edit_words
from lora_tui.forms.settings_editor import NO_REDO, NO_UNDO, error_text
from lora_tui.widgets.field_list import FormState
from lora_tui.widgets.plan_bar import PlanBar
from lora_tui.widgets.spec_form import SpecForm
from lora_tui.wording.grids import count_line, values_line
from lora_tui.workers.grid_planner import AxesExpanded, ExpandedAxes, GridPlanned, GridPlanner
from trainer.errors import GridError, LoraTuiError
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.grid.spec import GridSpec
    from trainer.jobs.grids import PlannedGrid
    from trainer.settings.parts import Family

_FIELDS = {"x": "x.values", "y": "y.values", "z": "z.values", "seeds": "seeds"}


class GridEditor:
    """Keeps form and count in step with one spec. All calls come from the screen, in the screen's thread.

    Args:
        form, count: show it.
        planner: counts its pictures.
        keep: takes the spec after every change.

    Attributes:
        spec: the spec as edited, None before one was read.
        ready: the planned grid, None while it is being counted or if it has an error.
        error: its error, None if none is known.
    """

    def __init__(
        self,
        form: SpecForm,
        count: PlanBar,
        planner: GridPlanner,
        keep: "Callable[[GridSpec], object]" = lambda _: None,
    ) -> None:
        self.spec: GridSpec | None = None
        self.ready: PlannedGrid | None = None
        self.error: LoraTuiError | None = None
        self._form = form
        self._count = count
        self._planner = planner
        self._keep = keep
        self._first: GridSpec | None = None
        self._asked: GridSpec | None = None
        self._spelled = ExpandedAxes()
        self._question = 0
        self._history: EditHistory[GridSpec] | None = None

    @property
    def family(self) -> "Family | None":
        """The family of the spec's base, as far as its axes were counted."""
        return self._spelled.family

    def load(self, spec: "GridSpec", first: "GridSpec | None" = None, what: str = "another grid") -> None:
        """Edit `spec` from now on; what differs from `first`, without it from `spec` itself, is marked and can be reset.

        Args:
            spec: what the form is to hold.
            first: what it is told from.
            what: names what was loaded in place of something else, for whoever undoes it.
        """
        self._note(spec, what)
        self.spec, self._first = spec, first or spec
        self._keep(spec)
        self._count.show_note("counting the pictures …")
        self._request_plan(spec)

    def ask(self) -> None:
        """Count the spec again, because its bakes or files may have changed."""
        if self.spec is not None:
            self._request_plan(self.spec)

    def typing(self, name: str, text: str) -> None:
        """Show what the spec would be with this text in field `name`, which may not be final."""
        if self.spec is not None:
            self._try(name, text)

    def typed(self, name: str, text: str) -> bool:
        """Set field `name` to what was typed, or show the error under it; return whether it was valid."""
        if self.spec is None:
            return False
        changed = self._try(name, text)
        if changed is None:
            assert self.error is not None
            self._form.refuse(name, error_text(self.error))
            return False
        self._note(changed)
        self.spec = changed
        self._keep(changed)
        self._form.accept()
        self._show()
        return True

    def undo(self) -> str:
        """Take the last edit back; return what was undone, or that nothing is left."""
        return self._step("undone", EditHistory.undo) or NO_UNDO

    def redo(self) -> str:
        """Do what was undone last again; return what it was, or that nothing is undone."""
        return self._step("done again", EditHistory.redo) or NO_REDO

    def settle(self) -> None:
        """Count the current spec, if the last edit was cancelled."""
        if self.spec is not None and self._asked != self.spec:
            self._request_plan(self.spec)

    def reset(self, name: str) -> None:
        """Reset field `name` to its first value."""
        from lora_tui.forms.grid_fields import AXES, text_of

        if self.spec is None or self._first is None:
            return
        axis = name.partition(".")[0]
        if axis in AXES:
            changed = self.spec.model_copy(update={axis: getattr(self._first, axis)})
            self._note(changed)
            self.spec = changed
            self._keep(self.spec)
            self._form.accept()
            self._request_plan(self.spec)
        else:
            self.typed(name, text_of(self._first, name))

    def axes_expanded(self, message: AxesExpanded) -> None:
        """Show the axes, unless a newer request is in progress."""
        if message.question == self._question:
            self._spelled = message.spelled
            self._show()

    def planned(self, message: GridPlanned) -> None:
        """Show the count or the error, unless a newer request is in progress."""
        if message.question != self._question:
            return
        self.ready, self.error = message.ready, message.error
        if message.ready is not None:
            self._count.show_plan(count_line(message.ready), message.ready.expanded.notes)
        elif message.error is not None:
            self._count.show_error(message.error.line())
        self._show()

    def _note(self, spec: "GridSpec", what: str = "") -> None:
        """Take `spec` as what comes of an edit of what the form holds."""
        if self._history is None or self.spec is None:
            self._history = EditHistory(spec)
        else:
            self._history.edited(spec, edit_words(_texts(self.spec), _texts(spec), what))

    def _step(self, word: str, way: "Callable[[EditHistory[GridSpec]], str | None]") -> str:
        """Go one edit back or forth; return "" where there is none."""
        if self._history is None or (words := way(self._history)) is None:
            return ""
        self.spec = self._history.state
        self._keep(self.spec)
        self._form.accept()
        self._request_plan(self.spec)
        return f"{word}: {words}"

    def _try(self, name: str, text: str) -> "GridSpec | None":
        """Request a plan of the spec with `text` in field `name` and return it, None if the text is invalid."""
        from lora_tui.forms.grid_fields import typed

        assert self.spec is not None
        try:
            changed = typed(self.spec, name, text)
        except GridError as error:
            self.error, self._asked = error, None
            self._count.show_error(error.line())
            return None
        self._request_plan(changed)
        return changed

    def _request_plan(self, spec: "GridSpec") -> None:
        # The error may be fixed; until the answer comes it blocks nothing.
        self.ready = self.error = None
        self._asked = spec
        self._question = self._planner.ask(spec)
        self._show()

    def _show(self) -> None:
        if self.spec is None or self._first is None:
            return
        from lora_tui.forms.grid_fields import spec_fields, text_of

        infos = spec_fields(self.spec, self.family)
        values = {info.name: text_of(self.spec, info.name, self.family) for info in infos}
        wrong, fault = next(iter(self._spelled.faults.items()), ("", None))
        state = FormState(
            values=values,
            inherited={f"{axis}.kind": "nothing" for axis in ("x", "y", "z")},
            unsaved=frozenset(
                info.name for info in infos if values[info.name] != text_of(self._first, info.name, self.family)
            ),
            wrong=_FIELDS.get(wrong, ""),
            error=error_text(fault) if fault is not None else "",
            below=below(self._spelled.labels),
        )
        self._form.show(infos, state, printable(self.spec.name, 24))


def _texts(spec: "GridSpec") -> dict[str, str]:
    from lora_tui.forms.grid_fields import spec_fields, text_of

    return {info.name: text_of(spec, info.name) for info in spec_fields(spec)}


def below(labels: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Return the text under each axis: how many values it has, and which."""
    return {_FIELDS[name]: values_line(values) for name, values in labels.items() if name != "seeds" or len(values) > 1}
