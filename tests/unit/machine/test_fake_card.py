import json
from importlib.resources import files

import pynvml
import pytest

from trainer.machine.cards import NvmlCards
from trainer.machine.fake_card import fake_nvml
from trainer.machine.readings import CardReading

GIB = 1024**3
TABLE = json.loads(files("trainer.machine").joinpath("eight_gib_card.json").read_text(encoding="utf-8"))


def one_round() -> list[CardReading]:
    cards = NvmlCards(fake_nvml())
    return [cards.read()[0][0] for _ in TABLE["rows"]]


def test_the_replayed_card_is_an_8_gib_card_that_says_it_is_replayed() -> None:
    first = one_round()[0]
    assert first.memory_total == 8 * GIB
    assert "replayed" in first.name
    assert "Made by hand" in TABLE["about"]


def test_a_round_goes_from_idle_over_loading_to_baking_near_5_gib_and_back() -> None:
    phases = list(dict.fromkeys(row[0] for row in TABLE["rows"]))
    readings = one_round()
    assert phases == ["idle", "loading", "baking"]
    assert readings[0].memory_ours == 0 and readings[-1].memory_ours == 0
    peak = max(reading.memory_used or 0 for reading in readings)
    assert 4.9 * GIB < peak < 5.1 * GIB


def test_after_the_last_row_comes_the_first() -> None:
    cards = NvmlCards(fake_nvml())
    readings = [cards.read()[0][0] for _ in range(2 * len(TABLE["rows"]))]
    assert readings[: len(TABLE["rows"])] == readings[len(TABLE["rows"]) :]


def test_what_a_laptop_card_does_not_report_is_missing_and_the_rest_is_there() -> None:
    for reading in one_round():
        assert reading.fan is None
        listed = (reading.memory_used, reading.memory_ours, reading.gpu_percent, reading.power, reading.temperature)
        assert None not in (*listed, reading.clock)


def test_every_reading_is_one_a_card_could_give() -> None:
    for reading in one_round():
        assert reading.memory_used is not None and reading.memory_total is not None and reading.memory_ours is not None
        assert 0 <= reading.memory_ours <= reading.memory_used <= reading.memory_total
        assert reading.gpu_percent is not None and 0 <= reading.gpu_percent <= 100


def test_the_replay_raises_the_errors_of_the_real_library() -> None:
    lib = fake_nvml()
    with pytest.raises(pynvml.NVMLError_Uninitialized):
        lib.nvmlDeviceGetCount()
    lib.nvmlInit()
    lib.nvmlDeviceGetCount()
    with pytest.raises(pynvml.NVMLError_NotSupported):
        lib.nvmlDeviceGetFanSpeed(0)
    with pytest.raises(pynvml.NVMLError_InvalidArgument):
        lib.nvmlDeviceGetHandleByIndex(1)


def test_the_replay_takes_the_constants_of_the_real_library() -> None:
    lib = fake_nvml()
    assert lib.NVML_TEMPERATURE_GPU == pynvml.NVML_TEMPERATURE_GPU
    assert lib.NVML_CLOCK_GRAPHICS == pynvml.NVML_CLOCK_GRAPHICS
