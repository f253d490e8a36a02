"""The two forms of a report: nothing is loaded from outside, no text becomes markup, and the size has a bound."""

import base64
import io
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reported_bakes import HOSTILE, reported_workspace

from trainer.journal.journal import Journal
from trainer.report.build import bake_report
from trainer.report.html import report_html
from trainer.report.markdown import escaped, report_markdown
from trainer.report.pictures import inlined_pictures
from trainer.report.record import BakeReport, Chapter, PictureFile, TextLines

TAGS = set(
    [
        "html",
        "pre",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "header",
        "h1",
        "h2",
        "h3",
        "p",
        "nav",
        "a",
        "section",
        "dl",
        "dt",
        "dd",
        "div",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "ul",
        "li",
        "blockquote",
        "figure",
        "svg",
        "line",
        "text",
        "polyline",
        "polygon",
        "circle",
        "figcaption",
        "img",
        "footer",
    ]
)


class Parsed(HTMLParser):
    """Tags, addresses and texts of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "action")]
        assert not [name for name, _ in attrs if name.startswith("on") or name == "style"]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> BakeReport:
    workspace = reported_workspace(tmp_path_factory.mktemp("hostile") / "ws", hostile=HOSTILE)
    with Journal(workspace.journal_path) as journal:
        return bake_report(journal, workspace, 2)


def test_a_page_loads_nothing_and_takes_no_text_for_markup(hostile: BakeReport) -> None:
    html = report_html(hostile, max_bytes=10**6).decode()
    page = Parsed(html)
    assert page.tags <= TAGS, page.tags - TAGS
    assert {address.partition(",")[0] for address in page.addresses if not address.startswith("#")} == {
        "data:image/webp;base64"
    }
    assert "url(" not in html and "@import" not in html and "\x1b" not in html
    assert "default-src 'none'" in unescape(html)
    # In name, why, tag, note, log, grid and item of the checklist.
    assert "".join(page.texts).count("<script>alert(1)</script> & [b]x[/b] `c` | d") >= 7


def test_markdown_takes_no_text_for_markup_and_shows_no_picture_from_outside(hostile: BakeReport) -> None:
    text = report_markdown(hostile)
    assert not re.search(r"(?<!\\)<", text) and "\x1b" not in text
    assert not re.search(r"(?<!\\)!\[", text.replace("!\\[", ""))
    tables = [line for line in text.splitlines() if line.startswith("| ")]
    heads = [index for index, line in enumerate(tables) if set(line) <= set("|-: ")]
    for head in heads:
        columns = tables[head].count("|")
        rows = [line for line in tables[head - 1 : head + 2] if line]
        assert all(len(re.findall(r"(?<!\\)\|", row)) == columns for row in rows), rows
    assert "**epoch 2**" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("- no item", r"\- no item"),
        ("1. no item", r"\1. no item"),
        ("# no title", r"\# no title"),
        ("a_b _c_ *d*", r"a_b \_c\_ \*d\*"),
        ("two\nlines", "two lines"),
        ("−3 to 4.5", "−3 to 4.5"),
    ],
)
def test_a_text_stays_as_it_is(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_lines_that_stand_further_in_are_lists_below_lists_in_markdown() -> None:
    lines = TextLines(("  epoch 1: done", "    it *grew*", "  epoch 2: over", "    static"), "U-Net")
    text = report_markdown(BakeReport(1, "a", (), (Chapter("Doneness", (lines, TextLines(("  alone",)))),)))
    assert "### U-Net\n\n- epoch 1: done\n  - it \\*grew\\*\n- epoch 2: over\n  - static\n" in text
    assert "\nalone\n" in text


def test_both_forms_have_the_same_chapters(hostile: BakeReport) -> None:
    html = report_html(hostile, max_bytes=10**6).decode()
    titles = [chapter.title for chapter in hostile.chapters]
    assert re.findall(r"<h2>(.*?)</h2>", html) == titles
    assert re.findall(r"^## (.*)$", report_markdown(hostile), re.MULTILINE) == titles


def test_pictures_shrink_to_a_bound_and_the_last_are_left_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = []
    for number in range(3):
        noise = rng.integers(0, 256, (500, 400, 3), dtype="uint8")
        path = tmp_path / f"{number}.png"
        Image.fromarray(noise).save(path)
        pictures.append(PictureFile("", path, path.name))
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"PNG?")
    (tmp_path / "folder.png").mkdir()
    pictures += [PictureFile("", broken, ""), PictureFile("", tmp_path / "folder.png", "")]
    for room in (10**7, 450_000, 180_000):
        made = inlined_pictures(pictures, room)
        assert sum(map(len, made.data.values())) <= room and made.data
        assert made.remarks[0].startswith("2 sheets could not be read")
    assert "left out to keep the page small" in made.remarks[1]
    with Image.open(io.BytesIO(base64.b64decode(made.data[pictures[0].path]))) as shown:
        assert max(shown.size) == 380
