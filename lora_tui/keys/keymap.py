"""The actions that keys give: one record each, which bindings, key lines, help, palette and docs/keys.md are made from."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from textual.binding import Binding, BindingType
from textual.dom import DOMNode

from lora_tui.keys.action import Action
from lora_tui.keys.bake import BAKE_ACTIONS
from lora_tui.keys.curves import CURVE_ACTIONS
from lora_tui.keys.dataset import DATASET_ACTIONS
from lora_tui.keys.dialogs import DIALOG_ACTIONS
from lora_tui.keys.everywhere import EVERYWHERE_ACTIONS
from lora_tui.keys.grid import GRID_ACTIONS
from lora_tui.keys.journal import JOURNAL_ACTIONS
from lora_tui.keys.ladders import LADDER_ACTIONS
from lora_tui.keys.replay import REPLAY_ACTIONS
from trainer.settings.parts import Family, worded

_ALL: tuple[Action, ...] = (
    *BAKE_ACTIONS,
    *GRID_ACTIONS,
    *CURVE_ACTIONS,
    *JOURNAL_ACTIONS,
    *LADDER_ACTIONS,
    *REPLAY_ACTIONS,
    *DATASET_ACTIONS,
    *DIALOG_ACTIONS,
    *EVERYWHERE_ACTIONS,
)


def actions_for(family: Family | None) -> tuple[Action, ...]:
    """Return every action, in the order of the help, with what a family of bases calls its parts."""
    return tuple(worded(action, family, "label", "help") for action in _ALL)


ACTIONS = actions_for(None)
"""The actions where no base is known yet."""

BY_ID: Mapping[str, Action] = MappingProxyType({action.id: action for action in ACTIONS})
"""Id -> action."""


def named_for(action: Action, family: Family | None) -> Action:
    """Return an action with what a family of bases calls its parts."""
    return _by_id(family)[action.id]


@cache
def _by_id(family: Family | None) -> Mapping[str, Action]:
    return MappingProxyType({action.id: action for action in actions_for(family)})


def actions_of(*scopes: str) -> tuple[Action, ...]:
    """Return the actions that hold in any of these scopes, in the order of the help."""
    return tuple(action for action in ACTIONS if not set(scopes).isdisjoint(action.scopes))


def bindings(*scopes: str) -> list[BindingType]:
    """Return the bindings of a screen, dialog or widget that goes by these names."""
    return [action.binding for action in actions_of(*scopes)]


@cache
def records_of(kind: type[DOMNode]) -> tuple[Action, ...]:
    """Return the actions that a class of screens, dialogs or widgets has, its own before those that it inherits.

    Of those that do the same the nearest only, as a dialog's own way to close it.
    """
    found: dict[str, Action] = {}
    for base in kind.__mro__:
        if not issubclass(base, DOMNode):
            continue
        for binding in vars(base).get("BINDINGS", ()):
            record = BY_ID.get(binding.id or "") if isinstance(binding, Binding) else None
            if record is not None:
                found.setdefault(record.action, record)
        if not base._inherit_bindings:
            break
    return tuple(found.values())


def key_table(*scopes: str) -> str:
    """Return the actions of these scopes as a table of docs/keys.md."""
    rows = [f"| `{action.documented_key}` | {action.help} |" for action in actions_of(*scopes)]
    return "\n".join(["| key | does |", "|---|---|", *rows]) + "\n"
