"""What may be imported before the first paint, each checked in a process of its own."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "diffusers", "transformers", "accelerate")


def _loaded_by(code: str) -> set[str]:
    ran = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(ran.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "lora_tui.app",
        "lora_tui.cli",
        "lora_tui.headless.follow",
        "trainer.engine.engine",
        "trainer.jobs.bakes",
        "trainer.jobs.new_subject",
        "trainer.demo.workspace",
    ],
)
def test_no_torch_is_imported_by(module: str) -> None:
    assert not _loaded_by(f"import {module}") & set(HEAVY)


def test_the_command_line_waits_for_no_screen() -> None:
    assert "textual" not in _loaded_by("import lora_tui.cli")


def test_the_app_waits_for_no_pictures_and_no_arrays() -> None:
    assert not _loaded_by("import lora_tui.app") & {"numpy", "PIL", "pynvml"}


def test_the_engine_knows_no_screen() -> None:
    assert not _loaded_by("import trainer.bake.run") & {"textual", "rich.console", "lora_tui"}
