"""Which settings were changed without anything coming of it?"""

from collections.abc import Iterator

from trainer.dataset.scan import DataSet, words_of
from trainer.settings.describe import field
from trainer.settings.model import Settings


def settings_without_effect(settings: Settings, data: DataSet) -> tuple[str, ...]:
    """Return one line for each setting that differs from its default and decides nothing, saying why."""
    found = (*_in_data(settings, data), *_in_rates(settings), *_in_schedule(settings), *_in_validation(settings))
    return tuple(
        f"{name} has no effect: {why}"
        for name, why in found
        # The warm-up is on by default: whoever turns to `constant` loses it by that choice.
        if getattr(settings, name) != field(name).default or name == "lr_warmup_steps"
    )


def _in_data(settings: Settings, data: DataSet) -> Iterator[tuple[str, str]]:
    if all(words_of(folder.name) is not None for folder in data.folders):
        yield "dataset_repeats", "the folders' names say the repeats"
    if not settings.shuffle_caption:
        yield "keep_tokens", "shuffle_caption is off"
    if not settings.enable_bucket:
        for name in ("min_bucket_reso", "max_bucket_reso", "bucket_reso_steps", "bucket_no_upscale"):
            yield name, "enable_bucket is off"
    elif settings.bucket_no_upscale:
        for name in ("min_bucket_reso", "max_bucket_reso"):
            yield name, "bucket_no_upscale makes buckets as needed"


def _in_rates(settings: Settings) -> Iterator[tuple[str, str]]:
    unet_asks = settings.trains_unet and settings.unet_lr is None
    text_encoder_asks = settings.trains_text_encoder and settings.text_encoder_lr is None
    if not unet_asks and not text_encoder_asks:
        both = settings.trains_unet and settings.trains_text_encoder
        yield "learning_rate", "both parts have their own" if both else "the part that trains has its own"
    if not settings.trains_unet:
        yield "unet_lr", "the U-Net does not train"
    if not settings.trains_text_encoder:
        yield "text_encoder_lr", "the text encoder does not train"


def _in_schedule(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.max_train_epochs is not None:
        yield "max_train_steps", "max_train_epochs decides"
    if settings.lr_scheduler != "cosine_with_restarts":
        yield "lr_scheduler_num_cycles", f"{settings.lr_scheduler} has no restarts"
    if settings.lr_scheduler == "constant" and settings.warmup_steps(1_000_000):
        yield "lr_warmup_steps", "constant has no warm-up; constant_with_warmup has one"


def _in_validation(settings: Settings) -> Iterator[tuple[str, str]]:
    if not settings.validation_data_dir:
        for name in ("validate_every_n_steps", "validation_seed"):
            yield name, "there is no validation_data_dir"
