"""The number of threads that numpy's BLAS computes with."""

import ctypes
import functools
import logging
import sys
from pathlib import Path

# Of the OpenBLAS in numpy's wheels, with and without 64-bit indices.
_SETTERS = ("scipy_openblas_set_num_threads64_", "scipy_openblas_set_num_threads", "openblas_set_num_threads")


@functools.cache
def use_one_blas_thread() -> None:
    """Let numpy multiply matrices in the thread that asks for it, from here on.

    The products of a LoRA's factors are small: handing them to threads takes longer than computing them, many times as long on a
    busy computer, and such threads would not have the low priority of the one that measures. Nothing else here multiplies matrices
    with numpy; torch has threads of its own. Where another library does the multiplying nothing happens.
    """
    import numpy  # noqa: PLC0415  # loaded by whoever measures

    folder = Path(numpy.__file__).parent
    # Beside the package in wheels for Linux and Windows, inside it in those for macOS.
    for pattern in (f"{folder.name}.libs/*openblas*", f"{folder.name}/.dylibs/*openblas*"):
        for path in folder.parent.glob(pattern):
            _set_one(path)


def _set_one(path: Path) -> None:
    try:
        # RTLD_NOLOAD: the library that numpy has loaded, and no second one.
        library = ctypes.CDLL(str(path), mode=4) if sys.platform == "linux" else ctypes.CDLL(str(path))
    except OSError as error:
        logging.getLogger(__name__).info("threads of %s stay: %s", path.name, error)
        return
    for name in _SETTERS:
        if (setter := getattr(library, name, None)) is not None:
            setter(1)
            return
