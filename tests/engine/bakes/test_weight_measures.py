"""A bake whose LoRAs are measured by their weights: every one that is saved, whatever happens to the bake, and nothing of it changes."""

from pathlib import Path
from typing import Any

import pytest
from run_bakes import bits_of_lora

from trainer.journal.records import BakeState
from trainer.measures import background
from trainer.measures.base_norms import base_norms
from trainer.measures.of_weights import OF_WEIGHTS
from trainer.measures.weights import measure_lora
from trainer.models.identify import identify_base

NAMES = [record.key for record in OF_WEIGHTS]
SHORT = {"validation_data_dir": "", "max_train_steps": 6, "save_every_n_steps": 2, "save_precision": "fp16"}


def values_of(journal: Any, bake: int = 1) -> dict[tuple[int, str, str, str], float | None]:
    return {(each.step, each.name, each.part, each.scope): each.value for each in journal.measures.of_bake(bake, NAMES)}


def files_of(journal: Any, folder: Path, bake: int = 1) -> dict[int, Path]:
    return {each.step: folder / each.file for each in journal.results.checkpoints(bake)}


def check_rows_are_of_the_files(journal: Any, folder: Path, settings: Any, bake: int = 1) -> None:
    files, values = files_of(journal, folder, bake), values_of(journal, bake)
    assert {step for step, *_ in values} == set(files)
    norms = base_norms(identify_base(settings.pretrained_model_name_or_path), None)
    for step, file in files.items():
        before = files[max(earlier)] if (earlier := [each for each in files if each < step]) else None
        for each in measure_lora(file, before=before, base_norms=norms).values(step):
            assert values[step, each.name, each.part, each.scope] == pytest.approx(each.value, rel=1e-9)


def test_every_saved_lora_is_measured_and_the_bits_stay_the_same(runner: Any, make_settings: Any) -> None:
    settings = make_settings(**SHORT, mixed_precision="no")
    folder = runner.bake(settings)
    check_rows_are_of_the_files(runner.journal, folder, settings)
    values = values_of(runner.journal)
    assert {name for _, name, *_ in values} == set(NAMES)
    rounded = {part: value for (step, name, part, _), value in values.items() if (step, name) == (6, "rounded_off")}
    assert set(rounded) == {"", "unet", "text_encoder"}
    assert all(value is not None and 1e-6 < value < 0.1 for value in rounded.values())
    without = runner.bake(make_settings(**SHORT, mixed_precision="no", measure_weights=False))
    assert values_of(runner.journal, 2) == {}
    assert bits_of_lora(without) == bits_of_lora(folder)


def test_a_bake_taken_up_again_has_the_values_of_the_steps_it_took_last(runner: Any, make_settings: Any) -> None:
    settings = make_settings(**SHORT, save_state_every_n_steps=2)
    folder = runner.bake(settings)
    before = values_of(runner.journal)
    runner.bake_again_from(2, settings)
    check_rows_are_of_the_files(runner.journal, folder, settings)
    assert values_of(runner.journal) == pytest.approx(before)


def test_a_measurement_that_fails_is_one_line_and_ends_nothing(
    runner: Any, make_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise MemoryError("no more of it")

    monkeypatch.setattr(background, "measure_lora", broken)
    runner.bake(make_settings(**SHORT))
    assert runner.journal.bakes.read(1).state is BakeState.DONE
    lines = [line.text for line in runner.journal.log.read(bake=1) if "not measured" in line.text]
    assert lines == ["x-step00000002.safetensors not measured: MemoryError: no more of it"]
