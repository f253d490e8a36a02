"""Readings of the machine as plain data; None means N/A: the card or the system does not say."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CardReading:
    """One card at one moment.

    Attributes:
        index: position in NVML's order.
        name: from the driver.
        memory_used, memory_total: bytes.
        memory_ours: bytes of this process.
        gpu_percent: busy share, %.
        power: W. temperature: °C. clock: MHz. fan: %.
        uuid: from the driver, with its prefix `GPU-`; "" where it does not say.
        energy: J since the driver was loaded, by the card's own counter.
    """

    index: int
    name: str
    memory_used: int | None = None
    memory_total: int | None = None
    memory_ours: int | None = None
    gpu_percent: int | None = None
    power: float | None = None
    temperature: int | None = None
    clock: int | None = None
    fan: int | None = None
    uuid: str = ""
    energy: float | None = None


@dataclass(frozen=True)
class HostReading:
    """The computer at one moment: bytes, and % of all cores."""

    cpu_percent: float | None = None
    memory_used: int | None = None
    memory_total: int | None = None
    process_memory: int | None = None
    disk_free: int | None = None


@dataclass(frozen=True)
class MachineReading:
    """Everything the sampler read at one moment.

    Attributes:
        seconds: epoch seconds.
        cards: one entry per card; empty without one.
        no_card_because: why `cards` is empty ("no NVIDIA driver", …), else "".
        host: the computer.
    """

    seconds: float
    cards: tuple[CardReading, ...]
    no_card_because: str
    host: HostReading
