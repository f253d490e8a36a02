import datetime
import json
import re
from pathlib import Path

import pytest

from trainer import __version__
from trainer.dataset.scan import DataSet, Folder, Picture
from trainer.network.metadata import Origin, stamped, training_metadata
from trainer.plan.plan import make_plan
from trainer.settings.model import Settings

# kohya.md, section 2, without those that only --vae writes.
KEYS = re.findall(
    r"\S+",
    """
ss_session_id ss_training_started_at ss_training_finished_at ss_output_name ss_training_comment ss_sd_scripts_commit_hash
ss_learning_rate ss_unet_lr ss_text_encoder_lr ss_lr_scheduler ss_lr_warmup_steps ss_optimizer ss_max_grad_norm
ss_gradient_accumulation_steps ss_gradient_checkpointing
ss_num_train_images ss_num_reg_images ss_num_validation_images ss_num_batches_per_epoch ss_num_epochs ss_epoch ss_steps
ss_max_train_steps ss_batch_size_per_device ss_total_batch_size
ss_network_module ss_network_dim ss_network_alpha ss_network_dropout ss_scale_weight_norms
ss_base_model_version ss_v2 ss_sd_model_name ss_sd_model_hash ss_new_sd_model_hash
ss_mixed_precision ss_full_fp16 ss_fp8_base ss_fp8_base_unet ss_lowram
ss_resolution ss_enable_bucket ss_bucket_no_upscale ss_min_bucket_reso ss_max_bucket_reso ss_bucket_info ss_dataset_dirs
ss_reg_dataset_dirs ss_tag_frequency ss_cache_latents ss_resize_interpolation
ss_shuffle_caption ss_keep_tokens ss_color_aug ss_flip_aug ss_random_crop ss_face_crop_aug_range ss_caption_dropout_rate
ss_caption_dropout_every_n_epochs ss_caption_tag_dropout_rate ss_clip_skip ss_max_token_length
ss_noise_offset ss_noise_offset_random_strength ss_multires_noise_iterations ss_multires_noise_discount ss_adaptive_noise_scale
ss_zero_terminal_snr ss_min_snr_gamma ss_ip_noise_gamma ss_ip_noise_gamma_random_strength ss_debiased_estimation ss_loss_type
ss_huber_schedule ss_huber_scale ss_huber_c ss_prior_loss_weight ss_seed
ss_validation_seed ss_validation_split ss_max_validation_steps ss_validate_every_n_epochs ss_validate_every_n_steps
modelspec.sai_model_spec modelspec.architecture modelspec.implementation modelspec.implementation_version modelspec.title
modelspec.date modelspec.resolution modelspec.prediction_type modelspec.encoder_layer
""",
)


def picture(folder: str, repeats: int, size: tuple[int, int], caption: str) -> Picture:
    return Picture(Path(f"{folder}/x.png"), folder, repeats, *size, caption, None)


DATA = DataSet(
    Path("data"),
    (Folder("10_shapes", 10, 2, 2), Folder("3_more", 3, 1, 1)),
    (
        picture("10_shapes", 10, (64, 64), "1girl, Smile, smile"),
        picture("10_shapes", 10, (128, 32), "1girl"),
        picture("3_more", 3, (64, 64), "hat, \ud800"),
    ),
    (),
)


def metadata(**changes: object) -> dict[str, str]:
    chosen: dict[str, object] = {
        "pretrained_model_name_or_path": "/models/sd15",
        "resolution": "64",
        "min_bucket_reso": 32,
        "max_bucket_reso": 128,
        "bucket_reso_steps": 32,
        "train_batch_size": 4,
        "max_train_epochs": 2,
        **changes,
    }
    settings = Settings.model_validate(chosen)
    origin = Origin(DATA, make_plan(settings, DATA), 5, "bf16", 1000.5, 77)
    return stamped(
        training_metadata(settings, origin), file=Path("bakes/x-000001.safetensors"), step=7, epoch=1, finished=2000.25
    )


def test_every_key_of_sd_scripts_is_there_and_a_text() -> None:
    found = metadata()
    assert set(KEYS) - set(found) == set()
    assert all(isinstance(value, str) for value in found.values())


def test_the_engine_is_named() -> None:
    found = metadata()
    assert found["ss_sd_scripts_commit_hash"] == f"lora-tui/{__version__}"
    assert found["modelspec.implementation"] == f"lora-tui/{__version__}"


def test_what_differs_from_file_to_file() -> None:
    found = metadata()
    assert found["ss_output_name"] == found["modelspec.title"] == "x-000001"
    assert (found["ss_steps"], found["ss_epoch"], found["ss_training_finished_at"]) == ("7", "1", "2000.25")
    assert datetime.datetime.fromisoformat(found["modelspec.date"]).timestamp() == 2000


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ss_unet_lr", "0.0001"),
        ("ss_network_alpha", "16.0"),
        ("ss_v2", "False"),
        ("ss_training_comment", "None"),
        ("ss_min_snr_gamma", "None"),
        ("ss_noise_offset", "None"),
        ("ss_resolution", "(64, 64)"),
        ("ss_sd_model_name", "sd15"),
        ("ss_mixed_precision", "bf16"),
        ("ss_optimizer", "torch.optim.adamw.AdamW"),
        ("ss_num_train_images", "23"),
        ("ss_num_validation_images", "5"),
        ("ss_session_id", "77"),
        ("ss_training_started_at", "1000.5"),
        ("ss_reg_dataset_dirs", "{}"),
        ("modelspec.resolution", "64x64"),
    ],
)
def test_values_are_written_as_python_shows_them(key: str, value: str) -> None:
    assert metadata()[key] == value


def test_optimizer_arguments_follow_its_name() -> None:
    assert metadata(optimizer_args=["weight_decay=0.1"])["ss_optimizer"] == "torch.optim.adamw.AdamW(weight_decay=0.1)"


def test_folders_tags_and_buckets_are_counted() -> None:
    found = metadata()
    assert json.loads(found["ss_dataset_dirs"]) == {
        "10_shapes": {"n_repeats": 10, "img_count": 2},
        "3_more": {"n_repeats": 3, "img_count": 1},
    }
    assert json.loads(found["ss_tag_frequency"])["10_shapes"] == {"1girl": 2, "smile": 2}
    assert json.loads(found["ss_bucket_info"]) == {
        "buckets": {
            "0": {"resolution": [64, 64], "count": 13},
            "1": {"resolution": [128, 32], "count": 10},
        },
        "mean_img_ar_error": 0.0,
    }


def test_without_buckets_their_info_is_null() -> None:
    assert metadata(enable_bucket=False)["ss_bucket_info"] == "null"


def test_a_tag_that_is_no_utf8_does_not_keep_the_file_from_being_written() -> None:
    found = metadata()
    assert "".join(found.values()).encode()
    assert json.loads(found["ss_tag_frequency"])["3_more"] == {"hat": 1, "\ud800": 1}
