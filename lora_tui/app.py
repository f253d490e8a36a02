"""The App: one workspace on the screen, its themes, and how it is left."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen
from textual.theme import Theme

from lora_tui.keymap import APP_KEYS
from lora_tui.ports import OWNER, EngineLike, MemorySources, Rights, SamplerLike
from lora_tui.screens.bake import BakeScreen
from lora_tui.screens.confirm import Answer, ConfirmDialog
from lora_tui.terminal.driver import LineFree, LineFull, LineSlow, SurvivingDriver, TerminalGone
from lora_tui.terminal.repaint import Repaint
from lora_tui.theme_files import DEFAULT_THEME, find_themes, remember_theme, remembered_theme, roles, themes_folder
from lora_tui.wording.job_names import called
from trainer.journal.records import BakeState, Order
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
    TERMINAL_GONE = 3
    """Nobody chose: the terminal is closed, and what is at work goes on without one."""


class LoraApp(App[int]):
    """The dashboard over one workspace.

    Args:
        workspace: the folder with the journal.
        engine: takes the jobs; started after the first paint.
        sampler: reads the machine; started after the first paint.
        settings_path: the settings to open first; None opens the workspace's first.
        clock: epoch seconds now; a test hands in a clock that stands.
        rights: what the keys may do.
        memory: who is asked about memory; None for nobody, and no word about it.
        driver_class: the terminal driver, None for the one that outlives its terminal.

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
        rights: Rights = OWNER,
        memory: MemorySources | None = None,
    ) -> None:
        """Put the themes up; nothing else is read before the first paint."""
        super().__init__(driver_class=driver_class or SurvivingDriver)
        # A moving screen is no calmer and costs bytes over a link.
        self.animation_level = "none"
        self.workspace = workspace
        self.engine = engine
        self.sampler = sampler
        self.bake_screen = BakeScreen(workspace, engine, sampler, settings_path, clock, rights, memory)
        found = find_themes()
        self._theme_problems = found.problems
        self._own_themes = [theme.name for theme in found.themes]
        for theme in found.themes:
            self.register_theme(theme)
        self.theme = self._first_theme()
        self._painting = Repaint(self, self._bytes_given)
        self._loop_of_ours: asyncio.AbstractEventLoop | None = None

    def get_default_screen(self) -> Screen[None]:
        """Return the Bake screen."""
        return self.bake_screen

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return colours for our own roles where the theme names none."""
        return roles(self.current_theme)

    def on_ready(self, event: events.Ready) -> None:
        """Start everything that looks at files, once the first frame is out."""
        self._loop_of_ours = asyncio.get_running_loop()
        self.set_timer(_FIRST_FRAME_SECONDS, self._begin)
        for problem in self._theme_problems:
            self.notify(problem, title="theme not loaded", severity="warning", markup=False)
        self.theme_changed_signal.subscribe(self, self._remember)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Return what the palette offers."""
        bake = self.bake_screen
        if screen is bake:
            if bake.bake is not None:
                yield SystemCommand("Pause or go on", "Pause the bake with the model kept, or go on", bake.action_pause)
                yield SystemCommand("Save now", "Save a LoRA after this step", bake.action_save_now)
                yield SystemCommand("Stop", "Stop after this step, keeping what is baked", bake.action_stop)
                yield SystemCommand("Stop a part", "The text encoder or the U-Net; asks which", bake.action_stop_part)
            else:
                yield SystemCommand("Bake", "Bake the settings as they stand", bake.action_bake)
            if bake.snapshot.ended_early:
                yield SystemCommand("Take up again", "Take the bake shown up at its last state", bake.action_resume)
            if bake.snapshot.bake is not None:
                yield SystemCommand("Fork", "Bake on from an epoch of the bake shown", bake.action_fork)
            yield SystemCommand("Grid", "Pictures of the bake's epochs beside each other", bake.action_grid)
            yield SystemCommand("Fit", "The fastest settings that fit into the card's memory", bake.action_fit)
            yield SystemCommand("Plan", "Folders, tags, buckets, rates, times, files, memory", bake.action_plan)
            yield SystemCommand("Save settings", "Save the settings to their file", bake.action_save_settings)
            yield SystemCommand("New subject", "From a folder of pictures", bake.action_new_subject)
            yield SystemCommand("Open settings", "Another settings file of the workspace", bake.action_open_settings)
            yield SystemCommand("Help", "What the keys do", bake.action_help)
        yield SystemCommand("Theme", "Choose among all themes", self.action_change_theme)
        yield SystemCommand("Quit", "Ask first while a bake is at work", self.action_quit)

    async def action_quit(self) -> None:
        """Leave; while a bake of ours is at work, or edits are not saved, ask first."""
        if isinstance(self.screen, ConfirmDialog) and self.screen.about == "quit":
            return
        bake = self.bake_screen.snapshot.ours
        if bake is not None:
            waits = bake.state is BakeState.QUEUED
            name = called(bake, 30)
            question = f"{name[0].upper()}{name[1:]} {'waits' if waits else 'is at work'}."
            answers = _WAITING_ANSWERS if waits else _LIVE_ANSWERS
            self.push_screen(ConfirmDialog(question, answers, about="quit"), self._leave_bake)
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

    def action_slow_line(self) -> None:
        """Save bytes on a slow line, or paint everything again."""
        self._be_slow(not self._painting.slow)

    async def on_event(self, event: events.Event) -> None:
        """Let what a key does be seen at once, however slow the line."""
        if isinstance(event, events.Key):
            self._painting.key_pressed()
        await super().on_event(event)

    def on_resize(self, event: events.Resize) -> None:
        """Paint the new size as soon as anything is painted."""
        self._painting.resized()

    def from_signal(self, do: Callable[[], object]) -> None:
        """Do something in the app's own thread, soon; for a signal handler, which may interrupt anything."""
        if self._loop_of_ours is None:
            do()
            return
        with contextlib.suppress(RuntimeError):
            # A loop that has ended has nothing left to do it in, and nothing to do it to.
            self._loop_of_ours.call_soon_threadsafe(self.call_later, do)

    def lose_terminal(self) -> None:
        """End the screen because its terminal is gone; may be called by a signal handler."""
        if isinstance(self._driver, SurvivingDriver):
            self._driver.lose_terminal()
        self.from_signal(lambda: self.exit(QuitChoice.TERMINAL_GONE))

    @on(TerminalGone)
    def _leave_for_good(self) -> None:
        self.exit(QuitChoice.TERMINAL_GONE)

    @on(LineFull)
    def _hold_painting(self) -> None:
        self._painting.line_full()

    @on(LineFree)
    def _paint_again(self) -> None:
        self._painting.line_free()

    @on(LineSlow)
    def _notice_slow_line(self) -> None:
        self._be_slow(True)

    def _be_slow(self, slow: bool) -> None:
        self.bake_screen.panes.show_slow_line(slow)
        if slow:
            # In the log and not as a toast, whose coming and going paints a quarter of the screen.
            self.bake_screen.show_log_line(
                "the line is slow: figures come every few seconds, curves stand; S paints all again"
            )
        self._painting.set_slow(slow)

    def _bytes_given(self) -> int:
        return self._driver.given if isinstance(self._driver, SurvivingDriver) else 0

    def _begin(self) -> None:
        self.sampler.start()
        self.bake_screen.begin()
        self.engine.start()

    def _leave_bake(self, answer: str | None) -> None:
        if answer == "stop":
            self.bake_screen.control.give_order(Order.STOP, lambda: self.exit(QuitChoice.STOP_AND_SAVE))
        elif answer == "leave":
            self.exit(QuitChoice.QUIT)
        elif answer == "headless":
            self.exit(QuitChoice.GO_ON_HEADLESS)

    def _first_theme(self) -> str:
        for name in (remembered_theme(), DEFAULT_THEME):
            if name in self.available_themes:
                return name
        return self.theme

    def _remember(self, theme: Theme) -> None:
        remember_theme(theme.name)


_LIVE_ANSWERS = (
    Answer("escape", "stay here", ""),
    Answer("s", "stop it, save what is baked, and quit", "stop"),
    Answer("g", "let it go on in this terminal, without the screen", "headless"),
)
_WAITING_ANSWERS = (
    Answer("escape", "stay here", ""),
    Answer("s", "quit; it stays in the queue", "leave"),
    Answer("g", "work through the queue in this terminal, without the screen", "headless"),
)
