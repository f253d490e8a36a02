from pathlib import Path

import pytest

from trainer.machine import peak_rss
from trainer.machine.peak_rss import PeakRss

MIB = 1 << 20


def hold(mib: int) -> None:
    """Hold so much for a moment, every page of it written."""
    bytearray(b"x") * (mib * MIB)


def test_what_was_held_and_released_is_in_the_peak() -> None:
    with PeakRss() as watch:
        hold(96)
        assert watch.peak - watch.start_bytes >= 80 * MIB


def test_a_peak_of_before_does_not_count(tmp_path: Path) -> None:
    with PeakRss() as watch:
        hold(96)
    if not watch._uses_kernel_peak:
        pytest.skip("this system does not let a process begin its peak anew")
    with PeakRss() as watch:
        assert watch.peak - watch.start_bytes < 48 * MIB


def test_where_the_kernel_refuses_the_memory_is_looked_at_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = iter([100, 900, 300])
    last = [0]

    def reading() -> int:
        last[0] = next(readings, last[0])
        return last[0]

    monkeypatch.setattr(peak_rss, "_resident_bytes", reading)
    monkeypatch.setattr(peak_rss, "_POLL_SECONDS", 0.001)
    with PeakRss(tmp_path / "no such process") as watch:
        while last[0] != 300:
            pass
        assert (watch.start_bytes, watch.peak) == (100, 900)
