"""The settings form: the list of fields, an editor laid over a line, a search line, and the help of the field."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.fuzzy import FuzzySearch
from textual.message import Message
from textual.widgets import Input, Static

from lora_tui.keys.keymap import bindings
from lora_tui.widgets.field_list import FieldList, FormState
from lora_tui.widgets.field_note import FieldNote
from lora_tui.widgets.field_search import read_foreign_names, search_fields
from lora_tui.widgets.found_lines import found_lines
from lora_tui.widgets.line_input import LineInput
from lora_tui.widgets.pane import heading
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.settings.describe import FieldInfo


class _Editor(LineInput):
    """The editor of a value. Tab keeps what was typed, as enter does."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("editor")

    class Left(Message):
        """The edit was cancelled."""

    def action_leave(self) -> None:
        """Cancel the edit."""
        self.post_message(self.Left())


class _Find(LineInput):
    """The search line; arrows move in the list below it."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("find")

    class Left(Message):
        """The search was cancelled."""

    @dataclass
    class Moved(Message):
        """The cursor of the list is to move."""

        by: int

    async def action_submit(self) -> None:
        """Go to the field found. The list has the focus at once: a key typed after enter is meant for it."""
        self.screen.set_focus(self.screen.query_one(FieldList))
        await super().action_submit()

    def action_leave(self) -> None:
        """Cancel the search."""
        self.screen.set_focus(self.screen.query_one(FieldList))
        self.post_message(self.Left())

    def action_move(self, by: int) -> None:
        """Move the cursor of the list."""
        self.post_message(self.Moved(by))


class SettingsForm(Vertical):
    """All settings of a draft. Checks nothing itself: it reports what was typed, and the answer comes by `accept` or `refuse`."""

    DEFAULT_CSS = """
    SettingsForm {
        layers: ground above;
        & > #find { height: 1; border: none; padding: 0 1; background: $panel; display: none; }
        & > #empty { height: auto; padding: 1 1; color: $muted; }
        & > FieldNote { display: none; }
        &.-filled > FieldNote { display: block; }
        & > _Editor {
            layer: above;
            position: absolute;
            height: 1;
            border: none;
            padding: 0;
            background: $panel;
            display: none;
            &:focus { border: none; }
        }
        & > #find:focus { border: none; }
        &.-finding > #find { display: block; }
        &.-editing > _Editor { display: block; }
    }
    """

    @dataclass
    class Typed(Message):
        """A value was typed or chosen; `accept` or `refuse` is the answer."""

        name: str
        text: str

    @dataclass
    class ResetAsked(Message):
        """A field is to be reset to its saved value."""

        name: str

    @dataclass
    class ListAsked(Message):
        """The user wants to choose a field's value from a list: there are too many to turn through."""

        name: str

    heading = "settings"
    """The title in the rule above."""

    most_turned: ClassVar[int] = 11
    """Choices of which enter takes the next one; more of them are offered as a list."""

    section_notes: ClassVar[Mapping[str, str]] = {"Memory": "fit [f]"}
    """Section -> note beside its head, such as a key that helps with it."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._infos: dict[str, FieldInfo] = {}
        self._state = FormState()
        self._refused = ("", "")
        self._editing = ""
        self._text_before = ""
        self._came_from = ""
        self._fuzzy = FuzzySearch()

    def compose(self) -> ComposeResult:
        """Yield the parts."""
        yield _Find(placeholder="find a setting", id="find", compact=True)
        yield Static(Content("reading …"), id="empty")
        yield FieldList(notes=self.section_notes, id="fields")
        yield FieldNote(id="note")
        yield _Editor(id="editor", compact=True, select_on_focus=True)

    def on_mount(self) -> None:
        """Put the title up; there are no fields yet."""
        self.border_title = heading(self.heading)
        self._fields.display = False
        for line in (self._editor, self._find):
            # A blinking cursor repaints twice a second for ever.
            line.cursor_blink = False

    @property
    def focused_info(self) -> "FieldInfo | None":
        """The field under the cursor; None without settings."""
        return self._infos.get(self._fields.cursor)

    @property
    def pending(self) -> tuple[str, str] | None:
        """Name and text of an open edit that changes the value; None without one."""
        if not self._editing or self._editor.value == self._text_before:
            return None
        return self._editing, self._editor.value

    @property
    def editing(self) -> str:
        """Name of the field being edited; empty when none is."""
        return self._editing

    def show(self, infos: "Sequence[FieldInfo]", state: FormState, title: str) -> None:
        """Show the settings of `state` under `title`."""
        if not self._infos:
            self.query_one("#empty").display = False
            # At once, for it may get the focus. Whether there is room for the note is for the style sheets to say.
            self._fields.display = True
            self.add_class("-filled")
        self._infos = {info.name: info for info in infos}
        self._state = state
        head = heading(f"{self.heading}  ", (title, "$muted"))
        if head.markup != self.border_title:
            self.border_title = head
        self._redraw()
        self._note.show(self._infos.get(self._fields.cursor))

    def show_empty(self, text: str) -> None:
        """Show a text in place of settings."""
        self.query_one("#empty", Static).update(Content(text))

    def accept(self) -> None:
        """Close the editor: what was typed is kept, or was cancelled."""
        self._refused = ("", "")
        self._close_editor()
        self._redraw()

    def refuse(self, name: str, error: str) -> None:
        """Show what is wrong under field `name`; an open editor stays open."""
        self._refused = (name, error)
        self._redraw()
        self.go_to(name)
        if self._editing:
            self._editor.focus()

    def go_to(self, name: str) -> None:
        """Put the cursor on field `name`."""
        if name in self._infos:
            self._fields.go_to(name)
            self._place_editor()

    def focus_list(self) -> None:
        """Give the list the focus."""
        self._fields.focus()

    def open_find(self) -> None:
        """Open the search line."""
        if not self._infos or self._editing:
            return
        # What other trainers call settings is in tables that take a tenth of a second to read.
        threading.Thread(target=read_foreign_names, name="names", daemon=True).start()
        self._came_from = self._fields.cursor
        self._find.value = ""
        self.add_class("-finding")
        self._find.focus()

    @on(FieldList.Moved)
    def _note_field(self, event: FieldList.Moved) -> None:
        event.stop()
        self._note.show(self._infos.get(event.name))
        self._place_editor()

    @on(FieldList.Chosen)
    def _edit(self, event: FieldList.Chosen) -> None:
        event.stop()
        info = self._infos[event.name]
        if len(info.choices) > self.most_turned:
            self.post_message(self.ListAsked(info.name))
            return
        if info.kind in ("bool", "choice"):
            self._turn(info, 1)
            return
        self._editing = info.name
        self._fields.go_to(info.name)
        # An input writes what it holds straight to the terminal, so codes in a value must be visible there.
        self._text_before = self._editor.value = printable(self._state.values.get(info.name, ""))
        self._editor.placeholder = printable(self._state.inherited.get(info.name, "")) or (
            "blank" if info.optional else ""
        )
        self.add_class("-editing")
        self._place_editor()
        self._editor.focus()

    @on(FieldList.Turned)
    def _turn_field(self, event: FieldList.Turned) -> None:
        event.stop()
        self._turn(self._infos[event.name], event.by)

    @on(FieldList.ResetAsked)
    def _ask_back(self, event: FieldList.ResetAsked) -> None:
        event.stop()
        self.post_message(self.ResetAsked(event.name))

    @on(_Editor.Submitted, "#editor")
    def _submit(self, event: Input.Submitted) -> None:
        event.stop()
        self._keep()

    @on(_Editor.Left)
    def _cancel(self, event: _Editor.Left) -> None:
        event.stop()
        self.accept()

    @on(events.DescendantBlur)
    def _left_by_mouse(self, event: events.DescendantBlur) -> None:
        # A terminal that loses the focus takes it from the editor too; the edit continues when it comes back.
        if event.widget is self._editor and self._editing and self.app.app_focus:
            self._keep()

    @on(Input.Changed, "#find")
    def _search(self, event: Input.Changed) -> None:
        event.stop()
        if not event.value.strip():
            self._fields.show_all()
            return
        found = search_fields(event.value, tuple(self._infos.values()), self._fuzzy)
        names = found.names or found.near
        self._fields.show_found(names, found_lines(found, self.screen))
        if names:
            self._fields.go_to(names[0])

    @on(Input.Submitted, "#find")
    def _found(self, event: Input.Submitted) -> None:
        event.stop()
        self._close_find(self._fields.cursor)

    @on(_Find.Left)
    def _give_up_find(self, event: _Find.Left) -> None:
        event.stop()
        self._close_find(self._came_from)

    @on(_Find.Moved)
    def _move_in_find(self, event: _Find.Moved) -> None:
        event.stop()
        self._fields.action_move(event.by)

    def on_resize(self, event: events.Resize) -> None:
        """Keep the editor over its line."""
        self.call_after_refresh(self._place_editor)

    def _turn(self, info: "FieldInfo", by: int) -> None:
        choices = ("no", "yes") if info.kind == "bool" else info.choices
        if not choices:
            return
        if info.optional:
            choices = ("", *choices)
        now = self._state.values.get(info.name, "")
        place = choices.index(now) if now in choices else 0
        self.post_message(self.Typed(info.name, choices[(place + by) % len(choices)]))

    def _keep(self) -> None:
        if self.pending is not None:
            self.post_message(self.Typed(*self.pending))
        elif self._editing:
            self.accept()

    def _close_editor(self) -> None:
        if self._editing:
            self._editing = ""
            self.screen.set_focus(self._fields)
            self.remove_class("-editing")

    def _close_find(self, name: str) -> None:
        # At once, not by focus(), which waits its turn: hiding what still has the focus lets the screen choose another.
        self.screen.set_focus(self._fields)
        self.remove_class("-finding")
        self._fields.show_all()
        self._fields.go_to(name)

    def _place_editor(self) -> None:
        region = self._fields.value_region(self._editing) if self._editing else None
        if region is None:
            return
        above = 1 if self.has_class("-finding") else 0
        self._editor.styles.offset = (region.x, region.y + above)
        self._editor.styles.width = region.width

    def _redraw(self) -> None:
        wrong, error = self._refused
        state = replace(self._state, wrong=wrong, error=error) if wrong else self._state
        self._fields.show(tuple(self._infos.values()), state)
        self._place_editor()

    @property
    def _fields(self) -> FieldList:
        return self.query_one("#fields", FieldList)

    @property
    def _note(self) -> FieldNote:
        return self.query_one("#note", FieldNote)

    @property
    def _editor(self) -> _Editor:
        return self.query_one("#editor", _Editor)

    @property
    def _find(self) -> _Find:
        return self.query_one("#find", _Find)
