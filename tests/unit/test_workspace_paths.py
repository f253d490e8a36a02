"""A path that was kept in a workspace is found where the workspace is now."""

import json
import os
import shutil
from pathlib import Path

import pytest

from trainer.journal.journal import Journal
from trainer.journal.records import NewBake
from trainer.workspace_paths import PLACES, WorkspacePaths, former_places, note_places, paths_around, workspace_paths


def workspace(root: Path, *files: str) -> Path:
    """Make a folder with a journal and these files."""
    root.mkdir(parents=True)
    Journal(root / "journal.sqlite").close()
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(file)
    return root


def test_what_lies_inside_is_kept_from_the_root_and_what_lies_outside_as_it_is(tmp_path: Path) -> None:
    paths = WorkspacePaths(tmp_path / "w")
    assert paths.kept(str(tmp_path / "w" / "data" / "10_x")) == "data/10_x"
    assert paths.kept(str(tmp_path / "w")) == "."
    for outside in (tmp_path / "w2" / "data", tmp_path, tmp_path / "w" / ".." / "data"):
        assert paths.kept(str(outside)) == str(outside)
    assert paths.kept("demo") == "demo"


@pytest.mark.parametrize("inside", ["data", "data/10_a b", "~x", "ünï/ö", "demo", "a\udcff"])
def test_what_is_kept_is_found_in_every_folder_that_the_workspace_comes_to(tmp_path: Path, inside: str) -> None:
    kept = WorkspacePaths(tmp_path / "old").kept(str(tmp_path / "old" / inside))
    assert WorkspacePaths(tmp_path / "new").found(kept) == str(tmp_path / "new" / inside)


def test_a_root_reached_over_a_link_is_the_same_root(tmp_path: Path) -> None:
    root = workspace(tmp_path / "disk" / "w", "data/1.png")
    (tmp_path / "link").symlink_to(root)
    (root / "elsewhere").symlink_to(tmp_path)
    assert workspace_paths(root).kept(str(tmp_path / "link" / "data")) == "data"
    assert workspace_paths(tmp_path / "link").kept(str(root / "data")) == "data"
    # A link inside goes along with the workspace, wherever it leads.
    assert workspace_paths(root).kept(str(root / "elsewhere")) == "elsewhere"


def test_an_absolute_path_into_a_folder_it_was_moved_from_means_what_lies_here(tmp_path: Path) -> None:
    old, new = workspace(tmp_path / "old", "data/1.png"), tmp_path / "new" / "place"
    new.parent.mkdir()
    old.rename(new)
    Journal(new / "journal.sqlite").close()
    paths = workspace_paths(new)
    assert paths.former == (old,)
    assert paths.found(str(old / "data")) == str(new / "data")
    assert paths.found(str(old / "gone")) == str(new / "gone")
    assert paths.found(str(tmp_path / "older" / "data")) == str(tmp_path / "older" / "data")
    # Moved once more, and back.
    new.rename(old)
    assert paths_around(old / "data").found(str(new / "data")) == str(old / "data")


def test_a_copy_never_names_a_file_of_its_original(tmp_path: Path) -> None:
    old = workspace(tmp_path / "old", "data/1.png", "more/1.png")
    shutil.copytree(old, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "more")
    paths = workspace_paths(tmp_path / "copy")
    for inside in ("data", "more", "."):
        assert paths.found(str(old / inside)) == os.path.normpath(tmp_path / "copy" / inside)
    assert paths.found("more") == str(tmp_path / "copy" / "more")
    # The original keeps its own, whatever its copy does.
    Journal(tmp_path / "copy" / "journal.sqlite").close()
    assert workspace_paths(old).found(str(old / "more")) == str(old / "more")


def test_pictures_left_behind_are_found_where_they_were_left(tmp_path: Path) -> None:
    old, new = workspace(tmp_path / "old", "data/1.png"), tmp_path / "new"
    new.mkdir()
    for file in ("journal.sqlite", PLACES):
        (old / file).rename(new / file)
    paths = workspace_paths(new)
    assert paths.found("data") == paths.found(str(old / "data")) == str(old / "data")
    (new / "data").mkdir()
    assert paths.found("data") == paths.found(str(old / "data")) == str(new / "data")


@pytest.mark.parametrize("deeper", [True, False])
def test_a_workspace_moved_into_a_folder_of_its_own_or_out_of_it_finds_its_files(tmp_path: Path, deeper: bool) -> None:
    one, other = (tmp_path / "w", tmp_path / "w" / "sub") if deeper else (tmp_path / "w" / "sub", tmp_path / "w")
    old = workspace(one, "data/1.png")
    other.mkdir(exist_ok=True)
    for name in ("data", PLACES, "journal.sqlite"):
        (old / name).rename(other / name)
    assert workspace_paths(other).found(str(old / "data")) == str(other / "data")


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b'{"places": "/x"}', b'{"places": [1, null, "relative", "/", "/a\\u0000b"]}', b"[" * 100_000],
)
def test_a_damaged_list_of_places_is_one_without_places(tmp_path: Path, content: bytes) -> None:
    (tmp_path / PLACES).write_bytes(content)
    assert workspace_paths(tmp_path).former == ()
    note_places(tmp_path)
    assert json.loads((tmp_path / PLACES).read_text()) == {"places": [str(tmp_path)]}


def journal_of_an_older_version(root: Path, *named: Path | str) -> None:
    """Write a journal whose bakes name absolute paths, and no list of places."""
    with Journal(root / "journal.sqlite") as journal:
        for path in named:
            toml = f'train_data_dir = "{path}"\n'
            journal.bakes.add(NewBake(name="x", settings_toml=toml, engine="", total_steps=1, steps_per_epoch=1))
    (root / PLACES).unlink()


def test_an_older_versions_workspace_that_was_moved_tells_by_its_paths_where_it_was(tmp_path: Path) -> None:
    old = workspace(tmp_path / "old", "data/10_x/1.png")
    outside = tmp_path / "models" / "data"
    outside.mkdir(parents=True)
    journal_of_an_older_version(old, outside, old / "data" / "10_x", "/nowhere/to/be/found")
    new = tmp_path / "new"
    old.rename(new)
    with Journal(new / "journal.sqlite") as journal:
        assert journal.paths.former == (old,)
        assert journal.paths.found(str(outside)) == str(outside)


def test_an_older_versions_copy_tells_its_original_from_another_workspace(tmp_path: Path) -> None:
    original = workspace(tmp_path / "old", "data/1.png")
    other = workspace(tmp_path / "other", "data/1.png")
    journal_of_an_older_version(original, original / "data", other / "data")
    shutil.copytree(original, tmp_path / "copy")
    with Journal(tmp_path / "copy" / "journal.sqlite") as journal:
        assert journal.paths.former == (original,)
        assert journal.paths.found(str(original / "data")) == str(tmp_path / "copy" / "data")
        assert journal.paths.found(str(other / "data")) == str(other / "data")


def test_an_older_versions_workspace_that_cannot_be_written_tells_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = workspace(tmp_path / "old", "data/1.png")
    journal_of_an_older_version(old, old / "data")
    old.rename(tmp_path / "new")

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("trainer.workspace_paths.write_atomically", refuse)
    with Journal(tmp_path / "new" / "journal.sqlite") as journal:
        assert journal.paths.found(str(old / "data")) == str(tmp_path / "new" / "data")
    assert not (tmp_path / "new" / PLACES).exists()


def test_a_path_that_names_nothing_here_tells_of_no_place(tmp_path: Path) -> None:
    root = workspace(tmp_path / "w", "data/1.png")
    assert former_places(root, ["/gone/models/base.safetensors", str(root / "data"), "/data", "/"]) == []
    assert former_places(root, ["/gone/w/data/1.png"]) == [Path("/gone/w")]


def test_a_folder_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path) -> None:
    note_places(tmp_path / "missing")
    assert workspace_paths(tmp_path / "missing").former == ()
