"""Metadata of a LoRA file about its data: folders, tags, buckets and captions under sd-scripts' names."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from trainer.dataset.batches import instances
from trainer.dataset.records import DataSet, Picture
from trainer.plan.plan import Plan
from trainer.settings.model import Settings


def data_metadata(settings: Settings, data: DataSet, plan: Plan) -> dict[str, object]:
    """Return the ss_* keys about the data.

    With a data set file sd-scripts puts what may differ between its groups into one list, `ss_datasets`, in place of keys of its own.

    Args:
        settings: in force.
        data: what is trained on.
        plan: where each picture goes.
    """
    pictures = data.pictures
    return {
        "ss_num_train_images": sum(picture.repeats for picture in pictures if not picture.is_reg),
        "ss_num_reg_images": sum(picture.repeats for picture in pictures if picture.is_reg),
        "ss_dataset_dirs": json.dumps(_folders(data, is_reg=False)),
        "ss_tag_frequency": json.dumps(_tag_frequency(pictures)),
        "ss_cache_latents": True,
        "ss_resize_interpolation": None,
        "ss_face_crop_aug_range": None,
        **(_groups(settings, data, plan) if settings.dataset_config else _one_group(settings, data, plan)),
    }


def trained_size(settings: Settings, data: DataSet) -> tuple[int, int] | None:
    """Return the resolution (width, height) that all pictures are trained at, None where groups have several."""
    if not settings.dataset_config:
        return settings.size
    sizes = {group.rules.size for group in data.groups}
    return sizes.pop() if len(sizes) == 1 else None


def _one_group(settings: Settings, data: DataSet, plan: Plan) -> dict[str, object]:
    info = _bucket_info(data, plan, range(len(data.pictures))) if settings.enable_bucket else None
    return {
        "ss_batch_size_per_device": settings.train_batch_size,
        "ss_total_batch_size": settings.pictures_per_step,
        "ss_resolution": settings.size,
        "ss_enable_bucket": settings.enable_bucket,
        "ss_bucket_no_upscale": settings.bucket_no_upscale,
        "ss_min_bucket_reso": settings.min_bucket_reso,
        "ss_max_bucket_reso": settings.max_bucket_reso,
        "ss_bucket_info": json.dumps(info),
        "ss_reg_dataset_dirs": json.dumps(_folders(data, is_reg=True)),
        "ss_shuffle_caption": settings.shuffle_caption,
        "ss_keep_tokens": settings.keep_tokens,
        "ss_keep_tokens_separator": settings.keep_tokens_separator or None,
        "ss_secondary_separator": settings.secondary_separator or None,
        "ss_enable_wildcard": settings.enable_wildcard,
        "ss_caption_prefix": settings.caption_prefix or None,
        "ss_caption_suffix": settings.caption_suffix or None,
        "ss_token_warmup_min": settings.token_warmup_min,
        "ss_token_warmup_step": settings.token_warmup_step,
        "ss_color_aug": False,
        "ss_flip_aug": False,
        "ss_random_crop": False,
    }


def _groups(settings: Settings, data: DataSet, plan: Plan) -> dict[str, object]:
    """Return sd-scripts' list of groups and their folders."""
    return {"ss_datasets": json.dumps([_group(number, settings, data, plan) for number in range(len(data.groups))])}


def _group(number: int, settings: Settings, data: DataSet, plan: Plan) -> dict[str, object]:
    group = data.groups[number]
    pictures = [picture for picture in data.pictures if picture.group == number]
    members = {index for index, picture in enumerate(data.pictures) if picture.group == number}
    return {
        "is_dreambooth": True,
        "batch_size_per_device": group.batch_size // settings.num_processes,
        "num_train_images": sum(picture.repeats for picture in pictures if not picture.is_reg),
        "num_reg_images": sum(picture.repeats for picture in pictures if picture.is_reg),
        "resolution": group.rules.size,
        "enable_bucket": group.rules.enable,
        "bucket_no_upscale": group.rules.no_upscale,
        "min_bucket_reso": group.rules.low,
        "max_bucket_reso": group.rules.high,
        # Ours, so that the data set file can be written again.
        "bucket_reso_steps": group.rules.step,
        "tag_frequency": _tag_frequency(pictures),
        "bucket_info": _bucket_info(data, plan, members) if group.rules.enable else None,
        "resize_interpolation": None,
        "subsets": [
            _subset([picture for picture in pictures if picture.folder == name])
            for name in dict.fromkeys(picture.folder for picture in pictures)
        ],
    }


def _subset(pictures: Sequence[Picture]) -> dict[str, object]:
    first = pictures[0]
    words = first.caption_rules
    return {
        "img_count": len(pictures),
        "num_repeats": first.repeats,
        "color_aug": False,
        "flip_aug": False,
        "random_crop": False,
        "shuffle_caption": words.shuffle,
        "keep_tokens": words.keep_tokens,
        "keep_tokens_separator": words.keep_separator,
        "secondary_separator": words.secondary_separator or None,
        "enable_wildcard": words.wildcards,
        "caption_prefix": words.prefix or None,
        "caption_suffix": words.suffix or None,
        "resize_interpolation": None,
        "image_dir": first.folder,
        # Only pictures without a caption of their own show them.
        "class_tokens": _shared(picture.caption for picture in pictures if picture.caption_file is None),
        "is_reg": first.is_reg,
        # Ours, as above.
        "caption_extension": sorted(
            {picture.caption_file.suffix for picture in pictures if picture.caption_file is not None}
        )
        or None,
        "caption_dropout_rate": words.dropout_rate,
        "caption_dropout_every_n_epochs": words.dropout_every_n_epochs,
        "caption_tag_dropout_rate": words.tag_dropout_rate,
        "token_warmup_min": words.warmup_min,
        "token_warmup_step": words.warmup_step,
        "alpha_mask": any(picture.mask == "alpha" for picture in pictures),
    }


def _shared(captions: Iterable[str]) -> str | None:
    """Return the caption that all have, None where they differ: then each is from its picture's file name."""
    different = set(captions)
    return different.pop() if len(different) == 1 else None


def _folders(data: DataSet, *, is_reg: bool) -> dict[str, dict[str, int]]:
    return {
        folder.name: {"n_repeats": folder.repeats, "img_count": folder.pictures}
        for folder in data.folders
        if folder.is_reg == is_reg
    }


def _bucket_info(data: DataSet, plan: Plan, members: Collection[int]) -> dict[str, object]:
    """Return sd-scripts' table of buckets: pictures as often as an epoch shows them, and the mean error of the aspect ratio by picture."""
    shown = [index for index in instances(data) if index in members]
    counts = Counter(plan.placements[index].bucket for index in shown)
    errors = [
        abs(plan.placements[index].bucket[0] / plan.placements[index].bucket[1] - picture.width / picture.height)
        for index, picture in enumerate(data.pictures)
        if index in members
    ]
    return {
        "buckets": {
            str(i): {"resolution": list(size), "count": count} for i, (size, count) in enumerate(sorted(counts.items()))
        },
        "mean_img_ar_error": sum(errors) / max(1, len(errors)),
    }


def _tag_frequency(pictures: Collection[Picture]) -> dict[str, dict[str, int]]:
    """Return how many pictures of each folder carry each tag, lower-cased; repeats and regularisation pictures are not counted."""
    counts: dict[str, Counter[str]] = {}
    for picture in pictures:
        if not picture.is_reg:
            tags = (part.strip().lower() for part in picture.caption.replace("\n", ",").split(","))
            counts.setdefault(picture.folder, Counter()).update(tag for tag in tags if tag)
    return {folder: dict(count) for folder, count in counts.items()}
