"""Processes of our own: nothing of the current folder is imported, and nothing that is printed is read as an answer."""

import contextlib
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile_folder import make_hostile

import lora_tui.__main__ as entry
from trainer.machine import python_child
from trainer.machine.python_child import ChildEnded, PythonChild, isolated_environment, isolated_python

ROOT = Path(__file__).parents[3]

CHILD = """
import json, os, site, sys
print('{"folder": "a print at import"}')
os.write(1, b'{"folder": "a library in C"}' + bytes([10]))
from trainer.machine.python_child import answers
import select, trainer

def main():
    stream = answers()
    os.write(1, b'{"folder": "another one"}' + bytes([10]))
    for line in sys.stdin:
        question = json.loads(line)
        if question == "die":
            os._exit(7)
        if question == "babble":
            stream.write("well, " + chr(10))
        else:
            found = [select.__file__ if hasattr(select, "__file__") else "built in", trainer.__file__]
            answer = {"asked": question, "from": found, "user": site.ENABLE_USER_SITE, "gpus": os.environ["CUDA_VISIBLE_DEVICES"],
                      "path": sys.path, "nice": os.nice(0)}
            print(json.dumps({"asked": "no"}))
            stream.write(json.dumps(answer) + chr(10))
        stream.flush()
"""


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], PythonChild]:
    """Return what starts the child above, in a folder of hostile modules."""
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "asked_child.py").write_text(CHILD + "\nmain()\n")
    make_hostile(tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.syspath_prepend(modules)
    # As a user may have it: the current folder, by three names.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", ".", "../here", str(modules), str(ROOT)]))
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    return lambda: PythonChild("asked_child")


def _answer(child: PythonChild) -> Any:
    answer = child.answer(20.0)
    assert answer is not None
    return answer


def test_a_child_imports_nothing_of_the_current_folder_and_its_prints_are_no_answers(
    child: Callable[[], PythonChild], tmp_path: Path
) -> None:
    with contextlib.closing(child()) as asked:
        asked.ask({"what": 1})
        asked.ask("second")
        first, second = _answer(asked), _answer(asked)
        assert (first["asked"], second["asked"]) == ({"what": 1}, "second")
        assert first["from"][1] == str(ROOT / "trainer" / "__init__.py")
        assert not any(Path(folder).is_relative_to(tmp_path / "here") for folder in first["path"] if folder)
        assert "" not in first["path"]
        assert (first["user"], first["gpus"], first["nice"]) == (False, "", 19)
    assert not (tmp_path / "here" / "imported.txt").exists()


@pytest.mark.parametrize(("question", "reason"), [("die", "^7$"), ("babble", "other than JSON")])
def test_a_child_without_an_answer_says_so(child: Callable[[], PythonChild], question: str, reason: str) -> None:
    with contextlib.closing(child()) as asked:
        assert asked.answer(0.0) is None
        asked.ask(question)
        with pytest.raises(ChildEnded, match=reason):
            asked.answer(20.0)
    asked.close()
    assert not asked.alive


def test_the_users_own_packages_are_left_out_unless_the_program_is_one_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(python_child.site, "ENABLE_USER_SITE", True)
    monkeypatch.setattr(python_child.site, "getusersitepackages", lambda: str(tmp_path))
    python_child.needs_user_site.cache_clear()
    assert isolated_python() == [sys.executable, "-P", "-s"]
    monkeypatch.setattr(python_child.site, "getusersitepackages", lambda: str(ROOT))
    python_child.needs_user_site.cache_clear()
    assert isolated_python() == [sys.executable, "-P"]
    python_child.needs_user_site.cache_clear()


def test_the_import_path_is_handed_on_by_absolute_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path / "one"), str(ROOT)])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([f"{tmp_path}/one/", "one", str(tmp_path / "not mine")]))
    assert isolated_environment()["PYTHONPATH"] == f"{tmp_path}/one/"
    monkeypatch.setenv("PYTHONPATH", "")
    assert "PYTHONPATH" not in isolated_environment()


def test_the_program_forgets_the_current_folder_unless_it_is_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = str(tmp_path / "other")
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), str(tmp_path / "link"), other, str(ROOT)])
    monkeypatch.chdir(tmp_path)
    entry.forget_current_folder()
    assert sys.path == [other, str(ROOT)]
    monkeypatch.chdir(ROOT)
    entry.forget_current_folder()
    assert sys.path == [other, str(ROOT)]
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    sys.path.insert(0, "")
    entry.forget_current_folder()
    assert sys.path == [other, str(ROOT)]


# Module -> why it starts something. Whoever starts Python takes `PythonChild`.
STARTERS = {
    "trainer/machine/python_child.py": "every Python process of ours",
    "trainer/engine/user_command.py": "the user's own commands",
    "trainer/cluster/worker.py": "a bake of its own, which is followed by its journal",
    "trainer/publish/copy_files.py": "ssh, scp and rsync",
    "trainer/gallery/label_font.py": "fc-match",
    "lora_tui/terminal/encoding.py": "the program itself once more, as it was started",
    "lora_tui/terminal/this_program.py": "the program itself, for another workspace",
    "lora_tui/terminal/foreground.py": "the user's editor, and the program itself over another workspace",
}
# The modules that start processes, and the calls of others that do.
STARTING = re.compile(
    r"^\s*(?:from|import) (?:subprocess|multiprocessing|pty)\b|ProcessPoolExecutor|create_subprocess_"
    r"|\bos\.(?:system|popen|fork|forkpty|posix_spawnp?|exec[lv]\w*|spawn[lv]\w*)\(|from os import|import_module\(.subprocess",
    re.MULTILINE,
)


def test_one_place_starts_python_and_no_other_place_starts_anything_unnamed() -> None:
    texts = {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
        for package in ("trainer", "lora_tui")
        for path in (ROOT / package).rglob("*.py")
    }
    assert {name for name, text in texts.items() if STARTING.search(text)} == set(STARTERS)
    # The last one also prints a command for another machine.
    assert {name for name, text in texts.items() if "sys.executable" in text} == {
        "trainer/machine/python_child.py",
        "lora_tui/terminal/encoding.py",
        "lora_tui/terminal/this_program.py",
    }
