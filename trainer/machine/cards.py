"""Readings of the cards through NVML; None for whatever a card or its driver does not report."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from trainer.machine.readings import CardReading


@dataclass(frozen=True)
class CardUser:
    """One process on a card, and the bytes it uses there (None if the driver does not say)."""

    pid: int
    memory: int | None


class CardSource(Protocol):
    """Anything that reads the cards of this computer."""

    def read(self) -> tuple[tuple[CardReading, ...], str]:
        """Return one reading per card, and why there are none ("" if there are)."""
        ...


class NvmlCards:
    """NVIDIA's cards through NVML.

    Args:
        lib: a library with the names of `pynvml`; None imports that at the first reading.
    """

    def __init__(self, lib: Any = None) -> None:
        self._lib = lib
        self._ready = False

    def read(self) -> tuple[tuple[CardReading, ...], str]:
        """Return one reading per card, and why there are none ("" if there are)."""
        if self._lib is None:
            try:
                self._lib = import_module("pynvml")
            except ImportError:
                return (), "the package nvidia-ml-py is not installed"
        try:
            if not self._ready:
                self._lib.nvmlInit()
                self._ready = True
            count = self._lib.nvmlDeviceGetCount()
        except self._lib.NVMLError as error:
            # A reloaded driver needs another nvmlInit; one that appears later is found by the next reading.
            self._ready = False
            return (), self._reason(error)
        if not count:
            return (), "no NVIDIA GPU"
        return tuple(self._card(index) for index in range(count)), ""

    def _card(self, index: int) -> CardReading:
        lib = self._lib
        handle = self._query(lib.nvmlDeviceGetHandleByIndex, index)
        if handle is None:
            return CardReading(index, f"GPU {index}")
        memory = self._query(lib.nvmlDeviceGetMemoryInfo, handle)
        busy = self._query(lib.nvmlDeviceGetUtilizationRates, handle)
        milliwatts = self._query(lib.nvmlDeviceGetPowerUsage, handle)
        millijoules = self._query(lib.nvmlDeviceGetTotalEnergyConsumption, handle)
        return CardReading(
            index=index,
            name=_text(self._query(lib.nvmlDeviceGetName, handle)) or f"GPU {index}",
            memory_used=None if memory is None else int(memory.used),
            memory_total=None if memory is None else int(memory.total),
            memory_ours=self._memory_ours(handle),
            gpu_percent=None if busy is None else int(busy.gpu),
            power=None if milliwatts is None else milliwatts / 1000,
            temperature=self._query(lib.nvmlDeviceGetTemperature, handle, lib.NVML_TEMPERATURE_GPU),
            clock=self._query(lib.nvmlDeviceGetClockInfo, handle, lib.NVML_CLOCK_GRAPHICS),
            fan=self._query(lib.nvmlDeviceGetFanSpeed, handle),
            uuid=_text(self._query(lib.nvmlDeviceGetUUID, handle)),
            energy=None if millijoules is None else millijoules / 1000,
        )

    def _memory_ours(self, handle: Any) -> int | None:
        processes = self._query(self._lib.nvmlDeviceGetComputeRunningProcesses, handle)
        if processes is None:
            return None
        ours = [process.usedGpuMemory for process in processes if process.pid == os.getpid()]
        if ours:
            # The driver may list this process without its memory, as on WSL.
            return None if None in ours else sum(ours)
        import psutil  # noqa: PLC0415  # nothing of the first frame needs it

        # In a container the driver lists the host's pids: if all are unknown here, this process may be one of them.
        return 0 if all(psutil.pid_exists(process.pid) for process in processes) else None

    def _query(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Return the answer, None if the driver or the card does not give one."""
        try:
            return call(*arguments)
        except self._lib.NVMLError:
            return None

    def _reason(self, error: Exception) -> str:
        lib = self._lib
        if isinstance(error, lib.NVMLError_LibraryNotFound):
            return "no NVIDIA driver (libnvidia-ml.so.1 not found)"
        if isinstance(error, lib.NVMLError_DriverNotLoaded):
            return "the NVIDIA driver is not loaded"
        if isinstance(error, lib.NVMLError_LibRmVersionMismatch):
            return "the NVIDIA driver was updated while in use: restart the computer"
        return f"NVIDIA driver error: {error}"


def open_nvml(lib: Any = None) -> Any:
    """Return NVML's library, initialised; None if it is not installed or no driver answers.

    Args:
        lib: a library with the names of `pynvml`; None imports that.
    """
    if lib is None:
        try:
            lib = import_module("pynvml")
        except ImportError:
            return None
    try:
        lib.nvmlInit()
    except lib.NVMLError:
        return None
    return lib


def card_users(uuid: str, lib: Any = None) -> tuple[CardUser, ...]:
    """Return the processes computing on the card of this UUID; empty without a driver.

    Args:
        uuid: without its prefix (`GPU-`, `MIG-`).
        lib: a library with the names of `pynvml`; None imports that.
    """
    lib = open_nvml(lib)
    if lib is None:
        return ()
    for kind in ("GPU", "MIG"):
        try:
            handle = lib.nvmlDeviceGetHandleByUUID(f"{kind}-{uuid}")
            return tuple(
                CardUser(one.pid, one.usedGpuMemory) for one in lib.nvmlDeviceGetComputeRunningProcesses(handle)
            )
        except lib.NVMLError:
            continue
    return ()


def largest_memory() -> int | None:
    """Return the bytes of the GPU with the most memory here, None where none is known."""
    cards, _ = NvmlCards().read()
    return max((card.memory_total for card in cards if card.memory_total), default=None)


def _text(name: str | bytes | None) -> str:
    # Older bindings give bytes.
    if isinstance(name, bytes):
        return name.decode("utf-8", errors="replace")
    return name or ""
