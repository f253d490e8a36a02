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
    known_workspaces,
    last_workspace,
    make_workspace,
    remember_workspace,
    state_home,
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


def test_the_workspaces_used_last_are_known_the_newest_first_each_once(tmp_path: Path) -> None:
    used = [Workspace(tmp_path / name) for name in ("a", "b", "c")]
    for workspace in (*used, used[0]):
        remember_workspace(workspace)
    assert known_workspaces() == (tmp_path / "a", tmp_path / "c", tmp_path / "b")
    assert (state_home() / "workspaces").stat().st_mode & 0o777 == 0o600


def test_very_many_workspaces_are_not_all_remembered(tmp_path: Path) -> None:
    for number in range(60):
        remember_workspace(Workspace(tmp_path / str(number)))
    known = known_workspaces()
    assert known[0] == tmp_path / "59"
    assert 10 <= len(known) < 60


def test_a_folder_whose_name_is_no_line_of_text_is_not_remembered(tmp_path: Path) -> None:
    remember_workspace(Workspace(tmp_path / "good"))
    remember_workspace(Workspace(tmp_path / "two\nlines"))
    remember_workspace(Workspace(tmp_path / "\udce9"))
    assert known_workspaces() == (tmp_path / "good",)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"relative\n../up", b"/" + b"x" * 300, b"/a\x00b\n/c\x1b[2J", b"/x\n" * 10**6]
)
def test_a_damaged_list_of_workspaces_loses_only_what_is_damaged(content: bytes) -> None:
    state_home().mkdir(parents=True)
    (state_home() / "workspaces").write_bytes(content)
    assert known_workspaces() == ()


def test_a_good_line_beside_damaged_ones_is_kept(tmp_path: Path) -> None:
    state_home().mkdir(parents=True)
    (state_home() / "workspaces").write_text(f"relative\n{tmp_path}\n/a\x07\n{tmp_path}\n")
    assert known_workspaces() == (tmp_path,)


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
