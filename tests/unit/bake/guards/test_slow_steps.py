from typing import Any, cast

import torch

from trainer.bake.guards.slow_steps import SlowWatch, card_memory

GIB = 2**30
FULL = (GIB // 10, 8 * GIB)
ROOMY = (4 * GIB, 8 * GIB)


class Heard:
    """A bake's voice that is only listened to."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.troubles: list[str] = []

    def log(self, text: str, level: str = "info") -> None:
        assert level == "warning"
        self.said.append(text)

    def trouble(self, line: str) -> None:
        self.troubles.append(line)


class Watched:
    """A bake whose steps take as long as it is told."""

    def __init__(self, memory: tuple[int, int] | None = FULL) -> None:
        self.heard = Heard()
        self.memory = memory
        self.asked = 0
        self.step = 0
        self.watch = SlowWatch(cast(Any, self.heard), self.look)

    def look(self) -> tuple[int, int] | None:
        self.asked += 1
        return self.memory

    def takes(self, *seconds: float, numbers: int = 1000) -> int:
        """Take steps and return how often there was a warning so far."""
        for each in seconds:
            self.step += 1
            self.watch.note(self.step, each, numbers)
        return len(self.heard.said)


def test_a_lasting_slowdown_with_the_card_full_is_reported_once() -> None:
    bake = Watched()
    assert bake.takes(*[1.0] * 60) == 0
    assert bake.takes(*[8.0] * 200) == 1
    (line,) = bake.heard.said
    assert "around step 63 the steps became 8 times slower" in line
    assert "7.9 of 8.0 GiB" in line and "micro_batch_size" in line
    assert len(bake.heard.troubles) == 1


def test_the_next_spell_is_reported_again() -> None:
    bake = Watched()
    bake.takes(*[1.0] * 60, *[8.0] * 30)
    assert bake.takes(*[1.0] * 60) == 1
    assert bake.takes(*[8.0] * 30) == 2


def test_a_single_slow_step_is_no_slowdown() -> None:
    bake = Watched()
    assert bake.takes(*[1.0] * 60, 30.0, *[1.0] * 20, 30.0, 30.0, *[1.0] * 20) == 0


def test_with_room_on_the_card_slowness_has_another_cause() -> None:
    bake = Watched(ROOMY)
    assert bake.takes(*[1.0] * 60, *[8.0] * 30) == 0
    assert bake.asked > 0
    assert Watched(None).takes(*[1.0] * 60, *[8.0] * 30) == 0


def test_larger_buckets_are_not_slow() -> None:
    bake = Watched()
    bake.takes(*[1.0] * 60, numbers=1000)
    assert bake.takes(*[4.0] * 20, numbers=4000) == 0
    assert bake.takes(*[4.0] * 20, numbers=1000) == 1


def test_twice_as_slow_is_not_yet_a_spell() -> None:
    assert Watched().takes(*[1.0] * 60, *[2.5] * 100) == 0


def test_before_a_pace_is_known_nothing_is_reported() -> None:
    assert Watched().takes(*[1.0] * 10, *[8.0] * 3) == 0


def test_a_bake_at_an_even_pace_never_asks_for_the_memory() -> None:
    bake = Watched()
    bake.takes(*[1.0] * 300)
    assert bake.asked == 0


def test_a_slow_start_does_not_hide_a_later_spell() -> None:
    bake = Watched()
    bake.takes(60.0, 20.0, *[1.0] * 60)
    assert bake.takes(*[8.0] * 10) == 1


def test_without_a_card_there_is_no_memory_to_be_full() -> None:
    assert card_memory(torch.device("cpu")) is None
