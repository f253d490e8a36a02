"""Every class of the terminal program that may have bindings, with the bindings that it declares and inherits."""

import importlib
import pkgutil
from collections.abc import Iterator

from textual.binding import Binding
from textual.dom import DOMNode

import lora_tui


def our_nodes() -> Iterator[type[DOMNode]]:
    """Yield every class of the terminal program that may have bindings."""
    for module in pkgutil.walk_packages(lora_tui.__path__, "lora_tui."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    yield from sorted(_subclasses(DOMNode), key=lambda node: node.__qualname__)


def _subclasses(node: type[DOMNode]) -> set[type[DOMNode]]:
    found = set()
    for sub in node.__subclasses__():
        found |= _subclasses(sub)
        if sub.__module__.startswith("lora_tui."):
            found.add(sub)
    return found


NODES = tuple(our_nodes())


def own_bindings(node: type[DOMNode]) -> list[Binding]:
    return [binding for binding in vars(node).get("BINDINGS", ()) if isinstance(binding, Binding)]


def ours(node: type[DOMNode]) -> list[Binding]:
    """Return the bindings of a class and of those of ours that it inherits from."""
    return [binding for base in node.__mro__ if base in NODES for binding in own_bindings(base)]
