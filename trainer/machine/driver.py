"""NVIDIA's driver and its GPUs as facts that do not change while a program runs."""

from dataclasses import dataclass
from typing import Any

from trainer.machine.cards import open_nvml


@dataclass(frozen=True)
class GpuFacts:
    """One GPU.

    Attributes:
        index: in NVML's order.
        name: from the driver.
        memory_total, memory_used: bytes; None where the driver does not say.
        capability: compute capability, such as (8, 6); None where the driver does not say.
        counts_energy: whether it has a counter of its energy.
    """

    index: int
    name: str
    memory_total: int | None = None
    memory_used: int | None = None
    capability: tuple[int, int] | None = None
    counts_energy: bool = False


@dataclass(frozen=True)
class DriverFacts:
    """The driver.

    Attributes:
        version: such as `570.133.20`; "" where it does not say.
        cuda: the highest version of CUDA that it knows; None where it does not say.
        gpus: in NVML's order.
    """

    version: str = ""
    cuda: tuple[int, int] | None = None
    gpus: tuple[GpuFacts, ...] = ()


def driver_facts(lib: Any = None) -> DriverFacts | None:
    """Return what the driver says, None where none answers.

    Args:
        lib: a library with the names of `pynvml`; None imports that.
    """
    lib = open_nvml(lib)
    if lib is None:
        return None
    raw = _asked(lib, "nvmlSystemGetCudaDriverVersion")
    count = _asked(lib, "nvmlDeviceGetCount") or 0
    return DriverFacts(
        version=_text(_asked(lib, "nvmlSystemGetDriverVersion")),
        # 12040 is 12.4.
        cuda=(raw // 1000, raw % 1000 // 10) if isinstance(raw, int) else None,
        gpus=tuple(_gpu(lib, index) for index in range(count)),
    )


def _gpu(lib: Any, index: int) -> GpuFacts:
    handle = _asked(lib, "nvmlDeviceGetHandleByIndex", index)
    if handle is None:
        return GpuFacts(index, f"GPU {index}")
    memory = _asked(lib, "nvmlDeviceGetMemoryInfo", handle)
    capability = _asked(lib, "nvmlDeviceGetCudaComputeCapability", handle)
    return GpuFacts(
        index=index,
        name=_text(_asked(lib, "nvmlDeviceGetName", handle)) or f"GPU {index}",
        memory_total=None if memory is None else int(memory.total),
        memory_used=None if memory is None else int(memory.used),
        capability=None if capability is None else (int(capability[0]), int(capability[1])),
        counts_energy=_asked(lib, "nvmlDeviceGetTotalEnergyConsumption", handle) is not None,
    )


def _asked(lib: Any, question: str, *arguments: Any) -> Any:
    """Return the driver's answer; None where it has none, or the library does not know the question."""
    try:
        return getattr(lib, question)(*arguments)
    except (AttributeError, lib.NVMLError):
        return None


def _text(value: Any) -> str:
    # Older bindings give bytes.
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value or ""
