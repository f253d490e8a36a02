"""When the screen is painted on a slow connection, and how it finds out that it no longer is one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from lora_tui.terminal.repaint import Repaint


class Line:
    """Output to a terminal that takes `rate` bytes a second."""

    def __init__(self) -> None:
        self.given = 0
        self.backlog = 0
        self.dropped = 0
        self.quick = False

    def drop_frames(self) -> None:
        self.dropped += 1
        self.backlog = 0

    def measure_again(self) -> None: ...

    def slow(self, evidence: float) -> bool:
        return not self.quick


class Shown:
    """An app that counts its paints: whatever is asked for while nothing holds it is painted, and given to the line."""

    FRAME, CHANGE = 30_000, 500

    def __init__(self, line: Line) -> None:
        self.line = line
        self.screen = self
        self.screen_stack = [self]
        self.frames = 0
        self.changes = 0
        self.tick: Callable[[], None] = lambda: None
        self._held = 0
        self._whole = False

    @contextmanager
    def batch_update(self) -> Iterator[None]:
        self._held += 1
        yield
        self._held -= 1

    def refresh(self) -> None:
        self._whole = True

    def check_idle(self) -> None: ...

    def stop(self) -> None: ...

    def set_interval(self, _: float, tick: Callable[[], None]) -> "Shown":
        self.tick = tick
        return self

    def idle(self) -> None:
        """Paint what is due: all, or a number that has changed."""
        if self._held:
            return
        self.frames += self._whole
        self.changes += not self._whole
        self.line.given += self.FRAME if self._whole else self.CHANGE
        self._whole = False


class Stage:
    """A screen whose numbers change all the time, on a connection that was found slow."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.quick_at: float | None = None
        self.line = Line()
        self.app = Shown(self.line)
        self.repaint = Repaint(cast("Any", self.app), lambda: self.line, self._leave, lambda: self.now)
        self.repaint.set_slow(True, trials=True)
        self.began = self.now

    def _leave(self) -> None:
        self.quick_at = self.now
        self.repaint.set_slow(False)

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds * 4)):
            self.now += 0.25
            if self.repaint.slow:
                self.app.tick()
            self.app.idle()


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_connection_that_is_no_longer_slow_is_left_alone_by_itself(stage: Stage) -> None:
    stage.line.quick = True
    stage.pass_time(60)
    assert not stage.repaint.slow
    assert stage.quick_at is not None
    assert stage.quick_at - stage.began <= 40


def test_one_that_stays_slow_is_tried_more_and_more_rarely(stage: Stage) -> None:
    stage.pass_time(3600)
    assert stage.repaint.slow
    assert stage.app.frames in range(6, 13)


def test_trials_cost_a_slow_connection_little_more_than_it_is_given_anyway(stage: Stage) -> None:
    stage.pass_time(1800)
    assert stage.line.given / 1800 <= 1024


def test_one_found_slow_again_soon_waits_longer_for_its_next_trial(stage: Stage) -> None:
    stage.line.quick = True
    stage.pass_time(40)
    assert not stage.repaint.slow
    stage.repaint.set_slow(True, trials=True)
    began, stage.quick_at = stage.now, None
    stage.pass_time(90)
    assert stage.quick_at is not None
    assert stage.quick_at - began >= 60


def test_the_mode_that_a_user_chose_stays(stage: Stage) -> None:
    stage.line.quick = True
    stage.repaint.set_slow(True, trials=False)
    stage.pass_time(3600)
    assert stage.repaint.slow


def test_a_new_size_is_painted_at_once_on_a_slow_connection(stage: Stage) -> None:
    stage.pass_time(5)
    stage.line.given += 300_000
    stage.pass_time(0.5)
    stage.repaint.resized()
    stage.pass_time(0.25)
    assert stage.app.frames == 1


def test_a_new_size_replaces_what_waits(stage: Stage) -> None:
    stage.line.backlog = 40_000
    stage.repaint.line_full()
    stage.repaint.resized()
    assert stage.line.dropped == 1
    stage.repaint.line_free()
    stage.pass_time(0.25)
    assert stage.app.frames == 1


def test_a_key_is_answered_once_what_waits_is_written(stage: Stage) -> None:
    stage.repaint.line_full()
    stage.repaint.key_pressed()
    stage.pass_time(8)
    assert stage.app.frames + stage.app.changes == 0
    stage.repaint.line_free()
    stage.pass_time(0.25)
    assert stage.app.frames == 1


def test_news_waits_no_minute_after_an_expensive_paint(stage: Stage) -> None:
    stage.pass_time(5)
    stage.line.given += 300_000
    before = stage.app.changes
    stage.pass_time(18)
    assert stage.app.changes > before
