"""The trainers of today: kohya_ss, Easy Training Scripts, OneTrainer and ai-toolkit.

Sources, each at its newest commit in August 2026: bmaltais/kohya_ss 45088f04 (kohya_gui), derrian-distro's
LoRA_Easy_Training_Scripts ae5ce073 and its backend 162e56de, Nerogar/OneTrainer 23df3832 with mgds, ostris/ai-toolkit 27a03a91.
"""

import itertools
import math
from collections.abc import Collection

from trainer.profiles.arithmetic import (
    EVERY_FOLDER_ONCE,
    PYTHON_INT,
    SD_SCRIPTS_STEPS,
    TYPED_REPEATS,
    batch_steps,
    ceiling_steps_accumulated,
    engine_counts,
    onetrainer_warmup,
    rounded_share,
    steps_alone,
    steps_beside_epochs,
    truncated_share,
)
from trainer.profiles.record import (
    DerivedOption,
    EngineRules,
    FolderName,
    Options,
    PictureRules,
    Repeats,
    ScriptRules,
    Size,
    TrainerProfile,
)
from trainer.profiles.scripts_2023 import one_part_alone
from trainer.profiles.sd_scripts import ENDINGS, ENGINE_OF_2026, PICTURES_OF_2026


def _no_caption(name: str) -> str:
    """Return no caption: a picture without a caption file has none."""
    return ""


_WITHOUT_CAPTION = "a picture without a caption file is trained without a caption"

EASY_TRAINING_SCRIPTS_2025 = TrainerProfile(
    key="easy training scripts 2025-04",
    title="Easy Training Scripts 2025",
    day="2025-04-21",
    defaults={
        "learning_rate": 1e-4,
        "unet_lr": None,
        "text_encoder_lr": None,
        "network_dim": 32,
        "network_alpha": 16.0,
        "clip_skip": 2,
        "max_token_length": "225",
        "resolution": "512",
        "enable_bucket": True,
        "min_bucket_reso": 256,
        "max_bucket_reso": 1024,
        "bucket_reso_steps": 64,
        "bucket_no_upscale": False,
        "lr_scheduler": "cosine",
        "lr_scheduler_num_cycles": 1,
        "lr_warmup_steps": "0",
        "max_train_epochs": 1,
        "train_batch_size": 1,
        "gradient_accumulation_steps": 1,
        "max_grad_norm": 1.0,
        "loss_type": "l2",
        "seed": 23,
        "save_precision": "fp16",
        "save_every_n_epochs": None,
        "shuffle_caption": False,
        "keep_tokens": 0,
        "caption_extension": [".txt"],
        "prior_loss_weight": 1.0,
    },
    unknown=(),
    steps=ScriptRules(
        pictures=PictureRules(ENDINGS, "lower", recursive=False),
        repeats=TYPED_REPEATS,
        steps=batch_steps,
        steps_passed=False,
        warmup=rounded_share,
        sentence="computes ceil(batches / accumulation) × epochs over sd-scripts' own buckets, from endings in lower case, for the "
        "warm-up alone; epochs are passed",
        warmup_sentence="round(ratio × the steps it computes)",
    ),
    engine=EngineRules(
        name="sd-scripts of its backend",
        pictures=PICTURES_OF_2026,
        repeats=TYPED_REPEATS,
        accumulation="divided",
        sentence="takes each folder as a subset, with its repeats typed in or read from its name when it is chosen",
    ),
    reasons={
        "clip_skip": "for anime bases",
        "max_token_length": "the longest that there is",
        "network_alpha": "half of dim",
        "unet_lr": "its box is not ticked, so that learning_rate holds",
        "text_encoder_lr": "its box is not ticked, so that learning_rate holds",
        "save_every_n_epochs": "its box is not ticked, and only the last LoRA is saved",
        "caption_extension": "of each subset",
    },
    machine={
        "mixed_precision": "fp16",
        "optimizer_type": "AdamW",
        "xformers": False,
        "sdpa": False,
        "gradient_checkpointing": False,
    },
)


def _steps_before_epochs(options: Options, stated: Collection[str]) -> tuple[DerivedOption, ...]:
    """Let the steps count where both are set: kohya_ss works them out from the epochs only where their field is 0."""
    if not steps_beside_epochs(options, stated):
        return ()
    return (DerivedOption("max_train_epochs", None, "max_train_steps goes before the epochs where its field is not 0"),)


KOHYA_SS_2026 = TrainerProfile(
    key="kohya_ss 2026-07",
    title="kohya_ss 2026",
    day="2026-07-10",
    defaults={
        "learning_rate": 1e-4,
        "unet_lr": 1e-4,
        "text_encoder_lr": 1e-4,
        "network_dim": 8,
        "network_alpha": 1.0,
        "clip_skip": 1,
        "max_token_length": "75",
        "resolution": "512",
        "enable_bucket": True,
        "min_bucket_reso": 256,
        "max_bucket_reso": 2048,
        "bucket_reso_steps": 64,
        "bucket_no_upscale": True,
        "lr_scheduler": "cosine",
        "lr_scheduler_num_cycles": 1,
        "lr_scheduler_power": 1.0,
        "lr_warmup_steps": "10%",
        "max_train_epochs": None,
        "max_train_steps": SD_SCRIPTS_STEPS,
        "train_batch_size": 1,
        "gradient_accumulation_steps": 1,
        "max_grad_norm": 1.0,
        "loss_type": "l2",
        "save_precision": "fp16",
        "save_every_n_epochs": 1,
        "shuffle_caption": False,
        "keep_tokens": 0,
        "caption_extension": [".txt"],
        "caption_dropout_rate": 0.0,
        "caption_dropout_every_n_epochs": 0,
        "prior_loss_weight": 1.0,
    },
    unknown=(),
    steps=ScriptRules(
        pictures=PictureRules((".jpg", ".jpeg", ".png", ".webp"), "any", recursive=False),
        repeats=PYTHON_INT,
        steps=ceiling_steps_accumulated,
        steps_passed=True,
        warmup=truncated_share,
        sentence="passes max_train_steps; where that field is 0, ceil(pictures / batch / accumulation × epochs), doubled with "
        "regularisation",
        warmup_sentence="passes per cent / 100, which sd-scripts cuts to whole steps",
        regularisation="given",
    ),
    engine=ENGINE_OF_2026,
    reasons={
        "max_train_steps": "the field holds 1600, and the epochs beside it do not count",
        "max_train_epochs": "the field holds 0, and the steps count",
        "bucket_no_upscale": "ticked by default, so that the bucket bounds do not count",
        "max_bucket_reso": "the slider's end",
        "network_alpha": "sd-scripts' own default",
        "seed": "the field holds 0, which draws another one each time",
        "lr_warmup_steps": "the field holds 10 per cent",
    },
    machine={
        "mixed_precision": "fp16",
        "optimizer_type": "AdamW8bit",
        "xformers": True,
        "sdpa": False,
        "gradient_checkpointing": False,
    },
    derived=lambda options, stated: (*_steps_before_epochs(options, stated), *one_part_alone(options, stated)),
)

# mgds' AspectBucketing: height : width, and each turned on its side.
_ONETRAINER_ASPECTS = (1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0)
# Of SD 1.x, and of SDXL, which no option here tells apart but the resolution.
_ONETRAINER_STEP, _ONETRAINER_STEP_OF_SDXL, _SDXL_FROM = 8, 64, 896


def onetrainer_bucket(size: Size, options: Options) -> Size:
    """Return OneTrainer's bucket: the nearest of nine aspect ratios and their inverses, at the resolution's area.

    Its sides are multiples of 8; of 64 from 896 px on, where bases are SDXL.
    """
    width, height = size
    target = min(int(part) for part in str(options.get("resolution", "512")).split(","))
    step = _ONETRAINER_STEP if target < _SDXL_FROM else _ONETRAINER_STEP_OF_SDXL
    roots = [math.sqrt(ratio) for ratio in _ONETRAINER_ASPECTS]
    tall = [(_stepped(target * root, step), _stepped(target / root, step)) for root in roots]
    buckets = dict.fromkeys(itertools.chain(tall, ((short, long) for long, short in tall)))
    high, wide = min(buckets, key=lambda each: abs(each[0] / each[1] - height / width))
    return wide, high


def _stepped(length: float, step: int) -> int:
    return max(1, round(length / step)) * step


_ONETRAINER_PICTURES = PictureRules(
    (".bmp", ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".avif"), "any", recursive=False
)


def _constant_warms_up(options: Options, stated: Collection[str]) -> tuple[DerivedOption, ...]:
    if options.get("lr_scheduler") != "constant":
        return ()
    return (DerivedOption("lr_scheduler", "constant_with_warmup", "its `constant` has a warm-up"),)


ONETRAINER = TrainerProfile(
    key="OneTrainer 2026-08",
    title="OneTrainer 2026",
    day="2026-08-19",
    defaults={
        "learning_rate": 3e-6,
        "unet_lr": None,
        "text_encoder_lr": None,
        "text_encoder_stop": "30ep",
        "network_dim": 16,
        "network_alpha": 1.0,
        "clip_skip": 1,
        "max_token_length": "75",
        "resolution": "512",
        "enable_bucket": True,
        "lr_scheduler": "constant_with_warmup",
        "lr_scheduler_num_cycles": 1,
        "lr_warmup_steps": "200",
        "max_train_epochs": 100,
        "train_batch_size": 1,
        "gradient_accumulation_steps": 1,
        "max_grad_norm": 1.0,
        "loss_type": "l2",
        "save_precision": "float",
        "save_every_n_epochs": None,
        "shuffle_caption": False,
        "keep_tokens": 1,
        "caption_extension": [".txt"],
        "prior_loss_weight": 1.0,
    },
    unknown=(),
    steps=ScriptRules(
        pictures=_ONETRAINER_PICTURES,
        repeats=EVERY_FOLDER_ONCE,
        steps=engine_counts,
        steps_passed=False,
        warmup=onetrainer_warmup,
        sentence="counts full batches bucket by bucket, drops the pictures left over, and multiplies by the epochs",
        warmup_sentence="steps above 1 are batches, divided by the accumulation; up to 1 a share, cut to whole steps",
    ),
    engine=EngineRules(
        name="OneTrainer",
        pictures=_ONETRAINER_PICTURES,
        repeats=EVERY_FOLDER_ONCE,
        accumulation="across epochs",
        sentence="takes each folder as a concept, whose `balancing` stands for repeats and is 1 by default; it drops the pictures "
        "that do not fill a bucket's last batch",
        last_batch="dropped",
        regularisation="beside",
        bucket_of=onetrainer_bucket,
        caption_of_name=_no_caption,
        caption_sentence=_WITHOUT_CAPTION,
    ),
    reasons={
        "learning_rate": "made for whole models; its preset for LoRA on SD 1.5 has 3e-4 and batch 4",
        "text_encoder_stop": "the text encoder trains for 30 epochs",
        "lr_scheduler": "its `constant` has a warm-up",
        "lr_warmup_steps": "200 batches",
        "keep_tokens": "keep_tags_count of a concept",
        "save_every_n_epochs": "saves only at the end, with backups by the clock",
        "save_precision": "output_dtype is fp32",
        "unet_lr": "so that learning_rate holds",
        "text_encoder_lr": "so that learning_rate holds",
        "seed": "each concept draws its own",
    },
    machine={
        "mixed_precision": "fp16",
        "optimizer_type": "AdamW",
        "xformers": False,
        "sdpa": True,
        "gradient_checkpointing": True,
    },
    derived=_constant_warms_up,
)

# Twice the VAE's own factor of 8.
_AI_TOOLKIT_STEP = 16


def ai_toolkit_bucket(size: Size, options: Options) -> Size:
    """Return ai-toolkit's bucket: the picture shrunk to the resolution's area at most, its sides in steps of 16."""
    width, height = size
    most = min(int(part) for part in str(options.get("resolution", "512")).split(",")) ** 2
    target = min(width * height, most)
    scale = math.sqrt(target / (width * height)) / _AI_TOOLKIT_STEP
    sides = [(math.floor(side * scale), math.ceil(side * scale)) for side in size]
    corners = [(w * _AI_TOOLKIT_STEP, h * _AI_TOOLKIT_STEP) for w in sides[0] for h in sides[1]]
    fitting = [(w, h) for w, h in corners if w and h and w * h <= most]
    if not fitting:
        low = (max(1, sides[0][0]) * _AI_TOOLKIT_STEP, max(1, sides[1][0]) * _AI_TOOLKIT_STEP)
        return low
    return min(fitting, key=lambda each: abs(each[0] * each[1] - target))


_AI_TOOLKIT_PICTURES = PictureRules((".jpg", ".jpeg", ".png", ".webp"), "any", recursive=True)


def _walked(folder: FolderName, options: Options) -> int | None:
    """Return 1 for every folder but hidden ones and `_controls`."""
    return None if folder.name == "_controls" else 1


_WALKED = Repeats(_walked, EVERY_FOLDER_ONCE.sentence)


AI_TOOLKIT = TrainerProfile(
    key="ai-toolkit 2026-08",
    title="ai-toolkit 2026",
    day="2026-08-21",
    defaults={
        "learning_rate": 1e-6,
        "unet_lr": None,
        "text_encoder_lr": None,
        "network_train_unet_only": True,
        "network_dim": 4,
        "network_alpha": 1.0,
        "clip_skip": 1,
        "max_token_length": "75",
        "resolution": "512",
        "enable_bucket": True,
        "bucket_no_upscale": True,
        "lr_scheduler": "constant",
        "lr_warmup_steps": "0",
        "max_train_epochs": None,
        "max_train_steps": 1000,
        "train_batch_size": 1,
        "gradient_accumulation_steps": 1,
        "max_grad_norm": 1.0,
        "optimizer_args": ["eps=1e-06"],
        "noise_offset": 0.0,
        "min_snr_gamma": None,
        "loss_type": "l2",
        "save_precision": "fp16",
        "save_every_n_epochs": None,
        "save_every_n_steps": 1000,
        "shuffle_caption": False,
        "keep_tokens": 0,
        "caption_extension": [".txt"],
        "caption_dropout_rate": 0.0,
        "prior_loss_weight": 1.0,
    },
    unknown=("seed",),
    steps=ScriptRules(
        pictures=_AI_TOOLKIT_PICTURES,
        repeats=_WALKED,
        steps=engine_counts,
        steps_passed=False,
        warmup=steps_alone,
        sentence="trains `steps` whatever there is; it knows no epochs",
        warmup_sentence="its schedules have none unless one is named among their parameters",
    ),
    engine=EngineRules(
        name="ai-toolkit",
        pictures=_AI_TOOLKIT_PICTURES,
        repeats=_WALKED,
        accumulation="divided",
        sentence="knows steps alone, takes a data set's `num_repeats` for repeats, which is 1 by default, and fills a bucket's last "
        "batch up with the same pictures",
        last_batch="filled",
        counts_epochs=False,
        regularisation="beside",
        bucket_of=ai_toolkit_bucket,
        caption_of_name=_no_caption,
        caption_sentence=_WITHOUT_CAPTION,
    ),
    reasons={
        "learning_rate": "the code's default; its examples have 1e-4",
        "network_train_unet_only": "train_text_encoder is off by default",
        "network_dim": "the code's default; its examples have 16",
        "max_train_steps": "the code's default of `steps`",
        "bucket_no_upscale": "small pictures keep their size",
        "optimizer_args": "its AdamW has an eps of 1e-6",
        "save_every_n_steps": "the code's default of `save_every`",
        "unet_lr": "so that lr holds",
        "text_encoder_lr": "so that lr holds",
    },
    machine={
        "mixed_precision": "no",
        "optimizer_type": "AdamW",
        "xformers": False,
        "sdpa": True,
        "gradient_checkpointing": True,
    },
)
