"""The chapter of a report on the ladders that its bake belongs to."""

from pathlib import Path

from made_ladders import add_ladder, spec_of_factors

from trainer.journal.journal import Journal
from trainer.journal.ladder_records import LadderBakeRow
from trainer.ladders.files import spec_toml
from trainer.ladders.record import LadderState
from trainer.report.build import bake_report
from trainer.report.html import report_html
from trainer.report.record import BakeReport, TextLines, TextTable
from trainer.workspace import Workspace

SPEC = spec_of_factors((0.1, 1, 10))
SHARES = {"delta_share": [[0.018, 0.0182], [0.1, 0.102], [0.5, 0.51]]}


def keep(journal: Journal, state: LadderState, spec_text: str) -> None:
    journal.ladders.add(title=state.spec.title, spec_toml=spec_text, settings_toml="")
    rows = [
        LadderBakeRow(ladder=1, rung=SPEC.rungs[each.rung].label, twin=each.twin, bake=each.bake)
        for each in state.bakes
    ]
    journal.ladders.keep_bakes(rows)


def report_of(folder: Path, number: int, spec_text: str) -> BakeReport:
    workspace = Workspace(folder)
    with Journal(workspace.journal_path) as journal:
        keep(journal, add_ladder(journal, SHARES, SPEC), spec_text)
        return bake_report(journal, workspace, number)


def test_a_bake_of_a_ladder_has_its_answer_and_a_table_of_its_rungs(tmp_path: Path) -> None:
    report = report_of(tmp_path, 6, spec_toml(SPEC))
    (chapter,) = (each for each in report.chapters if each.title == "Ladders")
    lines, table, rest = chapter.blocks
    assert isinstance(lines, TextLines) and isinstance(table, TextTable) and isinstance(rest, TextLines)
    assert lines.title == "Ladder 1: unet_lr ×0.1 … ×10"
    assert lines.lines[0] == "this bake is of rung ×10"
    assert "a trend over 3 rungs" in lines.lines[2]
    assert table.head == ("measure", "×0.1", "×1", "×10", "over the rungs")
    assert table.rows == (("change / weights of the U-Net", "1.81 %", "10.1 %", "50.5 %", "trend"),)
    assert rest.lines[0].startswith("noise from twins at the rungs: 6 bakes over 3 rungs")
    assert b"a trend over 3 rungs" in report_html(report, max_bytes=10**6)


def test_a_ladder_that_cannot_be_read_costs_its_lines_alone(tmp_path: Path) -> None:
    report = report_of(tmp_path, 1, "[[rungs]\n")
    (chapter,) = (each for each in report.chapters if each.title == "Ladders")
    (lines,) = chapter.blocks
    assert isinstance(lines, TextLines)
    assert lines.title == "Ladder 1" and "ladder 1" in lines.lines[0]


def test_a_bake_of_no_ladder_has_no_such_chapter(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with Journal(workspace.journal_path) as journal:
        add_ladder(journal, SHARES, SPEC)
        assert "Ladders" not in {chapter.title for chapter in bake_report(journal, workspace, 1).chapters}
