"""What the columns, figures and signs of a pane mean: a record beside each of them, which the help and docs/keys.md are made from."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lora_tui.wording import state_symbols
from lora_tui.wording.state_symbols import Sign
from trainer.settings.parts import Family, worded


@dataclass(frozen=True)
class Term:
    """One thing that stands on a screen.

    Attributes:
        sign: as it stands there: the head of a column, a word before a figure, a sign. `{body}` and `{encoder}` in it and in `means`
            stand for the parts of a family of bases; see parts.in_words_of.
        means: what it says, with its unit.
    """

    sign: str
    means: str


@dataclass(frozen=True)
class PaneTerms:
    """Everything in one pane that needs a word.

    Attributes:
        title: of the pane.
        terms: in the order in which they stand there.
    """

    title: str
    terms: tuple[Term, ...]

    def in_words_of(self, family: Family | None) -> "PaneTerms":
        """Return the same with what a family calls its parts."""
        return replace(self, terms=tuple(worded(term, family, "sign", "means") for term in self.terms))

    def means(self, sign: str) -> str:
        """Return what a sign says; "" for one that is not known here."""
        return next((term.means for term in self.terms if term.sign == sign), "")


_STATES: dict[Sign, str] = {
    state_symbols.LIVE: "running; the newest of a list",
    state_symbols.PAUSED: "paused, or held in the queue",
    state_symbols.PARKED: "parked: ended with a state, and holds no GPU",
    state_symbols.DONE: "done",
    state_symbols.FAILED: "failed, or an error",
    state_symbols.WARNING: "a warning; a bake whose process was lost",
    state_symbols.WAITING: "waiting",
    state_symbols.ENDED: "stopped before its end",
    state_symbols.DIFFERS: "differs from your settings",
    state_symbols.TRANSLATED: "translated into other settings",
    state_symbols.LEFT_OUT: "left out, or undone",
    state_symbols.HELD_OUT: "held out, or used for something other than training",
}

STATES = PaneTerms("signs", tuple(Term(sign.mark, means) for sign, means in _STATES.items()))
"""The signs of states, which stand on every screen."""


def only(*signs: Sign) -> tuple[Term, ...]:
    """Return the terms of some signs of states."""
    return tuple(Term(sign.mark, _STATES[sign]) for sign in signs)


def joined(panes: Iterable[PaneTerms]) -> tuple[PaneTerms, ...]:
    """Return each pane once, in the order of the first of each title."""
    return tuple({pane.title: pane for pane in panes}.values())
