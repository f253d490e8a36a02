"""The App: one workspace on the screen, its themes, and how it is left."""

import time
from collections.abc import Callable, Iterable
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen
from textual.theme import Theme

from lora_tui.keymap import APP_KEYS
from lora_tui.outside import EngineLike, SamplerLike
from lora_tui.screens.ask import Answer, AskDialog
from lora_tui.screens.bake import BakeScreen
from lora_tui.theming import DEFAULT_THEME, find_themes, remember_theme, remembered_theme, roles, themes_folder
from trainer.foreign_text import shown
from trainer.journal.records import Order
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from textual.driver import Driver

__all__ = ["EngineLike", "LoraApp", "QuitChoice", "SamplerLike"]

# The first frame must be on its way before an import of torch holds the interpreter for seconds.
_FIRST_FRAME_SECONDS = 0.05


class QuitChoice(IntEnum):
    """How the user left the screen."""

    QUIT = 0
    """No bake of ours is at work."""
    STOP_AND_SAVE = 1
    """The order to stop stands in the journal; the engine is to be waited for."""
    GO_ON_HEADLESS = 2
    """The bake goes on in this process without the screen."""


class LoraApp(App[int]):
    """The dashboard over one workspace.

    Args:
        workspace: the folder with the journal.
        engine: takes the jobs; started after the first paint.
        sampler: reads the machine; started after the first paint.
        settings_path: the settings to open first; None opens the workspace's first.
        clock: epoch seconds now; a test hands in a clock that stands.
        driver_class: the terminal driver, None for Textual's own.

    `run` returns a QuitChoice, or None where the screen ended without one being made.
    """

    TITLE = "lora-tui"
    CSS_PATH = themes_folder() / "bake.tcss"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [*APP_KEYS]

    def __init__(
        self,
        workspace: Workspace,
        engine: EngineLike,
        sampler: SamplerLike,
        settings_path: Path | None = None,
        *,
        clock: Callable[[], float] = time.time,
        driver_class: "type[Driver] | None" = None,
    ) -> None:
        """Put the themes up; nothing else is read before the first paint."""
        super().__init__(driver_class=driver_class)
        # A moving screen is no calmer and costs bytes over a link.
        self.animation_level = "none"
        self.workspace = workspace
        self.engine = engine
        self.sampler = sampler
        self.bake_screen = BakeScreen(workspace, engine, sampler, settings_path, clock)
        found = find_themes()
        self._theme_problems = found.problems
        self._own_themes = [theme.name for theme in found.themes]
        for theme in found.themes:
            self.register_theme(theme)
        self.theme = self._first_theme()

    def get_default_screen(self) -> Screen[None]:
        """Return the Bake screen."""
        return self.bake_screen

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return colours for our own roles where the theme names none."""
        return roles(self.current_theme)

    def on_ready(self, event: events.Ready) -> None:
        """Start everything that looks at files, once the first frame is out."""
        self.set_timer(_FIRST_FRAME_SECONDS, self._begin)
        for problem in self._theme_problems:
            self.notify(problem, title="theme not loaded", severity="warning", markup=False)
        self.theme_changed_signal.subscribe(self, self._remember)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Return what the palette offers."""
        bake = self.bake_screen
        if screen is bake:
            if bake.bake_at_work:
                yield SystemCommand("Pause or go on", "Pause the bake with the model kept, or go on", bake.action_pause)
                yield SystemCommand("Save now", "Save a LoRA after this step", bake.action_save_now)
                yield SystemCommand("Stop", "Stop after this step, keeping what is baked", bake.action_stop)
            else:
                yield SystemCommand("Bake", "Bake the settings as they stand", bake.action_bake)
            yield SystemCommand("Save settings", "Save the settings to their file", bake.action_save_settings)
            yield SystemCommand("New subject", "From a folder of pictures", bake.action_new_subject)
            yield SystemCommand("Open settings", "Another settings file of the workspace", bake.action_open_settings)
            yield SystemCommand("Help", "What the keys do", bake.action_help)
        yield SystemCommand("Theme", "Choose among all themes", self.action_change_theme)
        yield SystemCommand("Quit", "Ask first while a bake is at work", self.action_quit)

    async def action_quit(self) -> None:
        """Leave; while a bake of ours is at work, or edits are not saved, ask first."""
        if isinstance(self.screen, AskDialog) and self.screen.about == "quit":
            return
        bake = self.bake_screen.bake
        if bake is not None and bake.engine == self.engine.key:
            self.push_screen(
                AskDialog(_live_question(bake.number, bake.name), _LIVE_ANSWERS, about="quit"), self._leave_bake
            )
        else:
            self.bake_screen.settle_edits(lambda: self.exit(QuitChoice.QUIT), about="quit")

    def action_next_theme(self) -> None:
        """Put the next of our themes up."""
        names = self._own_themes
        here = names.index(self.theme) if self.theme in names else -1
        if names:
            self.theme = names[(here + 1) % len(names)]

    def action_no_suspend(self) -> None:
        """Say why ctrl+z does nothing."""
        self.notify(
            "ctrl+z would freeze the bake along with the screen: use tmux, or ctrl+q", severity="warning", markup=False
        )

    def _begin(self) -> None:
        self.sampler.start()
        self.bake_screen.begin()
        self.engine.start()

    def _leave_bake(self, answer: str | None) -> None:
        if answer == "stop":
            self.bake_screen.give(Order.STOP, lambda: self.exit(QuitChoice.STOP_AND_SAVE))
        elif answer == "headless":
            self.exit(QuitChoice.GO_ON_HEADLESS)

    def _first_theme(self) -> str:
        for name in (remembered_theme(), DEFAULT_THEME):
            if name in self.available_themes:
                return name
        return self.theme

    def _remember(self, theme: Theme) -> None:
        remember_theme(theme.name)


def _live_question(number: int, name: str) -> str:
    return f"Bake {number:04d} {shown(name, 30)} is at work."


_LIVE_ANSWERS = (
    Answer("escape", "stay here", ""),
    Answer("s", "stop it, save what is baked, and quit", "stop"),
    Answer("g", "let it go on in this terminal, without the screen", "headless"),
)
