"""A bake made again from its LoRA alone: settings whose plan is the same but for paths."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trainer.interop.documents import open_document
from trainer.interop.importer import import_documents
from trainer.interop.named_models import finder
from trainer.jobs.preflight import PlannedBake, prepare

# Nothing of it is as by default.
CHANGED: dict[str, object] = {
    "max_train_epochs": 1,
    "train_batch_size": 3,
    "num_repeats": ["2_red=1"],
    "shuffle_caption": True,
    "keep_tokens": 1,
    "caption_extension": [".txt"],
    "network_dim": 3,
    "network_alpha": 2,
    "conv_dim": 2,
    "optimizer_type": "Lion",
    "optimizer_args": ["weight_decay=0.1", "betas=0.8:0.9"],
    "lr_scheduler": "warmup_stable_decay",
    "lr_warmup_steps": "25%",
    "lr_decay_steps": "1",
    "text_encoder_stop": "50%",
    "save_precision": "bf16",
    "save_every_n_epochs": None,
    "gradient_accumulation_steps": 2,
    "on_done": "true",
}
DATA_SET = """
[general]
num_repeats = 2
[[datasets]]
resolution = 64
batch_size = 2
bucket_reso_steps = 32
[[datasets.subsets]]
image_dir = "1_blue"
shuffle_caption = true
caption_prefix = "art, "
[[datasets]]
resolution = [64, 96]
batch_size = 1
[[datasets.subsets]]
image_dir = "2_red"
num_repeats = 1
keep_tokens = 2
caption_dropout_rate = 0.5
class_tokens = "girl"
"""


# A window that counts steps and warm-up by itself: its numbers are in force, and stay when they are read back.
LIKE_ANOTHER = {"behave_like": "kohya_ss 2023-02", "max_train_epochs": 1, "lr_warmup_steps": "30%", "network_dim": 3}


@pytest.mark.parametrize(
    ("changes", "has_file"),
    [(CHANGED, False), (CHANGED, True), (LIKE_ANOTHER, False)],
    ids=["folders", "data set file", "like another trainer"],
)
def test_a_lora_baked_here_gives_settings_with_the_same_plan(
    runner: Any, make_settings: Any, pictures: Path, tmp_path: Path, changes: dict[str, object], has_file: bool
) -> None:
    settings = make_settings(**changes)
    if has_file:
        (pictures / "train" / "data.toml").write_text(DATA_SET)
        settings = settings.model_copy(
            update={"train_data_dir": "", "num_repeats": [], "dataset_config": str(pictures / "train" / "data.toml")}
        )
    (tmp_path / "mine.toml").write_text(f'pretrained_model_name_or_path = "{settings.pretrained_model_name_or_path}"\n')
    lora = next(runner.bake(settings).glob("*.safetensors"))
    again = import_documents([open_document(lora)], data_set_name="again.toml", find=finder(tmp_path))
    assert again.report.of("unknown") == ()
    assert bool(again.data_set_text) == has_file
    # Only where the pictures lie is said by the user.
    update: dict[str, object] = {"train_data_dir": settings.train_data_dir}
    if has_file:
        (pictures / "train" / "again.toml").write_text(again.data_set_text)
        update["dataset_config"] = str(pictures / "train" / "again.toml")
    update["validation_data_dir"] = settings.validation_data_dir
    assert again.settings.on_done == ""
    found = prepare(again.settings.model_copy(update=update))
    told, *plan = _without_places(found)
    before, *planned = _without_places(prepare(settings))
    assert told == before
    assert plan == planned


def _without_places(planned: PlannedBake) -> tuple[object, ...]:
    # Where epochs decide, the steps that were set beside them are not taken over.
    names = (
        "max_train_steps",
        "train_data_dir",
        "dataset_config",
        "on_done",
        "pretrained_model_name_or_path",
        "output_name",
    )
    told = planned.settings.model_dump(exclude=set(names))
    data = planned.data
    return told, replace(planned.plan), data.folders, data.pictures, data.groups
