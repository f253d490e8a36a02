import shutil
from pathlib import Path

import psutil
import pytest

from trainer.machine.host import read_host


def test_this_computer_reports_everything(tmp_path: Path) -> None:
    host = read_host(tmp_path)
    assert host.memory_total == psutil.virtual_memory().total
    assert host.memory_used is not None and 0 < host.memory_used < host.memory_total
    assert host.process_memory is not None and host.process_memory > 1024**2
    assert host.cpu_percent is not None and 0 <= host.cpu_percent <= 100


def test_the_free_disk_of_a_folder_not_made_yet_is_that_of_the_one_above(tmp_path: Path) -> None:
    free = read_host(tmp_path / "not" / "yet").disk_free
    assert free is not None
    assert abs(free - shutil.disk_usage(tmp_path).free) < 1024**3


@pytest.mark.parametrize(
    ("call", "error", "lost"),
    [
        ("virtual_memory", OSError("no /proc"), {"memory_used", "memory_total"}),
        ("cpu_percent", PermissionError("no /proc/stat"), {"cpu_percent"}),
        ("Process", psutil.AccessDenied(), {"process_memory"}),
        ("disk_usage", FileNotFoundError("gone"), {"disk_free"}),
    ],
)
def test_only_what_the_system_does_not_report_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, error: Exception, lost: set[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(psutil, call, refuse)
    host = read_host(tmp_path)
    assert {name for name, value in vars(host).items() if value is None} == lost
