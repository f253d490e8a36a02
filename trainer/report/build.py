"""A bake's report, chapter by chapter, from the journal and the workspace's folders; what a bake does not have is left out."""

from collections.abc import Callable

from trainer.errors import WorkspaceError
from trainer.journal.journal import Journal
from trainer.report.course import course_chapters, log_chapter
from trainer.report.grids import BakeGrids, grid_chapter, verdict_chapter
from trainer.report.ladders import ladder_chapter
from trainer.report.measures import measure_chapters
from trainer.report.origin import origin_chapters
from trainer.report.record import BakeReport, Chapter
from trainer.report.source import ReportSource
from trainer.text import printable
from trainer.workspace import Workspace


def bake_report(journal: Journal, workspace: Workspace, number: int) -> BakeReport:
    """Return the report of a bake.

    Args:
        journal: open; only read.
        workspace: its.
        number: of the bake.

    Raises:
        WorkspaceError: there is no such bake, or it is the job of a grid.
    """
    bake = journal.bakes.read(number)
    if bake.grid is not None:
        raise WorkspaceError(
            f"bake {number}",
            found=f"is the job that makes grid {bake.grid}",
            expected="a bake",
            way_out=f"`lora-tui page {bake.grid}` shows the grid",
        )
    source = ReportSource(journal, workspace, bake)
    grids = BakeGrids(source)
    parts: tuple[Callable[[], tuple[Chapter, ...]], ...] = (
        lambda: origin_chapters(source),
        lambda: course_chapters(source),
        lambda: measure_chapters(source),
        lambda: (
            ladder_chapter(source),
            verdict_chapter(source, grids),
            grid_chapter(source, grids),
            log_chapter(source),
        ),
    )
    chapters = [chapter for part in parts for chapter in part() if chapter.blocks]
    return BakeReport(number, printable(bake.name), source.facts(), tuple(chapters), ("Made by lora-tui.",))
