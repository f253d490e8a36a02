"""The last line of the screen: the keys that matter now."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from textual.content import Content
from textual.widgets import Input

from lora_tui.widgets.pane import Pane

_TYPING_KEYS = (("enter", "keep"), ("esc", "cancel"))
# What everyone knows: these keep their place where others go, and need no label where there is no room for one.
_HELP, _PALETTE = "app.help", "app.palette"
_KNOWN_KEYS = ("esc", "?", "^p", "ctrl+p")
# Keys that are named at any width, and the gap between two of them at its widest.
_LEAST_KEYS, _GAP = 5, 3


@dataclass(frozen=True)
class ShownKey:
    """A key, its label, and whether it stays where others go."""

    key: str
    label: str
    stays: bool = False

    @property
    def text(self) -> str:
        """The key with its label."""
        return f"{self.key} {self.label}" if self.label else self.key


class KeyLine(Pane):
    """A few keys with their labels, as many as fit whole; the help has them all."""

    DEFAULT_CSS = """
    KeyLine {
        dock: bottom;
        height: 1;
        background: $panel;
        padding: 0 1;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._keys: tuple[ShownKey, ...] = ()

    @property
    def keys(self) -> tuple[ShownKey, ...]:
        """What matters now."""
        return self._keys

    @property
    def in_view(self) -> tuple[ShownKey, ...]:
        """What of it fits."""
        return keys_that_fit(self._keys, self.content_size.width)[0]

    def show_actions(self, wanted: Sequence[tuple[str, str]]) -> None:
        """Show the keys of the actions (binding id, label) that hold now, what matters most first; while a line is typed, the keys of that."""
        if isinstance(self.screen.focused, Input):
            self.show(_TYPING_KEYS)
            return
        # Of several keys the first is the one that is written everywhere else.
        by_id = {active.binding.id: active.binding for active in reversed(self.screen.active_bindings.values())}
        held = [name for name, _ in wanted if name in by_id]
        last = [name for name in held if name != _PALETTE][-1:]
        keys = tuple(
            ShownKey(self.app.get_key_display(by_id[name]), label, name in (_HELP, *last))
            for name, label in wanted
            if name in by_id
        )
        self.show_keys(keys)

    def show(self, keys: Sequence[tuple[str, str]]) -> None:
        """Show (key, label)."""
        self.show_keys(tuple(ShownKey(key, label) for key, label in keys))

    def lines(self, width: int) -> list[Content]:
        """Return the line."""
        keys, gap = keys_that_fit(self._keys, width)
        parts = [
            part
            for place, each in enumerate(keys)
            for part in (
                " " * gap if place else "",
                (each.key, "bold"),
                (each.text.removeprefix(each.key), "$muted"),
            )
        ]
        return [Content.assemble(*parts).truncate(max(1, width), ellipsis=True)]

    def show_keys(self, keys: Sequence[ShownKey]) -> None:
        """Show these keys."""
        self._keys = tuple(keys)
        self.redraw()


def keys_that_fit(keys: Sequence[ShownKey], width: int) -> tuple[tuple[ShownKey, ...], int]:
    """Return the keys for a line, and the blanks between two of them.

    In too little room those that matter least go, down to five; these then stand closer, with labels of one word, and without the
    labels of keys that everyone knows.

    Args:
        keys: what matters most first.
        width: cells.
    """
    now = tuple(keys)
    while not _fits(now, width, _GAP) and len(now) > _LEAST_KEYS and any(not key.stays for key in now):
        now = _without_least(now)
    for gap in (_GAP, 2):
        if _fits(now, width, gap):
            return now, gap
    for shorter in (now, _in_one_word(now), _bare(_in_one_word(now))):
        for gap in (2, 1):
            if _fits(shorter, width, gap):
                return shorter, gap
    now = shorter
    while not _fits(now, width, 1) and any(not key.stays for key in now):
        now = _without_least(now)
    return now, 1


def _fits(keys: Sequence[ShownKey], width: int, gap: int) -> bool:
    return sum(len(key.text) for key in keys) + gap * (len(keys) - 1) <= width


def _without_least(keys: tuple[ShownKey, ...]) -> tuple[ShownKey, ...]:
    least = max(place for place, key in enumerate(keys) if not key.stays)
    return keys[:least] + keys[least + 1 :]


def _in_one_word(keys: tuple[ShownKey, ...]) -> tuple[ShownKey, ...]:
    """Return the keys with the first word of each label, where no other begins with it."""
    words = [key.label.split(" ")[0] for key in keys]
    return tuple(
        replace(key, label=word) if words.count(word) == 1 else key for key, word in zip(keys, words, strict=True)
    )


def _bare(keys: tuple[ShownKey, ...]) -> tuple[ShownKey, ...]:
    return tuple(replace(key, label="") if key.key in _KNOWN_KEYS else key for key in keys)
