"""The record of one thing that keys do."""

from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding

# Besides `escape`, which closes what is open.
_NEVER_LOST = {
    "app.quit": ("ctrl+q", "ctrl+c"),
    "app.help": ("question_mark",),
    "app.palette": ("ctrl+p",),
    "confirm.accept": ("enter",),
}


@dataclass(frozen=True)
class Action:
    """Something a key does.

    Attributes:
        id: names it in a user's key map.
        keys: the keys that give it, comma-separated as Textual spells them; a user's key map may name others.
        action: Textual's action string.
        label: one or two words for a key line. `{body}` and `{encoder}` in it and in `help` stand for the parts of a family of bases;
            see parts.in_words_of.
        help: a line of help.
        scopes: the screens, dialogs and widgets that have it, by the names they call `bindings` with.
        palette: title in the command palette; "" where its label says enough beside its help.
        shown_key: how its key is shown; "" for Textual's own way.
        first: whether it acts before the focused widget sees the key.
        opens: whether it opens a screen, a dialog or a line to type into, for which what is typed behind it is meant: "always", so that
            where it can open nothing that is dropped; "sometimes", where it does something else at other times; or "never".
        acts: whether it orders, queues, writes or removes something by itself; one typed before its screen was painted does not.
        right: the right of `lora_tui.ports.Rights` without which it does nothing but say so: `order`, `bake`, or "" for none.
        undone: how what it does is taken back, in words: a question before it, the same key again, another key; "" only for one that
            changes nothing.
        jump: whether it opens a screen to which the palette of every other screen leads too.
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
    undone: str = ""
    jump: bool = False

    @property
    def default_keys(self) -> tuple[str, ...]:
        """Its keys where the user has set no others, as Textual spells them."""
        return tuple(self.keys.split(","))

    @property
    def kept_keys(self) -> tuple[str, ...]:
        """The keys that it has whatever the user sets, so that every screen can be left, the program too, and help is at hand."""
        return tuple(key for key in self.default_keys if key in _NEVER_LOST.get(self.id, ("escape",)))

    @property
    def title(self) -> str:
        """What it is called in the command palette."""
        return self.palette or self.label[0].upper() + self.label[1:]

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
