"""The Journal screen in an app of its own, a few bakes to list, and what a test reads off it."""

from collections.abc import Callable

from ended_bakes import made_bake
from screen_alone import ScreenAlone

from lora_tui.app import LoraApp
from lora_tui.screens.journal import JournalScreen
from trainer.journal.journal import Journal
from trainer.workspace import Workspace

WIDE, NARROW = (120, 36), (80, 24)


class JournalAlone:
    """The journal in an app of its own: a tenth of what the whole dashboard costs."""

    def __init__(self, workspace: Workspace, engine, journal: Callable[[], Journal]) -> None:
        self.workspace, self.engine, self.journal = workspace, engine, journal
        self.screen = JournalScreen(workspace, engine)
        self.app = ScreenAlone(self.screen)

    def run(self, size: tuple[int, int]):
        return self.app.run_test(size=size)


async def opened(runner, pilot, until) -> JournalScreen:
    """Open the journal, and come back once it lists what there is and knows the settings."""
    if isinstance(runner.app, LoraApp):
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        await pilot.press("j")
    await until(pilot, lambda: isinstance(runner.app.screen, JournalScreen))
    screen = runner.app.screen
    await until(pilot, lambda: screen.listing is not None and not any(each.fault for each in screen.listing.entries))
    return screen


def three(runner) -> None:
    """Three bakes: the second has another rate than the first, the third another seed than the second."""
    made_bake(runner.workspace, {}, losses=[0.2] * 120, epochs=3)
    made_bake(runner.workspace, {"unet_lr": 6e-3}, parent=1, losses=[0.3] * 120, epochs=3)
    made_bake(runner.workspace, {"unet_lr": 6e-3, "seed": 7}, parent=2, losses=[0.4] * 40, epochs=1)


def listed(screen: JournalScreen) -> list[int]:
    return [entry.number for entry in screen.bake_list.entries]


def messages(app) -> str:
    return " ".join(note.message for note in app._notifications)
