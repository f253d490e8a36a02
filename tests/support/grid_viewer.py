"""A workspace with one made grid, and a small app that shows it."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from made_grid import made_grid
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from lora_tui.colours.theme_files import roles
from lora_tui.pictures.grid_model import GridView
from lora_tui.screens.grid_viewer import GridViewer
from lora_tui.widgets.sheet_view import SheetView
from trainer.gallery.sidecar import MadeGrid
from trainer.journal.grid_records import CellNote, Grid, GridState
from trainer.journal.journal import Journal
from trainer.workspace import Workspace

CHECKLIST = ("twintails", "halo above the head", "blue sailor collar")


class Gallery:
    """A workspace whose grid 1 lies on the disk.

    Args:
        root: an empty folder.
        shape: values of x (epochs), y (weights), z (prompts) and the seeds.
        missing: how many of the last pictures are not made.
    """

    def __init__(self, root: Path, shape: tuple[int, int, int, int] = (3, 2, 1, 2), *, missing: int = 0) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.workspace = Workspace(root)
        self.workspace.subjects.mkdir()
        items = ", ".join(f'"{item}"' for item in CHECKLIST)
        (self.workspace.subjects / "hifumi.toml").write_text(f"checklist = [{items}]\n")
        with self.journal() as journal:
            grid = journal.grids.add(name="look", spec="{}")
            self.folder = root / grid.folder
            self.made: MadeGrid = made_grid(self.folder, shape, missing=missing)
            total = len(self.made.cells)
            journal.grids.set_spec(grid.number, "{}", total)
            journal.grids.set_state(grid.number, GridState.MAKING if missing else GridState.DONE)
            journal.grids.set_progress(
                grid.number,
                done=total - missing,
                sampled=total - missing,
                sampling_seconds=1.0,
                unet_passes=1,
                speed_class="",
            )

    def journal(self) -> Journal:
        """Open the journal."""
        return Journal(self.workspace.journal_path)

    def notes(self) -> dict[str, CellNote]:
        """Return what stands in the journal."""
        with self.journal() as journal:
            return {note.cell: note for note in journal.grids.cell_notes(1)}


class GalleryApp(App[None]):
    """Shows grid 1 of a gallery."""

    def __init__(self, gallery: Gallery, *, may_judge: bool = True) -> None:
        super().__init__()
        self.animation_level = "none"
        self.viewer = GridViewer(gallery.workspace, lambda: may_judge)
        self.viewer.watcher._interval = 0.05
        self.viewer.open_grid(1)

    def compose(self) -> ComposeResult:
        """Yield the viewer alone."""
        yield self.viewer

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return our roles."""
        return roles(self.current_theme)

    @property
    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(strip.text.rstrip() for strip in self.screen._compositor.render_strips())

    @property
    def sheet(self) -> SheetView:
        """The matrix."""
        return self.viewer.query_one(SheetView)

    @property
    def complete(self) -> bool:
        """Whether every picture in view has come."""
        wants = [self.sheet._want(at) for at in self.sheet._in_view()]
        return bool(wants) and all(want is None or self.viewer.pictures.find(want) is not None for want in wants)


def view_of(made: MadeGrid, number: int = 7) -> GridView:
    """Return a finished grid as the screen sees it, without a journal."""
    row = Grid(
        number=number,
        name="look",
        folder="grids/look",
        spec="{}",
        bake=None,
        state=GridState.DONE,
        created=0.0,
        started=0.0,
        ended=1.0,
        total=1,
        done=1,
    )
    return GridView(row, Path(row.folder), made, frozenset(cell.file for cell in made.cells), {}, CHECKLIST)


async def until(pilot: Pilot[Any], condition: Callable[[], object]) -> None:
    """Let the app run until `condition` holds; a test fails where it never does."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, f"never came true; screen:\n{pilot.app.text}"  # type: ignore[attr-defined]
        await asyncio.sleep(0.01)
    await pilot.pause()
