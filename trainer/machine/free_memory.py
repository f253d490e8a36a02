"""Memory that a process has freed and not yet given back to the system."""

import ctypes
from contextlib import suppress


def return_free_memory() -> None:
    """Let the system have what the C allocator keeps of memory that was freed; glibc's alone can be asked to.

    It keeps pieces below 32 MiB for the next request: of a base of thousands of tensors, some hundred MiB.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
