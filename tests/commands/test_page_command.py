from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from made_grid import made_grid

from lora_tui.commands.page import size_of
from trainer.errors import GridError
from trainer.journal.journal import Journal
from trainer.workspace import Workspace

LoraTui = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def grids(tmp_path: Path) -> Workspace:
    """A workspace with two grids, the second without pictures."""
    workspace = Workspace(tmp_path / "my workspace")
    workspace.root.mkdir()
    with Journal(workspace.journal_path) as journal:
        for name, missing in (("epochs", 0), ("next", 2)):
            row = journal.grids.add(name=name, spec="{}", bake=None)
            made_grid(workspace.root / row.folder, (2, 1, 1, 1), missing=missing)
    return workspace


def test_the_page_lies_in_the_grids_folder_and_its_copy_command_is_shown(
    lora_tui_here: LoraTui, grids: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.2 51234 10.0.0.9 2222")
    made = lora_tui_here("page", 1, "--in", grids.root)
    assert (made.returncode, made.stderr) == (0, "")
    path = grids.grids / "0001-epochs" / "0001-epochs.html"
    assert path.read_bytes().startswith(b"<!doctype html>")
    assert f"wrote {path}" in made.stdout
    assert "2 pictures: pictures at full size, WebP quality 80" in made.stdout
    assert "scp -P 2222 " in made.stdout
    assert f"@10.0.0.9:{path}' ." in made.stdout
    assert "\x1b" not in made.stdout, "nothing for a clipboard where nobody reads a terminal"


def test_it_is_printed_for_an_ssh_that_keeps_it(lora_tui: LoraTui, grids: Workspace) -> None:
    made = lora_tui("page", 1, "--stdout", "--in", grids.root)
    assert made.returncode == 0
    assert made.stdout.startswith("<!doctype html>") and made.stdout.endswith("</html>\n")
    assert made.stderr == "grid 1: pictures at full size, WebP quality 80\n"
    assert not (grids.grids / "0001-epochs" / "0001-epochs.html").exists()


def test_the_page_is_written_where_asked_and_as_small(lora_tui_here: LoraTui, grids: Workspace) -> None:
    assert lora_tui_here("page", 1, "-o", "x.html", "--max", "40kB", folder=grids.root).returncode == 0
    assert (grids.root / "x.html").stat().st_size <= 40_000


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "grid next: has no picture yet; expected at least one"),
        (("1", "-o", "/nowhere/x.html"), "/nowhere/x.html: cannot be written"),
        (("1", "--stdout", "-o", "x.html"), "--stdout and -o exclude each other"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    lora_tui_here: LoraTui, grids: Workspace, arguments: tuple[str, ...], said: str
) -> None:
    refused = lora_tui_here("page", *arguments, folder=grids.root)
    assert refused.returncode == 2
    assert said in refused.stderr


@pytest.mark.parametrize(
    ("text", "amount"),
    [("3MB", 3_000_000), ("2.5 MiB", 2_621_440), ("800k", 800_000), ("1GB", 10**9), ("5000", 5000), ("40kb", 40_000)],
)
def test_a_size_is_read_as_it_is_typed(text: str, amount: int) -> None:
    assert size_of(text) == amount


@pytest.mark.parametrize("text", ["", "much", "-3MB", "3 i", "3TB", "1e6", "nan"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(GridError, match="expected a size such as 3MB or 800kB"):
        size_of(text)
