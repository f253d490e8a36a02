"""What may be imported before the first paint, each checked in a process of its own."""

import pkgutil
import subprocess
import sys

import lora_tui

HEAVY = {"torch", "diffusers", "transformers", "accelerate"}


def _loaded_by(code: str) -> set[str]:
    ran = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(ran.stdout.split())


def test_no_module_of_the_terminal_program_imports_torch() -> None:
    modules = [
        module.name
        for module in pkgutil.walk_packages(lora_tui.__path__, "lora_tui.")
        if not module.name.endswith("__main__")
    ]
    assert "lora_tui.commands.bake" in modules
    loaded = _loaded_by(f"import {', '.join(modules)}")
    assert set(modules) <= loaded
    assert not loaded & HEAVY


def test_no_torch_is_imported_by_the_engine_before_it_starts() -> None:
    assert not _loaded_by("import trainer.engine.engine, trainer.memory.predictor, trainer.memory.fit") & HEAVY


def test_what_a_record_names_to_recognise_files_imports_no_torch() -> None:
    code = """
from trainer.families.registry import FAMILIES, named
for record in FAMILIES.values():
    assert callable(named(record.identify)) and callable(named(record.check_vae))
"""
    loaded = _loaded_by(code)
    assert "trainer.models.stable_diffusion.identify" in loaded
    assert not loaded & HEAVY


def test_the_command_line_waits_for_no_screen_and_no_records() -> None:
    # `--help`, and every key that a shell completes, pays for what is here.
    assert not _loaded_by("import lora_tui.cli") & {
        "textual",
        "rich",
        "pydantic",
        "psutil",
        "sqlite3",
        "numpy",
        "tomlkit",
    }


def test_the_app_waits_for_no_pictures_no_arrays_and_no_database() -> None:
    # With an engine that has not started: what it needs comes after the first frame.
    loaded = _loaded_by("import lora_tui.dashboard, lora_tui.app, trainer.engine.engine, trainer.machine.sampler")
    assert not loaded & {
        "numpy",
        "PIL",
        "pynvml",
        "pydantic",
        "annotated_types",
        "psutil",
        "sqlite3",
        "tomlkit",
        "jinja2",
        # Our own that take milliseconds, and that nothing asks before somebody types.
        "trainer.memory.peak",
        "lora_tui.wording.search_words",
    }
