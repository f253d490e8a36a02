"""The build of torch, told from its files, and the drivers that can run it."""

import sys

import pytest

from trainer.machine import torch_build as module
from trainer.machine.torch_build import TorchBuild, build_of, driver_fault, torch_build

TODAY = """from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip', 'rocm', 'xpu']
__version__ = '2.13.0+cu128'
debug = False
cuda: Optional[str] = '12.8'
git_version = 'abc'
hip: Optional[str] = None
rocm: Optional[str] = None
xpu: Optional[str] = None
"""


@pytest.mark.parametrize(
    ("text", "build"),
    [
        (TODAY, TorchBuild("2.13.0+cu128", "12.8")),
        ("__version__ = '2.1.0'\ndebug = False\ncuda = '12.1'\nhip = None\n", TorchBuild("2.1.0", "12.1")),
        ("__version__ = '2.9.0+cpu'\ncuda: Optional[str] = None\nhip: Optional[str] = None\n", TorchBuild("2.9.0+cpu")),
        ('__version__ = "2.9.0"\ncuda = None\nhip = "6.4.1"\n', TorchBuild("2.9.0", hip="6.4.1")),
        ("", TorchBuild("named")),
    ],
)
def test_what_the_file_says_is_read_without_running_it(text: str, build: TorchBuild) -> None:
    assert build_of(text, "named") == build


def test_the_installed_build_is_told_without_an_import() -> None:
    before = set(sys.modules)
    found = torch_build()
    assert found is not None and found.version
    assert not {name for name in set(sys.modules) - before if name.partition(".")[0] == "torch"}


def test_a_torch_that_is_not_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    assert torch_build() is None


@pytest.mark.parametrize(
    ("cuda", "driver", "fits"),
    [
        ("12.8", (12, 4), True),
        ("12.8", (13, 0), True),
        ("11.8", (12, 4), True),
        ("13.0", (12, 9), False),
        ("12.1", (11, 4), False),
        ("", (11, 4), True),
        ("12.8", None, True),
    ],
)
def test_a_driver_runs_builds_of_its_own_major_version_and_older_ones(
    cuda: str, driver: tuple[int, int] | None, fits: bool
) -> None:
    fault = driver_fault(TorchBuild("2.13.0", cuda), driver)
    assert (fault == "") is fits
    if not fits and driver is not None:
        assert (
            fault
            == f"it needs a driver with CUDA {cuda.partition('.')[0]}, and this one has CUDA {driver[0]}.{driver[1]}"
        )
