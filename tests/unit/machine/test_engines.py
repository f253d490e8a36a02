import os
import subprocess
import sys
import time
from pathlib import Path

from trainer.machine.engines import RunningEngine, register_engine, running_engines, works_elsewhere

ENGINE = """
import sys
from pathlib import Path
from trainer.machine.engines import register_engine
register_engine("e1", Path(sys.argv[1]), takes_queue=True)
print("there", flush=True)
sys.stdin.read()
"""


def test_an_engine_is_there_until_its_process_is_killed(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", ENGINE, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "there\n"
    assert running_engines(tmp_path) == [RunningEngine("e1", process.pid, True)]
    process.kill()
    process.communicate()
    assert running_engines(tmp_path) == []


def test_an_engine_is_there_in_its_own_workspace_only(tmp_path: Path) -> None:
    held = register_engine("e2", tmp_path / "here", takes_queue=False)
    assert held is not None
    assert running_engines(tmp_path / "here") == [RunningEngine("e2", os.getpid(), False)]
    assert running_engines(tmp_path / "there") == []
    held.release()
    assert running_engines(tmp_path / "here") == []


def test_an_engine_is_there_wherever_its_workspace_is_mounted(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").symlink_to(tmp_path / "here")
    held = register_engine("e2", tmp_path / "here", takes_queue=False)
    assert held is not None
    assert running_engines(tmp_path / "there") == running_engines(tmp_path / "here") != []
    held.release()


def test_an_engine_works_elsewhere_if_its_workspace_is_there_and_another(tmp_path: Path) -> None:
    for name in ("here", "copy"):
        (tmp_path / name).mkdir()
    assert not works_elsewhere(os.getpid(), tmp_path / "copy")
    held = register_engine("e2", tmp_path / "here", takes_queue=False)
    assert held is not None
    assert works_elsewhere(os.getpid(), tmp_path / "copy")
    assert not works_elsewhere(os.getpid(), tmp_path / "here")
    assert not works_elsewhere(1, tmp_path / "copy")
    # Renamed while the engine works in it.
    (tmp_path / "here").rename(tmp_path / "new name")
    assert not works_elsewhere(os.getpid(), tmp_path / "new name")
    held.release()


def test_what_gone_engines_left_is_cleared_away_after_a_while(tmp_path: Path, own_home: Path) -> None:
    for key in ("old", "new"):
        held = register_engine(key, tmp_path, takes_queue=True)
        assert held is not None
        held.release()
    folder = own_home / "state" / "lora-tui" / "engines"
    os.utime(folder / "old.lock", (time.time() - 3600, time.time() - 3600))
    running_engines(tmp_path)
    assert [path.name for path in folder.iterdir()] == ["new.lock"]


def test_a_home_that_cannot_be_written_keeps_no_engine_from_working(tmp_path: Path, own_home: Path) -> None:
    (own_home / "state").write_text("a file where the folder should be")
    assert register_engine("e3", tmp_path, takes_queue=True) is None
    assert running_engines(tmp_path) == []


def test_garbage_is_no_engine(tmp_path: Path, own_home: Path) -> None:
    held = register_engine("e4", tmp_path, takes_queue=True)
    assert held is not None
    (own_home / "state" / "lora-tui" / "engines" / "e4.lock").write_text('{"workspace": 1, "pid": "x"}')
    assert running_engines(tmp_path) == []
    held.release()
