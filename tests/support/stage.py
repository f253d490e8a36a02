"""One screen of the dashboard after another on an app that nothing moves: no thread of its own, a clock that stands still."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from screen_text import LOOKS, SIZES, Look, Seen, take
from textual._compositor import Compositor
from textual.app import App
from textual.css.stylesheet import Stylesheet
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input, TextArea

from lora_tui.app import LoraApp, _record_of
from lora_tui.colours.theme_files import find_themes
from lora_tui.pictures.picture_cache import Pictures, Want
from lora_tui.ports import OWNER, Rights
from trainer.machine.readings import CardReading, HostReading, MachineReading
from trainer.workspace import Workspace

NOW = 1_893_499_200.0
"""Noon of a day in 2030, after every file was written."""

GIB = 1024**3
_PATIENCE = 30.0
# Pictures asked for, by whom.
_WANTED: dict[tuple[Pictures, object], tuple[Want, ...]] = {}
_SYSTEM_NAMES = {"all": "truecolor", "256": "256", "16": "standard"}


def reading() -> MachineReading:
    """Return an 8 GB GPU at work."""
    card = CardReading(0, "NVIDIA GeForce RTX 3070 Ti", 5 * GIB, 8 * GIB, 4 * GIB, 98, 216.0, 71, 1845, 62)
    return MachineReading(NOW, (card,), "", HostReading(40.0, 6 * GIB, 32 * GIB, GIB, 41 * GIB))


class StillEngine:
    """Takes no jobs; its libraries are loaded."""

    key = "scripted"
    libraries = "ready"
    waiting_for = ""

    def start(self) -> None:
        """Start nothing."""

    def wake(self) -> None:
        """Do nothing."""


class StillSampler:
    """One reading that never changes."""

    def start(self) -> None:
        """Start nothing."""

    def latest(self) -> MachineReading:
        """Return the reading."""
        return reading()

    def peak_memory_ours(self) -> int:
        """Return 4 GiB."""
        return 4 * GIB

    def reset_peak(self) -> None:
        """Forget nothing."""


class StillApp(LoraApp):
    """The dashboard without its threads; with an empty screen at the bottom unless the Bake screen is wanted there."""

    def __init__(self, workspace: Workspace, *, on_bake: bool = False, rights: Rights = OWNER) -> None:
        self._on_bake = on_bake
        self._worn: Look | None = None
        self.ran: list[str] = []
        super().__init__(workspace, StillEngine(), StillSampler(), clock=lambda: NOW, rights=rights)

    def get_default_screen(self) -> Screen[Any]:
        """Return the Bake screen, or an empty one."""
        return super().get_default_screen() if self._on_bake else Screen()

    def _start_threads(self) -> None:
        """Start none."""

    async def run_action(self, action: Any, default_namespace: Any = None, namespaces: Any = None) -> bool:
        """Do what a key gives, and note the action's id where it is one of ours."""
        record = _record_of(action, default_namespace or self)
        if record is not None:
            self.ran.append(record.id)
        return await super().run_action(action, default_namespace, namespaces)

    def wear(self, look: Look) -> bool:
        """Show a theme as a terminal with so many colours has it; return whether it is another than before."""
        if look == self._worn:
            return False
        self._worn = look
        self.console._color_system = _color_system(look)
        self._shown_themes.clear()
        self._take_themes(find_themes())
        if self.theme == look.theme:
            self.mutate_reactive(App.theme)
        else:
            self.theme = look.theme
        return True


@dataclass(frozen=True)
class Scene:
    """A screen with something on it.

    Attributes:
        name: of its file.
        about: what is shown, in a line.
        of: the class of the screen on top.
        open: brings it up; given the stage.
        ready: whether everything has come; given the screen on top.
    """

    name: str
    about: str
    of: type[Screen[Any]]
    open: "Callable[[ScreenStage], Awaitable[object]]"
    ready: Callable[[Any], object] = lambda screen: True


class ScreenStage:
    """An app that runs, and its bottom screen to come back to.

    Args:
        app: runs already.
        pilot: of it.
        root: an empty folder for what scenes make.
        patch: for what scenes have to stop.
    """

    def __init__(self, app: StillApp, pilot: Pilot[Any], root: Path, patch: pytest.MonkeyPatch) -> None:
        self.app, self.pilot, self.root, self.patch = app, pilot, root, patch
        self.workspace = app.workspace
        self.answers: list[object] = []

    async def open(self, scene: Scene) -> None:
        """Bring a scene up on the largest terminal: where lists are scrolled to depends on the sizes before."""
        await self.resize(SIZES[0])
        await self.pilot.pause()
        await scene.open(self)

    async def push(self, screen: Screen[Any]) -> None:
        """Put a screen on top; what it is dismissed with becomes one of the answers."""
        await self.app.push_screen(screen, self.answers.append)

    async def until(self, condition: Callable[[], object]) -> None:
        """Let the app run until a condition holds, and nothing works any more."""
        end = time.monotonic() + _PATIENCE
        while not condition() or self._is_busy:
            assert time.monotonic() < end, f"never came true; screen:\n{self.text()}"
            await asyncio.sleep(0.005)
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        """Press keys, and let the app run until it is idle."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def settle(self, scene: Scene) -> None:
        """Let the app run until the scene is complete and what is painted stays as it is."""
        last: object = None
        end = time.monotonic() + _PATIENCE
        while True:
            assert time.monotonic() < end, f"{scene.name} never came to rest; screen:\n{self.text()}"
            await self.pilot.pause()
            screen = self.app.screen
            for line in (*screen.query(Input), *screen.query(TextArea)):
                line.cursor_blink = False
            if not (isinstance(screen, scene.of) and scene.ready(screen)) or self._is_busy:
                last = None
                await asyncio.sleep(0.005)
                continue
            now = take(self.app, LOOKS[0])
            if now == last:
                return
            last = now

    @property
    def _is_busy(self) -> bool:
        """Whether a worker, a key or a picture is on its way."""
        keys = self.app._keys
        return (
            any(not worker.is_finished for worker in self.app.workers)
            or bool(keys._waiting or keys._released)
            or not keys._is_settled()
            or any(pictures.find(want) is None for (pictures, _), wants in _WANTED.items() for want in wants)
        )

    async def resize(self, size: tuple[int, int]) -> None:
        """Give the terminal another size."""
        if self.app.size != size:
            await self.pilot.resize_terminal(*size)

    async def see(self, scene: Scene, size: tuple[int, int], look: Look) -> Seen:
        """Return the scene at a size in a look."""
        await self.resize(size)
        if self.app.wear(look):
            await self.pilot.pause()
            # Textual leaves the palette in the theme that it was opened in; here it is opened once for all.
            self.app.stylesheet.update(self.app.screen, animate=False)
            # What shows through is painted as it was until something in it changes.
            for node in (
                node for screen in self.app._background_screens for node in screen.walk_children(with_self=True)
            ):
                node._styles_cache.clear()
                node.refresh()
        await self.settle(scene)
        return take(self.app, look)

    async def clear(self, bottom: int = 1) -> None:
        """Close what stands above the bottom screens."""
        while len(self.app.screen_stack) > bottom:
            await self.app.pop_screen()
        _WANTED.clear()
        self.answers.clear()
        self.app.clear_notifications()
        await self.pilot.pause()

    def text(self) -> str:
        """Return what stands on the terminal."""
        return "\n".join(strip.text.rstrip() for strip in self.app.screen._compositor.render_strips())


@asynccontextmanager
async def stage_of(app: StillApp, root: Path, patch: pytest.MonkeyPatch) -> AsyncIterator[ScreenStage]:
    """Run an app, and yield its stage."""
    app._themes = _NoWatcher()  # type: ignore[assignment]
    async with app.run_test(size=SIZES[0], notifications=False) as pilot:
        await pilot.pause()
        yield ScreenStage(app, pilot, root, patch)


def watch_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know which pictures are on their way."""
    ask, forget = Pictures.want, Pictures.forget

    def want(pictures: Pictures, who: object, wants: Sequence[Want]) -> None:
        _WANTED[pictures, who] = tuple(wants)
        ask(pictures, who, wants)

    def drop(pictures: Pictures) -> None:
        for key in [key for key in _WANTED if key[0] is pictures]:
            del _WANTED[key]
        forget(pictures)

    monkeypatch.setattr(Pictures, "want", want)
    monkeypatch.setattr(Pictures, "forget", drop)


def paint_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paint only what is looked at."""

    def forget(compositor: Compositor, *how: Any, **more: Any) -> None:
        compositor._dirty_regions.clear()

    monkeypatch.setattr(Compositor, "render_update", forget)


def keep_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep parsed style sheets from one app and theme to the next: to parse them again takes most of a change of themes."""
    kept: dict[Any, Any] = {}
    parse = Stylesheet._parse_rules

    def parse_once(sheet: Stylesheet, *args: Any, **options: Any) -> Any:
        marked = sheet.__dict__.get("_marked")
        if marked is None or marked[0] is not sheet._variables:
            marked = sheet.__dict__["_marked"] = (sheet._variables, frozenset(sheet._variables.items()))
        key = (marked[1], args, frozenset(options.items()))
        if key not in kept:
            kept[key] = parse(sheet, *args, **options)
        return kept[key]

    monkeypatch.setattr(Stylesheet, "_parse_rules", parse_once)


class _NoWatcher:
    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass


def _color_system(look: Look) -> Any:
    from rich.console import COLOR_SYSTEMS

    return COLOR_SYSTEMS[_SYSTEM_NAMES[look.depth]]
