"""Scenes of pictures: grids with their dialogs, and the data set with its own."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from dataset_screen import CAPTIONS, OpenSettings, made_data, settings_of
from lora_on_disk import write_lora
from made_grid import made_grid
from PIL import Image
from scenes_of_settings import at_work, pushed
from stage import NOW, Scene, ScreenStage, StillEngine

from lora_tui.actions.tagging import TaggerAsked, TaggerRun, TaggerTyped
from lora_tui.screens.checklist import ChecklistDialog
from lora_tui.screens.compare import CompareScreen
from lora_tui.screens.crop import CropScreen
from lora_tui.screens.dataset import DatasetScreen
from lora_tui.screens.dataset_findings import DataFindingsDialog
from lora_tui.screens.dataset_operation import OperationDialog
from lora_tui.screens.dataset_orders import FolderRepeatsDialog, RepeatsDialog
from lora_tui.screens.dataset_pairs import PairsScreen
from lora_tui.screens.dataset_preview import EditPreviewDialog
from lora_tui.screens.dataset_steps import CaptionStepsDialog
from lora_tui.screens.full_picture import FullPictureScreen
from lora_tui.screens.grid import GridScreen
from lora_tui.screens.grids import GridsDialog
from lora_tui.screens.judgement import JudgementDialog
from lora_tui.screens.tagger import TaggerDialog, TaggerWorkingDialog
from lora_tui.snapshot import Snapshot
from lora_tui.widgets.sheet_view import SheetView
from trainer.captions.record import CaptionStep
from trainer.grid.spec import spec_json
from trainer.journal.grid_records import GridState
from trainer.journal.journal import Journal
from trainer.long_work import WorkProgress
from trainer.tagger.record import TagOptions

ENGINE = StillEngine()
LONG_CAPTION = "hifumi, school uniform, backpack, smile, looking at viewer, classroom, window, sunlight, sitting"
COLOURS = ((120, 60, 40), (60, 110, 60), (50, 70, 130), (130, 110, 50), (90, 40, 90), (40, 100, 110))
"""Of pictures that have one each: letters would be drawn otherwise by another version of a library."""


def make_grids(stage: ScreenStage) -> None:
    """Leave a grid that is done and one of which the last two pictures are missing."""
    workspace = stage.workspace
    with Journal(workspace.journal_path) as journal:
        if journal.grids.latest():
            return
        for epoch in (1, 2, 3):
            write_lora(workspace.root / f"grids/hifumi-{epoch:06d}.safetensors")
        for name, sheets, missing in (("first look", 1, 2), ("look", 2, 0)):
            grid = journal.grids.add(name=name, spec="{}")
            folder = workspace.root / grid.folder
            made = made_grid(folder, (3, 2, sheets, 2), missing=missing)
            for number, cell in enumerate(made.cells):
                if (folder / cell.file).exists():
                    Image.new("RGB", (64, 64), COLOURS[number % len(COLOURS)]).save(folder / cell.file)
            total = len(made.cells)
            journal.grids.set_spec(grid.number, spec_json(made.spec), total)
            journal.grids.set_state(grid.number, GridState.CUT if missing else GridState.DONE)
            journal.grids.set_progress(
                grid.number,
                done=total - missing,
                sampled=total - missing,
                sampling_seconds=1.0,
                unet_passes=1,
                speed_class="",
            )


async def grid(stage: ScreenStage, *keys: str) -> None:
    """Show the newest grid with the cursor on its pictures, then press keys."""
    make_grids(stage)
    screen = GridScreen(stage.workspace, ENGINE, Snapshot, subject="hifumi", clock=lambda: NOW)
    await stage.push(screen)
    screen.planner.quiet = 0.01
    await stage.until(
        lambda: screen.viewer.cell is not None and screen.editor.ready is not None and screen.selection.checklist
    )
    screen.query_one(SheetView).focus()
    await stage.until(lambda: isinstance(stage.app.focused, SheetView))
    for key in keys:
        await stage.press(key)
        await stage.until(lambda: True)


def in_grid(*keys: str) -> Callable[[ScreenStage], Awaitable[None]]:
    return lambda stage: grid(stage, *keys)


def is_planned(screen: GridScreen) -> bool:
    """Whether the builder knows what it would make."""
    return screen.viewer.cell is not None and screen.editor.ready is not None


async def data(stage: ScreenStage, *keys: str) -> None:
    """Show a data set of eight pictures in two folders, one of them there three times, then press keys."""
    root = stage.root / "data set"
    if not root.exists():
        make_data(root)
    opened = OpenSettings(root / "hifumi.toml", settings_of(root))
    screen = DatasetScreen(replace(stage.workspace, root=root), ENGINE, opened.doors)
    await stage.push(screen)
    await stage.until(lambda: is_looked_at(screen))
    for key in keys:
        await stage.press(key)
        await stage.until(lambda: not isinstance(stage.app.screen, DatasetScreen) or is_looked_at(screen))


def make_data(root: Path) -> None:
    """Make the folders; each picture has one colour, but for three that are the same."""
    made_data(root)
    (root / "data/2_school/a.txt").write_text(LONG_CAPTION)
    quarters = Image.new("RGB", (64, 64), COLOURS[0])
    for number, place in enumerate(((32, 0), (0, 32), (32, 32)), start=1):
        quarters.paste(COLOURS[number], (*place, place[0] + 32, place[1] + 32))
    for name in ("f", "g", "h"):
        quarters.save(root / f"data/3_dress/{name}.png")
        (root / f"data/3_dress/{name}.txt").write_text("hifumi, coat, snow")
    for (name, _), colour in zip(CAPTIONS.items(), COLOURS, strict=False):
        path = root / "data" / name
        Image.new("RGB", Image.open(path).size, colour).save(path)


def is_looked_at(screen: DatasetScreen) -> bool:
    """Whether the folders were looked at, and everything in view is known."""
    names = [screen.picture_list.known(each) for each in screen.picture_list.ids]
    return bool(
        not screen.is_looking
        and screen.reader.idle
        and screen.panes.tags.names
        and screen.picture is not None
        and None not in names
    )


def in_data(*keys: str) -> Callable[[ScreenStage], Awaitable[None]]:
    return lambda stage: data(stage, *keys)


BACKUP = Path("/home/me/lora/captions/backup.jsonl")
STEPS = (
    CaptionStep(1, NOW - 7200, "rename `school_uniform` to `school uniform`", 63, undone=False, unfinished=False, backup=BACKUP),
    CaptionStep(2, NOW - 3600, "remove `signature`", 12, undone=True, unfinished=False, backup=BACKUP),
    CaptionStep(3, NOW - 60, "add `hifumi` in front", 70, undone=False, unfinished=True, backup=BACKUP),
)  # fmt: skip


def turned(step: CaptionStep, complete: bool, then: Callable[[Sequence[CaptionStep]], object]) -> None:
    """Undo a step, do it again or complete it."""
    now = replace(step, undone=not complete and not step.undone, unfinished=False)
    then([now if each.number == step.number else each for each in STEPS])


def steps() -> CaptionStepsDialog:
    """Return three steps on captions, one of them undone, one interrupted."""
    return CaptionStepsDialog(STEPS, turned)


def repeats(dialog: type[RepeatsDialog]) -> RepeatsDialog:
    return dialog("Repeats of 2_school", "/home/me/lora/data/2_school: 2 now")


async def tagging(stage: ScreenStage) -> None:
    """Show a tagger at work, a minute and a quarter after it began."""
    asked = TaggerAsked(SimpleNamespace(name="wd-vit"), TagOptions(), "missing")  # type: ignore[arg-type]
    run = TaggerRun(None, asked, (1, 2, 3), "8 pictures, all there are")  # type: ignore[arg-type]
    run.job.progress = WorkProgress("looking at pictures:", 3, 8)
    await at_work(stage, TaggerWorkingDialog(run))


def checklist() -> ChecklistDialog:
    return ChecklistDialog(
        ("twintails", "halo above the head", "blue sailor collar"), {"twintails": True}, {"halo above the head": True}
    )


SCENES: tuple[Scene, ...] = (
    Scene("grid", "the first of two sheets of twelve pictures, and the builder", GridScreen, in_grid(), is_planned),
    Scene("grids", "two grids, one of them not complete", GridsDialog, in_grid("o")),
    Scene("picture", "one picture on the full screen", FullPictureScreen, in_grid("enter")),
    Scene("compare", "two pictures beside each other", CompareScreen, in_grid("m", "right", "w")),
    Scene("crop", "a region of a picture", CropScreen, in_grid("z")),
    Scene("crops", "the region in every epoch", CropScreen, in_grid("z", "enter")),
    Scene("checklist", "three things to look for", ChecklistDialog, pushed(checklist)),
    Scene("judgement", "what two verdicts say", JudgementDialog, in_grid("2", "right", "3", "J"), lambda screen: screen.query(".section")),
    Scene("dataset", "eight pictures in two folders", DatasetScreen, in_data(), is_looked_at),
    Scene("dataset-caption", "the caption of a picture", DatasetScreen, in_data("2"), is_looked_at),
    Scene("dataset-tags", "the table of tags", DatasetScreen, in_data("3"), is_looked_at),
    Scene("dataset-buckets", "the buckets", DatasetScreen, in_data("4"), is_looked_at),
    Scene("data-findings", "what stands out", DataFindingsDialog, in_data("f")),
    Scene("operation", "a tag renamed everywhere", OperationDialog, in_data("3", "down", "r")),
    Scene("preview", "what taking a tag out would change", EditPreviewDialog, in_data("3", "x")),
    Scene("pairs", "two pictures that are nearly the same", PairsScreen, in_data("D")),
    Scene("tagger", "a tagger, and what it is to write", TaggerDialog,
          pushed(lambda: TaggerDialog("8 pictures, all there are", TaggerTyped(), lambda typed: None))),
    Scene("tagger-working", "a tagger at work", TaggerWorkingDialog, tagging),
    Scene("repeats", "other repeats of a folder", RepeatsDialog, pushed(lambda: repeats(RepeatsDialog))),
    Scene("folder-repeats", "repeats that stand in the name of a folder", FolderRepeatsDialog, pushed(lambda: repeats(FolderRepeatsDialog))),
    Scene("steps", "three steps on captions", CaptionStepsDialog, pushed(steps)),
)  # fmt: skip
"""Over an empty screen."""
