"""What a LoRA file says about itself: sd-scripts' ss_* keys and modelspec.*, every value a text."""

import datetime
import json
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainer import __version__
from trainer.dataset.scan import DataSet
from trainer.plan.plan import Plan
from trainer.settings.model import Settings

_ENGINE = f"lora-tui/{__version__}"


@dataclass(frozen=True)
class Origin:
    """What the metadata tell beside the settings.

    Attributes:
        data, plan: what is trained on, and in which order of steps.
        validation_pictures: pictures kept out of training.
        precision: the precision in force: `no`, `fp16` or `bf16`.
        started: epoch seconds.
        session: number that all files of one bake share.
    """

    data: DataSet
    plan: Plan
    validation_pictures: int
    precision: str
    started: float
    session: int

    @classmethod
    def now(cls, data: DataSet, plan: Plan, *, validation_pictures: int, precision: str) -> "Origin":
        """Return the origin of a bake that begins now, under a session number of its own."""
        return cls(data, plan, validation_pictures, precision, time.time(), secrets.randbelow(2**32))


def training_metadata(settings: Settings, origin: Origin) -> dict[str, str]:
    """Return the texts that every file of a bake carries (sd-scripts: train_network.py and sai_model_spec.py).

    Where an option of sd-scripts has no counterpart here, its value is what sd-scripts does without the option.
    """
    values: dict[str, object] = {
        **_identity(settings, origin),
        **_rates(settings, origin.plan),
        **_network(settings),
        **_model(settings),
        **_data(settings, origin),
        **_loss(settings),
        **_modelspec(settings, origin),
    }
    return {key: str(value) for key, value in values.items()}


def stamped(metadata: Mapping[str, str], *, file: Path, step: int, epoch: int, finished: float) -> dict[str, str]:
    """Return `metadata` with what differs from file to file.

    Args:
        metadata: from training_metadata.
        file: where it will be saved; its stem is the name, so that tools that list LoRAs by name can tell epochs apart.
        step: optimizer steps in it.
        epoch: last whole epoch in it.
        finished: epoch seconds of saving.
    """
    return {
        **metadata,
        "ss_output_name": file.stem,
        "ss_steps": str(step),
        "ss_epoch": str(epoch),
        "ss_training_finished_at": str(finished),
        "modelspec.title": file.stem,
        "modelspec.date": datetime.datetime.fromtimestamp(finished).isoformat(timespec="seconds"),
    }


def _identity(settings: Settings, origin: Origin) -> dict[str, object]:
    return {
        "ss_session_id": origin.session,
        "ss_training_started_at": origin.started,
        "ss_training_comment": settings.training_comment or None,
        "ss_sd_scripts_commit_hash": _ENGINE,
    }


def _rates(settings: Settings, plan: Plan) -> dict[str, object]:
    arguments = ",".join(f"{name}={value}" for name, value in settings.optimizer_options.items())
    return {
        "ss_learning_rate": settings.learning_rate,
        "ss_unet_lr": settings.unet_lr,
        "ss_text_encoder_lr": settings.text_encoder_lr,
        "ss_lr_scheduler": settings.lr_scheduler,
        "ss_lr_scheduler_num_cycles": settings.lr_scheduler_num_cycles,
        "ss_lr_warmup_steps": plan.warmup_steps,
        "ss_optimizer": "torch.optim.adamw.AdamW" + (f"({arguments})" if arguments else ""),
        "ss_max_grad_norm": settings.max_grad_norm,
        "ss_gradient_accumulation_steps": settings.gradient_accumulation_steps,
        "ss_gradient_checkpointing": settings.gradient_checkpointing,
        "ss_num_batches_per_epoch": plan.batches_per_epoch,
        "ss_num_epochs": plan.epochs,
        "ss_max_train_steps": plan.total_steps,
        "ss_batch_size_per_device": settings.train_batch_size,
        "ss_total_batch_size": settings.train_batch_size * settings.gradient_accumulation_steps,
        "ss_seed": settings.seed,
    }


def _network(settings: Settings) -> dict[str, object]:
    return {
        "ss_network_module": "networks.lora",
        "ss_network_dim": settings.network_dim,
        "ss_network_alpha": settings.alpha,
        "ss_network_dropout": None,
        "ss_scale_weight_norms": None,
    }


def _model(settings: Settings) -> dict[str, object]:
    base = settings.pretrained_model_name_or_path
    return {
        "ss_base_model_version": "sd_v1",
        "ss_v2": False,
        "ss_sd_model_name": Path(base).name or base,
        # sd-scripts' words for a base that is a folder.
        "ss_sd_model_hash": "IsADirectory",
        "ss_new_sd_model_hash": "IsADirectory",
    }


def _data(settings: Settings, origin: Origin) -> dict[str, object]:
    data, plan = origin.data, origin.plan
    return {
        "ss_num_train_images": plan.repeats_total,
        "ss_num_reg_images": 0,
        "ss_num_validation_images": origin.validation_pictures,
        "ss_resolution": settings.size,
        "ss_enable_bucket": settings.enable_bucket,
        "ss_bucket_no_upscale": settings.bucket_no_upscale,
        "ss_min_bucket_reso": settings.min_bucket_reso,
        "ss_max_bucket_reso": settings.max_bucket_reso,
        "ss_bucket_info": json.dumps(_bucket_info(data, plan) if settings.enable_bucket else None),
        "ss_dataset_dirs": json.dumps(
            {folder.name: {"n_repeats": folder.repeats, "img_count": folder.pictures} for folder in data.folders}
        ),
        "ss_reg_dataset_dirs": "{}",
        "ss_tag_frequency": json.dumps(_tag_frequency(data)),
        "ss_cache_latents": True,
        "ss_resize_interpolation": None,
        "ss_shuffle_caption": settings.shuffle_caption,
        "ss_keep_tokens": settings.keep_tokens,
        "ss_color_aug": False,
        "ss_flip_aug": False,
        "ss_random_crop": False,
        "ss_face_crop_aug_range": None,
        "ss_caption_dropout_rate": 0.0,
        "ss_caption_dropout_every_n_epochs": 0,
        "ss_caption_tag_dropout_rate": 0.0,
        "ss_clip_skip": settings.clip_skip,
        "ss_max_token_length": None,
        "ss_mixed_precision": origin.precision,
        "ss_full_fp16": False,
        "ss_fp8_base": False,
        "ss_fp8_base_unet": False,
        "ss_lowram": False,
    }


def _loss(settings: Settings) -> dict[str, object]:
    return {
        "ss_noise_offset": settings.noise_offset or None,
        "ss_noise_offset_random_strength": False,
        "ss_multires_noise_iterations": None,
        "ss_multires_noise_discount": 0.3,
        "ss_adaptive_noise_scale": None,
        "ss_zero_terminal_snr": False,
        "ss_min_snr_gamma": settings.min_snr_gamma,
        "ss_ip_noise_gamma": None,
        "ss_ip_noise_gamma_random_strength": False,
        "ss_debiased_estimation": False,
        "ss_loss_type": "l2",
        "ss_huber_schedule": "snr",
        "ss_huber_scale": 1.0,
        "ss_huber_c": 0.1,
        "ss_prior_loss_weight": 1.0,
        "ss_validation_seed": settings.validation_seed,
        "ss_validation_split": 0.0,
        "ss_max_validation_steps": None,
        "ss_validate_every_n_epochs": 1,
        "ss_validate_every_n_steps": settings.validate_every_n_steps,
    }


def _modelspec(settings: Settings, origin: Origin) -> dict[str, object]:
    width, height = settings.size
    return {
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": "stable-diffusion-v1/lora",
        "modelspec.implementation": _ENGINE,
        "modelspec.implementation_version": _ENGINE,
        "modelspec.resolution": f"{width}x{height}",
        "modelspec.prediction_type": "epsilon",
        "modelspec.encoder_layer": settings.clip_skip,
    }


def _bucket_info(data: DataSet, plan: Plan) -> dict[str, object]:
    """Return sd-scripts' table of buckets: counts with repeats, and the mean error of the aspect ratio without."""
    counts = sorted((bucket.size, bucket.pictures) for bucket in plan.buckets)
    errors = [
        abs(placement.bucket[0] / placement.bucket[1] - picture.width / picture.height)
        for picture, placement in zip(data.pictures, plan.placements, strict=True)
    ]
    return {
        "buckets": {str(i): {"resolution": list(size), "count": count} for i, (size, count) in enumerate(counts)},
        "mean_img_ar_error": sum(errors) / len(errors),
    }


def _tag_frequency(data: DataSet) -> dict[str, dict[str, int]]:
    """Return how many pictures of each folder carry each tag, lower-cased, repeats not counted."""
    counts: dict[str, Counter[str]] = {folder.name: Counter() for folder in data.folders}
    for picture in data.pictures:
        counts[picture.folder].update(
            tag for tag in (part.strip().lower() for part in picture.caption.split(",")) if tag
        )
    return {folder: dict(count) for folder, count in counts.items()}
