"""The trainers of February 2023 that do not run sd-scripts: sd_dreambooth_extension and cloneofsimo/lora."""

import re

from trainer.profiles.arithmetic import (
    DATA_FOLDER_ONCE,
    EVERY_FOLDER_ONCE,
    engine_counts,
    pictures_alone,
    pictures_shown,
    steps_alone,
)
from trainer.profiles.record import EngineRules, Options, PictureRules, ScriptRules, Size, TrainerProfile

# Pillow 9's endings of still pictures; it takes every one that Pillow knows.
_PILLOW_ENDINGS = (
    *(".apng", ".blp", ".bmp", ".bufr", ".bw", ".cur", ".dcx", ".dds", ".dib", ".emf", ".eps", ".fit", ".fits", ".flc"),
    *(".fli", ".fpx", ".ftc", ".ftu", ".gbr", ".gif", ".grib", ".h5", ".hdf", ".icb", ".icns", ".ico", ".iim", ".im"),
    *(
        ".j2c",
        ".j2k",
        ".jfif",
        ".jp2",
        ".jpc",
        ".jpe",
        ".jpeg",
        ".jpf",
        ".jpg",
        ".jpx",
        ".mic",
        ".mpeg",
        ".mpg",
        ".mpo",
    ),
    *(".msp", ".palm", ".pbm", ".pcd", ".pcx", ".pdf", ".pgm", ".png", ".pnm", ".ppm", ".ps", ".psd", ".pxr", ".ras"),
    *(".rgb", ".rgba", ".sgi", ".tga", ".tif", ".tiff", ".vda", ".vst", ".webp", ".wmf", ".xbm", ".xpm"),
)


def dreambooth_bucket(size: Size, options: Options) -> Size:
    """Return sd_dreambooth_extension's bucket: sides that fall from the resolution in steps of 64 and stay above 256.

    The nearest is taken of those that are no larger than the picture, the first where none is.
    """
    width, height = size
    longest = max(int(side) for side in str(options.get("resolution", "512")).split(","))
    sides = range(longest, 256, -64) or range(longest, longest - 1, -1)
    grid = sorted((w, h) for w in sides for h in sides)
    within = [(w, h) for w, h in grid if w <= width and h <= height]
    return min(within, key=lambda reso: (reso[0] - width) ** 2 + (reso[1] - height) ** 2) if within else grid[0]


_NUMBER_IN_FRONT = re.compile(r"[-\d]+\s*")


def _without_number(name: str) -> str:
    """Return a file's name without its ending and without the digits and dashes in front (sd_dreambooth_extension)."""
    stem = name.rpartition(".")[0] or name
    found = _NUMBER_IN_FRONT.match(stem)
    return stem[found.end() :] if found else stem


def _to_first_dot(name: str) -> str:
    """Return a file's name up to its first dot (cloneofsimo/lora)."""
    return name.partition(".")[0]


DREAMBOOTH_EXTENSION = TrainerProfile(
    key="sd_dreambooth_extension 2023-02",
    title="sd_dreambooth_extension",
    day="2023-02-09",
    defaults={
        "learning_rate": 5e-6,
        "unet_lr": 1e-4,
        "text_encoder_lr": 5e-5,
        "network_dim": 4,
        "network_alpha": 0.0,
        "clip_skip": 1,
        "max_token_length": "75",
        "resolution": "512",
        "enable_bucket": True,
        "min_bucket_reso": 256,
        "bucket_reso_steps": 64,
        "lr_scheduler": "constant_with_warmup",
        "lr_scheduler_num_cycles": 1,
        "lr_scheduler_power": 1.0,
        "lr_warmup_steps": "0",
        "max_train_epochs": 100,
        "train_batch_size": 1,
        "gradient_accumulation_steps": 1,
        "save_every_n_epochs": 25,
        "shuffle_caption": True,
        "keep_tokens": 1,
        "caption_extension": [".txt"],
        "prior_loss_weight": 0.75,
        "text_encoder_stop": "",
    },
    unknown=("save_precision",),
    steps=ScriptRules(
        pictures=PictureRules(_PILLOW_ENDINGS, "any", recursive=True),
        repeats=EVERY_FOLDER_ONCE,
        steps=pictures_shown,
        steps_passed=False,
        warmup=pictures_alone,
        sentence="knows no repeats; a step of its progress is one picture: epochs × pictures",
        warmup_sentence="its steps are pictures, since the schedule moves on by the batch with each step",
    ),
    engine=EngineRules(
        name="sd_dreambooth_extension",
        pictures=PictureRules(_PILLOW_ENDINGS, "any", recursive=True),
        repeats=EVERY_FOLDER_ONCE,
        accumulation="divided",
        sentence="shows each picture once in an epoch, in buckets of its own, and fills a bucket's last batch up",
        last_batch="counted in all",
        regularisation="paired",
        bucket_of=dreambooth_bucket,
        caption_of_name=_without_number,
        caption_sentence="a picture without a caption file is captioned by its file name, without the digits in front",
    ),
    reasons={
        "network_alpha": "its LoRA knows no alpha: scale 1, as alpha = dim",
        "unet_lr": "the file's default; the window's field holds 2e-4",
        "text_encoder_lr": "the file's default; the window's field holds 2e-4",
        "learning_rate": "the file's default, which lora_learning_rate takes the place of; the window's field holds 2e-6",
        "keep_tokens": "the first tag keeps its place while the others are shuffled",
        "shuffle_caption": "on by default",
        "prior_loss_weight": "the file's default",
        "caption_extension": "a .txt file, else the picture's file name",
        "save_every_n_epochs": "save_embedding_every",
        "text_encoder_stop": "stop_text_encoder is 1.0, the whole of the epochs",
        "seed": "training has no seed",
    },
    machine={
        "mixed_precision": "fp16",
        "optimizer_type": "AdamW8bit",
        "xformers": True,
        "sdpa": False,
        "gradient_checkpointing": True,
    },
)


def only_square(size: Size, options: Options) -> Size:
    """Return the one size that cloneofsimo's trainer crops every picture to."""
    side = min(int(part) for part in str(options.get("resolution", "512")).split(","))
    return side, side


_JPG_AND_PNG = PictureRules((".jpg", ".png", ".jpeg"), "any", recursive=False)

CLONEOFSIMO = TrainerProfile(
    key="cloneofsimo lora 2023-02",
    title="cloneofsimo/lora",
    day="2023-02-09",
    defaults={
        "learning_rate": 1e-4,
        "unet_lr": 1e-4,
        "text_encoder_lr": 1e-5,
        "network_dim": 4,
        "network_alpha": 0.0,
        "clip_skip": 1,
        "max_token_length": "75",
        "resolution": "512",
        "enable_bucket": False,
        "lr_scheduler": "linear",
        "lr_warmup_steps": "0",
        "max_train_epochs": None,
        "max_train_steps": 1000,
        "max_timestep": 800,
        "train_batch_size": 1,
        "gradient_accumulation_steps": 1,
        "optimizer_args": ["weight_decay=0.001"],
        "seed": 42,
        "save_every_n_epochs": None,
        "save_every_n_steps": 100,
        "shuffle_caption": False,
        "prior_loss_weight": 1.0,
    },
    unknown=("save_precision",),
    steps=ScriptRules(
        pictures=_JPG_AND_PNG,
        repeats=DATA_FOLDER_ONCE,
        steps=engine_counts,
        steps_passed=False,
        warmup=steps_alone,
        sentence="trains max_train_steps_tuning steps whatever there is; it knows neither repeats nor epochs",
        warmup_sentence="takes the warm-up in steps",
    ),
    engine=EngineRules(
        name="cloneofsimo/lora",
        pictures=_JPG_AND_PNG,
        repeats=DATA_FOLDER_ONCE,
        accumulation="none",
        sentence="crops all pictures to one square and mirrors half of them; it knows steps alone, and accumulates gradients for "
        "its inversion only",
        counts_epochs=False,
        regularisation="ignored",
        bucket_of=only_square,
        reads_captions=False,
        caption_of_name=_to_first_dot,
        caption_sentence="each picture is captioned by its file name, up to the first dot; no caption file is read",
    ),
    reasons={
        "network_alpha": "its LoRA knows no alpha: scale 1, as alpha = dim",
        "max_timestep": "its tuning draws timesteps from the lower 80 % only",
        "enable_bucket": "every picture is cropped to one square",
        "max_train_steps": "max_train_steps_tuning; the 1,000 steps of inversion before are no LoRA",
        "gradient_accumulation_steps": "its 4 hold for the inversion only",
        "optimizer_args": "weight_decay_lora",
        "text_encoder_lr": "a tenth of unet_lr",
        "save_every_n_steps": "save_steps",
    },
    machine={
        "mixed_precision": "fp16",
        "optimizer_type": "AdamW",
        "xformers": False,
        "sdpa": False,
        "gradient_checkpointing": False,
    },
)
