"""The screens and dialogs that keys open: what must be there before, and where the key is pressed."""

import shutil
from collections.abc import Awaitable, Callable
from typing import Any

from advised_bakes import an_aim
from bursts import ENTER
from ladder_in_journal import made_ladder
from made_grid import made_grid
from PIL import Image
from textual import events
from textual.command import CommandPalette
from textual.screen import Screen

from lora_tui.actions.advice import AdviceRequest
from lora_tui.keys.keymap import BY_ID
from lora_tui.screens.advice import AdviceScreen
from lora_tui.screens.aim import AimDialog
from lora_tui.screens.bake_diff import BakeDiffDialog
from lora_tui.screens.bake_epochs import EpochActionsDialog
from lora_tui.screens.bake_note import BakeNoteDialog
from lora_tui.screens.bake_notes import BestEpochDialog, NotesDialog, TagsDialog
from lora_tui.screens.checklist import ChecklistDialog
from lora_tui.screens.checks import AcceptDialog, ChecksDialog
from lora_tui.screens.choose_curves import ChooseCurvesDialog
from lora_tui.screens.choose_knob import KnobDialog
from lora_tui.screens.compare import CompareScreen
from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.screens.crop import CropScreen
from lora_tui.screens.curves import CurvesScreen
from lora_tui.screens.dataset import DatasetScreen
from lora_tui.screens.dataset_findings import DataFindingsDialog
from lora_tui.screens.dataset_operation import OperationDialog
from lora_tui.screens.dataset_pairs import PairsScreen
from lora_tui.screens.dataset_preview import EditPreviewDialog
from lora_tui.screens.dataset_steps import CaptionStepsDialog
from lora_tui.screens.doneness import DonenessScreen, RulesDialog
from lora_tui.screens.fit import FitDialog
from lora_tui.screens.foreign_paths import ForeignPathsDialog
from lora_tui.screens.fork import ForkDialog
from lora_tui.screens.frontier import FrontierDialog
from lora_tui.screens.full_picture import FullPictureScreen
from lora_tui.screens.grid import GridScreen
from lora_tui.screens.grids import GridsDialog
from lora_tui.screens.help import HelpScreen
from lora_tui.screens.hold_out import HoldOutDialog
from lora_tui.screens.import_report import ImportReportScreen
from lora_tui.screens.import_source import ImportDialog
from lora_tui.screens.journal import JournalScreen
from lora_tui.screens.judgement import JudgementDialog
from lora_tui.screens.ladder import LadderScreen
from lora_tui.screens.ladder_offer import LadderOfferDialog
from lora_tui.screens.ladders import LaddersScreen
from lora_tui.screens.live_settings import LiveSettingsDialog
from lora_tui.screens.measures import MeasuresScreen
from lora_tui.screens.new_ladder import ExtendDialog
from lora_tui.screens.new_subject import NewSubjectDialog
from lora_tui.screens.open_settings import OpenDialog
from lora_tui.screens.parity import ParityScreen
from lora_tui.screens.parity_columns import ColumnsDialog
from lora_tui.screens.pick import PickDialog
from lora_tui.screens.plan import PlanDialog
from lora_tui.screens.queue import QueueDialog
from lora_tui.screens.samples import LargeSampleScreen, SamplesScreen
from lora_tui.screens.save_import import SaveImportDialog
from lora_tui.screens.settings_changes import ChangesDialog
from lora_tui.screens.tagger import TaggerDialog
from lora_tui.screens.twin import TwinDialog
from lora_tui.screens.use_epoch import PublishDialog
from lora_tui.screens.workspaces import WorkspacesDialog
from lora_tui.widgets.curves_pane import CurvesPane
from lora_tui.widgets.field_list import FieldList
from lora_tui.widgets.settings_form import SettingsForm
from lora_tui.widgets.sheet_view import SheetView
from trainer.grid.spec import spec_json
from trainer.grid.styles import Style, save_styles
from trainer.journal.grid_records import GridState
from trainer.journal.records import BakeState, Checkpoint
from trainer.journal.sample_files import sample_name
from trainer.settings.subject import load_subject, save_subject

Bring = Callable[[Any, Any, Any], Awaitable[None]]
"""Brings the app of a runner to where a key opens what it opens."""


async def on_the_form(runner, pilot, until) -> None:
    """Settings and plan are up, the cursor is on a rate."""
    await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
    form = runner.app.bake_screen.query_one(SettingsForm)
    form.focus_list()
    form.go_to("unet_lr")
    await until(pilot, lambda: isinstance(runner.app.focused, FieldList))


async def on_a_bake(runner, pilot, until) -> None:
    """A bake runs, and its numbers are up."""
    await on_the_form(runner, pilot, until)
    await until(pilot, lambda: runner.app.bake_screen.bake is not None and runner.app.bake_screen.snapshot.last)


async def on_the_epochs(runner, pilot, until) -> None:
    """The list of epochs has the focus."""
    await on_a_bake(runner, pilot, until)
    await until(pilot, lambda: runner.app.bake_screen.snapshot.checkpoints)
    await pilot.press("3")


async def in_the_samples(runner, pilot, until) -> None:
    """The samples of a bake are up."""
    await on_a_bake(runner, pilot, until)
    await pilot.press("V")
    await until(pilot, lambda: isinstance(runner.app.screen, SamplesScreen) and runner.app.screen.samples)


async def with_an_unsaved_edit(runner, pilot, until) -> None:
    """Settings and plan are up, and an edit of them is not saved."""
    await on_the_form(runner, pilot, until)
    runner.app.bake_screen.editor.typed("network_dim", "16")
    await until(pilot, lambda: runner.app.bake_screen.editor.draft.unsaved)


async def in_live_changes(runner, pilot, until) -> None:
    """The settings that may change while the bake runs are listed."""
    await on_a_bake(runner, pilot, until)
    await pilot.press("L")
    await until(pilot, lambda: isinstance(runner.app.screen, LiveSettingsDialog))


async def on_a_picture(runner, pilot, until) -> None:
    """The newest grid is up, the cursor is on its second picture, the first is marked."""
    await on_the_form(runner, pilot, until)
    await pilot.press("g")
    await until(pilot, lambda: isinstance(runner.app.screen, GridScreen) and runner.app.screen.viewer.cell is not None)
    screen = runner.app.screen
    screen.planner.quiet = 0.01
    await until(pilot, lambda: screen.editor.ready is not None and screen.selection.checklist)
    screen.query_one(SheetView).focus()
    await until(pilot, lambda: isinstance(runner.app.focused, SheetView))
    await pilot.press("m", "right")
    await until(pilot, lambda: screen.selection.marked_cell not in (None, screen.viewer.cell))


async def in_the_queue(runner, pilot, until) -> None:
    """The queue is up, and a bake in it is marked."""
    await on_the_form(runner, pilot, until)
    await pilot.press("Q")
    await until(pilot, lambda: isinstance(runner.app.screen, QueueDialog) and runner.app.screen._marked is not None)


async def in_the_checks(runner, pilot, until) -> None:
    """What the checks found is up, and a finding that can be accepted is marked."""
    await on_the_form(runner, pilot, until)
    await pilot.press("c")
    await until(pilot, lambda: isinstance(runner.app.screen, ChecksDialog) and runner.app.screen._marked is not None)


async def in_a_report(runner, pilot, until) -> None:
    """The report of an import is up, which names a folder of another computer."""
    await on_the_form(runner, pilot, until)
    await pilot.press("i")
    await until(pilot, lambda: isinstance(runner.app.screen, ImportDialog))
    runner.app.post_message(events.Paste("network_dim = 24\ntrain_data_dir = 'D:\\lora\\set'\n"))
    await until(pilot, lambda: isinstance(runner.app.screen, ForeignPathsDialog))
    await pilot.press("escape")
    await until(pilot, lambda: isinstance(runner.app.screen, ImportReportScreen))


async def in_the_lanes(runner, pilot, until) -> None:
    """The lanes of the bake shown are up."""
    await on_a_bake(runner, pilot, until)
    await pilot.press("w")
    await until(
        pilot, lambda: isinstance(runner.app.screen, DonenessScreen) and runner.app.screen._doneness is not None
    )


async def in_the_data(runner, pilot, until) -> None:
    """The data set is up, the folders have been looked at, and the cursor is on a picture."""
    await on_the_form(runner, pilot, until)
    await pilot.press("d")
    await until(pilot, lambda: isinstance(runner.app.screen, DatasetScreen) and runner.app.screen.picture is not None)
    screen = runner.app.screen
    await until(pilot, lambda: not screen.is_looking and screen.reader.idle)
    await until(pilot, lambda: screen.panes.tags.names and screen.panes.caption.tags)


async def in_a_caption(runner, pilot, until) -> None:
    """The cursor is on a tag of a caption."""
    await in_the_data(runner, pilot, until)
    await pilot.press("2")


async def in_the_tags(runner, pilot, until) -> None:
    """The cursor is on the second tag of the table."""
    await in_the_data(runner, pilot, until)
    await pilot.press("3", "down")


async def in_the_moves(runner, pilot, until) -> None:
    """The advice on the bake shown is up, a symptom is ticked, and the cursor is on a move that a ladder tests."""
    await on_a_bake(runner, pilot, until)
    await pilot.press("A")
    await until(pilot, lambda: isinstance(runner.app.screen, AdviceScreen) and runner.app.screen.advice is not None)
    screen = runner.app.screen
    await pilot.press("space")
    await until(pilot, lambda: screen.advice.moves)
    await pilot.press("tab", "end")
    await until(pilot, lambda: screen.advice.move(screen.moves.key) is not None)


async def on_the_curves(runner, pilot, until) -> None:
    """A bake runs, and its curves have the focus."""
    await on_a_bake(runner, pilot, until)
    await pilot.press("2")
    await until(pilot, lambda: isinstance(runner.app.focused, CurvesPane))


async def in_the_curves(runner, pilot, until) -> None:
    """The curves of a bake are on the full screen."""
    await on_a_bake(runner, pilot, until)
    await pilot.press("z")
    await until(pilot, lambda: isinstance(runner.app.screen, CurvesScreen) and runner.app.screen.charts)


async def in_an_aim(runner, pilot, until) -> None:
    """Rates are up that would make the parts meet, with a ladder around them."""
    await on_a_bake(runner, pilot, until)
    aim = an_aim(runner.app.bake_screen.bake.number)

    class Request(AdviceRequest):
        def aim(self):
            return aim

    request = Request(runner.workspace, aim.bake, runner.engine.key)
    runner.app.push_screen(AimDialog("Aim", request))
    await until(pilot, lambda: isinstance(runner.app.screen, AimDialog) and runner.app.screen._aim is not None)


async def in_the_table(runner, pilot, until) -> None:
    """The table of trainers is up, and the cursor is on another one."""
    await on_the_form(runner, pilot, until)
    await pilot.press("C")
    await until(pilot, lambda: isinstance(runner.app.screen, ParityScreen) and runner.app.screen._table is not None)
    await pilot.press("right")


async def in_the_journal(runner, pilot, until) -> None:
    """The journal is up, and the cursor is on a bake that was made from another."""
    await on_the_form(runner, pilot, until)
    await pilot.press("J")
    await until(pilot, lambda: isinstance(runner.app.screen, JournalScreen) and runner.app.screen.entry is not None)
    screen = runner.app.screen
    await until(pilot, lambda: screen.entry.compared_with == 1 and not screen.entry.fault)


async def in_the_ladders(runner, pilot, until) -> None:
    """The ladders are up, and the cursor is on one."""
    await on_the_form(runner, pilot, until)
    await pilot.press("l")
    await until(pilot, lambda: isinstance(runner.app.screen, LaddersScreen) and runner.app.screen.lines)


async def in_a_ladder(runner, pilot, until) -> None:
    """A ladder is up with its answer, and the cursor is on a bake of it."""
    await in_the_ladders(runner, pilot, until)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(runner.app.screen, LadderScreen) and runner.app.screen.curve is not None)
    await until(pilot, lambda: runner.app.screen.entry is not None)


def laddered(runner) -> None:
    """Nothing runs; a ladder has a bake that is done and one that waits in each of two rungs."""
    waits = {(0, 1): BakeState.QUEUED, (1, 1): BakeState.QUEUED}
    made_ladder(runner.workspace, rungs=("1", "3"), states=waits, held=True, engine=runner.engine.key)


def baked(runner) -> None:
    """Two bakes are done, the second was made from the first; their LoRAs are there."""
    for parent in (None, 1):
        number = runner.baking() if parent is None else runner.add_bake(parent=parent)
        with runner.journal() as journal:
            for epoch in (1, 2) if parent is not None else ():
                file = f"hifumi-{epoch:06d}.safetensors"
                journal.results.add_checkpoint(
                    number, Checkpoint(epoch, 40 * epoch, file, 9, 0.1, None, None, None, 1.0)
                )
            journal.bakes.set_state(number, BakeState.STOPPED)
            folder = runner.workspace.root / journal.bakes.read(number).folder
            folder.mkdir(parents=True)
            for saved in journal.results.checkpoints(number):
                (folder / saved.file).write_bytes(b"a LoRA")


def idle(runner) -> None:
    """Nothing runs."""


def with_a_copy(runner) -> None:
    """Nothing runs; one of the pictures is there twice."""
    first = min((runner.workspace.root / "data").rglob("*.png"))
    shutil.copy(first, first.with_stem("again"))
    shutil.copy(first.with_suffix(".txt"), first.with_name("again.txt"))


def holding_nothing_out(runner) -> None:
    """Nothing runs, and no validation pictures are named."""
    path = runner.workspace.subjects / "hifumi.toml"
    save_subject(load_subject(path).model_copy(update={"validation_data_dir": ""}), path)


def baking(runner) -> None:
    """One bake runs, another is queued."""
    runner.baking()
    runner.add_bake()


def sampled(runner) -> None:
    """One bake runs, and has made samples."""
    baking(runner)
    folder = runner.workspace.root / "bakes/0001-hifumi/samples"
    folder.mkdir(parents=True)
    for step in (40, 80):
        Image.new("RGB", (16, 16)).save(folder / sample_name(step, "01-school"))


def picturing(runner) -> None:
    """One bake runs, and a grid of it is being made, with a checklist and a style to choose."""
    bake = runner.baking()
    save_styles(runner.workspace, (Style(name="notes", steps=28),))
    with runner.journal() as journal:
        grid = journal.grids.add(name="look", spec="{}", bake=bake)
        made = made_grid(runner.workspace.root / grid.folder, missing=2)
        journal.grids.set_spec(grid.number, spec_json(made.spec), len(made.cells))
        journal.grids.set_state(grid.number, GridState.MAKING)


def everything(runner) -> None:
    """One bake runs and has made samples, a grid of it is being made, another bake was made from it, and there is a ladder."""
    picturing(runner)
    folder = runner.workspace.root / "bakes/0001-hifumi/samples"
    folder.mkdir(parents=True)
    for step in (40, 80):
        for place, name in enumerate(("01-school", "02-beach")):
            Image.new("RGB", (16, 16), (step, 90 * place, 140)).save(folder / sample_name(step, name))
    laddered(runner)
    runner.add_bake(parent=1)


Opened = type[Screen[Any]] | None
"""The class of what a key opens; None for a line of the screen itself."""

OPENERS: dict[str, tuple[Callable[[Any], None], Bring, Opened]] = {
    "bake.start": (idle, on_the_form, BakeNoteDialog),
    "bake.stop": (baking, on_a_bake, ConfirmDialog),
    "bake.live": (baking, on_a_bake, LiveSettingsDialog),
    "bake.stop-part": (baking, on_a_bake, ConfirmDialog),
    "bake.fork": (baking, on_a_bake, ForkDialog),
    "bake.twin": (baking, on_a_bake, TwinDialog),
    "grid.screen": (picturing, on_a_bake, GridScreen),
    "plan.open": (idle, on_the_form, PlanDialog),
    "plan.fit": (idle, on_the_form, FitDialog),
    "data.hold-out": (holding_nothing_out, on_the_form, HoldOutDialog),
    "dataset.open": (idle, on_the_form, DatasetScreen),
    "dataset.filter": (idle, in_the_data, None),
    "dataset.operation": (idle, in_the_data, PickDialog),
    "dataset.steps": (idle, in_the_data, CaptionStepsDialog),
    "dataset.findings": (idle, in_the_data, DataFindingsDialog),
    "dataset.pairs": (with_a_copy, in_the_data, PairsScreen),
    "dataset.repeats": (idle, in_the_data, PickDialog),
    "dataset.tagger": (idle, in_the_data, TaggerDialog),
    "pictures.sort": (idle, in_the_data, PickDialog),
    "caption.rename": (idle, in_a_caption, None),
    "caption.add": (idle, in_a_caption, None),
    "tags.rename": (idle, in_the_tags, OperationDialog),
    "tags.remove": (idle, in_the_tags, EditPreviewDialog),
    "tags.front": (idle, in_the_tags, EditPreviewDialog),
    "tags.add": (idle, in_the_tags, OperationDialog),
    "checks.open": (idle, on_the_form, ChecksDialog),
    "checks.accept": (idle, in_the_checks, AcceptDialog),
    "queue.open": (baking, on_a_bake, QueueDialog),
    "curves.open": (baking, on_a_bake, CurvesScreen),
    "curves.enlarge": (baking, on_the_curves, CurvesScreen),
    "curves.choose": (baking, in_the_curves, ChooseCurvesDialog),
    "journal.open": (baking, on_a_bake, JournalScreen),
    "journal.filter": (baked, in_the_journal, None),
    "journal.sort": (baked, in_the_journal, PickDialog),
    "journal.frontier": (baked, in_the_journal, FrontierDialog),
    "journal.metric": (baked, in_the_journal, PickDialog),
    "journal.diff": (baked, in_the_journal, BakeDiffDialog),
    "journal.notes": (baked, in_the_journal, NotesDialog),
    "journal.tags": (baked, in_the_journal, TagsDialog),
    "journal.best": (baked, in_the_journal, BestEpochDialog),
    "journal.fork": (baked, in_the_journal, ForkDialog),
    "journal.prune": (baked, in_the_journal, ConfirmDialog),
    "journal.delete": (baked, in_the_journal, ConfirmDialog),
    "ladders.open": (laddered, on_the_form, LaddersScreen),
    "ladders.show": (laddered, in_the_ladders, LadderScreen),
    "ladders.new": (laddered, in_the_ladders, KnobDialog),
    "ladder.measure": (laddered, in_a_ladder, PickDialog),
    "ladder.grid": (laddered, in_a_ladder, GridScreen),
    "ladder.extend": (laddered, in_a_ladder, ExtendDialog),
    "ladder.cut": (laddered, in_a_ladder, ConfirmDialog),
    "ladder.doneness": (laddered, in_a_ladder, DonenessScreen),
    "ladder.measures": (laddered, in_a_ladder, MeasuresScreen),
    "form.find": (baking, on_a_bake, None),
    "settings.edit-text": (idle, with_an_unsaved_edit, ConfirmDialog),
    "workspace.switch": (idle, on_the_form, WorkspacesDialog),
    "live.find": (baking, in_live_changes, None),
    "subject.new": (idle, on_the_form, NewSubjectDialog),
    "settings.open": (idle, on_the_form, OpenDialog),
    "settings.import": (idle, on_the_form, ImportDialog),
    "settings.export": (idle, on_the_form, PickDialog),
    "bake.again": (baking, on_a_bake, ImportDialog),
    "advice.open": (baking, on_a_bake, AdviceScreen),
    "advice.ladder": (baking, in_the_moves, LadderOfferDialog),
    "aim.ladder": (baking, in_an_aim, LadderOfferDialog),
    "doneness.aim": (baking, in_the_lanes, AimDialog),
    "doneness.open": (baking, on_a_bake, DonenessScreen),
    "doneness.rules": (baking, in_the_lanes, RulesDialog),
    "measures.open": (baking, on_a_bake, MeasuresScreen),
    "bench.open": (baking, on_a_bake, PickDialog),
    "epochs.choose": (baking, on_the_epochs, EpochActionsDialog),
    "samples.open": (baking, on_a_bake, SamplesScreen),
    "samples.large": (sampled, in_the_samples, LargeSampleScreen),
    "parity.open": (idle, on_the_form, ParityScreen),
    "parity.take": (idle, in_the_table, ChangesDialog),
    "parity.columns": (idle, in_the_table, ColumnsDialog),
    "report.save": (idle, in_a_report, SaveImportDialog),
    "report.paths": (idle, in_a_report, ForeignPathsDialog),
    "report.find": (idle, in_a_report, None),
    "grid.make": (picturing, on_a_picture, ConfirmDialog),
    "grid.end": (picturing, on_a_picture, ConfirmDialog),
    "grid.preset": (picturing, on_a_picture, PickDialog),
    "grid.style": (picturing, on_a_picture, PickDialog),
    "grid.judgement": (picturing, on_a_picture, JudgementDialog),
    "grid.use": (picturing, on_a_picture, PublishDialog),
    "grid.open": (picturing, on_a_picture, GridsDialog),
    "grid.checklist": (picturing, on_a_picture, ChecklistDialog),
    "grid.large": (picturing, on_a_picture, FullPictureScreen),
    "grid.compare": (picturing, on_a_picture, CompareScreen),
    "grid.crop": (picturing, on_a_picture, CropScreen),
    "queue.change": (baking, in_the_queue, LiveSettingsDialog),
    "queue.remove": (baking, in_the_queue, ConfirmDialog),
    "form.edit": (baking, on_a_bake, None),
    "app.help": (baking, on_a_bake, HelpScreen),
    "app.palette": (baking, on_a_bake, CommandPalette),
    "app.quit": (baking, on_a_bake, ConfirmDialog),
}

_CHARACTERS = {
    "slash": "/",
    "plus": "+",
    "number_sign": "#",
    "question_mark": "?",
    "enter": ENTER,
    "ctrl+p": "\x10",
    "ctrl+q": "\x11",
}


def character_of(name: str) -> str:
    """Return what is typed for the first of an action's keys that is a character."""
    characters = (_CHARACTERS.get(key, key) for key in BY_ID[name].keys.split(","))
    return next(character for character in characters if len(character) == 1)
