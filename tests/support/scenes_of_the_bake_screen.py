"""Scenes of the Bake screen, and of what opens over it: help and palette."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import still_data
from stage import NOW, Scene, ScreenStage, reading
from textual.command import CommandPalette

from lora_tui.forms.draft import SettingsDraft
from lora_tui.screens.bake import BakeScreen
from lora_tui.screens.help import HelpScreen
from lora_tui.snapshot import Snapshot
from lora_tui.workers.feed import SnapshotReady
from lora_tui.workers.memory_planner import MemoryPredicted
from lora_tui.workers.planner import Planned
from trainer.demo.workspace import demo_settings
from trainer.journal.records import BakeState, LogLine
from trainer.journal.records import Stage as BakeStage


def nothing() -> Snapshot:
    """Return what is shown before anything was baked."""
    return Snapshot(machine=reading(), libraries="ready")


def baking() -> Snapshot:
    """Return a bake in its third epoch."""
    return still_data.baking(reading())


def done() -> Snapshot:
    """Return that bake as it ended, with what its epochs were found to be."""
    snapshot = baking()
    assert snapshot.bake is not None
    bake = replace(snapshot.bake, state=BakeState.DONE, stage=BakeStage.SAVE, stage_done=240, ended=NOW - 60)
    return replace(snapshot, bake=bake)


def failed() -> Snapshot:
    """Return that bake as it failed."""
    snapshot = baking()
    assert snapshot.bake is not None
    error = "out of memory: 6.1 GiB asked, 5.2 free; f finds settings that fit"
    log = tuple(LogLine(10 + at, 42, NOW - 160 + at, "info", f"validated after step {at}") for at in range(10, 110, 5))
    bake = replace(snapshot.bake, state=BakeState.FAILED, error=error, ended=NOW - 60)
    return replace(snapshot, bake=bake, log=snapshot.log + log)


def on_bake(
    snapshot: Callable[[], Snapshot], *keys: str, tab: str = "settings", peak: float = 5.06, opened: bool = True
) -> Callable[[ScreenStage], Awaitable[None]]:
    """Return what puts settings, a plan and a snapshot on the Bake screen, brings a tab into view and presses keys."""

    async def open_scene(stage: ScreenStage) -> None:
        screen = stage.app.bake_screen
        # Out of a line that the scene before left open.
        await stage.press("escape")
        screen.form._close_find("")
        if opened:
            draft = SettingsDraft(still_data.HOME / "hifumi.toml", demo_settings(), demo_settings())
            screen.editor.load(draft)
            screen.post_message(Planned(screen.editor._question, still_data.plan_view(), None))
        else:
            screen.editor.show_nothing("")
        screen.panes.note_settings(opened=opened)
        screen.post_message(SnapshotReady(snapshot()))
        screen.post_message(MemoryPredicted(screen.editor._memory_question, still_data.prediction(peak)))
        await stage.until(lambda: True)
        screen.form.focus_list()
        if opened:
            # From the top: how far a list is scrolled depends on where it was.
            screen.form._fields.scroll_to(y=0, animate=False, immediate=True)
            screen.form.go_to("unet_lr")
        screen.panes.show_tab(tab)
        await stage.pilot.pause()
        if keys:
            await stage.press(*keys)

    return open_scene


SCENES: tuple[Scene, ...] = (
    Scene("bake-nothing", "no settings are open", BakeScreen, on_bake(nothing, opened=False)),
    Scene("bake-draft", "settings with their plan, before anything was baked", BakeScreen, on_bake(nothing)),
    Scene("bake-too-much", "settings that do not fit into the GPU", BakeScreen, on_bake(nothing, peak=8.2)),
    Scene("bake-wrong", "a value that cannot be", BakeScreen, on_bake(nothing, "enter", "ctrl+u", *"-1", "enter")),
    Scene("bake-find", "a setting is looked for", BakeScreen, on_bake(nothing, "slash", *"vram")),
    Scene("bake-baking", "a bake in its third epoch, curves in front", BakeScreen, on_bake(baking, tab="curves")),
    Scene("bake-epochs", "a bake that is done, epochs in front", BakeScreen, on_bake(done, tab="epochs")),
    Scene("bake-log", "a bake that failed, log in front", BakeScreen, on_bake(failed, tab="log")),
    Scene("help", "the keys of the Bake screen", HelpScreen, on_bake(nothing, "question_mark")),
    Scene("palette", "everything that can be done, by name", CommandPalette, on_bake(baking, "ctrl+p", *"ladder"),
          lambda screen: screen.query_one("CommandList").option_count and not screen.query_one("CommandList").disabled),
)  # fmt: skip
"""On the Bake screen."""
