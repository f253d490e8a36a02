"""What the processor can do, from the kernel's own list."""

from contextlib import suppress
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")

# x86's and ARM's names of instructions that oneDNN multiplies bf16 by; without any torch works it out in fp32, number by number.
_BF16_UNITS = frozenset({"avx512_bf16", "amx_bf16", "avx_ne_convert", "bf16"})


def has_bf16_units() -> bool | None:
    """Return whether the processor multiplies numbers of bf16; None where the system does not say."""
    with suppress(OSError):
        for line in CPU_INFO.read_text("utf-8", "replace").splitlines():
            name, _, flags = line.partition(":")
            # x86 calls them flags, ARM features.
            if name.strip() in ("flags", "Features"):
                return not _BF16_UNITS.isdisjoint(flags.split())
    return None
