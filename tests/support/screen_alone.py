"""One screen of the dashboard in an app of its own: a tenth of what the whole dashboard costs."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from textual import on
from textual.app import App
from textual.pilot import Pilot
from textual.screen import Screen

from lora_tui.actions.long_job import LongJob
from lora_tui.colours.theme_files import roles
from lora_tui.screens.working import WorkingDialog


class ScreenAlone(App[None]):
    """Shows `shown`; keeps what it was dismissed with."""

    def __init__(self, shown: Screen[Any]) -> None:
        super().__init__()
        self.shown = shown
        self.answers: list[Any] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return roles(self.current_theme)

    def on_mount(self) -> None:
        self.push_screen(self.shown, self.answers.append)

    @on(LongJob.TakesLong)
    def show_work(self, event: LongJob.TakesLong) -> None:
        """As the dashboard does."""
        self.push_screen(WorkingDialog(event.job))

    def text(self) -> str:
        """Return what stands on the terminal."""
        return "\n".join(strip.text.rstrip() for strip in self.screen._compositor.render_strips())

    def notes(self) -> str:
        """Return the toasts."""
        return " ".join(note.message for note in self._notifications)


async def until_true(pilot: Pilot[Any], condition: Callable[[], object]) -> None:
    """Let the app run until a condition holds."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, f"never came true; screen:\n{pilot.app.text()}"  # type: ignore[attr-defined]
        await asyncio.sleep(0.01)
    await pilot.pause()
