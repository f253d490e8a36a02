"""Whether a connection counts as slow: bytes over the time without room, and nothing else."""

from lora_tui.terminal.line_speed import SLOW_BYTES_PER_SECOND, LineSpeed


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def jam(speed: LineSpeed, *stretches: tuple[float, int]) -> None:
    """Let the connection have no room for so many seconds, and then take so many bytes, for each of `stretches`."""
    for seconds, taken in stretches:
        speed.had_no_room(seconds)
        speed.took(taken)
    speed.emptied()


def test_a_connection_that_takes_little_again_and_again_is_slow() -> None:
    speed = LineSpeed(Clock())
    jam(speed, *[(0.5, 2048)] * 11)
    assert speed.slow()


def test_one_that_takes_as_much_as_a_dashboard_needs_is_not() -> None:
    speed = LineSpeed(Clock())
    jam(speed, *[(0.5, SLOW_BYTES_PER_SECOND)] * 40)
    assert not speed.slow()


def test_little_evidence_is_none() -> None:
    speed = LineSpeed(Clock())
    jam(speed, *[(0.5, 2048)] * 9)
    assert not speed.slow()
    assert speed.slow(2.0)


def test_a_reader_that_stalls_and_then_reads_everything_is_not_slow_however_often_it_does() -> None:
    speed = LineSpeed(Clock())
    for _ in range(8):
        jam(speed, (6.0, 4096), (0.03, 4096), (0.03, 4096))
    assert not speed.slow()


def test_bytes_that_only_fill_buffers_do_not_make_it_fast() -> None:
    speed = LineSpeed(Clock())
    speed.took(10_000_000)
    jam(speed, *[(1.0, 4096)] * 8)
    assert speed.slow()


def test_what_is_older_than_a_minute_does_not_count() -> None:
    clock = Clock()
    speed = LineSpeed(clock)
    jam(speed, *[(1.0, 4096)] * 8)
    clock.now = 30.0
    assert speed.slow()
    clock.now = 61.0
    assert not speed.slow()


def test_measuring_again_forgets() -> None:
    speed = LineSpeed(Clock())
    jam(speed, *[(1.0, 4096)] * 8)
    speed.forget()
    assert not speed.slow(0.1)
