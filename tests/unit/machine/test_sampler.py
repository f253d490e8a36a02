import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trainer.machine import sampler as sampler_module
from trainer.machine.cards import NvmlCards
from trainer.machine.fake_card import fake_nvml
from trainer.machine.readings import CardReading, HostReading, MachineReading
from trainer.machine.sampler import MachineSampler

Answer = tuple[tuple[CardReading, ...], str]


class Script:
    """A source of cards that gives one answer after the other, then the last again, and lets the test wait for a count of readings."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self._answers = answers
        self._read = 0
        self._changed = threading.Condition()

    def read(self) -> Answer:
        with self._changed:
            answer = self._answers[min(self._read, len(self._answers) - 1)]
            self._read += 1
            self._changed.notify_all()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def wait_for(self, readings: int) -> None:
        """Wait until a reading more has begun: then so many are kept."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._read > readings, timeout=30)


def holding(*memory: int | None) -> Answer:
    return tuple(CardReading(index, f"card {index}", memory_ours=ours) for index, ours in enumerate(memory)), ""


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[Callable[[Script], MachineSampler]]:
    running: list[MachineSampler] = []

    def sample(cards: Script) -> MachineSampler:
        running.append(MachineSampler(cards, tmp_path, interval=0.005))
        running[-1].start()
        return running[-1]

    yield sample
    for sampler in running:
        sampler.stop()


def test_before_the_first_reading_there_is_no_reading(tmp_path: Path) -> None:
    sampler = MachineSampler(NvmlCards(fake_nvml()), tmp_path)
    assert sampler.latest() is None
    assert sampler.history(600) == []
    assert sampler.peak_memory_ours() is None


def test_a_reading_has_the_cards_and_the_host(sample: Callable[[Script], MachineSampler]) -> None:
    script = Script(holding(5))
    sampler = sample(script)
    script.wait_for(1)
    latest = sampler.latest()
    assert latest is not None
    assert latest.cards[0].memory_ours == 5
    assert latest.no_card_because == ""
    assert latest.host.memory_total


def test_readings_are_kept_oldest_first(sample: Callable[[Script], MachineSampler]) -> None:
    script = Script(holding(1), holding(2), holding(3))
    sampler = sample(script)
    script.wait_for(3)
    assert [reading.cards[0].memory_ours for reading in sampler.history(600)][:3] == [1, 2, 3]


def test_a_source_that_breaks_is_a_reading_without_cards_and_sampling_continues(
    sample: Callable[[Script], MachineSampler],
) -> None:
    script = Script(RuntimeError("driver fell over"), holding(7))
    sampler = sample(script)
    script.wait_for(2)
    broken, mended = sampler.history(600)[:2]
    assert broken.cards == ()
    assert "RuntimeError: driver fell over" in broken.no_card_because
    assert broken.host.memory_total
    assert mended.cards[0].memory_ours == 7


def test_a_host_that_breaks_takes_no_card_with_it(
    sample: Callable[[Script], MachineSampler], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(disk: Path) -> None:
        raise ValueError("odd /proc")

    monkeypatch.setattr(sampler_module, "read_host", broken)
    script = Script(holding(7))
    sampler = sample(script)
    script.wait_for(1)
    latest = sampler.latest()
    assert latest is not None
    assert latest.cards[0].memory_ours == 7


def test_the_peak_is_the_most_held_on_all_cards_at_once(sample: Callable[[Script], MachineSampler]) -> None:
    script = Script(holding(3, 1), holding(5, None), holding(2, 2), ((), "no card"))
    sampler = sample(script)
    script.wait_for(4)
    assert sampler.peak_memory_ours() == 5


def test_a_reset_peak_starts_from_zero(sample: Callable[[Script], MachineSampler]) -> None:
    script = Script(holding(9), holding(None))
    sampler = sample(script)
    script.wait_for(2)
    assert sampler.peak_memory_ours() == 9
    sampler.reset_peak()
    assert sampler.peak_memory_ours() is None


def test_readings_older_than_ten_minutes_are_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr(time, "time", lambda: now)
    sampler = MachineSampler(Script(holding(1)), tmp_path)
    for _ in range(1500):
        now += 1.0
        sampler._record(MachineReading(now, *holding(1), host=HostReading()))
    kept = sampler.history(10_000)
    assert [kept[0].seconds, kept[-1].seconds, len(kept)] == [now - 600, now, 601]
    assert len(sampler.history(60)) == 61


def test_a_stopped_sampler_has_ended(sample: Callable[[Script], MachineSampler]) -> None:
    script = Script(holding(1))
    sampler = sample(script)
    script.wait_for(1)
    sampler.stop()
    assert not sampler.is_alive()
    sampler.stop()


def test_a_sampler_keeps_no_process_alive(tmp_path: Path) -> None:
    assert MachineSampler(Script(holding(1)), tmp_path).daemon


def test_each_reading_is_passed_on_and_a_failing_listener_does_not_end_the_thread(tmp_path: Path) -> None:
    listed: list[MachineReading] = []

    def listen(reading: MachineReading) -> None:
        listed.append(reading)
        raise RuntimeError("deaf")

    sampler = MachineSampler(NvmlCards(fake_nvml()), tmp_path, 0.01, listen)
    sampler.start()
    end = time.monotonic() + 60
    while len(listed) < 3 and time.monotonic() < end:
        time.sleep(0.01)
    sampler.stop()
    assert len(listed) >= 3
