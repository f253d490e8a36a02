"""numpy multiplies in the thread that asks for it once a LoRA is measured."""

import ctypes
import sys
from pathlib import Path

import numpy
import pytest

from trainer.measures.blas_threads import use_one_blas_thread


@pytest.mark.skipif(sys.platform != "linux", reason="the wheels' own OpenBLAS is looked for where Linux has it")
def test_the_library_that_numpy_has_loaded_computes_in_one_thread() -> None:
    folder = Path(numpy.__file__).parent
    (path,) = folder.parent.glob(f"{folder.name}.libs/*openblas*")
    library = ctypes.CDLL(str(path), mode=4)
    library.scipy_openblas_set_num_threads64_(2)
    use_one_blas_thread.cache_clear()
    use_one_blas_thread()
    assert library.scipy_openblas_get_num_threads64_() == 1
