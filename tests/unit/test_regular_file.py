"""Files from outside are opened in one place, which waits for nothing."""

import os
import re
import stat
import time
from pathlib import Path

import pytest

from trainer.regular_file import open_regular, read_regular

ROOT = Path(__file__).parents[2]


def test_a_file_is_read_through_links_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("a")
    assert read_regular(tmp_path / "link", 5) == b"12345"
    with pytest.raises(OSError, match=re.escape("it has 5 bytes; at most 4 are read")) as refused:
        read_regular(tmp_path / "a", 4)
    assert refused.value.filename == str(tmp_path / "a")
    with open_regular(tmp_path / "a", buffered=False) as file:
        assert Path(file.name) == tmp_path / "a"
        assert file.read(2) == b"12"


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    began = time.monotonic()
    for place, kind in ((tmp_path / "pipe", "pipe"), (Path("/dev/zero"), "device"), (tmp_path, "folder")):
        for opened in (open_regular, lambda path: read_regular(path, 10)):
            with pytest.raises(OSError) as refused:
                opened(place)
            assert refused.value.strerror == f"it is a {kind}, not a file"
    assert time.monotonic() - began < 60
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "gone")


def test_a_pipe_that_takes_a_files_place_at_the_last_moment_is_refused_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    before = os.stat(tmp_path / "file")
    (tmp_path / "file").unlink()
    os.mkfifo(tmp_path / "file")
    assert stat.S_ISREG(before.st_mode)
    monkeypatch.setattr(os, "stat", lambda *_, **__: before)
    with pytest.raises(OSError, match="it is a pipe"):
        open_regular(tmp_path / "file")


def test_a_file_without_a_size_is_read_no_further_than_its_limit() -> None:
    with pytest.raises(OSError, match="at most 3 are read"):
        read_regular(Path("/proc/self/status"), 3)


# Module -> why it opens files itself.
OPENERS = {
    "trainer/plan/optimizer_installed.py": "what pip noted of an installed package",
    "trainer/regular_file.py": "the one place",
    "trainer/atomic_file.py": "writes, and folders to flush",
    "trainer/captions/backup.py": "writes into a path that the writer gave",
    "trainer/cluster/home.py": "writes into a path that the writer gave",
    "trainer/publish/copy_files.py": "writes into a path that the writer gave",
    "trainer/cluster/worker.py": "writes copies of files that were sent",
    "trainer/private_files.py": "makes an empty file",
    "trainer/machine/disk_space.py": "writes",
    "trainer/machine/lock_file.py": "locks, whatever lies there",
    "trainer/models/safetensors_write.py": "writes",
    "trainer/formats/safetensors_stream.py": "writes",
    "trainer/formats/webui_config.py": "writes a backup",
    "trainer/bake/saving/state.py": "safetensors opens it itself, after its header was read",
    "trainer/network/lora_content.py": "safetensors opens it itself, after its header was read",
    "trainer/journal/read_only.py": "the log of the journal that SQLite has open",
    "trainer/machine/python_child.py": "a pipe of its own",
    "trainer/journal/mounts.py": "the system's table of mounts",
    "trainer/machine/cpu.py": "the system's description of the processor",
    "trainer/machine/peak_rss.py": "the system's status of a process",
    "lora_tui/terminal/logout.py": "the system's own settings",
    "lora_tui/commands/launched.py": "nothing",
    "lora_tui/terminal/redirect.py": "the log, and nothing",
    "lora_tui/terminal/standard_streams.py": "standard input, and nothing",
    "lora_tui/terminal/output_queue.py": "the terminal",
    "trainer/engine/engine.py": "libraries of installed packages",
    "trainer/prompts/clip_tokens.py": "comes with the program",
    "trainer/families/anima/files/shipped_tokenizers.py": "comes with the program",
    "trainer/machine/fake_card.py": "comes with the program",
    "trainer/models/stable_diffusion/component_configs.py": "comes with the program",
}
OPENING = re.compile(
    r"(?<![\w.])open\((?!self)|\bos\.f?d?open\(|\.open\(\"|\.open\(\)|\.read_bytes\(|\.read_text\(|gzip\.open\(|Image\.open\((?!file\b)"
    r"|np\.load\(|load_file\(|safe_open\(|fromfile\("
)


def test_files_are_opened_in_one_place_and_what_opens_others_says_why() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for package in ("trainer", "lora_tui")
        for path in (ROOT / package).rglob("*.py")
        if OPENING.search(path.read_text("utf-8"))
    }
    assert found == set(OPENERS)
