"""The dashboard's process: opens the screen, and sees to its bakes when the screen closes, however it closes."""

import contextlib
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from lora_tui.terminal.this_program import become, dashboard_arguments
from lora_tui.wording.job_names import job_label
from trainer.errors import ExitCode
from trainer.journal.records import Bake, BakeState, Order
from trainer.machine.imports import start_without_garbage_collection

if TYPE_CHECKING:
    from lora_tui.app import LoraApp
    from lora_tui.ports import Rights
    from trainer.engine.engine import Engine
    from trainer.machine.card_processes import CardProcess
    from trainer.workspace import Workspace


def open_dashboard(
    workspace: "Workspace", settings_file: Path | None, *, fake_card: bool = False, started_in: Path | None = None
) -> ExitCode:
    """Open the dashboard; when it is closed during a bake, do what the user chose there.

    `started_in` is the current folder where that belongs to no workspace, and another one is opened unasked.

    If the terminal is gone, running and queued bakes continue in this process without a screen. A workspace that cannot be
    written is only shown.
    """
    if workspace.read_only:
        return open_watcher(workspace, settings_file, orders=False, started_in=started_in, reopens=dashboard_arguments)
    with start_without_garbage_collection() as started:
        code, switch_to = _run_dashboard(workspace, settings_file, started, fake_card=fake_card, started_in=started_in)
    if switch_to is not None:
        become(dashboard_arguments(switch_to))
    return code


def _run_dashboard(
    workspace: "Workspace",
    settings_file: Path | None,
    started: Callable[[], None],
    *,
    fake_card: bool,
    started_in: Path | None,
) -> "tuple[ExitCode, Path | None]":
    """Return how the dashboard ended, and the workspace that is to be opened in its place, None for none."""
    from lora_tui.app import LoraApp
    from lora_tui.dashboard_exit import QuitChoice
    from lora_tui.ports import MemorySources
    from lora_tui.terminal.capabilities import need_screen
    from lora_tui.terminal.redirect import log_path, output_redirected
    from lora_tui.user_config import read_user_config
    from trainer.engine.engine import Engine
    from trainer.machine.cards import NvmlCards
    from trainer.machine.engines import register_engine
    from trainer.machine.sampler import MachineSampler
    from trainer.memory.lazy_predictor import predictor_for
    from trainer.workspace import remember_workspace

    need_screen()
    _detect_graphics()
    remember_workspace(workspace)

    def cards() -> NvmlCards:
        if not fake_card:
            return NvmlCards()
        from trainer.machine.fake_card import fake_nvml

        return NvmlCards(fake_nvml())

    predictor = predictor_for(workspace.root)
    with closing(predictor) if predictor is not None else nullcontext():
        engine = Engine(workspace, cards(), predictor)
        register_engine(engine.key, workspace.root, takes_queue=True)
        sampler = MachineSampler(cards(), workspace.root)
        # A simulated card has no processes on it.
        memory = None if predictor is None else MemorySources(predictor, tuple if fake_card else _card_processes)
        app = LoraApp(
            workspace,
            engine,
            sampler,
            settings_file,
            memory=memory,
            started_in=started_in,
            config=read_user_config(),
            started=started,
        )
        signals = ScreenSignals(app)
        with output_redirected(log_path()) as terminal, signals:
            choice = app.run(mouse=app.config.mouse)
            terminal.gone = choice is QuitChoice.TERMINAL_GONE
        sampler.stop()
        if choice in (QuitChoice.QUIT, QuitChoice.STOP_AND_SAVE, QuitChoice.CONTINUE_HEADLESS):
            _record_last_look(workspace)
        if signals.terminated:
            return _end(engine, _stopped(engine), ExitCode.TERMINATED), None
        if choice is QuitChoice.QUIT:
            return _end(engine, ExitCode.DONE), app.leaving.switch_to
        # A screen that crashed leaves its bakes as one that was closed: they are worth more than it.
        code = _continue(engine, stop=choice is QuitChoice.STOP_AND_SAVE, gone=terminal.gone)
        code = _end(engine, code, ExitCode.BAKE_FAILED if app.return_code else ExitCode.DONE)
        return code, app.leaving.switch_to if choice is QuitChoice.STOP_AND_SAVE else None


def _card_processes() -> "tuple[CardProcess, ...]":
    from trainer.machine.card_processes import card_processes

    return card_processes()


def open_watcher(
    workspace: "Workspace",
    settings_file: Path | None = None,
    *,
    orders: bool,
    started_in: Path | None = None,
    reopens: Callable[[Path], Sequence[str]] | None = None,
) -> ExitCode:
    """Open the dashboard on the bakes of other processes: it starts no engine, and gives orders only if `orders` is true.

    `reopens` returns the arguments that open another workspace in its place; None watches that one too.
    """
    with start_without_garbage_collection() as started:
        code, switch_to = _run_watcher(workspace, settings_file, started, orders=orders, started_in=started_in)
    if switch_to is not None:
        watch = ["watch", str(switch_to), *(["--orders"] if orders else [])]
        become(watch if reopens is None else reopens(switch_to))
    return code


def _run_watcher(
    workspace: "Workspace",
    settings_file: Path | None,
    started: Callable[[], None],
    *,
    orders: bool,
    started_in: Path | None,
) -> "tuple[ExitCode, Path | None]":
    """Return how the screen ended, and the workspace that is to be opened in its place, None for none."""
    from lora_tui.app import LoraApp
    from lora_tui.dashboard_exit import QuitChoice
    from lora_tui.ports import NoEngine
    from lora_tui.terminal.capabilities import need_screen
    from lora_tui.terminal.redirect import log_path, output_redirected
    from lora_tui.user_config import read_user_config
    from trainer.machine.cards import NvmlCards
    from trainer.machine.sampler import MachineSampler

    need_screen()
    _detect_graphics()
    sampler = MachineSampler(NvmlCards(), workspace.root)
    rights = rights_for(workspace, orders=orders)
    app = LoraApp(
        workspace,
        NoEngine(),
        sampler,
        settings_file,
        rights=rights,
        started_in=started_in,
        config=read_user_config(),
        started=started,
    )
    signals = ScreenSignals(app)
    with output_redirected(log_path()) as terminal, signals:
        terminal.gone = app.run(mouse=app.config.mouse) is QuitChoice.TERMINAL_GONE
    sampler.stop()
    if signals.terminated:
        return ExitCode.TERMINATED, None
    code = ExitCode.BAKE_FAILED if app.return_code else ExitCode.DONE
    return code, None if terminal.gone else app.leaving.switch_to


def rights_for(workspace: "Workspace", *, orders: bool) -> "Rights":
    """Return the rights of a screen without an engine, with the way out where no screen has others."""
    from lora_tui.actions.order_sender import NO_WRITING
    from lora_tui.ports import Rights

    return Rights(bake=False, order=orders, instead=NO_WRITING if workspace.read_only else "")


def _detect_graphics() -> None:
    """Ask the terminal which graphics it supports; once the screen is up, its answers would be read as keys."""
    from lora_tui.terminal.graphics import detect_graphics

    if line := detect_graphics():
        click.echo(line, err=True)


def _record_last_look(workspace: "Workspace") -> None:
    """Record when the user last saw the screen; the next digest starts from there."""
    from trainer.errors import WorkspaceError
    from trainer.journal.journal import Journal

    with contextlib.suppress(WorkspaceError), Journal(workspace.journal_path) as journal:
        journal.digests.set_last_viewed(time.time())


class ScreenSignals:
    """Closes the screen properly on a signal, instead of letting it kill the process.

    SIGINT asks as the quit key does, SIGTERM exits, SIGHUP means that the terminal is gone.
    """

    def __init__(self, app: "LoraApp") -> None:
        self._app = app
        self.terminated = False

    def __enter__(self) -> None:
        """Install the handlers."""
        handlers = {signal.SIGINT: self._ask_to_quit, signal.SIGTERM: self._exit, signal.SIGHUP: self._lose_terminal}
        self._before = {number: signal.signal(number, handler) for number, handler in handlers.items()}

    def __exit__(self, *_: object) -> None:
        """Put the former handlers back; a hang-up still must not kill the process before another handler is installed."""
        for number, handler in self._before.items():
            signal.signal(number, (lambda *_: None) if number == signal.SIGHUP else handler)

    def _ask_to_quit(self, number: int, frame: FrameType | None) -> None:
        self._app.from_signal(self._app.action_quit)

    def _exit(self, number: int, frame: FrameType | None) -> None:
        self.terminated = True
        self._app.from_signal(self._app.exit)

    def _lose_terminal(self, number: int, frame: FrameType | None) -> None:
        self._app.lose_terminal()


def _stopped(engine: "Engine") -> ExitCode:
    """Let the running bake stop and save; the queued ones stay queued."""
    from lora_tui.headless.follow import follow
    from trainer.journal.journal import Journal

    engine.close(wait=0.2)
    with Journal(engine.workspace.journal_path) as journal:
        live = next((bake for bake in _ours(journal.bakes.latest(), engine) if bake.state.live), None)
        if live is None:
            return ExitCode.DONE
        journal.orders.give(live.number, Order.STOP)
    return follow(engine, live.number, intro=f"stopping and saving {job_label(live)}")


def _continue(engine: "Engine", *, stop: bool, gone: bool) -> ExitCode:
    from lora_tui.headless.follow import follow, follow_all, log_terminal_gone
    from trainer.journal.journal import Journal

    with Journal(engine.workspace.journal_path) as journal:
        ours = _ours(journal.bakes.latest(), engine)
        if not ours:
            return ExitCode.DONE
        first = ours[0]
        if gone:
            log_terminal_gone(journal, first.number)
    if stop:
        if first.state is BakeState.QUEUED:
            return ExitCode.DONE
        # The order is in the journal already; the bakes behind it stay queued.
        engine.close(wait=0)
        return follow(engine, first.number, intro=f"stopping and saving {job_label(first)}")
    return follow_all(engine, intro="" if gone else f"{job_label(first)} continues in this terminal")


def _ours(bakes: list[Bake], engine: "Engine") -> list[Bake]:
    """Return the bakes of this process: the running one first, then the queued ones in order. Held ones wait for somebody."""
    ours = [bake for bake in bakes if bake.engine == engine.key]
    waiting = sorted(
        (bake for bake in ours if bake.state is BakeState.QUEUED and not bake.held), key=lambda bake: bake.place
    )
    return [bake for bake in ours if bake.state.live] + waiting


def _end(engine: "Engine", *codes: ExitCode) -> ExitCode:
    engine.close(wait=0.2 if codes == (ExitCode.DONE,) else 10)
    return max(codes)
