"""Keys handed on one at a time, so that each reaches what the one before it has opened."""

import asyncio
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from textual import events
from textual.app import App
from textual.command import CommandPalette
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

AWAITED = "awaited"
"""Group of the workers whose answer the next key waits for: it opens something, or decides what that key acts on."""

# A journal that is locked for longer must not keep the keys.
_ANSWER_SECONDS = 3.0

Typed = events.Key | events.Paste

_AWAITED_GROUPS = frozenset({AWAITED, CommandPalette._GATHER_COMMANDS_GROUP})
# A key's messages pass a dozen queues, each of which takes a turn of the loop.
_EAGER_TURNS = 100
_PAUSE_SECONDS = 0.01
# Turns rather than seconds: what holds up the loop itself, such as an import, is no reason to stop waiting.
_MAX_TURNS = _EAGER_TURNS + 500


def await_answer(screen: Screen[Any], answered: threading.Event) -> None:
    """Let the next key wait for an answer of a screen's reader, on which it is to act."""
    screen.run_worker(lambda: answered.wait(_ANSWER_SECONDS), thread=True, exit_on_error=False, group=AWAITED)


@dataclass
class _Given:
    """A key handed on, and where it went.

    Attributes:
        event: the key.
        screen: the screen on top.
        focused: what had the focus.
        settled: until when (monotonic seconds) what it set off was not yet done, as far as anything waited for that.
        is_settled: whether it is done; what is busy later on is no doing of this key.
        must_open: whether what follows is meant for what it opens.
    """

    event: Typed
    screen: Screen[Any]
    focused: Widget | None
    settled: float
    is_settled: bool = False
    must_open: bool = False

    @property
    def is_text(self) -> bool:
        """Whether it was a character for a line to type into."""
        return isinstance(self.focused, Input) and isinstance(self.event, events.Key) and self.event.is_printable


class KeyQueue:
    """Hands on each key when everything that the one before it has set off is done. All calls come in the app's thread.

    Textual sends keys on as they come: of two in one read the second is on its way to the list before the first has opened the
    line that it is meant for. Here a key waits until no queue of messages holds anything, no worker of the group AWAITED runs,
    and what was opened has the focus. A key that comes alone waits for nothing.

    What was typed for something is never given to anything else: behind a key that could not open what it opens, and behind one
    that closed what nobody had seen yet, everything typed blindly is dropped.

    Args:
        app: gets the keys.
    """

    def __init__(self, app: "App[Any]") -> None:
        self._app = app
        self._waiting: deque[Typed] = deque()
        self._released: deque[Typed] = deque()
        self._last: _Given | None = None
        self._painted: WeakKeyDictionary[Screen[Any], float] = WeakKeyDictionary()
        self._task: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None

    def take(self, event: Typed) -> bool:
        """Return whether the app is to handle `event` now; otherwise it is kept, and posted to the app again when its turn comes."""
        if self._released and event is self._released[0]:
            self._released.popleft()
            return True
        if self._waiting or self._released or not (self._continues_text(event) or self._is_settled(asked_by_app=True)):
            self._waiting.append(event)
            if self._task is None:
                self._task = asyncio.create_task(self._hand_on())
            return False
        if self._is_lost(event):
            return False
        self._give(event)
        return True

    def note_opener(self) -> None:
        """Note that the key at work opens something: what was typed behind it is for that, or for nothing."""
        if self._last is not None and not self._last.must_open:
            self._last.must_open = True
            # Else what is typed long after a key that could open nothing would be taken for typed behind it.
            self._watch = asyncio.create_task(self._settle())

    def forget(self) -> None:
        """Forget the key at work: what follows is not its doing."""
        self._last = None

    def note_painted(self, screen: Screen[Any]) -> None:
        """Note that `screen` stands on the terminal."""
        self._painted.setdefault(screen, time.monotonic())

    def was_painted(self, screen: Screen[Any]) -> bool:
        """Return whether `screen` has stood on the terminal."""
        return screen in self._painted

    @property
    def is_blind(self) -> bool:
        """Whether the key at work was typed before the screen on top was first painted."""
        last = self._last
        return last is not None and last.event.time < self._painted.get(self._app.screen, float("inf"))

    async def _hand_on(self) -> None:
        try:
            while self._waiting:
                if not self._continues_text(self._waiting[0]):
                    await self._settle()
                if not self._app.is_running or not self._app.screen_stack:
                    self._waiting.clear()
                    return
                event = self._waiting.popleft()
                if not self._is_lost(event):
                    self._give(event)
                    self._released.append(event)
                    self._app.post_message(event)
        finally:
            self._task = None

    async def _settle(self) -> None:
        """Wait until what the last key has set off is done; not for ever, for the keys must go on."""
        last = self._last
        for turn in range(_MAX_TURNS):
            if self._is_settled():
                break
            await asyncio.sleep(0 if turn < _EAGER_TURNS else _PAUSE_SECONDS)
        if last is not None and not last.is_settled:
            last.settled, last.is_settled = time.monotonic(), True

    def _give(self, event: Typed) -> None:
        self._last = _Given(event, self._app.screen, self._app.focused, event.time)

    def _continues_text(self, event: Typed) -> bool:
        """Return whether `event` is the next character of a text being typed: a line takes its characters in order by itself."""
        last = self._last
        return (
            last is not None
            and last.is_text
            and last.focused is self._app.focused
            and isinstance(event, events.Key)
            and event.is_printable
        )

    def _is_lost(self, event: Typed) -> bool:
        """Return whether `event` was typed for something that is not there."""
        last = self._last
        if last is None:
            return False
        if last.screen not in self._app.screen_stack:
            return event.time < self._painted.get(last.screen, last.settled)
        opened = last.screen is not self._app.screen or isinstance(self._app.focused, Input)
        return last.must_open and not opened and event.time <= last.settled

    @property
    def _is_for_wait(self) -> bool:
        """Whether the next key was typed at a screen that shows what keys wait for, which it may end."""
        shown = self._painted.get(self._app.screen) if getattr(self._app.screen, "WAITS", False) else None
        return shown is not None and bool(self._waiting) and self._waiting[0].time >= shown

    def _is_settled(self, *, asked_by_app: bool = False) -> bool:
        """Return whether nothing is under way; `asked_by_app` while the app handles a message, which does not count."""
        app = self._app
        if not self._is_for_wait and any(
            worker.group in _AWAITED_GROUPS and not worker.is_finished for worker in app.workers
        ):
            return False
        if not (_is_empty(app) if asked_by_app else _is_idle(app)):
            return False
        return all(_is_idle(node) for screen in app.screen_stack for node in screen.walk_children(with_self=True))


def _is_empty(pump: MessagePump) -> bool:
    """Return whether nothing waits to be handled."""
    return pump._message_queue.empty() and pump._pending_message is None and not pump._next_callbacks


def _is_idle(pump: MessagePump) -> bool:
    """Return whether nothing waits to be handled and nothing is being handled: then, and only then, the pump waits at its queue."""
    if pump._closing or pump._closed:
        return True
    # Counting what is unfinished would not do: Textual takes messages out that a later one replaces, and never reports them done.
    return _is_empty(pump) and bool(pump._message_queue.ready_event._waiters)
