"""The replay of a past bake: the Bake screen over a journal of its own that grows as the bake did, read-only."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.binding import BindingType

from lora_tui.app import LoraApp
from lora_tui.dashboard import ScreenSignals
from lora_tui.dashboard_exit import QuitChoice
from lora_tui.keys.keymap import bindings
from lora_tui.ports import NoEngine, Rights
from lora_tui.terminal.capabilities import need_screen
from lora_tui.terminal.redirect import log_path, output_redirected
from lora_tui.workers.replay_player import ReplayBroke, ReplayClock, ReplayPlayer
from trainer.errors import ExitCode, SettingsError
from trainer.journal.bake_settings import settings_of
from trainer.journal.journal import Journal
from trainer.journal.replay import REPLAY_ENGINE
from trainer.settings.toml_file import save_settings
from trainer.workspace import JOURNAL_NAME, Workspace

if TYPE_CHECKING:
    from textual.driver import Driver

INSTEAD = "this is a replay: nothing can be changed in it"
"""What the keys that would change something say."""


class ReplayEngine(NoEngine):
    """The engine of a replay: it is named by the bake, and runs nothing."""

    key = REPLAY_ENGINE


class ReplaySampler:
    """The readings of then, as the screen asks a sampler for those of now.

    Args:
        player: keeps them.
    """

    def __init__(self, player: ReplayPlayer) -> None:
        self._player = player
        self.latest = player.latest
        self.peak_memory_ours = player.peak_memory_ours
        self.reset_peak = player.reset_peak

    def start(self) -> None:
        """Start nothing: the player runs already."""


class ReplayApp(LoraApp):
    """The dashboard over the journal of a replay.

    Args:
        workspace: the folder of that journal.
        player: writes it.
        clock: the moment shown.
        settings: the bake's settings as a file, None where they cannot be read.
        driver_class: as of the dashboard.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("replay")

    def __init__(
        self,
        workspace: Workspace,
        player: ReplayPlayer,
        clock: ReplayClock,
        settings: Path | None = None,
        driver_class: "type[Driver] | None" = None,
    ) -> None:
        super().__init__(
            workspace,
            ReplayEngine(),
            ReplaySampler(player),
            settings,
            clock=clock.now,
            rights=Rights(bake=False, order=False, instead=INSTEAD),
            driver_class=driver_class,
        )
        self._player, self._clock = player, clock
        player.tell = lambda line: self.post_message(ReplayBroke(line))

    def on_ready(self, event: events.Ready) -> None:
        """Say which keys a replay has; Textual calls the dashboard's own as well."""
        self.notify(
            f"replay at ×{self._clock.speed:g}: space pauses, ] and [ go from epoch to epoch, > and < change the speed",
            timeout=8,
            markup=False,
        )

    @on(ReplayBroke)
    def _show_trouble(self, event: ReplayBroke) -> None:
        self.notify(f"the replay does not go on: {event.line}", severity="error", timeout=12)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the keys of the replay to what is typed into, and to the other screens."""
        if action in ("toggle_replay", "jump_replay", "speed_replay"):
            return self.screen is self.bake_screen and not _is_typed_into(self.focused)
        return super().check_action(action, parameters)

    async def action_quit(self) -> None:
        """Quit: nothing runs that could be stopped, and nothing was edited that could be kept."""
        self.exit(QuitChoice.QUIT)

    def action_toggle_replay(self) -> None:
        """Let the replay stand still, or run again."""
        self._clock.toggle()
        self._look(f"{'running' if self._clock.runs else 'paused'} at ×{self._clock.speed:g}")

    def action_jump_replay(self, by: int) -> None:
        """Go to the next saved LoRA, or the one before."""
        self._clock.jump(by)
        self._look("")

    def action_speed_replay(self, by: int) -> None:
        """Replay faster, or more slowly."""
        self._clock.change_speed(by)
        self._look(f"×{self._clock.speed:g}")

    def _look(self, said: str) -> None:
        self._player.look()
        self.bake_screen.feed.wake()
        if said:
            self.notify(f"replay {said}", timeout=2, markup=False)


def _is_typed_into(widget: object) -> bool:
    from textual.widgets import Input, TextArea

    return isinstance(widget, Input | TextArea)


def open_replay(workspace: Workspace, number: int, speed: float) -> ExitCode:
    """Replay a bake on the dashboard until the user leaves it; nothing in the workspace is written.

    Args:
        workspace: where the bake is.
        number: of the bake.
        speed: seconds of the bake in one of the viewer.

    Raises:
        TerminalError: the dashboard cannot be shown here.
        WorkspaceError: there is no such bake, or no steps of it are known.
    """
    need_screen()
    with tempfile.TemporaryDirectory(prefix="lora-tui-replay-", ignore_cleanup_errors=True) as made:
        # Its name is what the title says.
        root = Path(made) / f"replay of {workspace.root.name or 'workspace'}"
        root.mkdir()
        player = ReplayPlayer(workspace.journal_path, number, root / JOURNAL_NAME, speed)
        player.start()
        try:
            clock = player.wait_ready()
            app = ReplayApp(Workspace(root), player, clock, _settings_file(workspace, number, root))
            signals = ScreenSignals(app)
            with output_redirected(log_path()), signals:
                app.run()
        finally:
            player.stop()
            player.join(timeout=5.0)
    if signals.terminated:
        return ExitCode.TERMINATED
    return ExitCode.BAKE_FAILED if app.return_code else ExitCode.DONE


def _settings_file(workspace: Workspace, number: int, root: Path) -> Path | None:
    """Write the bake's settings beside the replay's journal, where the form finds them; their paths stay those of the workspace."""
    try:
        with Journal(workspace.journal_path) as journal:
            settings = settings_of(journal, journal.bakes.read(number))
    except SettingsError:
        return None
    path = root / "settings.toml"
    # What it took from its subject is filled in, and the subject's file is not here.
    save_settings(settings.model_copy(update={"subject": ""}), path)
    return path
