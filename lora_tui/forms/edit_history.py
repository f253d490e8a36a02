"""Edits of one form in their order, to be undone and done again."""

from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from lora_tui.wording.cell_width import cut
from trainer.text import printable

S = TypeVar("S")

# So many are kept: each holds all values of a form, which is a few kilobytes.
_MOST = 500
_MAX_VALUE = 40
_NAMED = 3


class EditHistory(Generic[S]):
    """What a form held before and after each edit.

    Args:
        state: what it holds now; compared with `==`.
    """

    def __init__(self, state: S) -> None:
        self._states = [state]
        # The words of the edit that led from each state to the next.
        self._words: list[str] = []
        self._at = 0

    @property
    def state(self) -> S:
        """What the form holds, as far as edits led there."""
        return self._states[self._at]

    def edited(self, state: S, words: str) -> None:
        """Take what the form holds after an edit; what was undone before it is forgotten. The same again is no edit.

        Args:
            state: what it holds now.
            words: what the edit did.
        """
        if state == self.state:
            return
        del self._states[self._at + 1 :], self._words[self._at :]
        self._states.append(state)
        self._words.append(words)
        if len(self._words) > _MOST:
            del self._states[0], self._words[0]
        self._at = len(self._words)

    def undo(self) -> str | None:
        """Go back before the last edit and return what that did; None where there is none left."""
        if not self._at:
            return None
        self._at -= 1
        return self._words[self._at]

    def redo(self) -> str | None:
        """Do what was undone last again and return what it does; None where nothing is undone."""
        if self._at == len(self._words):
            return None
        self._at += 1
        return self._words[self._at - 1]

    def rewrite(self, change: Callable[[S], S]) -> None:
        """Change every state, by something that is no edit and holds for all of them."""
        self._states = [change(state) for state in self._states]


def edit_words(before: Mapping[str, str], after: Mapping[str, str], what: str = "") -> str:
    """Return what an edit did: `unet_lr 1e-4 → 2e-4`, `fit: train_batch_size, sdpa and 2 more`.

    Args:
        before, after: name -> value as text, "" for a blank.
        what: names an edit of several values, "" for one that was typed.
    """
    names = list(dict.fromkeys(name for name in (*before, *after) if before.get(name) != after.get(name)))
    if len(names) == 1:
        name = names[0]
        one = f"{printable(name)} {_shown(before.get(name, ''))} → {_shown(after.get(name, ''))}"
        return f"{what}: {one}" if what else one
    named = ", ".join(map(printable, names[:_NAMED]))
    more = len(names) - _NAMED
    rest = f" and {more:,} more" if more > 0 else ""
    return ": ".join(filter(None, (what, f"{named}{rest}")))


def _shown(value: str) -> str:
    return cut(printable(value), _MAX_VALUE) or "blank"
