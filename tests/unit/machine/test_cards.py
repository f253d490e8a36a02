import os
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from trainer.machine.cards import NvmlCards
from trainer.machine.readings import CardReading

GIB = 1024**3
STRANGER = 1  # the first process of every system: there, and not us

QUESTIONS = [
    ("nvmlDeviceGetName", "name", "GPU 0"),
    ("nvmlDeviceGetMemoryInfo", "memory_used", None),
    ("nvmlDeviceGetMemoryInfo", "memory_total", None),
    ("nvmlDeviceGetComputeRunningProcesses", "memory_ours", None),
    ("nvmlDeviceGetUtilizationRates", "gpu_percent", None),
    ("nvmlDeviceGetPowerUsage", "power", None),
    ("nvmlDeviceGetTemperature", "temperature", None),
    ("nvmlDeviceGetClockInfo", "clock", None),
    ("nvmlDeviceGetFanSpeed", "fan", None),
    ("nvmlDeviceGetUUID", "uuid", ""),
    ("nvmlDeviceGetTotalEnergyConsumption", "energy", None),
]


def raising(error: Exception) -> Callable[..., Any]:
    def ask(*_: Any) -> Any:
        raise error

    return ask


def library(**changes: Any) -> SimpleNamespace:
    """A driver with one card that answers everything; `changes` take the place of single names."""
    answers: dict[str, Any] = {
        name: getattr(pynvml, name) for name in dir(pynvml) if name.startswith(("NVMLError", "NVML_"))
    }
    answers.update(
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetName=lambda handle: f"RTX {handle}",
        nvmlDeviceGetMemoryInfo=lambda handle: SimpleNamespace(used=5 * GIB, total=8 * GIB),
        nvmlDeviceGetUtilizationRates=lambda handle: SimpleNamespace(gpu=98),
        nvmlDeviceGetPowerUsage=lambda handle: 216_400,
        nvmlDeviceGetTemperature=lambda handle, sensor: 71,
        nvmlDeviceGetClockInfo=lambda handle, kind: 1845,
        nvmlDeviceGetFanSpeed=lambda handle: 62,
        nvmlDeviceGetUUID=lambda handle: f"GPU-{handle}",
        nvmlDeviceGetTotalEnergyConsumption=lambda handle: 5_000_250,
        nvmlDeviceGetComputeRunningProcesses=lambda handle: [process(os.getpid(), 4 * GIB), process(STRANGER, GIB)],
    )
    return SimpleNamespace(**{**answers, **changes})


def process(pid: int, memory: int | None) -> SimpleNamespace:
    return SimpleNamespace(pid=pid, usedGpuMemory=memory)


def only_card(**changes: Any) -> CardReading:
    cards, because = NvmlCards(library(**changes)).read()
    assert because == ""
    (card,) = cards
    return card


def test_a_card_that_answers_everything_is_read_in_bytes_and_watts() -> None:
    assert only_card() == CardReading(0, "RTX 0", 5 * GIB, 8 * GIB, 4 * GIB, 98, 216.4, 71, 1845, 62, "GPU-0", 5000.25)


@pytest.mark.parametrize(("function", "field", "missing"), QUESTIONS)
def test_one_missing_answer_takes_no_other_with_it(function: str, field: str, missing: object) -> None:
    card = only_card(**{function: raising(pynvml.NVMLError_NotSupported())})
    assert getattr(card, field) == missing
    lost = {name for call, name, _ in QUESTIONS if call == function}
    full = only_card()
    for name in {name for _, name, _ in QUESTIONS} - lost:
        assert getattr(card, name) == getattr(full, name)


def test_every_card_is_read_even_when_one_is_lost() -> None:
    def handle(index: int) -> int:
        if index == 1:
            raise pynvml.NVMLError_GpuIsLost()
        return index

    cards, because = NvmlCards(library(nvmlDeviceGetCount=lambda: 3, nvmlDeviceGetHandleByIndex=handle)).read()
    assert because == ""
    assert [card.name for card in cards] == ["RTX 0", "GPU 1", "RTX 2"]
    assert cards[1] == CardReading(1, "GPU 1")


def test_a_name_in_bytes_is_read_as_text() -> None:
    assert only_card(nvmlDeviceGetName=lambda handle: b"GeForce \xff").name == "GeForce �"


def test_memory_the_driver_does_not_split_by_process_is_not_known() -> None:
    processes = [process(os.getpid(), None)]
    assert only_card(nvmlDeviceGetComputeRunningProcesses=lambda handle: processes).memory_ours is None


def test_a_process_that_holds_none_has_none() -> None:
    for processes in ([], [process(STRANGER, GIB)]):
        assert only_card(nvmlDeviceGetComputeRunningProcesses=lambda handle, p=processes: p).memory_ours == 0


def test_process_numbers_of_another_namespace_are_ignored() -> None:
    processes = [process(2**22 + 5, GIB)]  # above the highest number Linux gives
    assert only_card(nvmlDeviceGetComputeRunningProcesses=lambda handle: processes).memory_ours is None


def test_a_process_listed_twice_is_added_up() -> None:
    processes = [process(os.getpid(), GIB), process(os.getpid(), GIB)]
    assert only_card(nvmlDeviceGetComputeRunningProcesses=lambda handle: processes).memory_ours == 2 * GIB


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"nvmlInit": raising(pynvml.NVMLError_LibraryNotFound())}, "no NVIDIA driver (libnvidia-ml"),
        ({"nvmlInit": raising(pynvml.NVMLError_DriverNotLoaded())}, "driver is not loaded"),
        ({"nvmlInit": raising(pynvml.NVMLError_LibRmVersionMismatch())}, "restart the computer"),
        ({"nvmlInit": raising(pynvml.NVMLError_Unknown())}, "NVIDIA driver error: Unknown"),
        ({"nvmlDeviceGetCount": raising(pynvml.NVMLError_NoPermission())}, "driver error"),
        ({"nvmlDeviceGetCount": lambda: 0}, "no NVIDIA GPU"),
    ],
)
def test_without_a_card_the_reason_is_given(changes: dict[str, Any], reason: str) -> None:
    cards, because = NvmlCards(library(**changes)).read()
    assert cards == ()
    assert reason in because


def test_without_the_package_the_reason_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert NvmlCards().read() == ((), "the package nvidia-ml-py is not installed")


def test_a_driver_that_comes_back_is_found_by_the_next_reading() -> None:
    begun: list[str] = []
    counts: Iterator[int | Exception] = iter([1, pynvml.NVMLError_Uninitialized(), 1])

    def count() -> int:
        answer = next(counts)
        if isinstance(answer, Exception):
            raise answer
        return answer

    cards = NvmlCards(library(nvmlInit=lambda: begun.append("init"), nvmlDeviceGetCount=count))
    assert [len(cards.read()[0]) for _ in range(3)] == [1, 0, 1]
    assert begun == ["init", "init"]


def test_this_computer_is_read_whether_or_not_it_has_a_card() -> None:
    cards, because = NvmlCards().read()
    assert bool(cards) != bool(because)
