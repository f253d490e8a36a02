"""The file of a bake on the tiny Anima, merged into the base, has the validation loss of the LoRA at weight 1."""

from pathlib import Path

import pytest
import torch
from dense_loras import reference
from measured_lora import opened, validation_loss
from tiny_anima import tiny_modules, write_files

from trainer.lora_tools.made_lora import Output
from trainer.lora_tools.merge import WeightedLora
from trainer.lora_tools.merge_into import merge_into_base
from trainer.models.identify import identify_base


def test_the_merged_base_has_the_loss_of_the_lora_at_weight_one(learned, tmp_path: Path) -> None:
    # In fp32 a merge is rounded nowhere.
    path = write_files(tmp_path / "ComfyUI", tiny_modules(), torch.float32)
    bake = learned(f"pretrained_model_name_or_path={path}", "max_train_epochs=1")
    merged = path.with_name("merged.safetensors")
    lora = WeightedLora(reference(bake.folder / "hifumi.safetensors"))
    merge_into_base(identify_base(str(path), {}), [lora], Output(merged))
    with opened(bake.folder) as (session, pictures):
        full = validation_loss(session, pictures)
        session.network.unet_strength = 0.0
        nothing = validation_loss(session, pictures)
    with opened(bake.folder, merged) as (session, pictures):
        found = validation_loss(session, pictures)
    assert nothing == pytest.approx(bake.base, rel=1e-6)
    assert abs(found - full) < 1e-4 * abs(full - nothing)
