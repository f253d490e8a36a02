"""What a report says of a bake of which much is known, and of one of which little is."""

from pathlib import Path

import pytest
from lora_on_disk import write_lora
from reported_bakes import reported_workspace

from trainer.errors import WorkspaceError
from trainer.history.imports import import_loras
from trainer.journal.journal import Journal
from trainer.journal.records import NewBake
from trainer.report.build import bake_report
from trainer.report.record import (
    AlignedLines,
    BakeReport,
    Block,
    FactList,
    PictureFile,
    QuotedText,
    StepPlot,
    TextLines,
    TextTable,
)
from trainer.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return reported_workspace(tmp_path_factory.mktemp("reported") / "ws")


def report_of(workspace: Workspace, number: int) -> BakeReport:
    with Journal(workspace.journal_path) as journal:
        return bake_report(journal, workspace, number)


@pytest.fixture(scope="module")
def whole(workspace: Workspace) -> BakeReport:
    return report_of(workspace, 2)


def blocks(report: BakeReport, title: str) -> tuple[Block, ...]:
    return next(chapter.blocks for chapter in report.chapters if chapter.title == title)


def lines(report: BakeReport, title: str) -> list[str]:
    return [line for block in blocks(report, title) if isinstance(block, TextLines) for line in block.lines]


def test_every_chapter_that_has_something_is_there_in_its_order(whole: BakeReport) -> None:
    assert [chapter.title for chapter in whole.chapters] == [
        "What it is",
        "Settings",
        "Data",
        "Curves",
        "Epochs",
        "Who carries",
        "Doneness",
        "Against the parent",
        "Measures",
        "Verdicts and notes",
        "Grids",
        "Warnings in the log",
    ]
    assert whole.title == "Bake 2: hifumi"
    assert whole.facts == ("done", "120 steps", "3 LoRA files")


def test_settings_and_data_stand_beside_the_parents(whole: BakeReport) -> None:
    (table,) = blocks(whole, "Settings")
    assert isinstance(table, TextTable)
    assert table.head[:3] == ("setting", "bake 1", "bake 2")
    assert [row[:3] for row in table.rows] == [("unet_lr", "1e-4", "3e-4")]
    assert any("2 pictures fewer" in line for line in lines(whole, "Data")), lines(whole, "Data")


def test_a_bake_without_a_parent_says_what_differs_from_the_defaults(workspace: Workspace) -> None:
    (table,) = blocks(report_of(workspace, 1), "Settings")
    assert isinstance(table, TextTable)
    assert table.head[1:3] == ("default", "here")
    assert ("subject", "blank", "hifumi") in [row[:3] for row in table.rows]


def test_who_carries_stands_with_each_epoch_and_each_outfit(whole: BakeReport) -> None:
    (epochs,) = blocks(whole, "Epochs")
    assert isinstance(epochs, TextTable)
    who = epochs.head.index("who carries")
    assert [row[who] for row in epochs.rows] == [
        "the text encoder carries (TE 70 %, U-Net 20 %)",
        "close (U-Net 50 %, TE 40 %)",
        "the U-Net carries (U-Net 80 %, TE 10 %)",
    ]
    table = blocks(whole, "Who carries")[1]
    assert isinstance(table, TextTable)
    assert table.rows == (
        ("folder 3_beach", "the U-Net carries", "80:10", "16"),
        ("outfit beach", "the U-Net carries", "85:5", "16"),
        ("outfit school", "the U-Net carries", "75:15", "16"),
    )


def test_measures_over_several_epochs_are_plotted_and_single_ones_listed(whole: BakeReport) -> None:
    found = blocks(whole, "Measures")
    plots = {block.title: block for block in found if isinstance(block, StepPlot)}
    share = plots["Output share"]
    assert [line.label for line in share.lines] == ["U-Net", "TE"]
    assert "95 % interval over 16 pictures" in share.note
    assert list(share.lines[1].values) == pytest.approx([0.7, 0.4, 0.1])
    (table,) = (block for block in found if isinstance(block, TextTable))
    assert ("output added", "U-Net", "0.4 (0.3 to 0.5)", "epoch 3") in table.rows


def test_every_value_beside_the_parents_has_its_noise(whole: BakeReport) -> None:
    together, table = blocks(whole, "Against the parent")
    assert isinstance(together, TextLines)
    assert together.lines[0].startswith("after step 120: ")
    assert isinstance(table, TextTable)
    assert table.head == ("measure", "of", "bake 1", "bake 2", "against the noise")
    assert {row[-1] for row in table.rows} == {"noise not known: make a twin"}
    assert ("output share", "U-Net", "80 %", "80 %", "noise not known: make a twin") in table.rows


def test_doneness_is_told_in_its_own_words(whole: BakeReport) -> None:
    table, *rest = blocks(whole, "Doneness")
    assert isinstance(table, AlignedLines)
    assert table.lines[0].split() == ["epoch", "1", "2", "3"]
    assert any(line.startswith("you call") for line in table.lines)
    titles = [block.title for block in rest if isinstance(block, TextLines)]
    assert [title for title in titles if title] == ["U-Net", "text encoder", "memorization"]


def test_verdicts_grids_and_the_note_are_the_users(whole: BakeReport) -> None:
    assert lines(whole, "Verdicts and notes") == ["epoch 2 is the best: your choice"]
    table = blocks(whole, "Verdicts and notes")[1]
    assert isinstance(table, TextTable)
    assert table.rows == (("epoch 1", "", "2", "", ""), ("epoch 2", "2", "", "2", ""), ("epoch 3", "", "", "", "1"))
    quoted = [block.text for block in blocks(whole, "Verdicts and notes") if isinstance(block, QuotedText)]
    assert quoted[0].startswith("Halo from **epoch 2** on.")
    sheets = [block for block in blocks(whole, "Grids") if isinstance(block, PictureFile)]
    assert [sheet.name for sheet in sheets] == ["grids/0001-epochs/sheet-z1.png"]
    assert any("1: 0/2 " in line for line in lines(whole, "Grids")), lines(whole, "Grids")


def test_only_warnings_of_the_log_are_told(whole: BakeReport) -> None:
    found = lines(whole, "Warnings in the log")
    assert [line.split(" ", 2)[2] for line in found] == ["the GPU is hot", "a picture was left out"]


def test_of_an_imported_bake_only_what_its_files_say_is_told(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "ws")
    workspace.bakes.mkdir(parents=True)
    lora = write_lora(tmp_path / "elsewhere.safetensors", rank=4)
    with Journal(workspace.journal_path) as journal:
        (imported,) = import_loras(journal, workspace, [lora]).bakes
    report = report_of(workspace, imported.number)
    assert report.facts[0] == "imported"
    (facts,) = blocks(report, "What it is")
    assert isinstance(facts, FactList)
    assert [entry for entry in facts.entries if entry[1]] == [("network_dim", "4"), ("network_alpha", "4")]
    (epochs,) = blocks(report, "Epochs")
    assert isinstance(epochs, TextTable)
    assert epochs.rows[0][-1] == "elsewhere.safetensors"


def test_a_bake_that_waits_has_no_empty_chapters(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with Journal(workspace.journal_path) as journal:
        journal.bakes.add(NewBake(name="x", settings_toml="", engine="", total_steps=4, steps_per_epoch=4))
        journal.grids.add(name="g", spec="{}")
        journal.bakes.add(NewBake(name="g", settings_toml="", engine="", total_steps=4, steps_per_epoch=4, grid=1))
    assert [chapter.title for chapter in report_of(workspace, 1).chapters] == ["What it is"]
    with pytest.raises(WorkspaceError, match="makes grid 1"):
        report_of(workspace, 2)
    with pytest.raises(WorkspaceError):
        report_of(workspace, 9)
