"""What the command palette lists: every action of the screen in front and of what has the focus there, and the themes."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import Screen

from lora_tui.keys.action import Action
from lora_tui.keys.keymap import named_for, records_of
from lora_tui.keys.own_keys import KeyTable, shown_key

# How well an entry fits what is searched: in its title, by its key, in its id or help.
_STARTS, _KEY, _TITLE, _WORDS, _HELP = 1.0, 0.95, 0.9, 0.7, 0.4

# The palette itself, and what only says why it does nothing.
_NOT_HERE = ("app.palette", "app.no-suspend")


@dataclass(frozen=True)
class PaletteCommand:
    """One thing that the palette offers.

    Attributes:
        title: in a few words; text, no markup.
        help: a sentence; text, no markup.
        run: does it.
        keys: the keys that do the same, as texts write them.
        name: id of the action; "" for what is none.
        often: whether it stands above what moves a cursor or closes a dialog.
    """

    title: str
    help: str
    run: Callable[[], object]
    keys: tuple[str, ...] = ()
    name: str = ""
    often: bool = True

    @property
    def shown(self) -> Content:
        """Title and keys on a line, the help below."""
        head = Content.assemble(self.title, ("   " + " ".join(self.keys) if self.keys else "", "$accent"))
        return Content("\n").join([head, Content.styled(f"  {self.help}", "$text-muted")])

    def fit(self, query: str) -> float:
        """Return how well it fits a text that is searched; 0 where it does not."""
        title, asked = self.title.casefold(), query.casefold()
        if query in self.keys:
            return _KEY
        if asked in title:
            return _STARTS if title.startswith(asked) else _TITLE
        words = asked.split()
        if all(word in title for word in words):
            return _WORDS
        everything = f"{title} {self.name} {self.help} {' '.join(self.keys)}".casefold()
        return _HELP if all(word in everything for word in words) else 0.0


def commands_of(app: Any, screen: Screen[Any]) -> Iterator[PaletteCommand]:
    """Yield what can be done on `screen` now, what is nearest to the focus first; what is impossible now, or not allowed here, is left out."""
    seen: set[str] = set()
    family = app.family_on(screen)
    nodes = [node for node, _ in screen._modal_binding_chain]
    for node in (*nodes, *([] if app in nodes else [app])):
        kind: type[DOMNode] = type(node)
        for record in records_of(kind):
            if (
                record.id in _NOT_HERE
                or record.id in seen
                or not app.allows(record.right)
                or not app._check_action_state(record.action, node)
            ):
                continue
            seen.add(record.id)
            yield _command(app, named_for(record, family), node, app.keys)
    if screen is not app.bake_screen and not screen.is_modal:
        yield from _jumps(app, seen)
    for name in sorted(app.available_themes):
        if name != app.theme:
            yield PaletteCommand(
                f"Theme: {name}", "use these colours", partial(setattr, app, "theme", name), often=False
            )


def _jumps(app: Any, seen: Collection[str]) -> Iterator[PaletteCommand]:
    """Yield the ways to other screens; a dialog may hold what was typed, and is left by its own key first."""
    yield PaletteCommand("Go to: Bake", "Back to the Bake screen", partial(app.go_to, None))
    kind: type[DOMNode] = type(app.bake_screen)
    for record in records_of(kind):
        possible = record.jump and record.id not in seen and app.allows(record.right)
        if possible and app._check_action_state(record.action, app.bake_screen):
            text = f"From the Bake screen: {record.help}"
            yield PaletteCommand(f"Go to: {record.title}", text, partial(app.go_to, record), name=record.id)


def _command(app: Any, record: Action, node: DOMNode, keys: KeyTable) -> PaletteCommand:
    shown = tuple(dict.fromkeys(map(shown_key, keys.keys(record.id))))
    run = partial(app.run_action, record.action, node)
    text = record.help[0].upper() + record.help[1:]
    return PaletteCommand(record.title, text, run, shown, record.id, often=bool(record.palette))


class ActionCommands(Provider):
    """Looks the commands up while the palette is open."""

    async def discover(self) -> Hits:
        """Yield everything, what has a title of its own first."""
        for command in sorted(self._commands(), key=lambda command: not command.often):
            yield DiscoveryHit(command.shown, command.run, command.title)

    async def search(self, query: str) -> Hits:
        """Yield what fits a text: in its title, its help, its id, or as its key."""
        for place, command in enumerate(self._commands()):
            if fit := command.fit(query):
                # Of two that fit alike the one that stands first is first.
                yield Hit(fit - place / 10_000, command.shown, command.run, command.title)

    def _commands(self) -> list[PaletteCommand]:
        return list(commands_of(self.app, self.screen))
