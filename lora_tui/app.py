"""The dashboard as a Textual app: its screens, its themes, and how it is left."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.command import CommandPalette, Provider
from textual.css.query import NoMatches
from textual.dom import DOMNode
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.theme import Theme
from textual.widget import Widget

from lora_tui.actions.long_job import LongJob
from lora_tui.actions.report_file import ReportWritten
from lora_tui.actions.workspaces import SwitchAsked
from lora_tui.colours.theme_files import (
    DEFAULT_THEME,
    FoundThemes,
    ThemeFile,
    as_shown,
    find_themes,
    remember_theme,
    remembered_theme,
    roles,
    themes_folder,
)
from lora_tui.dashboard_exit import DashboardExit, QuitChoice
from lora_tui.keys.action import Action
from lora_tui.keys.keymap import bindings, records_of
from lora_tui.keys.palette import ActionCommands, commands_of
from lora_tui.ports import OWNER, EngineLike, MemorySources, Rights, SamplerLike
from lora_tui.screens.bake import BakeScreen
from lora_tui.screens.dialog import Dialog
from lora_tui.screens.page_offer import offer_page
from lora_tui.terminal.driver import (
    LineFree,
    LineFull,
    LineSlow,
    SurvivingDriver,
    TerminalBack,
    TerminalGone,
    TerminalLent,
)
from lora_tui.terminal.key_queue import KeyQueue
from lora_tui.terminal.output_queue import OutputQueue
from lora_tui.terminal.repaint import Repaint
from lora_tui.user_config import UserConfig
from lora_tui.workers.foreground import FOREGROUND
from lora_tui.workers.theme_watcher import ThemesChanged, ThemeWatcher
from trainer.config_tables import config_file
from trainer.settings.parts import Family
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from textual.actions import ActionParseResult
    from textual.driver import Driver

# The first frame must be on its way before an import of torch holds the interpreter for seconds.
_FIRST_FRAME_SECONDS = 0.05
# Of a toast that names a file, a line and what to write there.
_READ_SECONDS = 12.0
_MOST_PROBLEMS = 3


class LoraApp(App[int]):
    """The dashboard over one workspace.

    Args:
        workspace: the folder with the journal.
        engine: takes the jobs; started after the first paint.
        sampler: reads the machine; started after the first paint.
        settings_path: the settings to open first; None opens the workspace's first.
        clock: epoch seconds now; a test passes a clock that stands still.
        rights: what the keys may do.
        memory: predicts memory; None for no predictions.
        started_in: the folder that lora-tui was started in, where that belongs to no workspace and another one was opened.
        driver_class: the terminal driver, None for the one that outlives its terminal.
        config: what the user has set, keys among it; None for nothing.
        started: called once the first frame is out.

    `run` returns a QuitChoice, or None where the screen ended without one being made.
    """

    TITLE = "lora-tui"
    CSS_PATH = themes_folder() / "bake.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {ActionCommands}
    BINDINGS: ClassVar[list[BindingType]] = bindings("app")

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
        started_in: Path | None = None,
        config: UserConfig | None = None,
        started: Callable[[], None] | None = None,
    ) -> None:
        self._shown_themes: dict[str, Theme] = {}
        self.config = config or UserConfig()
        super().__init__(driver_class=driver_class or SurvivingDriver)
        self.keys = self.config.keys
        self.keys.put_in_force(self)
        # A moving screen is no calmer and costs bytes over a link.
        self.animation_level = "none"
        self.workspace = workspace
        self.engine = engine
        self.sampler = sampler
        self.bake_screen = BakeScreen(workspace, engine, sampler, settings_path, clock, rights, memory, started_in)
        found = find_themes()
        self._theme_problems = found.problems
        self._take_themes(found)
        self.theme = self._first_theme()
        self._painting = Repaint(self, self._line, self._notice_quick_line)
        self._slow_by_hand = False
        self._started = started
        self._keys = KeyQueue(self)
        self._own_loop: asyncio.AbstractEventLoop | None = None
        self._themes = ThemeWatcher(self.post_message)
        self.leaving = DashboardExit(self, self.bake_screen)
        """How it is left, and for which workspace."""

    def get_default_screen(self) -> Screen[None]:
        """Return the Bake screen."""
        return self.bake_screen

    def get_theme(self, theme_name: str) -> Theme | None:
        """Return a theme by name, Textual's own in the colours that the terminal has."""
        theme = super().get_theme(theme_name)
        # Textual asks with every line it paints, and first of all before there is a console.
        if theme is None or not self._shown_themes:
            return theme
        if theme.name not in self._shown_themes:
            self._shown_themes[theme.name] = as_shown(ThemeFile(theme), self.console.color_system)
        return self._shown_themes[theme.name]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return colours for our own roles where the theme names none."""
        return roles(self.current_theme)

    def on_ready(self, event: events.Ready) -> None:
        """Start everything that looks at files, once the first frame is out."""
        self._own_loop = asyncio.get_running_loop()
        self.set_timer(_FIRST_FRAME_SECONDS, self._start_threads)
        self._show_theme_problems()
        self._themes.start()
        if (more := len(self.config.problems) - _MOST_PROBLEMS) > 0:
            self.notify(f"{more} more of {config_file().name}: `lora-tui keys` lists them", severity="warning")
        for error in self.config.problems[:_MOST_PROBLEMS]:
            self.notify(
                error.line(), title=f"{config_file().name}: left out", severity="warning", timeout=_READ_SECONDS
            )
        self.theme_changed_signal.subscribe(self, self._remember_theme)

    def on_unmount(self) -> None:
        """End the thread that looks at theme files."""
        self._themes.stop()

    @on(ThemesChanged)
    def _show_changed_themes(self, event: ThemesChanged) -> None:
        """Show the theme in use as its file has it now; of one that is gone or cannot be read any more what was read last stays."""
        self._take_themes(event.found)
        self._theme_problems = event.found.problems
        self._show_theme_problems()
        # The name is the same: without this nothing asks for its colours again.
        self.mutate_reactive(App.theme)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Return what the palette offers on `screen`."""
        for command in commands_of(self, screen):
            yield SystemCommand(command.title, command.help, command.run)

    def family_on(self, screen: Screen[object]) -> Family | None:
        """Return the family of bases that a screen is about; where it does not say, that of what lies below it."""
        below = self.screen_stack[: self.screen_stack.index(screen) + 1] if screen in self.screen_stack else ()
        found = (getattr(each, "family", None) for each in reversed(below))
        return next((family for family in found if family is not None), None)

    def allows(self, right: str) -> bool:
        """Return whether the screens have the right of that name."""
        return self.bake_screen.rights.allows(right)

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a toast, and note it in the log, which still says it when the toast is gone. Its text is never markup."""
        message = self.keys.fill(message)
        self.call_later(self._note_toast, f"{title}: {message}" if title else message, _LEVELS[severity])
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=False)

    async def action_quit(self) -> None:
        """Quit; while our engine runs a bake, or with unsaved edits, ask first."""
        self.leaving.quit()

    def _note_toast(self, text: str, level: str) -> None:
        with contextlib.suppress(NoMatches):
            # Before the first frame, and after the last, there is no log.
            self.bake_screen.note_toast(text, level)

    def action_next_theme(self) -> None:
        """Switch to the next of our themes."""
        names = self._own_themes
        here = names.index(self.theme) if self.theme in names else -1
        if names:
            self.theme = names[(here + 1) % len(names)]

    def action_no_suspend(self) -> None:
        """Take back the last edit of a text; elsewhere show why ctrl+z does nothing."""
        # A text that is edited; its class would be loaded for this alone.
        if callable(undo := getattr(self.focused, "undo", None)):
            undo()
            return
        self.notify(
            f"ctrl+z would freeze the bake along with the screen: use tmux, or quit with {self.keys.shown('app.quit')}",
            severity="warning",
            markup=False,
        )

    def action_slow_line(self) -> None:
        """Turn the slow-connection mode on or off; from then on only this key does."""
        self._slow_by_hand = True
        self._set_slow(not self._painting.slow)

    async def on_event(self, event: events.Event) -> None:
        """Paint at once after a key, however slow the line; and hand keys on one at a time."""
        if isinstance(event, events.Key):
            self._painting.key_pressed()
        if isinstance(event, events.InputEvent):
            FOREGROUND.note_input()
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded and self.screen_stack:
            if not self._keys.take(event):
                return
            if isinstance(event, events.Key) and self._keys.is_blind and _acts(self.screen, event.key):
                return
        elif isinstance(event, events.MouseDown):
            self._keys.forget()
        await super().on_event(event)

    async def run_action(
        self,
        action: "str | ActionParseResult",
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Do what a key gives, unless it acts and was typed before its screen was to be seen."""
        record = _record_of(action, default_namespace or self)
        if record is not None and record.opens == "always":
            self._keys.note_opener()
        if record is not None and record.acts and self._keys.is_blind:
            return True
        return await super().run_action(action, default_namespace, namespaces)

    def go_to(self, record: Action | None) -> None:
        """Leave every screen above the Bake screen, and open what an action of that opens; None for that itself."""
        while self.screen is not self.bake_screen and len(self.screen_stack) > 1:
            self.pop_screen()
        if record is not None:
            self.call_later(self.run_action, record.action, self.bake_screen)

    def shows(self, screen: Screen[Any]) -> bool:
        """Return whether `screen` was painted since it was opened."""
        return self._keys.was_painted(screen)

    def _register(self, parent: DOMNode, *widgets: Widget, **where: Any) -> list[Widget]:
        for widget in widgets:
            self.keys.put_in_force(widget)
        return super()._register(parent, *widgets, **where)

    @property
    def _background_screens(self) -> list[Screen[Any]]:
        """The screens that show through the one on top: none below one that covers them.

        Textual counts the one below in any case, and would paint the whole screen on top again whenever something below it changes.
        """
        covers = bool(self.screen_stack) and self.screen.styles.background.a == 1
        return [] if covers else super()._background_screens

    def post_display_hook(self) -> None:
        """Note which screen stands on the terminal; Textual also calls it where it painted nothing, as in a batch."""
        if not self._batch_count and self.screen_stack and self.screen.is_mounted:
            self._keys.note_painted(self.screen)

    def on_resize(self, event: events.Resize) -> None:
        """Paint the new size as soon as anything is painted."""
        self._painting.resized()

    def from_signal(self, do: Callable[[], object]) -> None:
        """Do something in the app's own thread, soon; for a signal handler, which may interrupt anything."""
        if self._own_loop is None:
            do()
            return
        with contextlib.suppress(RuntimeError):
            # A loop that has ended has nothing left to do it in, and nothing to do it to.
            self._own_loop.call_soon_threadsafe(self.call_later, do)

    def lose_terminal(self) -> None:
        """End the screen because its terminal is gone; may be called by a signal handler."""
        if isinstance(self._driver, SurvivingDriver):
            self._driver.lose_terminal()
        self.from_signal(lambda: self.exit(QuitChoice.TERMINAL_GONE))

    @on(LongJob.TakesLong)
    def _show_work(self, event: LongJob.TakesLong) -> None:
        """Show work that takes longer than a moment; every screen leaves that to us."""
        from lora_tui.screens.working import WorkingDialog

        if not event.job.ended.is_set():
            self.push_screen(WorkingDialog(event.job))

    @on(ReportWritten)
    def _offer_report(self, event: ReportWritten) -> None:
        """Say where a report is; screens that write one leave that to us."""
        offer_page(self.screen, event.report, "report written")

    @on(SwitchAsked)
    def _switch(self, event: SwitchAsked) -> None:
        """Open another workspace in the place of this one, or over it while our engine has something to do here."""
        event.stop()
        self.leaving.switch(event.root)

    @on(TerminalGone)
    def _leave_for_good(self) -> None:
        self.exit(QuitChoice.TERMINAL_GONE)

    @on(LineFull)
    @on(TerminalLent)
    def _hold_painting(self) -> None:
        self._painting.line_full()

    @on(LineFree)
    def _paint_again(self) -> None:
        self._painting.line_free()

    @on(TerminalBack)
    def _paint_all(self) -> None:
        # What was typed before was meant for the other program.
        self._keys.forget()
        self._painting.line_free()
        self.refresh(layout=True)

    @on(LineSlow)
    def _notice_slow_line(self) -> None:
        if not self._slow_by_hand and not self._painting.slow:
            self._set_slow(True)

    def _notice_quick_line(self) -> None:
        if not self._slow_by_hand:
            self.bake_screen.show_log_line("the connection is fast again: curves are redrawn")
            self._set_slow(False)

    def _set_slow(self, slow: bool) -> None:
        self.bake_screen.panes.show_slow_line(slow)
        if slow:
            # In the log and not as a toast, whose coming and going paints a quarter of the screen.
            self.bake_screen.show_log_line(
                "slow connection: numbers every few seconds, curves not redrawn"
                + (f"; {key} turns this off" if (key := self.keys.shown("app.slow-line")) else "")
            )
        self._painting.set_slow(slow, trials=not self._slow_by_hand)

    def _line(self) -> OutputQueue | None:
        return self._driver.line if isinstance(self._driver, SurvivingDriver) else None

    def _start_threads(self) -> None:
        if self._started is not None:
            self._started()
        self.sampler.start()
        self.bake_screen.start_threads()
        self.engine.start()

    def _take_themes(self, found: FoundThemes) -> None:
        self._own_themes = found.names
        for file in found.files:
            self._shown_themes[file.theme.name] = as_shown(file, self.console.color_system)
            self.register_theme(self._shown_themes[file.theme.name])

    def _show_theme_problems(self) -> None:
        for problem in self._theme_problems:
            self.notify(problem, title="theme not loaded", severity="warning", markup=False)

    def _first_theme(self) -> str:
        for name in (remembered_theme(), DEFAULT_THEME):
            if name in self.available_themes:
                return name
        return self.theme

    def _remember_theme(self, theme: Theme) -> None:
        remember_theme(theme.name)


def _record_of(action: "str | ActionParseResult", node: DOMNode) -> Action | None:
    """Return the record of an action string that a key of `node` gives; None for Textual's own."""
    return next((record for record in records_of(type(node)) if record.action == action), None)


def _acts(screen: Screen[object], key: str) -> bool:
    """Return whether `key` alone starts, changes or removes something on `screen`."""
    if isinstance(screen, CommandPalette):
        return key == "enter"
    return isinstance(screen, Dialog) and screen.acts_on(key)


_LEVELS: Mapping[SeverityLevel, str] = {"information": "info", "warning": "warning", "error": "error"}
