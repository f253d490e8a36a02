"""Scenes of dialogs: settings, plans, checks, other trainers' settings, questions, work that goes on."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import still_data
from stage import Scene, ScreenStage
from textual.screen import Screen
from textual.widgets import OptionList

from lora_tui.actions.exports import ReadyExport
from lora_tui.actions.long_job import LongJob
from lora_tui.actions.parity import ChangedSetting, TakenOver
from lora_tui.actions.workspaces import KnownWorkspace
from lora_tui.screens import working
from lora_tui.screens.bake_note import BakeNoteDialog
from lora_tui.screens.checks import AcceptDialog, ChecksDialog
from lora_tui.screens.confirm import Answer, ConfirmDialog
from lora_tui.screens.export_report import ExportReportScreen
from lora_tui.screens.fit import FitDialog
from lora_tui.screens.foreign_paths import ForeignPathsDialog
from lora_tui.screens.hold_out import HoldOutDialog
from lora_tui.screens.import_report import ImportReportScreen
from lora_tui.screens.import_source import ImportDialog
from lora_tui.screens.live_settings import LiveSettingsDialog
from lora_tui.screens.new_subject import NewSubjectDialog
from lora_tui.screens.open_settings import OpenDialog
from lora_tui.screens.parity import ParityScreen, ParitySources
from lora_tui.screens.parity_columns import ColumnsDialog
from lora_tui.screens.pick import PickChoice, PickDialog
from lora_tui.screens.plan import PlanDialog
from lora_tui.screens.save_import import SaveImportDialog
from lora_tui.screens.setting_choices import choices_dialog
from lora_tui.screens.settings_changes import ChangesDialog
from lora_tui.screens.working import WorkingDialog
from lora_tui.screens.workspaces import FOLDER_WAYS, WorkspaceFolderDialog, WorkspacesDialog, offer_workspaces
from trainer.checks.record import CheckResult
from trainer.checks.registry import CHECK_BY_KEY
from trainer.demo.workspace import demo_settings
from trainer.finding import Finding
from trainer.interop.export.export import Exported
from trainer.interop.export.report import ExportReport, SettingReport
from trainer.long_work import WorkProgress

HOME = still_data.HOME
Open = Callable[[ScreenStage], Awaitable[object]]


def pushed(make: Callable[[], Screen[Any]], *keys: str) -> Open:
    """Return what puts a screen on top, then presses keys."""

    async def open_scene(stage: ScreenStage) -> None:
        await stage.push(make())
        await stage.pilot.pause()
        if keys:
            await stage.press(*keys)

    return open_scene


def _results() -> tuple[CheckResult, ...]:
    def found(key: str, place: str, text: str) -> CheckResult:
        return CheckResult(CHECK_BY_KEY[key], Finding(key, place, text))

    return (
        found("caption-missing", "data/10_hifumi_chan", "1 of 16 pictures in 10_hifumi_chan has no caption"),
        found("tag-once", "data", "3 tags stand in a single caption: halo, cardigan, night sky"),
        found("unused-setting", "learning_rate", "learning_rate has no effect: both parts have their own"),
    )


def _parity() -> ParityScreen:
    sources = ParitySources(
        heading="hifumi.toml in other trainers",
        table=still_data.trainers,
        take=lambda key: TakenOver("", {}, ()),
        settle=lambda then: then(),
        may_take=lambda: True,
        apply=lambda changes: None,
    )
    return ParityScreen(sources, None, lambda columns: None, editable=True)


def _changes() -> ChangesDialog:
    lines = (
        ChangedSetting("clip_skip", "2", "1", "its default on that day"),
        ChangedSetting("lr_scheduler", "constant_with_warmup", "cosine_with_restarts"),
        ChangedSetting("network_alpha", "8", "16", "half of network_dim"),
    )
    return ChangesDialog(
        "Make hifumi.toml like the anon-1337 script v1.13",
        TakenOver("anon-1337", {}, lines, ("it counts no .webp pictures",)),
    )


def _export() -> ExportReportScreen:
    settings = (
        SettingReport("network_dim", "8", "written"),
        SettingReport("unet_lr", "2e-3", "written"),
        SettingReport("precision", "bf16", "translated", 'mixed_precision = "bf16"', "its name there"),
        SettingReport("text_encoder_stop", "50%", "lost", "", "sd-scripts trains the text encoder to the end"),
        SettingReport("sample_every_n_epochs", "", "not needed", "", "it is not set"),
    )
    report = ExportReport("hifumi.toml", "sd-scripts", settings, ("the data set file stands beside it",))
    exported = Exported("", {HOME / "exports/hifumi.dataset.toml": ""}, "accelerate launch train_network.py", report)
    return ExportReportScreen(ReadyExport(exported, HOME / "exports/hifumi.sd-scripts.toml"), lambda ready: ())


async def _working(stage: ScreenStage) -> None:
    job = LongJob("Deleting bake 0007 hifumi", lambda: None, lambda error: None)  # type: ignore[arg-type, return-value]
    job.progress = WorkProgress("deleting files:", 7, 40)
    await at_work(stage, WorkingDialog(job))


async def at_work(stage: ScreenStage, dialog: WorkingDialog) -> None:
    """Show work that began a minute and a quarter ago."""
    stage.patch.setattr(working, "time", SimpleNamespace(monotonic=lambda: 0.0))
    dialog._began = -75.0
    await stage.push(dialog)


async def _workspaces(stage: ScreenStage) -> None:
    known = (
        KnownWorkspace(HOME, True),
        KnownWorkspace(Path("/home/me/backpack"), True, busy="bake 0003 runs"),
        KnownWorkspace(Path("/mnt/old/lanterns"), False),
    )
    offer_workspaces(stage.app.screen, known, HOME, lambda root: None)


def _choices() -> PickDialog:
    return choices_dialog("lr_scheduler", "constant_with_warmup")


def _question() -> ConfirmDialog:
    answers = (
        Answer("escape", "cancel", ""),
        Answer("s", "stop it, save, and quit", "stop"),
        Answer("g", "continue in this terminal, without the screen", "headless"),
    )
    return ConfirmDialog("Bake 42 hifumi is running.", answers)


def _hold_out() -> HoldOutDialog:
    choices = (
        PickChoice("0", "2 of 16 pictures, spread over the folders", "12 % of what is trained now"),
        PickChoice("1", "the outfit `school uniform`", "4 pictures: measures what was learned without it"),
        PickChoice("none", "none", "train on all pictures, and let the checks know it"),
    )
    return HoldOutDialog("Held-out pictures of hifumi.toml: none now; nothing is saved before you save", choices)


SCENES: tuple[Scene, ...] = (
    Scene("note", "the note before a bake", BakeNoteDialog, pushed(lambda: BakeNoteDialog("Bake hifumi.toml", "will be queued behind bake 0041"))),
    Scene("plan", "the plan of 16 pictures", PlanDialog, pushed(lambda: PlanDialog(still_data.plan_view(), "Plan of hifumi.toml")),
          lambda screen: screen.query(".section")),
    Scene("fit", "what fits into 6.56 GiB", FitDialog,
          pushed(lambda: FitDialog(lambda *_: still_data.fit_result(), "6.56GiB", "Fit hifumi.toml to memory")), lambda screen: screen._result is not None),
    Scene("checks", "three findings", ChecksDialog, pushed(lambda: ChecksDialog("Checks of hifumi.toml", _results(), lambda key, why: None))),
    Scene("accept", "why a finding is accepted", AcceptDialog,
          pushed(lambda: AcceptDialog("Accept tag-once until the data change", "3 tags stand in a single caption"))),
    Scene("parity", "three trainers beside the settings", ParityScreen, pushed(_parity, "down", "right"), lambda screen: screen._table is not None),
    Scene("columns", "trainers to show", ColumnsDialog,
          pushed(lambda: ColumnsDialog(("sd", "anon", "gui"), ("sd-scripts", "anon-1337 script v1.13", "kohya_ss GUI"), ("sd", "gui")))),
    Scene("changes", "what would change to be like another trainer", ChangesDialog, pushed(_changes)),
    Scene("import", "the line for other trainers' settings", ImportDialog, pushed(lambda: ImportDialog(lambda given: still_data.an_import()))),
    Scene("import-report", "what became of five keys", ImportReportScreen,
          pushed(lambda: ImportReportScreen(still_data.an_import(), lambda read, folders: read, lambda read, name: HOME), "2")),
    Scene("foreign-paths", "folders of another computer", ForeignPathsDialog,
          pushed(lambda: ForeignPathsDialog((r"D:\lora\set", "/workspace/reg"), lambda folders: still_data.an_import()))),
    Scene("save-import", "the name of imported settings", SaveImportDialog,
          pushed(lambda: SaveImportDialog(still_data.an_import(), lambda name: HOME / name))),
    Scene("export-report", "what became of five settings", ExportReportScreen, pushed(_export)),
    Scene("live", "settings that may change while it bakes", LiveSettingsDialog, pushed(lambda: LiveSettingsDialog(demo_settings(), two_encoders=False))),
    Scene("new-subject", "a new subject", NewSubjectDialog, pushed(lambda: NewSubjectDialog(lambda *of: HOME, "lora"))),
    Scene("open", "three settings files", OpenDialog,
          pushed(lambda: OpenDialog([HOME / name for name in ("backpack.toml", "hifumi.toml", "lantern.toml")], HOME / "hifumi.toml"))),
    Scene("pick", "options of a setting", PickDialog, pushed(_choices)),
    Scene("hold-out", "pictures to hold out", HoldOutDialog, pushed(_hold_out)),
    Scene("question", "what becomes of a bake at the end", ConfirmDialog, pushed(_question)),
    Scene("working", "work that takes longer", WorkingDialog, _working),
    Scene("workspaces", "three workspaces, one of them missing", WorkspacesDialog, _workspaces, lambda screen: screen.query_one(OptionList).option_count > 3),
    Scene("workspace-folder", "the line for another workspace", WorkspaceFolderDialog, pushed(lambda: WorkspaceFolderDialog(FOLDER_WAYS["new"]))),
)  # fmt: skip
"""Over an empty screen."""
