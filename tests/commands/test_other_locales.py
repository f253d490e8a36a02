"""Commands where the locale is not UTF-8: they end as everywhere, with signs replaced that it does not have."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.workspace import Workspace

# Where Python neither changes the locale nor ignores it: file names are ASCII then, until we see to it.
_NAMES_IN_ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


def _run(folder: Path, *arguments: str | Path, **env: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "lora_tui", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env={**os.environ, **env}, capture_output=True, check=False, timeout=120)


@pytest.mark.parametrize("encoding", ["koi8-r", "latin-1", "euc-jp"])
@pytest.mark.parametrize(
    "arguments", [["plan", "hifumi.toml", "--no-memory"], ["status"], ["--help"], ["bake", "--help"]]
)
def test_a_command_prints_what_the_encoding_has(demo: Workspace, encoding: str, arguments: list[str]) -> None:
    here = _run(demo.root, *arguments, PYTHONIOENCODING=encoding)
    there = _run(demo.root, *arguments)
    assert (here.returncode, here.stderr) == (0, b"")
    # As many lines, and each as long: a table stays a table.
    assert [len(line) for line in here.stdout.decode(encoding).splitlines()] == [
        len(line) for line in there.stdout.decode().splitlines()
    ]


def test_an_error_is_a_line_in_any_encoding(demo: Workspace) -> None:
    ran = _run(
        demo.root, "plan", "hifumi.toml", "--set", "output_name=萌え/え", PYTHONIOENCODING="koi8-r", **_NAMES_IN_ASCII
    )
    assert ran.returncode == 2
    assert b"Traceback" not in ran.stderr and b"output_name" in ran.stderr
    assert b'"????/??"' in ran.stderr and ran.stderr.count(b"\n") == 1


def test_a_bake_writes_its_files_under_their_names(demo: Workspace, short: list[str]) -> None:
    ran = _run(
        demo.root,
        "bake",
        "hifumi.toml",
        *short,
        "--set",
        "output_name=größe→2",
        PYTHONIOENCODING="latin-1",
        **_NAMES_IN_ASCII,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    assert "größe>2" in ran.stdout.decode("latin-1") and b"LoRA file" in ran.stdout
    assert list(demo.bakes.glob("*/größe→2*.safetensors"))
