"""Standard streams that take everything."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lora_tui.terminal import redirect
from lora_tui.terminal.console import Console
from lora_tui.terminal.standard_streams import _stream, forget_refusal, refused

ROOT = Path(__file__).parents[4]


def test_what_a_full_disk_refuses_is_dropped_and_remembered() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    stream = _stream(None, full, "", set())
    assert refused(stream) is None
    stream.write("x" * 100_000)
    why = refused(stream)
    assert why is not None and why.strerror == "No space left on device"
    stream.write("more")
    os.dup2(os.open(os.devnull, os.O_WRONLY), full)
    forget_refusal(stream)
    stream.write("again")
    assert refused(stream) is None
    os.close(full)


def test_a_pipe_that_does_not_wait_gets_everything(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    reader = subprocess.Popen(["sh", "-c", f"sleep 0.2; cat > {tmp_path}/read"], stdin=read)
    os.close(read)
    stream = _stream(None, write, "", set())
    stream.write("y" * 300_000)
    assert refused(stream) is None
    os.close(write)
    assert reader.wait(20) == 0
    assert (tmp_path / "read").read_bytes() == b"y" * 300_000


def test_any_other_stream_refuses_nothing() -> None:
    assert refused(io.StringIO()) is None


def test_the_console_names_the_stream_drops_it_and_keeps_the_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    kept = os.open(tmp_path / "errors.txt", os.O_WRONLY | os.O_CREAT)
    monkeypatch.setattr("sys.stderr", _stream(None, kept, "", set()))
    monkeypatch.setattr(redirect, "leave_terminal", lambda: pytest.fail("its terminal is there"))
    out = _stream(None, full, "", set())
    out.write("a plan\n")
    with Console(out) as console:
        assert console.lost
        assert console.drop_refused() == ("standard output cannot be written (No space left on device)",)
        assert not console.lost
        assert console.drop_refused() == ()
        console.out.write("progress\n")
        console.error("an error")
        console.out.settle()
        assert not console.lost
    assert (tmp_path / "errors.txt").read_text() == "an error\n"
    os.close(full)
    os.close(kept)


def test_a_stream_that_fills_up_later_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    with Console(_stream(None, full, "", set())) as console:
        assert not console.lost
        console.out.write("progress\n")
        console.out.settle(5.0)
        assert console.lost
        assert console.drop_refused() == ("standard output cannot be written (No space left on device)",)
    os.close(full)


def test_descriptors_that_the_shell_closed_are_taken_by_no_file(tmp_path: Path) -> None:
    code = (
        "from lora_tui.terminal.standard_streams import prepare_streams, output_refused; prepare_streams(own_process=True);"
        "import os, sys; number = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT); print('lost'); why = output_refused();"
        "os.write(number, f'{number} {why} {sys.stdin.read()!r} {sys.stderr.isatty()}'.encode())"
    )
    command = f'exec {sys.executable} -c "$0" {tmp_path}/answer <&- >&- 2>&-'
    subprocess.run(["sh", "-c", command, code], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert (tmp_path / "answer").read_text() == "3 [Errno 9] it is closed '' False"
