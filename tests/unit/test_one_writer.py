"""One module writes whole files and moves them into place; every other place that writes is listed here with its reason."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Module -> the calls in it, and why the writer of whole files is not for them.
ELSEWHERE: dict[str, tuple[set[str], str]] = {
    "lora_tui/actions/dataset.py": ({".write_text"}, "a copy for the user's editor, in a folder that is new"),
    "lora_tui/terminal/output_queue.py": ({"os.open"}, "the terminal"),
    "lora_tui/terminal/standard_streams.py": ({"os.open"}, "nothing, in the place of a stream that is closed"),
    "lora_tui/terminal/redirect.py": ({"os.open"}, "the log, appended to, and standard streams"),
    "lora_tui/commands/launched.py": ({"os.open"}, "nothing, in the place of standard output"),
    "trainer/captions/backup.py": ({"open"}, "into a path that the writer gave"),
    "trainer/cluster/home.py": ({"open"}, "into a path that the writer gave"),
    "trainer/cluster/worker.py": (
        {"open", "shutil.copyfile"},
        "pieces of a copy that is complete once its hash is right, and files of a workspace that is new",
    ),
    "trainer/demo/workspace.py": ({".write_text"}, "captions of the demo, in a folder that is new"),
    "trainer/formats/webui_config.py": ({"os.open"}, "a backup under a name that must be new"),
    "trainer/formats/safetensors_stream.py": ({"open"}, "into a path that the writer gave"),
    "trainer/jobs/folder_repeats.py": ({"os.rename"}, "a folder of pictures, to a name that is free"),
    "trainer/journal/replace_file.py": ({".rename"}, "SQLite's logs of a journal that is kept"),
    "trainer/machine/disk_space.py": ({"os.open"}, "room that is held, without content"),
    "trainer/machine/lock_file.py": ({"os.open"}, "locks"),
    "trainer/machine/peak_rss.py": ({".write_text"}, "a switch of the kernel in /proc"),
    "trainer/memory/simulate.py": ({".rename"}, "a tensor's name"),
    "trainer/models/safetensors_write.py": ({"open"}, "into a path that the writer gave"),
    "trainer/private_files.py": ({"os.open"}, "an empty file under a name that must be new"),
    "trainer/publish/copy_files.py": ({"open"}, "into a path that the writer gave"),
    "trainer/publish/epoch.py": ({".write_text"}, "in a partial folder of the writer's"),
    "trainer/regular_file.py": ({"os.open"}, "for reading"),
    "trainer/workspace.py": ({".write_text"}, "a note in the user's state folder, which may as well be missing"),
}
_WRITER = "trainer/atomic_file.py"
_MOVES = {
    "os.replace",
    "os.rename",
    "os.renames",
    "os.link",
    "shutil.move",
    "shutil.copyfile",
    "shutil.copy",
    "shutil.copy2",
    "shutil.copytree",
}
_OPENS = {"os.open", "open", "io.open"}
_METHODS = {"write_text", "write_bytes", "rename", "hardlink_to", "touch"}

# Parsing all modules takes seconds.
_MAYBE = re.compile(
    r"\bos\.(replace|rename|link|open)|\bshutil\.|open\(|\.(write_|rename|touch|hardlink)|\.replace\([^,]*\)"
)


def writes(path: Path) -> Iterator[str]:
    """Yield every call in a module that may write, move or replace a file."""
    text = path.read_text()
    if not _MAYBE.search(text):
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            last = name.rpartition(".")[2]
            if name in _MOVES or (last in _METHODS and isinstance(node.func, ast.Attribute)):
                yield name if name in _MOVES else f".{last}"
            # A path has one argument, a text two.
            elif (
                last == "replace" and isinstance(node.func, ast.Attribute) and len(node.args) == 1 and not node.keywords
            ):
                yield ".replace"
            elif (name in _OPENS or last == "open") and _writes(name, node):
                yield name if name in _OPENS else ".open"


def _writes(name: str, call: ast.Call) -> bool:
    if name == "os.open":
        return "O_RDONLY" not in ast.unparse(call.args[1])
    given = [*call.args[name in _OPENS :], *(each.value for each in call.keywords if each.arg == "mode")]
    modes = [each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    return any(set(mode) & set("wax+") and set(mode) <= set("rwxabt+") for mode in modes)


@cache
def found() -> dict[str, set[str]]:
    """Return the calls by module."""
    modules = sorted(path for room in ("trainer", "lora_tui") for path in (ROOT / room).rglob("*.py"))
    return {str(path.relative_to(ROOT)): calls for path in modules if (calls := set(writes(path)))}


def test_whole_files_are_written_in_one_module() -> None:
    others = {module: calls - ELSEWHERE.get(module, (set(), ""))[0] for module, calls in found().items()}
    assert {module: calls for module, calls in others.items() if calls and module != _WRITER} == {}


def test_no_other_module_moves_a_file_into_place() -> None:
    moves = {"os.replace", "os.link", "shutil.move", ".replace", ".rename"}
    # Logs go with a journal that is kept; and a tensor has a name.
    known = {_WRITER, "trainer/journal/replace_file.py", "trainer/memory/simulate.py"}
    assert {module for module, calls in found().items() if calls & moves} <= known


@pytest.mark.parametrize(
    "line",
    [
        "os.replace(a, b)", "path.rename(b)", "path.replace(b)", "path.write_text('')", "open(path, 'w')", "open(path, mode='r+b')",
        "path.open('xb')", "os.open(path, os.O_WRONLY | os.O_CREAT)", "shutil.copyfile(a, b)", "path.touch()",
    ],
)  # fmt: skip
def test_the_search_knows_what_writes(line: str, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(line)
    assert list(writes(tmp_path / "module.py"))


@pytest.mark.parametrize(
    "line", ["open(path)", "open(path, 'rb')", "text.replace('a', 'b')", "os.open(p, os.O_RDONLY)"]
)
def test_the_search_passes_what_reads(line: str, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(line)
    assert not list(writes(tmp_path / "module.py"))
