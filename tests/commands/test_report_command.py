"""`lora-tui report`: where it writes, what it prints, and what it refuses."""

from pathlib import Path

import pytest
from reported_bakes import reported_workspace

from trainer.workspace import Workspace


@pytest.fixture(scope="module")
def bakes(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return reported_workspace(tmp_path_factory.mktemp("bakes") / "ws")


def test_the_page_lies_in_the_bakes_folder_and_is_one_file(bakes: Workspace, lora_tui_here) -> None:
    ran = lora_tui_here("report", 2, "--in", bakes.root)
    assert ran.returncode == 0, ran.stderr
    page = next((bakes.root / "bakes").glob("0002-*/report-0002-*.html"))
    first, size, copy, fetch = ran.stdout.splitlines()[:4]
    assert first == f"wrote {page}"
    assert size.strip().endswith("kB, 12 chapters")
    assert copy.startswith("copy it to your machine:") and str(page) in copy
    assert "report 2 --html" in fetch
    assert page.read_bytes().startswith(b"<!doctype html>")


def test_markdown_and_the_last_bake_that_ran(bakes: Workspace, lora_tui_here, tmp_path: Path) -> None:
    ran = lora_tui_here("report", "--md", "--output", tmp_path / "x.md", "--in", bakes.root)
    assert ran.returncode == 0, ran.stderr
    text = (tmp_path / "x.md").read_text()
    assert text.startswith("# Bake 2: hifumi\n")
    printed = lora_tui_here("report", "2", "--md", "--stdout", "--in", bakes.root)
    assert printed.stdout == text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("99",), "99"),
        (("2", "--stdout", "-o", "x.html"), "exclude each other"),
        (("2", "--max", "large"), "a size such as 3MB"),
        (("2", "-o", "/no/such/folder/x.html"), "cannot be written"),
    ],
)
def test_what_cannot_be_is_one_error(bakes: Workspace, lora_tui_here, words: tuple[str, ...], said: str) -> None:
    ran = lora_tui_here("report", *words, "--in", bakes.root)
    assert ran.returncode != 0 and said in ran.stderr
    assert "Traceback" not in ran.stderr
