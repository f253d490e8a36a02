import os
from pathlib import Path

import pytest

from trainer.errors import WorkspaceError
from trainer.workspace import (
    JOURNAL_NAME,
    Workspace,
    bake_number,
    data_home,
    find_workspace,
    last_workspace,
    make_workspace,
    remember_workspace,
)


def test_the_workspace_above_the_current_folder_is_found(tmp_path: Path) -> None:
    (tmp_path / JOURNAL_NAME).touch()
    deep = tmp_path / "bakes" / "0001-x"
    deep.mkdir(parents=True)
    assert find_workspace(deep) == Workspace(tmp_path)


def test_a_folder_without_a_journal_is_no_workspace(tmp_path: Path) -> None:
    assert find_workspace(tmp_path) is None


def test_the_last_workspace_is_remembered_while_it_is_there(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "w")
    workspace.journal_path.touch()
    remember_workspace(workspace)
    assert last_workspace() == workspace
    workspace.journal_path.unlink()
    assert last_workspace() is None


def test_a_file_in_the_way_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "w").write_text("not a folder")
    with pytest.raises(WorkspaceError, match=r"w: cannot be written .*choose another folder"):
        make_workspace(tmp_path / "w")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_one_clear_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(WorkspaceError, match=r"cannot be written|no permission"):
        make_workspace(tmp_path / "w")


def test_a_relative_xdg_folder_is_ignored(monkeypatch: pytest.MonkeyPatch, own_home: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert data_home() == own_home / ".local/share/lora-tui"


def test_bake_folders_sort_by_number(tmp_path: Path) -> None:
    assert Workspace(tmp_path).bake_folder(42, "hifumi").name == "0042-hifumi"


@pytest.mark.parametrize(
    ("name", "number"),
    [("0042-hifumi", 42), ("123456789-x", 123_456_789), ("1234567890-x", None), ("٤٢-x", None), ("hifumi", None)],
)
def test_a_bake_folder_tells_its_number(name: str, number: int | None) -> None:
    assert bake_number(name) == number
