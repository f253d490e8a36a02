"""Files come into a folder whole, here or on another machine, and nothing there is written over unasked."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from fake_host import FakeHost

from trainer.atomic_file import atomic_path
from trainer.errors import DeliveryError
from trainer.long_work import WorkProgress, WorkStopped, watched
from trainer.publish.copy_files import FolderMissing, NameTaken, _stage_start, copy_files


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Two files to send, one under another name than it has here."""
    here = tmp_path / "here"
    here.mkdir()
    (here / "epoch 7").write_bytes(b"weights" * 1000)
    (here / "about").write_bytes(b"words")
    return {"hifumi v3.safetensors": here / "epoch 7", "hifumi v3.json": here / "about"}


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    host = FakeHost(tmp_path / "box")
    monkeypatch.setenv("PATH", f"{host.bin}:{os.environ['PATH']}")
    return host


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@dataclass(frozen=True)
class Place:
    """A folder to send to, and what it is called from here."""

    folder: Path
    target: str


@pytest.fixture(params=["here", "scp", "rsync"])
def place(request: pytest.FixtureRequest, tmp_path: Path, box: FakeHost) -> Place:
    if request.param == "here":
        folder = tmp_path / "models of mine"
        target = str(folder)
    else:
        folder = box.home / "my models" / "Lora"
        target = "me@box:my models/Lora"
        if request.param == "rsync":
            box.with_rsync()
    folder.mkdir(parents=True)
    return Place(folder, target)


def test_files_arrive_under_their_new_names_and_nothing_else_is_left(place: Place, files: dict[str, Path]) -> None:
    delivered = copy_files(files, place.target)
    assert (delivered.sent, delivered.unchanged, delivered.replaced) == (tuple(files), (), ())
    assert names(place.folder) == sorted(files)
    assert all((place.folder / name).read_bytes() == path.read_bytes() for name, path in files.items())


def test_what_is_there_already_is_not_sent_again(place: Place, files: dict[str, Path]) -> None:
    copy_files(files, place.target)
    before = (place.folder / "hifumi v3.json").stat().st_mtime_ns
    delivered = copy_files(files, place.target)
    assert (delivered.sent, delivered.unchanged) == ((), tuple(files))
    assert (place.folder / "hifumi v3.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("copier", ["scp", "rsync"])
def test_a_copy_that_is_ended_leaves_nothing_there_and_no_program_here(
    copier: str, box: FakeHost, files: dict[str, Path]
) -> None:
    if copier == "rsync":
        box.with_rsync()
    box.stall()
    said: list[str] = []
    with pytest.raises(WorkStopped), watched(lambda now: said.append(now.words), lambda: "sending to me@box:" in said):
        copy_files(files, "me@box:")
    assert any(call.startswith(copier) for call in box.calls)
    assert names(box.home) == []
    assert not [child for child in psutil.Process().children(recursive=True) if "box" in " ".join(child.cmdline())]


def test_a_copy_into_a_folder_that_is_ended_between_two_files_leaves_nothing(
    tmp_path: Path, files: dict[str, Path]
) -> None:
    (tmp_path / "models").mkdir()
    said: list[str] = []
    last = f"copying {list(files)[-1]}:"
    with pytest.raises(WorkStopped), watched(lambda now: said.append(now.words), lambda: last in said):
        copy_files(files, str(tmp_path / "models"))
    assert names(tmp_path / "models") == [], said


def test_how_far_a_copy_is_is_said_in_megabytes(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "big").write_bytes(bytes(5 * 10**6))
    said: list[WorkProgress] = []
    with watched(said.append, lambda: False):
        copy_files({"lora.safetensors": tmp_path / "big"}, str(tmp_path / "models"))
    assert WorkProgress("copying lora.safetensors:", 4, 5, "MB") in said
    assert {now.total for now in said} == {5}


def test_another_content_under_the_name_is_left_alone(place: Place, files: dict[str, Path]) -> None:
    (place.folder / "hifumi v3.json").write_text("mine")
    with pytest.raises(NameTaken, match=r"already has a different hifumi v3\.json"):
        copy_files(files, place.target)
    assert names(place.folder) == ["hifumi v3.json"]
    assert (place.folder / "hifumi v3.json").read_text() == "mine"


def test_with_replace_it_is_overwritten_and_reported(place: Place, files: dict[str, Path]) -> None:
    (place.folder / "hifumi v3.json").write_text("mine")
    delivered = copy_files(files, place.target, replace=True)
    assert delivered.replaced == ("hifumi v3.json",)
    assert (place.folder / "hifumi v3.json").read_bytes() == b"words"


def test_a_folder_under_the_name_is_never_filled(place: Place, files: dict[str, Path]) -> None:
    (place.folder / "hifumi v3.json").mkdir()
    with pytest.raises(DeliveryError):
        copy_files(files, place.target, replace=True)
    assert names(place.folder / "hifumi v3.json") == []


@pytest.mark.parametrize("replace", [False, True])
def test_a_pipe_under_the_name_is_neither_waited_for_nor_replaced(
    place: Place, files: dict[str, Path], replace: bool
) -> None:
    os.mkfifo(place.folder / "hifumi v3.json")
    with pytest.raises(DeliveryError, match=r"hifumi v3\.json is a folder, a pipe or a device; expected a file"):
        copy_files(files, place.target, replace=replace)
    assert names(place.folder) == ["hifumi v3.json"]
    assert stat.S_ISFIFO((place.folder / "hifumi v3.json").stat().st_mode)


def test_what_a_killed_process_left_is_cleared_and_what_another_writes_stays(
    place: Place, files: dict[str, Path]
) -> None:
    others = {"mine.safetensors", ".hidden", ".lora-tui-notes"}
    for name in others:
        (place.folder / name).touch()
    if place.target == str(place.folder):
        child = os.fork()
        if not child:
            with atomic_path(place.folder / "another.safetensors"):
                os._exit(0)
        os.waitpid(child, 0)
    else:
        start, gone = _stage_start(), 2**22 + 1
        running, of_another = f"{start}{os.getpid()}-01234567", f".lora-tui-00000000-{gone}-01234567"
        for name in (running, of_another, f"{start}{gone}-01234567"):
            (place.folder / name).mkdir()
            (place.folder / name / "half").touch()
        others |= {running, of_another}
    copy_files(files, place.target)
    assert set(names(place.folder)) == {*files, *others}


def test_a_folder_that_is_not_there_is_not_made(place: Place, files: dict[str, Path]) -> None:
    with pytest.raises(DeliveryError, match="no such folder"):
        copy_files(files, f"{place.target}x")
    assert not place.folder.with_name(f"{place.folder.name}x").exists()


def test_a_folder_that_is_not_there_is_made_where_that_is_allowed(place: Place, files: dict[str, Path]) -> None:
    with pytest.raises(FolderMissing):
        copy_files(files, f"{place.target}/a b/c")
    copy_files(files, f"{place.target}/a b/c", make_folder=True)
    assert names(place.folder / "a b" / "c") == sorted(files)


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path, files: dict[str, Path]) -> None:
    (tmp_path / "file").write_text("x")
    for make_folder in (False, True):
        with pytest.raises(DeliveryError, match="file: "):
            copy_files(files, str(tmp_path / "file"), make_folder=make_folder)


@pytest.mark.parametrize("rsync", [False, True])
def test_what_arrives_otherwise_never_stands_under_its_name(box: FakeHost, files: dict[str, Path], rsync: bool) -> None:
    if rsync:
        box.with_rsync()
    box.spoil()
    with pytest.raises(DeliveryError, match="was corrupted in transfer; expected the same sha256"):
        copy_files(files, "me@box:.")
    assert names(box.home) == []


def test_rsync_is_used_where_both_machines_have_it(box: FakeHost, files: dict[str, Path]) -> None:
    copy_files({"a": files["hifumi v3.json"]}, "me@box:")
    box.with_rsync()
    copy_files({"b": files["hifumi v3.json"]}, "me@box:~/")
    assert [call.split()[0] for call in box.calls if not call.startswith("ssh")] == ["scp", "rsync"]
    assert names(box.home) == ["a", "b"]


def test_no_shell_reads_the_names(box: FakeHost, files: dict[str, Path], tmp_path: Path) -> None:
    folder = box.home / "$(touch gone); 'x'"
    folder.mkdir()
    name = '`touch gone` "&& -rf.json'
    copy_files({name: files["hifumi v3.json"]}, f"me@box:{folder.name}")
    assert names(folder) == [name]
    assert names(box.home) == [folder.name]


def test_a_folder_that_starts_with_a_dash_is_a_folder(box: FakeHost, files: dict[str, Path]) -> None:
    (box.home / "-rf").mkdir()
    copy_files({"a": files["hifumi v3.json"]}, "me@box:-rf")
    assert names(box.home / "-rf") == ["a"]


def test_nobody_is_asked_for_a_password_unless_it_may_be(box: FakeHost, files: dict[str, Path]) -> None:
    copy_files({"a": files["hifumi v3.json"]}, "me@box:")
    assert all("BatchMode=yes" in call for call in box.calls)
    asked = len(box.calls)
    copy_files({"b": files["hifumi v3.json"]}, "me@box:", may_ask=True)
    assert not any("BatchMode" in call for call in box.calls[asked:])


def test_an_unreachable_machine_is_reported_in_the_words_of_ssh(box: FakeHost, files: dict[str, Path]) -> None:
    with pytest.raises(DeliveryError, match="ssh: Could not resolve hostname nowhere"):
        copy_files(files, "nowhere:models")


def test_a_missing_ssh_is_reported(files: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeliveryError, match="ssh: cannot be run"):
        copy_files(files, "me@box:models")


def test_a_folder_with_a_colon_in_its_name_is_one_of_this_machine(tmp_path: Path, files: dict[str, Path]) -> None:
    folder = tmp_path / "a:b"
    folder.mkdir()
    assert copy_files(files, str(folder)).sent == tuple(files)


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path, files: dict[str, Path]) -> None:
    (tmp_path / "link").symlink_to("/proc/self")
    with pytest.raises(DeliveryError, match="cannot be written"):
        copy_files(files, str(tmp_path / "link"))
