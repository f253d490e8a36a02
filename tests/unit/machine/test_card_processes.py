import os
from types import SimpleNamespace
from typing import Any

import psutil
import pynvml
import pytest

from trainer.machine.card_processes import CardProcess, card_processes

GIB = 1024**3
# Higher than any process number of Linux.
NOBODY = 2**22 + 1


def process(pid: int, memory: int | None) -> SimpleNamespace:
    return SimpleNamespace(pid=pid, usedGpuMemory=memory)


def library(**changes: Any) -> SimpleNamespace:
    answers = {
        "NVMLError": pynvml.NVMLError,
        "nvmlInit": lambda: None,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetComputeRunningProcesses": lambda handle: [process(NOBODY, GIB), process(os.getpid(), 4 * GIB)],
        "nvmlDeviceGetGraphicsRunningProcesses": lambda handle: [process(NOBODY, GIB), process(1, None)],
    }
    return SimpleNamespace(**{**answers, **changes})


def raising(*_: Any) -> Any:
    raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)


def test_programs_that_compute_and_that_draw_are_named_once_with_what_they_hold() -> None:
    ours = psutil.Process().name()
    first = psutil.Process(1).name()
    assert card_processes(lib=library()) == (
        CardProcess(os.getpid(), ours, 4 * GIB, True),
        CardProcess(NOBODY, f"process {NOBODY}", GIB, False),
        CardProcess(1, first, None, False),
    )


@pytest.mark.parametrize("function", ["nvmlInit", "nvmlDeviceGetHandleByIndex"])
def test_without_a_card_nobody_holds_it(function: str) -> None:
    assert card_processes(lib=library(**{function: raising})) == ()


def test_one_list_that_a_driver_does_not_give_takes_the_other_not_with_it() -> None:
    listed = card_processes(lib=library(nvmlDeviceGetGraphicsRunningProcesses=raising))
    assert [holder.pid for holder in listed] == [os.getpid(), NOBODY]


def test_a_program_with_codes_for_the_terminal_in_its_name_is_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil.Process, "name", lambda self: "\x1b[2Jbad")
    assert all("\x1b" not in holder.name for holder in card_processes(lib=library()))
