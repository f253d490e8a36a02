"""A bake's report as HTML: one file that holds everything and loads nothing; the markup is templates/report.html."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup

from trainer.gallery.html_page import page_environment, security_policy
from trainer.report.pictures import InlinedPictures, inlined_pictures
from trainer.report.plot_drawing import HEIGHT, WIDTH, drawn
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


@dataclass(frozen=True)
class _Marked:
    """A block, as the template asks for it: its kind, the record, and of a plot or a picture what is drawn."""

    kind: str
    it: Block
    drawn: object = None


_KINDS: Mapping[type, str] = {
    FactList: "facts",
    TextTable: "table",
    TextLines: "lines",
    AlignedLines: "aligned",
    QuotedText: "quote",
    StepPlot: "plot",
    PictureFile: "picture",
}


def report_html(report: BakeReport, *, max_bytes: int) -> bytes:
    """Return the page of a report.

    Args:
        report: of a bake.
        max_bytes: of its pictures; the rest takes some tens of kilobytes.
    """
    files = [block for chapter in report.chapters for block in chapter.blocks if isinstance(block, PictureFile)]
    pictures = inlined_pictures(files, max_bytes)
    environment = _environment()
    style = Markup(environment.get_template("report.css").render())
    html = environment.get_template("report.html").render(
        title=report.title,
        policy=security_policy(style),
        style=style,
        facts=" · ".join(report.facts),
        chapters=[
            (chapter.title, [_marked(block, pictures) for block in chapter.blocks]) for chapter in report.chapters
        ],
        remarks=(*report.remarks, *pictures.remarks),
        width=WIDTH,
        height=HEIGHT,
    )
    return html.encode()


def _marked(block: Block, pictures: InlinedPictures) -> _Marked:
    return _Marked(_KINDS[type(block)], block, _drawn(block, pictures.data))


def _drawn(block: Block, data: Mapping[Path, str]) -> object:
    match block:
        case StepPlot():
            return drawn(block)
        case PictureFile(path=path) if path in data:
            return Markup(f"data:image/webp;base64,{data[path]}")
        case _:
            return None


@cache
def _environment() -> Environment:
    return page_environment("trainer.report")
