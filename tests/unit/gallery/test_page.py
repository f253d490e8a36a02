"""A grid's page: one file of the requested size that shows every picture and loads nothing."""

import base64
import hashlib
import io
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from made_grid import made_grid, renamed
from PIL import Image

from trainer.errors import GridError
from trainer.gallery.page import page, size_text
from trainer.gallery.sidecar import MadeGrid
from trainer.journal.grid_records import CellNote

ROOMY = 3_000_000
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


class Seen(HTMLParser):
    """What a page holds: its tags with their attributes, and its words."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    @property
    def pictures(self) -> list[Image.Image]:
        sources = [attrs["src"] or "" for tag, attrs in self.tags if tag == "img"]
        return [
            Image.open(io.BytesIO(base64.b64decode(src.removeprefix("data:image/webp;base64,")))) for src in sources
        ]

    def ids(self) -> list[str]:
        return [found for _, attrs in self.tags if (found := attrs.get("id"))]

    def links(self) -> list[str]:
        return [found for tag, attrs in self.tags if tag == "a" and (found := attrs.get("href"))]


def noisy(folder: Path, made: MadeGrid) -> None:
    """Fill every picture with what cannot be pressed small."""
    draw = np.random.default_rng(0)
    for cell in made.cells:
        Image.fromarray(draw.integers(0, 256, (64, 64, 3), np.uint8)).save(folder / cell.file)


def test_every_picture_is_on_the_page_at_its_own_size(tmp_path: Path) -> None:
    made = made_grid(tmp_path, (3, 2, 2, 2))
    seen = Seen(page(made, tmp_path, [], max_bytes=ROOMY).content)
    assert [picture.size for picture in seen.pictures] == [(64, 64)] * 24


def test_each_picture_is_shown_under_its_own_labels(tmp_path: Path) -> None:
    made = made_grid(tmp_path, (2, 2, 1, 2))
    html = page(made, tmp_path, [], max_bytes=ROOMY).content.decode()
    for cell in made.cells:
        src = re.search(rf'id="{cell.place.name}".*?alt="([^"]*)" src="data:image/webp;base64,([^"]*)"', html)
        assert src
        assert f"Epoch {cell.place.x + 1} · U-Net weight {cell.place.y * 0.25:g}" in src[1]
        with Image.open(tmp_path / cell.file) as wanted, Image.open(io.BytesIO(base64.b64decode(src[2]))) as shown:
            difference = np.asarray(wanted.convert("RGB")).astype(int) - np.asarray(shown.convert("RGB"))
        assert np.abs(difference).mean() < 12


@pytest.mark.parametrize("most", [60_000, 90_000, 120_000, 150_000])
def test_the_page_keeps_to_the_size_asked_for_and_uses_it(tmp_path: Path, most: int) -> None:
    made = made_grid(tmp_path, (4, 4, 1, 2))
    noisy(tmp_path, made)
    made_page = page(made, tmp_path, [], max_bytes=most)
    assert most * 0.5 < len(made_page.content) <= most
    assert made_page.size_note in made_page.content.decode()
    assert len(Seen(made_page.content).pictures) == 32


def test_the_size_note_says_that_pictures_are_shrunk(tmp_path: Path) -> None:
    made = made_grid(tmp_path, (4, 4, 1, 2))
    noisy(tmp_path, made)
    assert re.search(
        r"shrunk from 64 to \d\d pixels, WebP quality \d\d, to stay under 60 kB",
        page(made, tmp_path, [], max_bytes=60_000).size_note,
    )
    assert page(made, tmp_path, [], max_bytes=ROOMY).size_note == "pictures at full size, WebP quality 80"


def test_a_size_that_nothing_fits_into_is_refused_with_the_least_that_would(tmp_path: Path) -> None:
    made = made_grid(tmp_path, (4, 4, 1, 2))
    noisy(tmp_path, made)
    with pytest.raises(GridError, match=r"--max: 10 kB for 32 pictures; expected at least \d+ kB") as refused:
        page(made, tmp_path, [], max_bytes=10_000)
    least = int(re.findall(r"expected at least (\d+) kB", refused.value.line())[0]) * 1000
    assert len(page(made, tmp_path, [], max_bytes=least * 11 // 10).content) <= least * 11 // 10


def test_a_grid_without_a_picture_has_no_page(tmp_path: Path) -> None:
    with pytest.raises(GridError, match="has no picture yet"):
        page(made_grid(tmp_path, (2, 1, 1, 1), missing=2), tmp_path, [], max_bytes=ROOMY)


def test_pictures_not_made_are_counted(tmp_path: Path) -> None:
    made_page = page(made_grid(tmp_path, (2, 2, 1, 1), missing=1), tmp_path, [], max_bytes=ROOMY)
    assert (made_page.pictures, made_page.missing) == (3, 1)
    words = Seen(made_page.content).words
    assert "not made" in words
    assert "1 picture of 4 not made." in words


def test_verdicts_are_shown_beside_a_picture(tmp_path: Path) -> None:
    note = CellNote(1, "x2-y1-z1-s1", True, "under", "right", "over", {"straps": True, "belt": False})
    html = page(made_grid(tmp_path), tmp_path, [note], max_bytes=ROOMY).content.decode()
    (cell,) = re.findall(r'<td[^>]*id="at-x2-y1-z1-s1">.*?</td>', html, re.DOTALL)
    for words in ('class="fav"', "under · U right · T over · ✓ straps · ✗ belt"):
        assert words in cell
    assert html.count('class="fav"') == 1


def test_prompt_seed_and_weights_are_shown_beside_each_picture(tmp_path: Path) -> None:
    html = page(made_grid(tmp_path, (2, 2, 2, 2)), tmp_path, [], max_bytes=ROOMY).content.decode()
    (cell,) = re.findall(r'<td[^>]*id="at-x2-y2-z2-s2">.*?</td>', html, re.DOTALL)
    for words in ("hifumi, swimsuit, beach", "<dd>12</dd>", "hifumi-000002: U-Net 0.25, text encoder 1"):
        assert words in cell


def test_every_link_leads_somewhere_on_the_page(tmp_path: Path) -> None:
    note = CellNote(1, "x2-y1-z1-s1", favourite=True)
    seen = Seen(page(made_grid(tmp_path, (3, 2, 2, 2), missing=3), tmp_path, [note], max_bytes=ROOMY).content)
    there = seen.ids()
    assert len(there) == len(set(there))
    assert all(link.startswith("#") for link in seen.links())
    assert {link[1:] for link in seen.links()} <= set(there)


def test_nothing_on_the_page_comes_from_elsewhere(tmp_path: Path) -> None:
    seen = Seen(page(made_grid(tmp_path), tmp_path, [], max_bytes=ROOMY).content)
    (policy,) = [attrs["content"] for tag, attrs in seen.tags if "http-equiv" in attrs]
    assert policy and policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy
    assert not {tag for tag, _ in seen.tags} & {"link", "iframe", "object", "embed", "form", "base"}
    assert not any(name.startswith("on") or name == "style" for _, attrs in seen.tags for name in attrs)


def test_the_policy_allows_exactly_the_pages_own_style_and_script(tmp_path: Path) -> None:
    html = page(made_grid(tmp_path), tmp_path, [], max_bytes=ROOMY).content.decode()
    (policy,) = [attrs["content"] or "" for tag, attrs in Seen(html.encode()).tags if "http-equiv" in attrs]
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        assert f"{tag}-src 'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy


@pytest.mark.parametrize(
    "evil",
    ["</title><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</style>", "a\x1b]52;c;x\x07\u202e"],
)
def test_foreign_words_stay_words(tmp_path: Path, evil: str) -> None:
    made = renamed(made_grid(tmp_path, (1, 1, 1, 1)), x=(evil,), y=(evil,), z=(evil,))
    cell = made.cells[0]
    recipe = replace(cell.recipe, prompt=evil, negative_prompt=evil, base=f"/m/{evil.replace('/', '')}")
    spec = made.spec.model_copy(update={"name": evil, "subject": evil})
    told = replace(made, cells=(replace(cell, recipe=recipe),), notes=(evil,), spec=spec)
    note = CellNote(1, cell.place.name, True, evil, evil, evil, {evil: True})
    content = page(told, tmp_path, [note], max_bytes=ROOMY).content
    plain = page(made_grid(tmp_path, (1, 1, 1, 1)), tmp_path, [replace(note, ticks={"a": True})], max_bytes=ROOMY)
    assert {tag for tag, _ in Seen(content).tags} == {tag for tag, _ in Seen(plain.content).tags}
    assert [tag for tag, _ in Seen(content).tags].count("script") == 1
    assert b"\x1b" not in content and "\u202e".encode() not in content


@pytest.mark.parametrize(
    ("amount", "text"), [(999, "1 kB"), (40_000, "40 kB"), (999_999, "1000 kB"), (2_940_000, "2.9 MB")]
)
def test_sizes_are_written_as_they_are_typed(amount: int, text: str) -> None:
    assert size_text(amount) == text


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize("address", ["", pytest.param("#x2-y1-z1-s1", marks=pytest.mark.long)])
def test_a_browser_shows_every_picture(tmp_path: Path, address: str) -> None:
    made = made_grid(tmp_path / "grid", (3, 2, 1, 2))
    (tmp_path / "x.html").write_bytes(page(made, tmp_path / "grid", [], max_bytes=ROOMY).content)
    shot = _photographed(f"file://{tmp_path}/x.html{address}", tmp_path)
    shown = [cell for cell in made.cells if _covers(shot, tmp_path / "grid" / cell.file, 0.005)]
    if address:
        assert [cell.place.name for cell in shown] == ["x2-y1-z1-s1"]
        assert _covers(shot, tmp_path / "grid" / "x2-y1-z1-s1.png", 0.1), "large"
    else:
        assert shown == [*made.cells]


def _photographed(address: str, folder: Path) -> np.ndarray:
    shot = folder / "shot.png"
    switches = (
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        *(f"--user-data-dir={folder / 'profile'}", "--window-size=1200,1000", f"--screenshot={shot}"),
    )
    subprocess.run([str(CHROMIUM), *switches, address], check=True, capture_output=True, timeout=120)
    with Image.open(shot) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def _covers(shot: np.ndarray, picture: Path, share: float) -> bool:
    """Whether the ground of a picture covers so much of what was photographed."""
    with Image.open(picture) as opened:
        ground = np.asarray(opened.convert("RGB"))[0, 0].astype(int)
    return bool((np.abs(shot - ground).max(axis=2) <= 6).mean() > share)
