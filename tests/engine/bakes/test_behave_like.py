"""A bake that behaves like another trainer: it counts as there, says so, and resumes from its own settings to the same bits."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from run_bakes import bits_of_lora

from trainer.jobs.preflight import prepare
from trainer.network.lora_content import load_lora
from trainer.settings.subject import resolve
from trainer.settings.toml_file import load_settings, parse_settings

KOHYA_SS = "kohya_ss 2023-02"


def test_a_bake_counts_like_the_trainer_says_so_and_resumes_to_the_same_bits(
    runner: Any, make_settings: Any, pictures: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train = shutil.copytree(pictures / "train", tmp_path / "train")
    # One that the window does not count and its engine loads.
    (train / "2_red" / "a.png").rename(train / "2_red" / "a.PNG")
    settings = make_settings(
        train_data_dir=str(train),
        behave_like=KOHYA_SS,
        max_train_epochs=2,
        max_train_steps=1600,
        lr_scheduler="cosine",
        lr_warmup_steps="30%",
        save_state_every_n_steps=3,
        keep_states="9",
        validation_data_dir="",
    )
    planned = prepare(settings)
    # 2 × 1 and 2 × 2 pictures are counted, in batches of 2, twice; the engine shows 2 × 1 and 3 × 2, and ends in its second epoch.
    assert (planned.plan.total_steps, planned.plan.repeats_total, planned.plan.epochs) == (6, 8, 2)
    with caplog.at_level("INFO"):
        folder = runner.bake(settings)
    loras = load_lora(folder / "x.safetensors")
    assert loras.metadata["ss_behave_like"] == KOHYA_SS
    assert loras.metadata["ss_max_train_steps"] == "6"
    assert loras.metadata["ss_lr_warmup_steps"] == "2"
    assert json.loads(loras.metadata["ss_dataset_dirs"])["2_red"]["img_count"] == 3
    said = [line.text for line in runner.journal.log.read(bake=1) if line.text.startswith(f"behaves like {KOHYA_SS}: ")]
    assert said[0].endswith(
        "pictures: 4, 6 with repeats counted (not 2_red/a.PNG); sd-scripts 0.4.0 loads 5, 8 with repeats"
    )
    # The engine writes these records to bake.log.
    assert said[0] in caplog.messages

    file = folder / "settings.toml"
    kept = resolve(load_settings(file), file)
    assert (kept.max_train_epochs, kept.max_train_steps, kept.lr_warmup_steps) == (None, 6, "2")
    assert prepare(kept).settings == kept
    # What waited as it was asked for stands in the journal as it ran.
    assert parse_settings(runner.journal.bakes.read(1).settings_toml, "").max_train_steps == 6
    whole = bits_of_lora(folder)
    runner.bake_again_from(3, kept)
    assert bits_of_lora(folder) == whole
