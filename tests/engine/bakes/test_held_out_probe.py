"""A bake measured by bands, with members: the same LoRA to the bit, the same validation, and values in the journal."""

from typing import Any

import pytest
from run_bakes import bits_of_lora

from trainer.dataset.manifest import FILE, read_manifest
from trainer.measures.of_validation import OF_VALIDATION

_VARIED = {
    "shuffle_caption": True,
    "network_dropout": 0.2,
    "text_encoder_stop": "2",
    "encoder_off_card": True,
    "caption_dropout_rate": 0.3,
}
_KEPT = {"network_train_unet_only": True}


@pytest.mark.parametrize("more", [_VARIED, pytest.param(_KEPT, marks=pytest.mark.long)])
def test_a_bake_with_memorization_measured_is_the_bake_without(
    runner: Any, make_settings: Any, more: dict[str, object]
) -> None:
    asked = {"max_train_steps": 4, "save_every_n_steps": 2, **more}
    plain = runner.bake(make_settings(**asked))
    measured = runner.bake(make_settings(**asked, measure_memorization=True))
    assert bits_of_lora(measured) == bits_of_lora(plain)
    results, measures = runner.journal.results, runner.journal.measures
    assert results.validations(2) == results.validations(1)
    assert not measures.of_bake(1, [record.key for record in OF_VALIDATION])
    assert {record.key for record in OF_VALIDATION} <= {value.name for value in measures.of_bake(2)}
    assert measures.steps(2, "memorization_auc") >= {2, 4}
    lines = [line.text for line in runner.journal.log.read(bake=2)]
    assert sum(line.startswith("memorization after step") for line in lines) == len(
        measures.steps(2, "memorization_auc")
    )


@pytest.mark.long
def test_a_bake_with_pictures_held_out_is_resumed_to_the_same_bits(runner: Any, make_settings: Any) -> None:
    asked = make_settings(
        validation_data_dir="",
        validation_split=0.3,
        measure_memorization=True,
        max_train_steps=4,
        save_every_n_steps=2,
        save_state_every_n_steps=2,
        keep_states="9",
    )
    folder = runner.bake(asked)
    whole, measured = bits_of_lora(folder), runner.journal.measures.of_bake(1, [record.key for record in OF_VALIDATION])
    manifest = read_manifest((folder / FILE).read_bytes(), FILE)
    assert manifest.validation and not {each.path for each in manifest.validation} & {
        each.path for each in manifest.pictures
    }
    runner.bake_again_from(2, asked)
    assert bits_of_lora(folder) == whole
    again = runner.journal.measures.of_bake(1, [record.key for record in OF_VALIDATION])
    assert [value for value in again if value.step == 4] == [value for value in measured if value.step == 4]
    assert any(value.step == 4 for value in again)
