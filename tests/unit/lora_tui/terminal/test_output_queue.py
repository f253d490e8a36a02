import os
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


class Ticks:
    """A clock that goes on by `each` at every look."""

    def __init__(self, each: float) -> None:
        self.now, self.each = 0.0, each

    def __call__(self) -> float:
        self.now += self.each
        return self.now


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 10
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
    os.close(pipe[0])
    line.write("anybody?")
    until(lambda: ears.heard)
    line.write("x" * FULL)
    line.close(5)
    assert ears.heard == ["lost"]


def test_a_reader_who_is_gone_is_noticed_when_nothing_is_written(pipe: tuple[int, int], ears: Ears) -> None:
    line = OutputQueue(pipe[1], ears)
    os.close(pipe[0])
    until(lambda: ears.heard == ["lost"])
    assert line.lost


def test_a_line_that_is_late_again_and_again_is_slow(pipe: tuple[int, int], ears: Ears) -> None:
    line = OutputQueue(pipe[1], ears, clock=Ticks(0.5))
    for _ in range(8):
        line.write("x")
    line.close(5)
    assert ears.heard == ["slow"]


def test_a_line_that_is_late_now_and_then_is_not_slow(pipe: tuple[int, int], ears: Ears) -> None:
    # Each write takes 30 s: five of them fall into no 20 s.
    line = OutputQueue(pipe[1], ears, clock=Ticks(30))
    for _ in range(8):
        line.write("x")
    line.close(5)
    assert ears.heard == []


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
