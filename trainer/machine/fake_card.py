"""A fake card: the NVML calls that `NvmlCards` makes, answered from a table of readings of an 8 GB laptop card.

The table (`eight_gib_card.json`) is written by hand and says so. What such a card does not report raises pynvml's own errors.
"""

import json
import os
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from types import SimpleNamespace
from typing import Any

_MIB = 1024**2


@dataclass(frozen=True)
class FakeReading:
    """One row of the table: MiB, %, W, °C, MHz."""

    phase: str
    memory_used: int
    memory_ours: int
    gpu_percent: int
    power: float
    temperature: int
    clock: int


class FakeNvml:
    """A library with the names of `pynvml` and one card; each `nvmlDeviceGetCount` moves on to the next row, the last to the first.

    Args:
        name: what the card is called.
        memory_total: MiB.
        unsupported: names of the functions that the card answers with NotSupported.
        readings: the rows.
    """

    NVML_TEMPERATURE_GPU = 0
    NVML_CLOCK_GRAPHICS = 0

    def __init__(
        self, name: str, memory_total: int, unsupported: frozenset[str], readings: tuple[FakeReading, ...]
    ) -> None:
        self._name = name
        self._memory_total = memory_total
        self._unsupported = unsupported
        self._readings = readings
        self._position = -1
        self._initialized = False
        real = import_module("pynvml")
        self.NVMLError: Any = real.NVMLError
        self.NVMLError_LibraryNotFound: Any = real.NVMLError_LibraryNotFound
        self.NVMLError_DriverNotLoaded: Any = real.NVMLError_DriverNotLoaded
        self.NVMLError_LibRmVersionMismatch: Any = real.NVMLError_LibRmVersionMismatch
        self._not_supported: Any = real.NVMLError_NotSupported
        self._uninitialized: Any = real.NVMLError_Uninitialized
        self._invalid: Any = real.NVMLError_InvalidArgument

    def nvmlInit(self) -> None:
        """Initialise; every other call before this raises Uninitialized."""
        self._initialized = True

    def nvmlDeviceGetCount(self) -> int:
        """Move on to the next row and return 1."""
        if not self._initialized:
            raise self._uninitialized
        self._position = (self._position + 1) % len(self._readings)
        return 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        """Return the handle of card 0, the only one."""
        if not self._initialized:
            raise self._uninitialized
        if index:
            raise self._invalid
        return index

    def nvmlDeviceGetName(self, handle: int) -> str:
        """Return the card's name."""
        self._reading("nvmlDeviceGetName", handle)
        return self._name

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:
        """Return `used`, `free` and `total` in bytes."""
        reading = self._reading("nvmlDeviceGetMemoryInfo", handle)
        used, total = reading.memory_used * _MIB, self._memory_total * _MIB
        return SimpleNamespace(used=used, free=total - used, total=total)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:
        """Return the busy share `gpu` in %."""
        return SimpleNamespace(gpu=self._reading("nvmlDeviceGetUtilizationRates", handle).gpu_percent)

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:
        """Return the power in mW."""
        return round(self._reading("nvmlDeviceGetPowerUsage", handle).power * 1000)

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:
        """Raise NotSupported: laptop cards before Volta count no energy."""
        self._reading("nvmlDeviceGetTotalEnergyConsumption", handle)
        raise self._not_supported

    def nvmlDeviceGetUUID(self, handle: int) -> str:
        """Return an identity that no card has."""
        self._reading("nvmlDeviceGetUUID", handle)
        return "GPU-00000000-0000-0000-0000-000000000000"

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:
        """Return the temperature in °C."""
        if sensor != self.NVML_TEMPERATURE_GPU:
            raise self._invalid
        return self._reading("nvmlDeviceGetTemperature", handle).temperature

    def nvmlDeviceGetClockInfo(self, handle: int, kind: int) -> int:
        """Return the graphics clock in MHz."""
        if kind != self.NVML_CLOCK_GRAPHICS:
            raise self._invalid
        return self._reading("nvmlDeviceGetClockInfo", handle).clock

    def nvmlDeviceGetFanSpeed(self, handle: int) -> int:
        """Raise NotSupported: the table has no fan, as a laptop's card reports none."""
        self._reading("nvmlDeviceGetFanSpeed", handle)
        raise self._not_supported

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[SimpleNamespace]:
        """Return this process with its share of the memory, once it has one."""
        ours = self._reading("nvmlDeviceGetComputeRunningProcesses", handle).memory_ours
        return [SimpleNamespace(pid=os.getpid(), usedGpuMemory=ours * _MIB)] if ours else []

    def _reading(self, function: str, handle: int) -> FakeReading:
        if not self._initialized:
            raise self._uninitialized
        if handle:
            raise self._invalid
        if function in self._unsupported:
            raise self._not_supported
        return self._readings[max(0, self._position)]


def fake_nvml() -> FakeNvml:
    """Return a library that replays the 8 GB card: `NvmlCards(fake_nvml())`."""
    table = json.loads(files("trainer.machine").joinpath("eight_gib_card.json").read_text(encoding="utf-8"))
    return FakeNvml(
        name=table["name"],
        memory_total=table["memory_total_mib"],
        unsupported=frozenset(table["unsupported"]),
        readings=tuple(FakeReading(*row) for row in table["rows"]),
    )
