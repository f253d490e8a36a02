"""Work behind the screen stands still while the user waits for something, and ends with its screen."""

import threading
import time
from collections.abc import Iterator

import pytest
from textual.message import Message

from lora_tui.workers import latest_request
from lora_tui.workers.foreground import FOREGROUND, Foreground
from lora_tui.workers.latest_request import LatestRequest
from trainer.long_work import each


class Counted(Message):
    """A number has been counted to."""


class Counter(LatestRequest[int]):
    """Counts to the number asked about, step by step."""

    def __init__(self) -> None:
        self.posted: list[Message] = []
        super().__init__("counter", self.posted.append, 0.0)
        self.steps = 0
        self.begun = threading.Event()

    def answer(self, number: int, question: int) -> None:
        for _ in each("counting", range(question)):
            self.steps += 1
            self.begun.set()
            time.sleep(0.001)
        self.post_answer(Counted())


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    monkeypatch.setattr(latest_request, "_SHORT_SECONDS", 0.0)
    counter = Counter()
    counter.start()
    yield counter
    counter.stop()
    counter.join(5)
    assert not counter.is_alive()


def until(condition: object) -> None:
    end = time.monotonic() + 10
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.002)


def test_long_work_stands_still_while_a_screen_is_answered(counter: Counter) -> None:
    counter.put(100_000)
    assert counter.begun.wait(5)
    with FOREGROUND.answering():
        time.sleep(0.02)
        before = counter.steps
        time.sleep(0.05)
        assert counter.steps == before
    until(lambda: counter.steps > before)


def test_short_work_goes_on(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latest_request, "_SHORT_SECONDS", 60.0)
    with FOREGROUND.answering():
        counter.put(3)
        until(lambda: counter.posted)


def test_what_nobody_waits_for_any_more_ends_in_the_middle(counter: Counter) -> None:
    counter.put(1_000_000)
    assert counter.begun.wait(5)
    counter.stop()
    counter.join(5)
    assert not counter.is_alive() and counter.steps < 1_000_000 and counter.posted == []


def test_nothing_waits_where_the_user_waits_for_nothing() -> None:
    began = time.monotonic()
    Foreground(key_seconds=60, longest_wait=60).give_way()
    assert time.monotonic() - began < 30


def test_after_a_key_work_waits_a_moment_and_then_goes_on() -> None:
    foreground = Foreground(key_seconds=0.05, longest_wait=60)
    foreground.note_input()
    assert foreground.busy
    foreground.give_way()
    assert not foreground.busy


def test_however_long_the_user_keeps_on_work_gets_on_a_little() -> None:
    foreground = Foreground(key_seconds=60, longest_wait=0.02)
    foreground.note_input()
    foreground.give_way()
    assert foreground.busy
