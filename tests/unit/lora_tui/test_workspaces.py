"""Workspaces found, made and refused."""

from pathlib import Path

import pytest

from lora_tui.actions.workspaces import demo_workspace, new_workspace, open_workspace, read_workspaces
from trainer.errors import WorkspaceError
from trainer.machine.engines import register_engine
from trainer.workspace import Workspace, find_workspace, is_workspace, make_workspace, remember_workspace, state_home


@pytest.mark.parametrize("name", ["empty", "not there yet", "deep/er/still"])
def test_an_empty_or_new_folder_becomes_a_workspace(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    root = new_workspace(f"  {tmp_path / name} ")
    assert root == tmp_path / name
    assert is_workspace(root)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    for make in (new_workspace, demo_workspace):
        with pytest.raises(WorkspaceError, match="not empty"):
            make(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_no_workspace_is_made_inside_another_nor_where_a_file_is(tmp_path: Path) -> None:
    root = new_workspace(str(tmp_path / "outer"))
    with pytest.raises(WorkspaceError, match=r"outer.*open that one instead"):
        new_workspace(str(root / "bakes" / "inner"))
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="a file"):
        new_workspace(str(tmp_path / "file"))


def test_the_demo_is_made_once_and_opened_again(tmp_path: Path) -> None:
    root = demo_workspace(str(tmp_path / "demo"))
    settings = root / "hifumi.toml"
    settings.write_text(settings.read_text().replace("network_dim = 8", "network_dim = 9"))
    assert demo_workspace(str(root)) == root
    assert "network_dim = 9" in settings.read_text()


def test_a_workspace_is_opened_from_a_folder_inside_it(tmp_path: Path) -> None:
    root = new_workspace(str(tmp_path / "w"))
    assert open_workspace(str(root / "bakes")) == root


@pytest.mark.parametrize(
    ("typed", "said"), [("", "nothing"), ("/nowhere/at/all", "no such folder"), ("/", "no workspace in it")]
)
def test_what_is_no_workspace_is_said(typed: str, said: str) -> None:
    with pytest.raises(WorkspaceError, match=said):
        open_workspace(typed)


def test_the_home_folder_may_be_written_short(own_home: Path) -> None:
    assert new_workspace("~/loras") == own_home / "loras"


def test_known_workspaces_are_listed_with_what_became_of_them(tmp_path: Path) -> None:
    here, other, busy = (Workspace(new_workspace(str(tmp_path / name))) for name in ("here", "other", "busy"))
    for workspace in (Workspace(tmp_path / "gone"), busy, other, here):
        remember_workspace(workspace)
    lock = register_engine("one", busy.root, takes_queue=True)
    known = {each.root.name: each for each in read_workspaces(here.root).known}
    assert list(known) == ["here", "other", "busy", "gone"]
    assert [each.is_there for each in known.values()] == [True, True, True, False]
    assert known["busy"].busy.startswith("open in process ")
    assert not known["other"].busy
    assert lock is not None
    lock.release()


def test_the_list_of_workspaces_is_written_only_where_it_changes(tmp_path: Path) -> None:
    first, second = (Workspace(new_workspace(str(tmp_path / name))) for name in ("first", "second"))
    listed = state_home() / "workspaces"

    def file_after(workspace: Workspace) -> int:
        remember_workspace(workspace)
        return listed.stat().st_ino

    here = file_after(second)
    # Held open, so that no other file gets its number.
    with listed.open():
        assert file_after(second) == here
        assert file_after(first) != here
    assert listed.read_text(encoding="utf-8").split() == [str(first.root), str(second.root)]


def test_the_open_workspace_is_listed_although_nobody_remembered_it(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    assert [each.root for each in read_workspaces(workspace.root).known] == [workspace.root]
    assert find_workspace(tmp_path) is None
