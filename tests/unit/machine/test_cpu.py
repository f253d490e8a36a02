"""Whether a processor multiplies bf16, from the kernel's list of what it can do."""

from pathlib import Path

import pytest

from trainer.machine import cpu


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("model name\t: EPYC\nflags\t\t: fpu avx512f avx512_bf16\n", True),
        ("flags\t\t: fpu amx_bf16 amx_tile\n", True),
        ("Features\t: fp asimd bf16\n", True),
        ("flags\t\t: fpu avx2 avx512f\n", False),
        ("processor\t: 0\n", None),
    ],
)
def test_units_for_bf16_are_read_from_the_flags(
    text: str, expected: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(text)
    monkeypatch.setattr(cpu, "CPU_INFO", info)
    assert cpu.has_bf16_units() is expected


def test_a_system_without_that_list_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "CPU_INFO", tmp_path / "missing")
    assert cpu.has_bf16_units() is None
