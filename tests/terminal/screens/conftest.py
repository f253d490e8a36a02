"""The real app over a real workspace and journal; only the engine, the card and what predicts memory are scripted."""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from fake_predictor import FakePredictor
from shown_actions import SHOWN_BY
from stage import NOW, ScreenStage, StillApp, keep_rules, paint_on_demand, stage_of, watch_pictures
from textual.app import App
from textual.pilot import Pilot

from lora_tui.app import LoraApp, _record_of
from lora_tui.ports import MemorySources
from trainer.demo.workspace import make_demo
from trainer.journal.journal import Journal
from trainer.journal.metrics import MetricWriter
from trainer.journal.processes import this_process
from trainer.journal.records import Bake, BakeState, Checkpoint, NewBake, Order, Stage
from trainer.machine.card_processes import CardProcess
from trainer.machine.readings import CardReading, HostReading, MachineReading
from trainer.settings.subject import resolve
from trainer.settings.toml_file import load_settings, settings_toml
from trainer.workspace import Workspace

NOON = 1_700_000_000.0
_GIB = 1024**3
# Whoever is on the card besides us.
HOLDERS = (CardProcess(7, "Xorg", _GIB // 4, ours=False), CardProcess(8, "firefox", None, ours=False))


class ScriptedEngine:
    """Does what a test tells it; counts what the screen asks of it."""

    key = "scripted"
    waiting_for = ""

    def __init__(self) -> None:
        self.libraries = ""
        self.started = False
        self.wakes = 0

    def start(self) -> None:
        self.started = True
        self.libraries = "ready"

    def wake(self) -> None:
        self.wakes += 1


class ScriptedSampler:
    """One reading of an 8 GB card that never changes."""

    def __init__(self) -> None:
        self.started = False
        self.peaks_forgotten = 0
        card = CardReading(0, "NVIDIA GeForce RTX 3070 Ti", 5 * _GIB, 8 * _GIB, 4 * _GIB, 98, 216.0, 71, 1845, 62)
        host = HostReading(40.0, 6 * _GIB, 32 * _GIB, _GIB, 41 * _GIB)
        self.reading: MachineReading | None = MachineReading(NOON, (card,), "", host)

    def start(self) -> None:
        self.started = True

    def latest(self) -> MachineReading | None:
        return self.reading if self.started else None

    def peak_memory_ours(self) -> int | None:
        return 4 * _GIB

    def reset_peak(self) -> None:
        self.peaks_forgotten += 1


class AppRunner:
    """A workspace with its app, and a hand in its journal."""

    def __init__(self, workspace: Workspace, settings: Path | None) -> None:
        self.workspace = workspace
        self.settings = settings
        self.engine = ScriptedEngine()
        self.sampler = ScriptedSampler()
        self.predictor = FakePredictor()
        memory = MemorySources(self.predictor, lambda: HOLDERS)
        self.app = LoraApp(workspace, self.engine, self.sampler, settings, clock=lambda: NOON, memory=memory)
        # The threads wait so that a person's screen is calm; a test need not.
        self.app.bake_screen.feed.interval = 0.05
        self.app.bake_screen.planner.quiet = 0.01
        assert self.app.bake_screen.memory_planner is not None
        self.app.bake_screen.memory_planner.patience = 0.0

    def run(self, size: tuple[int, int] = (80, 24)) -> AbstractAsyncContextManager[Pilot[int]]:
        return self.app.run_test(size=size)

    def journal(self) -> Journal:
        return Journal(self.workspace.journal_path)

    def orders(self, bake: int = 1) -> list[Order]:
        with self.journal() as journal:
            return [given.order for given in journal.orders.read(bake)]

    def bakes(self) -> list[Bake]:
        with self.journal() as journal:
            return journal.bakes.latest()

    def add_bake(
        self, *, why: str = "", engine: str = ScriptedEngine.key, name: str = "hifumi", parent: int | None = None
    ) -> int:
        path = self.workspace.root / "hifumi.toml"
        settings = resolve(load_settings(path), path)
        with self.journal() as journal:
            return journal.bakes.add(
                NewBake(
                    name=name,
                    why=why,
                    settings_toml=settings_toml(settings),
                    engine=engine,
                    total_steps=240,
                    steps_per_epoch=40,
                    parent=parent,
                )
            ).number

    def set_state(self, state: BakeState, bake: int = 1, error: str = "") -> None:
        with self.journal() as journal:
            if state is BakeState.STARTING:
                journal.queue.claim(self.engine.key, *this_process())
            else:
                journal.bakes.set_state(bake, state, error)

    def baking(self, *, why: str = "", steps: int = 90) -> int:
        """Queue a bake and bring it to `steps` of 240, with two LoRAs saved."""
        number = self.add_bake(why=why)
        with self.journal() as journal:
            journal.queue.claim(self.engine.key, *this_process())
            journal.bakes.set_state(number, BakeState.BAKING)
            journal.bakes.set_stage(number, Stage.STEP, steps, 240)
            writer = MetricWriter(self.workspace.journal_path, number)
            for step in range(1, steps + 1):
                rise = min(1.0, step / 12)
                loss = 0.06 + 0.12 * 0.97**step + (0.01 if step % 5 == 0 else 0.0)
                rates = {"lr_unet": 2e-3 * rise, "lr_text_encoder": 1e-3 * rise}
                writer.put(step, {"loss": loss, "seconds_per_step": 0.125, **rates})
            writer.close()
            for epoch in range(1, steps // 40 + 1):
                val = 0.16 - 0.03 * epoch
                journal.results.add_validation(number, epoch * 40, val, val - 0.18, 0.004)
                journal.results.add_checkpoint(
                    number,
                    Checkpoint(
                        epoch,
                        epoch * 40,
                        f"hifumi-{epoch:06d}.safetensors",
                        1_262_144,
                        0.1,
                        val,
                        val - 0.18,
                        0.004,
                        NOON,
                    ),
                )
        return number


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo(tmp_path_factory.mktemp("demo") / "workspace").root


@pytest.fixture(autouse=True)
def still_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """One time zone, no SSH, all colours: what a screen shows must not depend on where the tests run."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    time.tzset()


@pytest.fixture
def runner(demo_folder: Path, tmp_path: Path) -> AppRunner:
    """The demo's workspace, copied, with its app."""
    root = tmp_path / "workspace"
    shutil.copytree(demo_folder, root)
    return AppRunner(Workspace(root), None)


Until = Callable[[Pilot[Any], Callable[[], object]], Awaitable[None]]


@pytest.fixture
def until() -> Until:
    """Return a function that lets the app run until a condition holds; a test fails where it never does."""

    async def wait(pilot: Pilot[Any], condition: Callable[[], object]) -> None:
        end = time.monotonic() + 60
        # What a screen has is there once it is mounted.
        while not (is_mounted(pilot.app) and condition()):
            assert time.monotonic() < end, f"never came true; screen:\n{text_of(pilot.app)}"
            await asyncio.sleep(0.01)
        await pilot.pause()
        # A person presses no key before the screen is to be seen.
        while isinstance(app := pilot.app, LoraApp) and app.screen_stack and not app.shows(app.screen):
            assert time.monotonic() < end, f"never painted: {app.screen}"
            await asyncio.sleep(0.01)

    return wait


def is_mounted(app: App[Any]) -> bool:
    """Whether the screen on top, where there is one, has all it was composed of."""
    return not app.screen_stack or app.screen.is_mounted


def text_of(app: Any) -> str:
    """Return what stands on the screen."""
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips)


@pytest.fixture
def seen() -> Callable[[Any], str]:
    """Return a function that returns what stands on the screen."""
    return text_of


@pytest.fixture
def make_runner() -> Callable[[Workspace], AppRunner]:
    """Return a function that puts an app over a workspace."""
    return lambda workspace: AppRunner(workspace, None)


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is NOW, and what a screen waits for is known."""
    monkeypatch.setattr(time, "time", lambda: NOW)
    watch_pictures(monkeypatch)
    paint_on_demand(monkeypatch)
    keep_rules(monkeypatch)


@pytest.fixture
def stages(
    still: None, demo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], AbstractAsyncContextManager[ScreenStage]]:
    """Return a function that runs an app in which the scenes of a group are shown."""

    def run(group: str) -> AbstractAsyncContextManager[ScreenStage]:
        shutil.copytree(demo_folder, tmp_path / "lora")
        app = StillApp(Workspace(tmp_path / "lora"), on_bake=group == "bake")
        return stage_of(app, tmp_path, monkeypatch)

    return run


@pytest.fixture(autouse=True)
def keys_pressed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that is said to show an action and does not press its key."""
    wanted = SHOWN_BY.get(f"{request.path.name}::{request.node.name.partition('@')[0]}")
    if wanted is None:
        yield
        return
    pressed: set[str] = set()
    check, run = App._check_bindings, App.run_action

    async def check_key(app: App[Any], key: str, priority: bool = False) -> bool:
        with monkeypatch.context() as at_work:
            at_work.setattr(App, "run_action", note)
            return await check(app, key, priority)

    async def note(app: App[Any], action: Any, node: Any = None, nodes: Any = None) -> bool:
        done = await run(app, action, node, nodes)
        record = _record_of(action, node or app)
        if done and record is not None:
            pressed.add(record.id)
        return done

    monkeypatch.setattr(App, "_check_bindings", check_key)
    yield
    assert set(wanted) <= pressed, f"{sorted(set(wanted) - pressed)}: no key of it was pressed"
