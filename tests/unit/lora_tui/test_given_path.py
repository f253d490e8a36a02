"""What is typed or pasted as the source of an import: a path, however a desktop or a terminal writes it, or a text."""

from pathlib import Path

import pytest

from lora_tui.actions.imports import free_name, given_paths
from trainer.workspace import make_workspace


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "old sets" / "it's 100%.json"
    path.parent.mkdir()
    path.write_text("{}")
    return path


@pytest.mark.parametrize(
    "written",
    [
        "{path}",
        "  {path}\n",
        "'{path}'",
        '"{path}"',
        "file://{address}",
        "{escaped}",
        "old sets/it's 100%.json",
    ],
)
def test_a_path_is_found_however_it_is_written(file: Path, written: str) -> None:
    from urllib.parse import quote

    escaped = str(file).replace(" ", "\\ ").replace("'", "\\'").replace("%", "\\%")
    given = written.format(path=file, address=quote(str(file)), escaped=escaped)
    (found,) = given_paths(given, file.parents[1])
    assert found.samefile(file)


def test_lines_that_are_all_paths_are_one_import(file: Path) -> None:
    other = file.with_name("data.toml")
    other.touch()
    assert given_paths(f"{file}\r\n\n'{other}'\n", file.parent) == [file, other]
    assert given_paths(f"{file}\n{other}x\n", file.parent) == []


@pytest.mark.parametrize(
    "text", ["unet_lr = 1e-4", '{"epoch": 3}', "$ckpt = 1", "python x.py --unet_lr 3", "a\nb", "steps: 20"]
)
def test_a_text_of_settings_is_none(tmp_path: Path, text: str) -> None:
    assert given_paths(text, tmp_path) == []


@pytest.mark.parametrize(
    "path", ["/no/such.json", "such.json", "D:\\set\\a.json", "~/no such", "~nobody-of-that-name/x", "'", '"']
)
def test_a_path_that_is_not_there_is_a_path(tmp_path: Path, path: str) -> None:
    assert len(given_paths(path, tmp_path)) == 1


@pytest.mark.parametrize("text", ["x" * 300, "/" + "y/" * 3000, "\0", "file:///a%00b", "'\0'", "a\\ b\\ '", "file://["])
def test_what_can_be_no_path_raises_nothing(tmp_path: Path, text: str) -> None:
    given_paths(text, tmp_path)


def test_a_name_is_proposed_that_neither_settings_nor_subjects_have(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    assert free_name(workspace, "hifumi") == "hifumi"
    (workspace.root / "hifumi.toml").touch()
    (workspace.subjects / "hifumi-2.toml").touch()
    assert free_name(workspace, "hifumi") == "hifumi-3"
