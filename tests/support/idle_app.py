"""Waiting for an app that is idle, by what is under way in it rather than by how busy the processor is.

Textual's own pilot looks every 20 ms how much of the processor the process took, for up to a second: most of a test of a screen was
spent in these looks, and beside the app's threads, or another test, each of them could take the whole second.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

from textual._context import active_app
from textual.app import App
from textual.dom import DOMNode
from textual.message_pump import MessagePump
from textual.screen import Screen

from lora_tui.app import LoraApp
from lora_tui.terminal.key_queue import _is_idle

# In a turn of the loop each queue hands on one message, and what is called after it may wait for nothing but the next turn.
_IDLE_TURNS = 5
_EAGER_TURNS = 50
_PAUSE_SECONDS = 0.002
# About a second, as Textual waits for a process that is never idle, such as an app with a handler that waits for a test; in turns, for
# what holds up the loop itself, such as an import, is no reason to wait no longer.
_MAX_TURNS = _EAGER_TURNS + 400
# Textual gathers what comes in such a time: sizes, lists that change. What waits longer waits for a person.
_SHORT_SECONDS = 0.05
# A screen that shows through and the one above it paint each other for ever.
_BACKGROUND_PAINTS = 2


async def wait_for_idle(min_sleep: float = 0.0) -> None:
    """Wait until nothing is under way in the app that is active, but for one that never is idle no longer than a second."""
    app = active_app.get()
    idle = paints = 0
    for turn in range(_MAX_TURNS):
        await asyncio.sleep(0 if turn < _EAGER_TURNS else _PAUSE_SECONDS)
        if idle == _IDLE_TURNS:
            return
        if not _nothing_waits(app):
            idle = 0
        elif changed := _changed_screens(app, with_background=paints < _BACKGROUND_PAINTS):
            for screen in changed:
                screen._on_timer_update()
            paints += 1
            idle = 0
        else:
            idle += 1


def _nothing_waits(app: App[Any]) -> bool:
    """Return whether no queue holds anything, no key waits, no short timer runs, and the settings have their first plan."""
    if isinstance(app, LoraApp) and (app._keys._waiting or app._keys._released or _awaits_first_plan(app)):
        return False
    return all(_is_idle(pump) and not _is_timed(pump) for pump in _pumps(app))


def _awaits_first_plan(app: LoraApp) -> bool:
    """Return whether a thread works out the first plan of the settings that are open: it takes lines of their form."""
    screen = app.bake_screen
    editor = getattr(screen, "editor", None)
    if editor is None or editor.view is not None or not screen.planner.is_alive():
        return False
    return bool(editor._answered != editor._question)


def _pumps(app: App[Any]) -> Iterator[MessagePump]:
    yield app
    for screen in app.screen_stack:
        nodes: list[DOMNode] = [screen]
        while nodes:
            node = nodes.pop()
            nodes += node.children
            yield node


def _is_timed(pump: MessagePump) -> bool:
    """Return whether something comes by itself within a moment."""
    return any(
        timer._repeat is not None
        and timer._interval <= _SHORT_SECONDS
        and timer._task is not None
        and not timer._task.done()
        for timer in pump._timers
    )


def _changed_screens(app: App[Any], *, with_background: bool) -> list[Screen[Any]]:
    """Return the screens that Textual would paint within a sixtieth of a second."""
    if app._batch_count or not app.screen_stack:
        return []
    return [
        screen
        for screen in app.screen_stack
        if (screen is app.screen or (with_background and screen.is_current)) and _is_changed(screen)
    ]


def _is_changed(screen: Screen[Any]) -> bool:
    return bool(
        screen._layout_required
        or screen._scroll_required
        or screen._repaint_required
        or screen._recompose_required
        or screen._dirty_widgets
        or screen._callbacks
    )
