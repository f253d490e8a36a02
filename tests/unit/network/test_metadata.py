import dataclasses
import datetime
import json
import re
import time
from pathlib import Path

import pytest
from baked_metadata import DEMO, FOLDERS, PICTURES, data_of, picture
from baked_metadata import baked_metadata as metadata
from baked_metadata import baked_settings as settings_of
from baked_metadata import other_value_here as _other_value

from trainer import __version__
from trainer.bake.optimizer import make_optimizer
from trainer.dataset.buckets import bucket_rules
from trainer.dataset.records import BucketRules, CaptionRules, DataSet, Folder, Group
from trainer.models.file_hashes import FileHashes
from trainer.network.injection import LoraNetwork
from trainer.network.metadata import Origin
from trainer.plan.plan import make_plan
from trainer.settings.describe import SettingInfo, fields
from trainer.settings.in_metadata import AS_SET, names_as_set

# What sd-scripts writes for SD1.5 from a folder of pictures without --network_args, --vae and bounds of the times.
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


# What it writes in their place with --dataset_config.
NOT_WITH_A_DATA_SET_FILE = re.findall(
    r"\S+",
    """
ss_resolution ss_batch_size_per_device ss_total_batch_size ss_enable_bucket ss_min_bucket_reso ss_max_bucket_reso
ss_bucket_no_upscale ss_bucket_info ss_keep_tokens ss_shuffle_caption ss_color_aug ss_flip_aug ss_random_crop
ss_reg_dataset_dirs
""",
)

# What settings have keys for besides sd-scripts' own; some of them only where they are set.
DECLARED = {key for info in fields() for key in (info.metadata_key, *info.metadata_keys) if key}


def test_the_keys_are_those_of_sd_scripts_and_our_own() -> None:
    found = metadata()
    assert set(found) >= set(KEYS)
    assert set(found) <= {*KEYS, *DECLARED, AS_SET}
    assert all(isinstance(value, str) for value in found.values())


def test_sdxl_has_the_same_keys_but_for_the_layer_that_is_fixed_there() -> None:
    assert set(metadata()) == set(metadata(family="sdxl")) | {"modelspec.encoder_layer"}


# What they say is found or read elsewhere: of the data, the base and the file that is saved.
NOT_FROM_THE_SETTING_ALONE = (
    *("train_data_dir", "reg_data_dir", "validation_data_dir", "dataset_repeats", "num_repeats", "caption_extension"),
    *(
        "vae",
        "v_parameterization",
        "zero_terminal_snr",
        "mixed_precision",
        "output_name",
        "pretrained_model_name_or_path",
    ),
    "discrete_flow_shift",
    *("logit_mean", "logit_std", "laplace_mean", "laplace_scale", "conv_alpha", "dataset_config", "bucket_reso_steps"),
    *("max_train_steps", "train_minutes"),
)


@pytest.mark.parametrize("info", [pytest.param(info, id=info.name) for info in fields()])
def test_a_setting_is_in_the_metadata_where_its_record_says_so(info: SettingInfo) -> None:
    before, after = metadata(), metadata(**{info.name: _other_value(info)})
    changed = {key for key in before | after if before.get(key) != after.get(key)} - {AS_SET}
    keys = {info.metadata_key} if info.metadata_key else set(info.metadata_keys)
    if info.metadata_key:
        assert info.metadata_key in before
    if info.name not in NOT_FROM_THE_SETTING_ALONE:
        assert bool(changed) == bool(keys) and (not keys or changed & keys)


# They name files and folders, or run commands, on the machine of the bake.
STAY_HERE = {
    *("subject", "train_data_dir", "reg_data_dir", "dataset_config", "validation_data_dir", "conditioning_data_dir"),
    *("pretrained_model_name_or_path", "vae", "network_weights", "sample_prompts", "on_done", "on_trouble"),
    "exclude_pictures",
    *("qwen3", "llm_adapter_path", "qwen3_tokenizer", "t5_tokenizer_path"),
}


@pytest.mark.parametrize("info", [pytest.param(info, id=info.name) for info in fields()])
def test_every_setting_is_in_the_metadata_as_it_was_set_unless_it_stays_here(info: SettingInfo) -> None:
    before, after = metadata(), metadata(**{info.name: _other_value(info)})
    if info.name in STAY_HERE:
        assert info.name not in names_as_set()
        assert "other" not in json.loads(after[AS_SET]).values()
    elif info.metadata_key:
        assert before[info.metadata_key] != after[info.metadata_key]
    else:
        value = getattr(settings_of(**{info.name: _other_value(info)}), info.name)
        assert json.loads(after[AS_SET])[info.name] == value != json.loads(before[AS_SET])[info.name]


def test_the_engine_is_named() -> None:
    found = metadata()
    assert found["ss_sd_scripts_commit_hash"] == f"lora-tui/{__version__}"
    assert found["modelspec.implementation"] == f"lora-tui/{__version__}"


def test_what_differs_from_file_to_file() -> None:
    found = metadata()
    assert found["ss_output_name"] == found["modelspec.title"] == "x-000001"
    assert (found["ss_steps"], found["ss_epoch"], found["ss_training_finished_at"]) == ("7", "1", "2000.25")
    assert datetime.datetime.fromisoformat(found["modelspec.date"]).timestamp() == 2000


def test_a_bake_that_starts_now_has_a_time_and_a_number_of_its_own() -> None:
    settings = settings_of()
    data = data_of(settings)
    origins = [
        Origin.now(
            data,
            make_plan(settings, data, family="sd1"),
            base=DEMO,
            prediction="v",
            zero_terminal_snr=True,
            hashes=None,
            validation_pictures=0,
            precision="no",
        )
        for _ in range(2)
    ]
    assert origins[0].session != origins[1].session
    assert abs(origins[0].started - time.time()) < 60


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ss_unet_lr", "0.0001"),
        ("ss_network_alpha", "16.0"),
        ("ss_network_dropout", "None"),
        ("ss_v2", "False"),
        ("ss_training_comment", "None"),
        ("ss_min_snr_gamma", "None"),
        ("ss_noise_offset", "None"),
        ("ss_resolution", "(64, 64)"),
        ("ss_sd_model_name", "sd15.safetensors"),
        ("ss_sd_model_hash", "0123abcd"),
        ("ss_new_sd_model_hash", "f" * 64),
        ("ss_mixed_precision", "bf16"),
        ("ss_optimizer", "torch.optim.adamw.AdamW"),
        ("ss_num_train_images", "23"),
        ("ss_num_reg_images", "0"),
        ("ss_num_validation_images", "5"),
        ("ss_session_id", "77"),
        ("ss_training_started_at", "1000.5"),
        ("ss_reg_dataset_dirs", "{}"),
        ("ss_max_token_length", "None"),
        ("ss_huber_c", "0.1"),
        ("ss_multires_noise_discount", "0.3"),
        ("ss_prior_loss_weight", "1.0"),
        ("ss_text_encoder_stop", "None"),
        ("ss_logit_mean", "None"),
        ("modelspec.resolution", "64x64"),
    ],
)
def test_values_are_written_as_python_shows_them(key: str, value: str) -> None:
    assert metadata()[key] == value


@pytest.mark.parametrize(
    ("family", "prediction", "version", "architecture"),
    [
        ("sd1", "epsilon", "sd_v1", "stable-diffusion-v1/lora"),
        ("sd1", "v", "sd_v1_v", "stable-diffusion-v1/lora"),
        ("sdxl", "epsilon", "sdxl_base_v1-0", "stable-diffusion-xl-v1-base/lora"),
        ("sdxl", "v", "sdxl_base_v1-0", "stable-diffusion-xl-v1-base/lora"),
    ],
)
def test_the_base_is_named_by_family_and_prediction(
    family: str, prediction: str, version: str, architecture: str
) -> None:
    found = metadata(family=family, origin={"prediction": prediction})
    assert found["ss_base_model_version"] == version
    assert found["modelspec.architecture"] == architecture
    assert found["modelspec.prediction_type"] == prediction


def test_the_schedule_is_recorded_as_found_not_as_typed() -> None:
    assert metadata(origin={"zero_terminal_snr": True})["ss_zero_terminal_snr"] == "True"


def test_without_time_for_hashes_there_are_none() -> None:
    missing = set(metadata()) - set(metadata(origin={"hashes": None}))
    assert missing == {"ss_sd_model_hash", "ss_new_sd_model_hash"}


def test_another_vae_is_named_with_its_hashes() -> None:
    found = metadata(vae="/models/kl-f8.safetensors", origin={"vae_hashes": FileHashes("01234567", "e" * 64)})
    assert set(found) - set(metadata()) == {"ss_vae_name", "ss_vae_hash", "ss_new_vae_hash"}
    assert found["ss_vae_name"] == "kl-f8.safetensors"
    assert (found["ss_vae_hash"], found["ss_new_vae_hash"]) == ("01234567", "e" * 64)


def test_8_bits_have_sd_scripts_key_and_one_of_ours() -> None:
    fp8, int8 = metadata(fp8_base=True), metadata(int8_base=True)
    assert (fp8["ss_fp8_base"], int8["ss_fp8_base"], int8["ss_int8_base"]) == ("True", "False", "True")
    assert set(int8) - set(fp8) == {"ss_int8_base"}


def test_optimizer_arguments_follow_its_name() -> None:
    found = metadata(optimizer_args=["weight_decay=0.1", "betas=0.9:0.99"])
    assert found["ss_optimizer"] == "torch.optim.adamw.AdamW(weight_decay=0.1,betas=(0.9, 0.99))"


@pytest.mark.parametrize("name", ["AdamW", "Adafactor", "Lion", "SGDNesterov", "torch.optim.NAdam"])
def test_an_optimizer_is_named_by_the_class_that_ran(network: LoraNetwork, name: str) -> None:
    optimizer = type(make_optimizer(network, settings_of(optimizer_type=name), "sd1"))
    assert metadata(optimizer_type=name)["ss_optimizer"] == f"{optimizer.__module__}.{optimizer.__qualname__}"


def test_an_optimizer_that_is_not_there_is_named_as_it_was_typed() -> None:
    assert metadata(optimizer_type="missing.module.Optimizer")["ss_optimizer"] == "missing.module.Optimizer"


def test_network_args_are_texts_with_the_dropout_beside_them() -> None:
    found = metadata(conv_dim=8, rank_dropout=0.1, loraplus_unet_lr_ratio=16, network_dropout=0.25)
    assert json.loads(found["ss_network_args"]) == {
        "conv_dim": "8",
        "conv_alpha": "4.0",
        "rank_dropout": "0.1",
        "loraplus_unet_lr_ratio": "16.0",
        "dropout": 0.25,
    }
    assert found["ss_network_dropout"] == "0.25"


def test_without_dropout_the_network_args_say_null() -> None:
    assert json.loads(metadata(module_dropout=0.5)["ss_network_args"]) == {"module_dropout": "0.5", "dropout": None}


def test_ranks_taken_from_a_file_are_not_recorded_as_those_of_the_settings() -> None:
    found = metadata(network_weights="/loras/old.safetensors", dim_from_weights=True)
    assert found["ss_network_dim"] == found["ss_network_alpha"] == "Dynamic"
    assert found["ss_network_weights"] == "old.safetensors"


def test_a_stop_is_recorded_as_typed_and_in_steps() -> None:
    """By hand: 7 batches an epoch, 14 steps; half of them are 7, an epoch is 7."""
    found = metadata(text_encoder_stop="50%", unet_stop="100ep")
    assert (found["ss_text_encoder_stop"], found["ss_text_encoder_stop_step"]) == ("50%", "7")
    assert (found["ss_unet_stop"], found["ss_unet_stop_step"]) == ("100ep", "None")


def test_the_second_encoder_stops_with_the_first_by_default() -> None:
    found = metadata(family="sdxl", text_encoder_stop="1ep")
    assert (found["ss_text_encoder_stop2"], found["ss_text_encoder_stop2_step"]) == ("None", "7")
    assert metadata(text_encoder_stop="1ep")["ss_text_encoder_stop2_step"] == "None"


def test_timesteps_are_recorded_as_they_are_drawn() -> None:
    found = metadata(timestep_sampling="laplace", laplace_mean=-1, max_timestep=900)
    assert (found["ss_timestep_sampling"], found["ss_laplace_mean"], found["ss_logit_mean"]) == (
        "laplace",
        "-1.0",
        "None",
    )
    assert found["modelspec.timestep_range"] == "0,900"


def test_noise_and_loss_are_recorded_as_they_run() -> None:
    found = metadata(
        noise_offset=0.05,
        multires_noise_iterations=6,
        ip_noise_gamma=0.1,
        loss_type="huber",
        huber_schedule="constant",
        min_snr_gamma=5,
        debiased_estimation_loss=True,
        snr_schedule="as sd-scripts",
        prior_loss_weight=0.5,
    )
    told = {
        "ss_noise_offset": "0.05",
        "ss_multires_noise_iterations": "6",
        "ss_ip_noise_gamma": "0.1",
        "ss_loss_type": "huber",
        "ss_huber_schedule": "constant",
        "ss_min_snr_gamma": "5.0",
        "ss_debiased_estimation": "True",
        "ss_snr_schedule": "as sd-scripts",
        "ss_prior_loss_weight": "0.5",
    }
    assert {key: found[key] for key in told} == told


def test_longer_captions_are_recorded_by_their_tokens() -> None:
    assert metadata(max_token_length="225")["ss_max_token_length"] == "225"


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


def test_regularisation_pictures_have_folders_and_counts_of_their_own_and_no_tags() -> None:
    """By hand: 23 exposures; the one regularisation picture of 2 repeats is shown as often, all in its bucket."""
    settings = settings_of()
    data = data_of(settings)
    regular = picture("2_girl", 2, (64, 64), "girl", is_reg=True)
    data = dataclasses.replace(
        data, folders=(*FOLDERS, Folder("2_girl", 2, 1, 0, is_reg=True)), pictures=(*PICTURES, regular)
    )
    found = metadata(data)
    assert (found["ss_num_train_images"], found["ss_num_reg_images"]) == ("23", "2")
    assert json.loads(found["ss_reg_dataset_dirs"]) == {"2_girl": {"n_repeats": 2, "img_count": 1}}
    assert (
        set(json.loads(found["ss_dataset_dirs"]))
        == set(json.loads(found["ss_tag_frequency"]))
        == {
            "10_shapes",
            "3_more",
        }
    )
    assert json.loads(found["ss_bucket_info"])["buckets"]["0"] == {"resolution": [64, 64], "count": 13 + 23}


def test_without_buckets_their_info_is_null() -> None:
    assert metadata(enable_bucket=False)["ss_bucket_info"] == "null"


def of_two_groups(second_size: tuple[int, int]) -> DataSet:
    """Return data of a data set file: three pictures in one group, one shuffled in another."""
    settings = settings_of()
    rules = bucket_rules(settings)
    other = BucketRules(second_size, True, 32, 256, 32, no_upscale=False)
    words = CaptionRules(prefix="art of", shuffle=True, keep_tokens=2)
    more = dataclasses.replace(picture("faces", 5, (128, 128), "face"), group=1, caption_rules=words, caption_file=None)
    return DataSet(
        Path("data.toml"),
        (*FOLDERS, Folder("faces", 5, 1, 0)),
        (*PICTURES, more),
        (),
        (Group(rules, 4), Group(other, 2)),
        "0" * 64,
    )


def test_a_data_set_file_puts_one_list_in_the_place_of_what_differs_by_group() -> None:
    found = metadata(of_two_groups((128, 128)), dataset_config="data.toml")
    ours = {"ss_keep_tokens_separator", "ss_secondary_separator", "ss_enable_wildcard", "ss_caption_prefix"}
    ours |= {"ss_caption_suffix", "ss_token_warmup_min", "ss_token_warmup_step"}
    assert set(found) == ({*metadata(), "ss_datasets"} - {*NOT_WITH_A_DATA_SET_FILE, *ours})
    assert set(json.loads(found["ss_dataset_dirs"])) == {"10_shapes", "3_more", "faces"}
    assert json.loads(found["ss_tag_frequency"])["faces"] == {"face": 1}


def test_each_group_lists_its_pictures_buckets_and_folders() -> None:
    first, second = json.loads(metadata(of_two_groups((128, 128)), dataset_config="data.toml")["ss_datasets"])
    assert (first["num_train_images"], first["batch_size_per_device"], first["resolution"]) == (23, 4, [64, 64])
    assert [subset["image_dir"] for subset in first["subsets"]] == ["10_shapes", "3_more"]
    assert second["bucket_info"] == {
        "buckets": {"0": {"resolution": [128, 128], "count": 5}},
        "mean_img_ar_error": 0.0,
    }
    (subset,) = second["subsets"]
    told = {"img_count": 1, "num_repeats": 5, "shuffle_caption": True, "keep_tokens": 2, "caption_prefix": "art of"}
    told |= {"class_tokens": "face", "is_reg": False}
    assert {key: subset[key] for key in told} == told


@pytest.mark.parametrize(
    ("second_size", "family", "resolution"),
    [((64, 64), "sd1", "64x64"), ((128, 128), "sd1", "512x512"), ((128, 128), "sdxl", "1024x1024")],
)
def test_the_resolution_is_that_of_all_groups_or_the_familys(
    second_size: tuple[int, int], family: str, resolution: str
) -> None:
    found = metadata(of_two_groups(second_size), family=family, dataset_config="data.toml")
    assert found["modelspec.resolution"] == resolution


def test_a_tag_that_is_not_utf8_does_not_keep_the_file_from_being_written() -> None:
    found = metadata()
    assert "".join(found.values()).encode()
    assert json.loads(found["ss_tag_frequency"])["3_more"] == {"hat": 1, "\ud800": 1}
