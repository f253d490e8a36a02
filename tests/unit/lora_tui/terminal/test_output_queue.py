import os
import pty
import re
import select
import termios
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from lora_tui.terminal.output_queue import FULL, OutputQueue


class Ears:
    """Remembers what a line says of itself."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def line_lost(self) -> None:
        self.heard.append("lost")

    def line_full(self) -> None:
        self.heard.append("full")

    def line_free(self) -> None:
        self.heard.append("free")

    def line_slow(self) -> None:
        self.heard.append("slow")


class Reader:
    """Reads a pseudo-terminal in a thread of its own: so many bytes, then a pause."""

    def __init__(self, size: int, pause: float) -> None:
        self.size, self.pause, self.read = size, pause, b""
        self._master, self.terminal = pty.openpty()
        # As Textual leaves a terminal: returns are still put before newlines.
        modes = termios.tcgetattr(self.terminal)
        modes[3] &= ~(termios.ECHO | termios.ICANON)
        termios.tcsetattr(self.terminal, termios.TCSANOW, modes)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        os.close(self._master)
        os.close(self.terminal)

    def _run(self) -> None:
        while not self._ended.wait(self.pause):
            if select.select([self._master], [], [], 0.05)[0]:
                self.read += os.read(self._master, self.size)


@pytest.fixture
def reader() -> Iterator[Callable[[int, float], Reader]]:
    """Return a function that opens a pseudo-terminal with somebody who reads it."""
    opened: list[Reader] = []

    def read(size: int, pause: float) -> Reader:
        opened.append(Reader(size, pause))
        return opened[-1]

    yield read
    for one in opened:
        one.close()


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe, of which no number is closed twice: by then it may be another file's."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def leave(pipe: tuple[int, int]) -> None:
    """Close the reading end, as far as its writer can tell; the number stays the fixture's."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, pipe[0])
    os.close(nothing)


# What takes seconds of a line's time need not take as many of a test's.
HURRY = 5.0


class Clock:
    """Time that runs HURRY times as fast, told so many of its seconds late every tenth time."""

    def __init__(self, late: float = 0.0) -> None:
        self.late, self.looks = late, 0

    def __call__(self) -> float:
        self.looks += 1
        time.sleep(self.late / HURRY if self.looks % 10 == 0 else 0)
        return HURRY * time.monotonic()


def until(condition: Callable[[], object], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_text_arrives_in_the_order_it_was_written(pipe: tuple[int, int], ears: Ears) -> None:
    line = OutputQueue(pipe[1], ears)
    line.write("eins ")
    line.write("zwei ▇")
    line.close(5)
    assert os.read(pipe[0], 100).decode() == "eins zwei ▇"
    assert (line.backlog, ears.heard) == (0, [])


def test_a_stalled_reader_holds_nobody_up_and_gets_everything_later(pipe: tuple[int, int], ears: Ears) -> None:
    line = OutputQueue(pipe[1], ears)
    for _ in range(20):
        line.write("x" * FULL)
    assert line.backlog > FULL
    assert ears.heard == ["full"]
    taken = 0
    while taken < 20 * FULL:
        taken += len(os.read(pipe[0], 65536))
    until(lambda: ears.heard == ["full", "free"])
    assert line.backlog == 0


def test_a_reader_who_is_gone_is_reported_once_and_swallows_what_is_written(pipe: tuple[int, int], ears: Ears) -> None:
    line = OutputQueue(pipe[1], ears)
    leave(pipe)
    line.write("anybody?")
    until(lambda: ears.heard)
    line.write("x" * FULL)
    line.close(5)
    assert ears.heard == ["lost"]


def test_a_reader_who_is_gone_is_noticed_when_nothing_is_written(pipe: tuple[int, int], ears: Ears) -> None:
    line = OutputQueue(pipe[1], ears)
    leave(pipe)
    until(lambda: ears.heard == ["lost"])
    assert line.lost


def test_a_reader_of_four_kib_a_second_is_slow(reader: Callable[[int, float], Reader], ears: Ears) -> None:
    slow = reader(1024, 0.25 / HURRY)
    line = OutputQueue(slow.terminal, ears, clock=Clock())
    line.write("x" * 80 * 1024)
    until(lambda: "slow" in ears.heard, seconds=30)
    line.measure_again()
    assert not line.slow(0.01)
    slow.pause = 0
    line.close(10)
    assert ears.heard.count("slow") == 1


def test_a_writer_that_gets_no_processor_time_does_not_take_its_reader_for_slow(
    reader: Callable[[int, float], Reader], ears: Ears
) -> None:
    """The writer comes 1 s late again and again, as beside a library that keeps the interpreter."""
    quick = reader(65536, 0)
    late = Clock(1.0)
    line = OutputQueue(quick.terminal, ears, clock=late)
    line.write("x" * 20 * 1024)
    until(lambda: not line.backlog, seconds=60)
    assert late.looks >= 40
    assert not line.slow(0.5)
    line.close(5)


def test_frames_that_are_replaced_are_left_out_and_nothing_is_torn(
    reader: Callable[[int, float], Reader], ears: Ears
) -> None:
    slow = reader(1024, 0.05)
    line = OutputQueue(slow.terminal, ears)
    clipboard = "\x1b]52;c;" + "QUJD" * 50 + "\x07"
    for number in range(4):
        line.write(_frame(number))
        line.write("\x1b[?2026l")
    line.write(clipboard)
    until(lambda: b"<0>" in slow.read)
    line.drop_frames()
    line.write(_frame(9))
    until(lambda: not line.backlog, seconds=60)
    slow.pause = 0
    line.close(5)
    until(lambda: slow.read.count(b"<9>") == 2000)
    assert b"<2>" not in slow.read
    assert clipboard.encode() in slow.read
    assert slow.read.count(b"\x1b[?2026l") == 4
    # Every control sequence is whole, and between them stand whole words.
    assert re.fullmatch(rb"(\x1b\[[?\d;]*[Hml]|<\d>|\x1b\]52;c;[A-Z]+\x07)*", re.sub(rb"QUJD", b"ABC", slow.read))


def _frame(number: int) -> str:
    return "".join(f"\x1b[{row};1H<{number}>" for row in range(2000))


def test_a_line_that_is_free_again_at_once_is_reported_so_last(pipe: tuple[int, int]) -> None:
    class SlowEars(Ears):
        def line_full(self) -> None:
            # Meanwhile the whole text gets through.
            time.sleep(0.3)
            super().line_full()

    ears = SlowEars()
    line = OutputQueue(pipe[1], ears)
    # What a pipe takes without a reader.
    line.write("x" * FULL)
    until(lambda: not line.backlog)
    line.close(5)
    assert ears.heard in ([], ["full", "free"])


def test_of_many_frames_on_a_quick_line_the_last_word_is_never_full(ears: Ears) -> None:
    quick = os.open(os.devnull, os.O_WRONLY)
    line = OutputQueue(quick, ears)
    for _ in range(3000):
        line.write("x" * FULL)
    until(lambda: not line.backlog)
    line.close(5)
    os.close(quick)
    assert ears.heard == ["full", "free"] * (len(ears.heard) // 2)
