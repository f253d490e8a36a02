"""The user's own keys: checked against every place where keys hold, and put in force."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import combinations
from typing import Any, Final

from textual.app import App
from textual.binding import Binding, BindingsMap, BindingType
from textual.dom import DOMNode
from textual.keys import Keys

from lora_tui.keys.action import Action
from lora_tui.keys.keymap import ACTIONS, BY_ID, actions_of
from lora_tui.keys.places import PLACES, TYPED, KeyPlace
from trainer.errors import SettingsError
from trainer.text import printable

_MODIFIERS = ("ctrl", "alt", "shift", "super", "hyper", "meta")
_SPELLED: Final = {
    "esc": "escape",
    "return": "enter",
    "del": "delete",
    "ins": "insert",
    "pgup": "pageup",
    "pgdn": "pagedown",
    # What a terminal sends for these is the same byte.
    "ctrl+i": "tab",
    "ctrl+m": "enter",
    "ctrl+left_square_bracket": "escape",
}
# Textual's own: they go from pane to pane wherever no action of ours has them.
_FOCUS_KEYS = ("tab", "shift+tab")
_MAX_KEYS = 8
_MARKED = re.compile(r"<key ([a-z.-]+)>")


@cache
def _characters() -> Mapping[str, str]:
    """Return Textual's name of a key -> the character that it types, of those that every keyboard has."""
    # A comma separates keys where they are bound.
    named = {_bound(chr(code)).key: chr(code) for code in range(ord(" "), 127) if chr(code) not in ", "}
    return {**named, "comma": ",", "space": " "}


@cache
def _names_of_keys() -> frozenset[str]:
    """Return how Textual calls the keys."""
    named = {key.value.rpartition("+")[2] for key in Keys if not key.value.startswith("<")}
    return frozenset((named | _characters().keys()) - {"", "ignore"})


def _bound(key: str) -> Binding:
    """Return a binding of one key, spelled by Textual."""
    return next(iter(Binding.make_bindings([Binding(key, "")])))


@dataclass(frozen=True)
class KeyTable:
    """Which keys give which action.

    Attributes:
        own: id of an action -> the user's keys for it, as Textual spells them, with those that it never loses; empty for none.
    """

    own: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def keys(self, name: str) -> tuple[str, ...]:
        """Return the keys of the action `name`."""
        return self.own.get(name, BY_ID[name].default_keys)

    def shown(self, name: str) -> str:
        """Return the first key of the action `name` as texts write it; "" where it has none."""
        if name not in self.own:
            return BY_ID[name].documented_key
        return next((shown_key(key) for key in self.own[name]), "")

    def fill(self, text: str) -> str:
        """Return `text` with the key of each action that it names: `press <key bake.stop>`; of one without a key, the palette's and its title."""
        return _MARKED.sub(lambda found: self._named(found[1]) or found[0], text)

    def _named(self, name: str) -> str:
        if name not in BY_ID:
            return ""
        return self.shown(name) or f"{self.shown('app.palette')} {BY_ID[name].title}"

    def put_in_force(self, node: DOMNode) -> None:
        """Give a node that is about to be used the keys of this table."""
        if self.own:
            node._bindings = BindingsMap.from_keys(self._merged(type(node)))

    def _merged(self, kind: type[DOMNode]) -> dict[str, list[Binding]]:
        """Return key -> bindings of a class of nodes: what a subclass binds stands before what it inherits, as in Textual."""
        found: dict[str, list[Binding]] = {}
        for base in reversed(kind.__mro__):
            if not issubclass(base, DOMNode):
                continue
            if not base._inherit_bindings:
                found.clear()
            of_base: dict[str, list[Binding]] = {}
            for binding in Binding.make_bindings(self._bound(vars(base).get("BINDINGS", ()))):
                of_base.setdefault(binding.key, []).append(binding)
            found.update(of_base)
        return found

    def _bound(self, declared: "Iterator[BindingType] | tuple[BindingType, ...]") -> Iterator[BindingType]:
        for binding in declared:
            if not isinstance(binding, Binding) or (binding.id or "") not in self.own:
                yield binding
            elif keys := self.own[binding.id or ""]:
                yield replace(binding, key=",".join(keys), key_display=None)


DEFAULT_KEYS = KeyTable()
"""The table of a user who has set nothing."""


def nearest(word: str, known: Iterable[str], n: int, cutoff: float) -> list[str]:
    """Return those of the known words that are most like `word`, `n` at most."""
    import difflib

    return difflib.get_close_matches(word, list(known), n=n, cutoff=cutoff)


def keys_of(app: App[Any]) -> KeyTable:
    """Return the keys in force in an app."""
    return getattr(app, "keys", DEFAULT_KEYS)


def shown_key(key: str) -> str:
    """Return one key as texts write it: `ctrl+q`, `space`, `?`, `esc`."""
    *modifiers, name = key.split("+")
    shown = _characters().get(name, name) if name != "space" else name
    return "+".join((*modifiers, {"escape": "esc"}.get(name, shown)))


def check_own_keys(given: Mapping[str, object], where: Callable[[str], str]) -> tuple[KeyTable, list[SettingsError]]:
    """Return the table with the user's keys in it, and what is wrong with those left out.

    Args:
        given: id of an action -> its keys, comma-separated, "" for none; as it was written.
        where: names the place of an id in the user's file.
    """
    own: dict[str, tuple[str, ...]] = {}
    problems: list[SettingsError] = []
    for name, value in given.items():
        try:
            own[name] = _checked(name, value, where)
        except SettingsError as error:
            problems.append(error)
    # What is left out gives its action the default keys again, with which another may clash.
    while clashes := _clashes(KeyTable(own)):
        for clash in clashes:
            names = [name for name in clash.names if name in given]
            problems.append(
                SettingsError(
                    where(names[0]),
                    found=clash.words,
                    expected="one action for each key in a place",
                    way_out="give one of them another key" if len(clash.names) > 1 else "choose another key",
                )
            )
            for name in names:
                own.pop(name, None)
    return KeyTable(own), problems


@dataclass(frozen=True)
class _Clash:
    """Actions that have one key in one place, of which the user has set one at least."""

    names: tuple[str, ...]
    words: str


def _clashes(table: KeyTable) -> list[_Clash]:
    """Return the clashes of a table, each pair of actions once, in the first place where they meet."""
    found: dict[frozenset[str], _Clash] = {}
    for place in PLACES:
        of_screen = actions_of(*place.scopes, "app")
        for pane in place.panes or ("",):
            by_key: dict[str, list[Action]] = {}
            for action in dict.fromkeys((*of_screen, *actions_of(pane))):
                for key in table.keys(action.id):
                    by_key.setdefault(key, []).append(action)
            for key, actions in by_key.items():
                for clash in _at(key, actions, place, table):
                    found.setdefault(frozenset(clash.names), clash)
    return list(found.values())


def _at(key: str, actions: Sequence[Action], place: KeyPlace, table: KeyTable) -> Iterator[_Clash]:
    """Yield the clashes that a key makes in a place, where these actions have it. What has it by default is meant so."""
    for first, second in combinations(actions, 2):
        if not (key in first.default_keys and key in second.default_keys):
            words = f"{first.id} and {second.id} both have {shown_key(key)} on {place.name}"
            yield _Clash((first.id, second.id), words)
    if key in (*place.taken, *_FOCUS_KEYS):
        words = "goes from pane to pane" if key in _FOCUS_KEYS else "is taken by the list or text itself"
        for action in actions:
            if action.id in table.own and key not in action.default_keys:
                yield _Clash((action.id,), f"{shown_key(key)} {words} on {place.name}")


def _checked(name: str, value: object, where: Callable[[str], str]) -> tuple[str, ...]:
    """Return the keys of one action.

    Raises:
        SettingsError: there is no such action, or one of them is no key that it can have.
    """
    action = BY_ID.get(name)
    if action is None:
        near = nearest(name, BY_ID, n=3, cutoff=0.4)
        raise SettingsError(
            where(name),
            found="no such action",
            expected=f"one of {', '.join(near)}" if near else "an action's id",
            way_out="`lora-tui keys` lists them all",
        )
    if not isinstance(value, str):
        raise SettingsError(
            where(name), found=printable(str(value), 40), expected='keys as text, such as "p,space", or "" for none'
        )
    keys = [_key(part.strip(), where(name)) for part in value.split(",")] if value.strip() else []
    if len(keys) > _MAX_KEYS:
        raise SettingsError(where(name), found=f"{len(keys)} keys", expected=f"{_MAX_KEYS} at most")
    for key in keys:
        _check_character(action, key, where(name))
    return tuple(dict.fromkeys((*keys, *action.kept_keys)))


def _key(text: str, where: str) -> str:
    """Return a key as Textual spells it."""
    *modifiers, name = text.split("+") if text != "+" else [text]
    modifiers = [modifier.lower() for modifier in modifiers]
    if len(name) > 1 or "ctrl" in modifiers:
        name = name.lower()
    name = _SPELLED.get(name, name)
    typed = len(name) == 1 and name.isprintable()
    if typed:
        name = _bound(name).key
    if modifiers == ["shift"] and len(name) == 1:
        modifiers, name = [], name.upper()
    key = "+".join((*sorted(modifiers), name))
    key = _SPELLED.get(key, key)
    if not (typed or name in _names_of_keys()) or set(modifiers) - set(_MODIFIERS):
        near = nearest(name, _names_of_keys(), n=2, cutoff=0.6)
        raise SettingsError(
            where,
            found=f"{printable(text, 40)!r} is not a key",
            expected=f"one such as {', '.join(near or ['p', 'space', 'ctrl+x', 'f5'])}",
            way_out="write comma for the key `,` and plus for `+`",
        )
    return key


def _check_character(action: Action, key: str, where: str) -> None:
    """Refuse a character for what holds while a line is typed."""
    is_character = key in _characters() or len(key) == 1
    typed = action.first or TYPED.issuperset(action.scopes)
    if is_character and typed and key not in action.default_keys:
        raise SettingsError(
            where,
            found=f"the character {shown_key(key)}",
            expected="a key that types nothing, such as ctrl+x or f5",
            way_out=f"{action.id} holds while a line is typed",
        )


def table_rows(table: KeyTable) -> Iterator[tuple[Action, tuple[str, ...], str]]:
    """Yield each action, its keys as texts write them, and the places where it holds."""
    for action in ACTIONS:
        names = [place.name for place in PLACES if not {*action.scopes}.isdisjoint((*place.scopes[-1:], *place.panes))]
        everywhere = "app" in action.scopes or not names
        yield (
            action,
            tuple(map(shown_key, table.keys(action.id))),
            "everywhere" if everywhere else ", ".join(dict.fromkeys(names)),
        )
