"""The scripts and windows around sd-scripts in February 2023."""

from collections.abc import Collection

from trainer.profiles.arithmetic import (
    POWERSHELL_INT,
    POWERSHELL_INT_OR_STOP,
    PYTHON_INT_BEFORE_UNDERSCORE,
    PYTHON_INT_OR_STOP,
    ceiling_steps,
    rounded_share,
    rounded_steps,
    rounded_steps_doubled,
    steps_beside_epochs,
    truncated_share,
    truncated_steps,
    whole,
    whole_percent,
)
from trainer.profiles.record import DerivedOption, Options, PictureRules, RefusedOptions, ScriptRules, TrainerProfile
from trainer.profiles.sd_scripts import engine_of_2023

_FAST: dict[str, object] = {
    "mixed_precision": "fp16",
    "optimizer_type": "AdamW8bit",
    "xformers": True,
    "sdpa": False,
    "gradient_checkpointing": False,
}

# What the scripts pass or leave to sd-scripts in the same way.
_SHARED: dict[str, object] = {
    "enable_bucket": True,
    "bucket_reso_steps": 64,
    "bucket_no_upscale": False,
    "lr_scheduler_num_cycles": 1,
    "lr_scheduler_power": 1.0,
    "lr_warmup_steps": "0",
    "gradient_accumulation_steps": 1,
    "train_batch_size": 1,
    "resolution": "512",
    "save_precision": "fp16",
    "keep_tokens": 0,
    "caption_extension": [".txt"],
    "caption_dropout_rate": 0.0,
    "caption_dropout_every_n_epochs": 0,
    "caption_tag_dropout_rate": 0.0,
    "prior_loss_weight": 1.0,
}

_LEGACY_STEPS = ScriptRules(
    pictures=PictureRules((".png", ".bmp", ".gif", ".jpg", ".jpeg", ".webp"), "any", recursive=True),
    repeats=POWERSHELL_INT,
    steps=rounded_steps,
    steps_passed=True,
    warmup=rounded_share,
    sentence="counts pictures in subfolders too, and passes [int](pictures / batch × epochs), half to even, as max_train_steps",
    warmup_sentence="ratio × its steps, rounded; how it rounds is not known for certain",
    regularisation="ignored",
)

_NO_ALPHA = "it knows no network_alpha, so that sd-scripts' 1 holds"

_LEGACY: dict[str, object] = {
    **{
        name: value
        for name, value in _SHARED.items()
        if name not in ("train_batch_size", "keep_tokens", "lr_warmup_steps")
    },
    "network_alpha": 1.0,
    "clip_skip": 2,
    "max_token_length": "150",
    "min_bucket_reso": 320,
    "max_bucket_reso": 960,
    "seed": 23,
    "shuffle_caption": True,
}

LEGACY = TrainerProfile(
    key="legacy ps script 2023-02",
    title="legacy ps script",
    day="2023-02-09",
    defaults=_LEGACY,
    unknown=(
        "learning_rate",
        "unet_lr",
        "text_encoder_lr",
        "network_dim",
        "lr_scheduler",
        "lr_warmup_steps",
        "max_train_epochs",
        "train_batch_size",
        "keep_tokens",
        "save_every_n_epochs",
    ),
    steps=_LEGACY_STEPS,
    engine=engine_of_2023(),
    reasons={
        "network_alpha": _NO_ALPHA,
        "min_bucket_reso": "written into the script",
        "max_bucket_reso": "written into the script",
        "lr_scheduler_num_cycles": "it knows no lr_scheduler_num_cycles, so that sd-scripts' 1 holds",
    },
    machine=_FAST,
    inferred=(
        "clip_skip",
        "max_token_length",
        "seed",
        "shuffle_caption",
        "enable_bucket",
        "resolution",
        "save_precision",
        "caption_extension",
        "prior_loss_weight",
        *_FAST,
    ),
)

_STATED = "stated in the source notes as what all their older experiments ran with"

SOURCE_NOTES = TrainerProfile(
    key="source notes 2023-02",
    title="source notes' experiments",
    day="2023-02-09",
    defaults=_LEGACY
    | {
        "unet_lr": 2e-4,
        "text_encoder_lr": 2e-4,
        "network_dim": 64,
        "network_alpha": 32.0,
        "lr_scheduler": "cosine_with_restarts",
        "lr_warmup_steps": "5%",
        "train_batch_size": 3,
    },
    unknown=("learning_rate", "max_train_epochs", "keep_tokens", "save_every_n_epochs"),
    steps=_LEGACY_STEPS,
    engine=engine_of_2023(),
    reasons={
        "unet_lr": "the usual value of the experiments of 2023-01-30",
        "text_encoder_lr": "the usual value of the experiments of 2023-01-30",
        "network_dim": _STATED,
        "network_alpha": _STATED,
        "lr_scheduler": _STATED,
        "lr_warmup_steps": _STATED,
        "train_batch_size": _STATED,
        "resolution": _STATED,
        "lr_scheduler_num_cycles": "the experiments ran before the fix of 2023-01-29, with no restarts",
        "min_bucket_reso": "written into the legacy script, which the experiments ran with",
        "max_bucket_reso": "written into the legacy script, which the experiments ran with",
    },
    machine=_FAST,
    inferred=tuple(name for name in LEGACY.inferred if name != "resolution"),
)

ANON_1337 = TrainerProfile(
    key="anon-1337 2023-02",
    title="anon-1337 script 1.13",
    day="2023-01-24",
    defaults=_SHARED
    | {
        "learning_rate": 1e-3,
        "unet_lr": None,
        "text_encoder_lr": None,
        "network_dim": 128,
        "network_alpha": 1.0,
        "clip_skip": 1,
        "max_token_length": "75",
        "min_bucket_reso": 256,
        "max_bucket_reso": 1024,
        "lr_scheduler": "linear",
        "max_train_epochs": 10,
        "save_every_n_epochs": 1,
        "shuffle_caption": True,
    },
    unknown=(),
    steps=ScriptRules(
        pictures=PictureRules((".jpg", ".png", ".webp"), "any", recursive=False),
        repeats=POWERSHELL_INT_OR_STOP,
        steps=rounded_steps_doubled,
        steps_passed=False,
        warmup=rounded_share,
        sentence="shows [int](pictures / batch × epochs), half to even, of twice the pictures with regularisation; it passes "
        "max_train_epochs, so that its steps decide the warm-up alone",
        warmup_sentence="ratio × the steps it shows, half to even",
    ),
    engine=engine_of_2023(),
    reasons={
        "learning_rate": "made for alpha 1 at dim 128, whose scale is 1/128",
        "unet_lr": "set to $learning_rate, and passed only where it differs",
        "text_encoder_lr": "set to $learning_rate, and passed only where it differs",
        "network_alpha": "sd-scripts' own default, passed only where it differs",
        "min_bucket_reso": "written into the script",
        "max_bucket_reso": "written into the script",
        "seed": "it draws another one each time; 1337 with $is_random_seed = 0",
        "lr_scheduler_num_cycles": "it knows no lr_scheduler_num_cycles, so that sd-scripts' 1 holds",
    },
    machine=_FAST,
)

_ETS: dict[str, object] = _SHARED | {
    "learning_rate": 1e-4,
    "unet_lr": None,
    "text_encoder_lr": None,
    "network_dim": 128,
    "network_alpha": 64.0,
    "clip_skip": 2,
    "max_token_length": "150",
    "min_bucket_reso": 320,
    "max_bucket_reso": 960,
    "lr_scheduler": "cosine_with_restarts",
    "max_train_epochs": 1,
    "seed": 23,
    "shuffle_caption": False,
}

_ETS_STEPS = ScriptRules(
    pictures=PictureRules((".png", ".bmp", ".gif", ".jpeg", ".jpg", ".webp"), "any", recursive=False),
    repeats=PYTHON_INT_BEFORE_UNDERSCORE,
    steps=truncated_steps,
    steps_passed=False,
    warmup=truncated_share,
    sentence="computes int(pictures / batch × epochs) for the warm-up alone, and passes max_train_epochs",
    warmup_sentence="int(ratio × the steps it computes)",
    regularisation="ignored",
)

_ETS_REASONS = {
    "clip_skip": "for anime bases, as a comment says",
    "max_token_length": "a comment sees no reason to go higher",
    "min_bucket_reso": "written into its settings, after the legacy script",
    "max_bucket_reso": "written into its settings, after the legacy script",
    "network_alpha": "half of dim",
    "unet_lr": "so that learning_rate holds",
    "text_encoder_lr": "so that learning_rate holds",
}


def _left_out_by_ets(options: Options, stated: Collection[str]) -> tuple[DerivedOption, ...]:
    """Leave out what Easy Training Scripts does not pass on."""
    found = []
    if steps_beside_epochs(options, stated):
        found.append(DerivedOption("max_train_epochs", None, "max_steps goes before the epochs where it is set"))
    if whole(options, "gradient_accumulation_steps", 1) > 1 and not options.get("gradient_checkpointing"):
        why = "gradient accumulation is passed with gradient checkpointing only"
        found.append(DerivedOption("gradient_accumulation_steps", 1, why))
    for name in ("unet_lr", "text_encoder_lr"):
        if options.get(name) == 0:
            found.append(DerivedOption(name, None, "a rate of 0 is not passed, so that learning_rate holds"))
    return tuple(found)


EASY_TRAINING_SCRIPTS = TrainerProfile(
    key="easy training scripts 2023-02",
    title="Easy Training Scripts, command line",
    day="2023-02-09",
    defaults=_ETS | {"save_every_n_epochs": 1},
    unknown=(),
    steps=_ETS_STEPS,
    engine=engine_of_2023(),
    reasons=_ETS_REASONS,
    machine=_FAST,
    derived=_left_out_by_ets,
)


def _half_of_dim(stated: Options) -> Options:
    """Return the alpha that the popup proposes beside a dim that was answered."""
    dim = stated.get("network_dim")
    return {"network_alpha": dim / 2} if isinstance(dim, int) and not isinstance(dim, bool) else {}


EASY_TRAINING_SCRIPTS_POPUP = TrainerProfile(
    key="easy training scripts popup 2023-02",
    title="Easy Training Scripts, popup",
    day="2023-02-09",
    defaults=_ETS | {"save_every_n_epochs": None},
    unknown=(),
    steps=_ETS_STEPS,
    engine=engine_of_2023(),
    reasons=_ETS_REASONS
    | {
        "network_alpha": "half of dim, which its question gives where it is cancelled",
        "clip_skip": "unless its question is answered with a realistic base",
        "save_every_n_epochs": "only the last LoRA is saved unless its question is answered",
        "shuffle_caption": "unless its question is answered with yes",
        "keep_tokens": "unless its question is answered",
        **dict.fromkeys(
            (
                "max_train_epochs",
                "train_batch_size",
                "resolution",
                "lr_scheduler_num_cycles",
                "network_dim",
                "learning_rate",
            ),
            "which its question gives where it is cancelled",
        ),
    },
    machine=_FAST,
    derived=_left_out_by_ets,
    dependent=_half_of_dim,
)


def _passed_by_gui(options: Options, stated: Collection[str]) -> tuple[DerivedOption, ...]:
    """Pass what kohya_ss of 2023 makes of blank fields and of rates of 0."""
    found: list[DerivedOption] = []
    return (*found, *one_part_alone(options, stated))


def one_part_alone(options: Options, stated: Collection[str]) -> tuple[DerivedOption, ...]:
    """Pass what kohya_ss makes of a rate that is blank or 0 beside one that is not."""
    found = []
    encoder, unet = options.get("text_encoder_lr") or 0, options.get("unet_lr") or 0
    if encoder and not unet:
        found.append(
            DerivedOption("network_train_text_encoder_only", True, "without a U-Net rate it trains the encoder alone")
        )
    if unet and not encoder:
        found.append(
            DerivedOption("network_train_unet_only", True, "without an encoder rate it trains the U-Net alone")
        )
    return tuple(found)


def _cycle_an_epoch(stated: Options) -> Options:
    """Return as many cycles as there are epochs, which a blank field passes."""
    epochs = stated.get("max_train_epochs")
    return {"lr_scheduler_num_cycles": epochs if isinstance(epochs, int) and epochs > 0 else 1}


def _no_rate(options: Options) -> RefusedOptions | None:
    """Refuse two blank rates, whatever learning_rate is, as kohya_ss of 2023 does."""
    if options.get("unet_lr") or options.get("text_encoder_lr"):
        return None
    return RefusedOptions(
        ("unet_lr", "text_encoder_lr"), "both rates are blank or 0, and it asks for one before it starts"
    )


KOHYA_SS = TrainerProfile(
    key="kohya_ss 2023-02",
    title="kohya_ss 20.7.1",
    day="2023-02-09",
    defaults=_SHARED
    | {
        "learning_rate": 1e-5,
        "unet_lr": 1e-3,
        "text_encoder_lr": 5e-5,
        "network_dim": 8,
        "network_alpha": 1.0,
        "clip_skip": 1,
        "max_token_length": "75",
        "min_bucket_reso": 256,
        "max_bucket_reso": 1024,
        "bucket_no_upscale": True,
        "lr_scheduler": "cosine",
        "lr_warmup_steps": "10%",
        "max_train_epochs": 1,
        "seed": 1234,
        "save_every_n_epochs": 1,
        "shuffle_caption": False,
        "caption_extension": [".caption"],
    },
    unknown=(),
    steps=ScriptRules(
        pictures=PictureRules((".jpg", ".jpeg", ".png", ".webp"), "lower", recursive=False),
        repeats=PYTHON_INT_OR_STOP,
        steps=ceiling_steps,
        steps_passed=True,
        warmup=whole_percent,
        sentence="counts endings in lower case only and passes ceil(pictures / batch × epochs) as max_train_steps; regularisation "
        "pictures halve the epochs",
        warmup_sentence="round(per cent × its steps / 100), whole per cents only",
        regularisation="ignored",
    ),
    engine=engine_of_2023(),
    reasons={
        "caption_extension": "the field is blank, and sd-scripts then reads .caption and no .txt",
        "bucket_no_upscale": "ticked by default, so that the bucket bounds do not count",
        "text_encoder_lr": "a twentieth of unet_lr",
        "unet_lr": "made for alpha 1",
        "network_alpha": "sd-scripts' own default",
        "lr_scheduler_num_cycles": "its blank field passes the number of epochs, so that cosine_with_restarts restarts with each",
        "lr_warmup_steps": "the field holds 10 per cent",
    },
    machine=_FAST,
    derived=_passed_by_gui,
    refused=_no_rate,
    dependent=_cycle_an_epoch,
)
