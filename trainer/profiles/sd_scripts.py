"""kohya-ss/sd-scripts as it was and as it is, and what the scripts around it have in common."""

from trainer.profiles.arithmetic import PYTHON_INT, SD_SCRIPTS_STEPS, engine_counts, steps_alone, truncated_share
from trainer.profiles.record import EndingCase, EngineRules, PictureRules, ScriptRules, TrainerProfile

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")

_OF_DISTINCT = (
    "makes a bucket's batch no larger than the different pictures in it (main of 2023-02-05 to 02-11), so that small buckets take "
    "more steps"
)


def engine_of_2023(
    name: str = "sd-scripts 0.4.0", case: EndingCase = "any", *, batch_of_distinct: bool = False
) -> EngineRules:
    """Return sd-scripts of January or February 2023.

    Args:
        name: of it.
        case: "any" on Windows, whose file names have none; "lower" on Linux.
        batch_of_distinct: as of EngineRules.
    """
    return EngineRules(
        name=name,
        pictures=PictureRules(ENDINGS, case, recursive=False),
        repeats=PYTHON_INT,
        accumulation="not divided",
        sentence="",
        of_small_buckets=_OF_DISTINCT if batch_of_distinct else "",
        when_accumulating="does not divide epochs by gradient accumulation, so that the data are shown that many times more",
        batch_of_distinct=batch_of_distinct,
        schedule_times_accumulation=True,
    )


PICTURES_OF_2026 = PictureRules(ENDINGS, "lower or upper", recursive=False, with_package=(".avif", ".jxl"))

ENGINE_OF_2026 = EngineRules(
    name="sd-scripts 0.10.1",
    pictures=PICTURES_OF_2026,
    repeats=PYTHON_INT,
    accumulation="divided",
    sentence="",
)

_BARE: dict[str, object] = {
    "learning_rate": 2.0e-6,
    "unet_lr": None,
    "text_encoder_lr": None,
    "network_dim": 4,
    "network_alpha": 1.0,
    "clip_skip": 1,
    "max_token_length": "75",
    "enable_bucket": False,
    "min_bucket_reso": 256,
    "max_bucket_reso": 1024,
    "bucket_reso_steps": 64,
    "bucket_no_upscale": False,
    "lr_scheduler": "constant",
    "lr_scheduler_num_cycles": 1,
    "lr_scheduler_power": 1.0,
    "lr_warmup_steps": "0",
    "max_train_epochs": None,
    "max_train_steps": SD_SCRIPTS_STEPS,
    "train_batch_size": 1,
    "gradient_accumulation_steps": 1,
    "save_precision": "float",
    "save_every_n_epochs": None,
    "shuffle_caption": False,
    "keep_tokens": 0,
    "caption_extension": [".caption"],
    "caption_dropout_rate": 0.0,
    "caption_dropout_every_n_epochs": 0,
    "caption_tag_dropout_rate": 0.0,
    "prior_loss_weight": 1.0,
}

_PLAIN: dict[str, object] = {
    "mixed_precision": "no",
    "optimizer_type": "AdamW",
    "xformers": False,
    "sdpa": False,
    "gradient_checkpointing": False,
}

_REASONS = {
    "learning_rate": "the option's default, made for whole models rather than for LoRA",
    "network_dim": "the option is blank, and networks.lora then takes 4",
    "network_alpha": "the option's default since 0.4.0, which makes the scale alpha / dim small",
    "caption_extension": "the option's default, so that .txt files are not read unless it is set",
    "enable_bucket": "a switch that is off unless it is given",
    "max_train_steps": "the option's default, which holds where no epochs are given",
    "lr_scheduler": "the option's default",
    "lr_warmup_steps": "the option's default",
    "save_precision": "the option is blank, and the weights are saved as they were trained, in fp32",
    "resolution": "it has no default and must be given",
    "seed": "it draws another one each time where none is given",
    "save_every_n_epochs": "the option is blank, and only the last LoRA is saved",
    "train_batch_size": "the option's default",
    "clip_skip": "the option is blank, which takes the last layer",
}


def bare_steps(pictures: PictureRules, *, shares: bool) -> ScriptRules:
    """Return the rules of train_network.py run by hand: the engine counts, and nobody before it.

    Args:
        pictures: those of the engine.
        shares: whether a warm-up may be a share of the steps.
    """
    return ScriptRules(
        pictures=pictures,
        repeats=PYTHON_INT,
        steps=engine_counts,
        steps_passed=False,
        warmup=truncated_share if shares else steps_alone,
        sentence="counts batches bucket by bucket, each bucket's last one may be smaller, and multiplies by the epochs",
        warmup_sentence="a share of the steps is cut to whole steps: int(ratio × steps)"
        if shares
        else "takes the warm-up in steps; a share cannot be passed, and the warm-up is 0",
    )


_NO_RESTART_YET = "the option came a week later, and cosine_with_restarts could not restart before"
_ONE_CYCLE = "the option's default, by which cosine_with_restarts does not restart"


def _by_hand(
    key: str, title: str, day: str, engine: EngineRules, *, cycles: str, shares: bool = False
) -> TrainerProfile:
    """Return the profile of an sd-scripts run by hand.

    Args:
        key, title, day, engine: of the profile.
        cycles: why lr_scheduler_num_cycles is 1.
        shares: whether a warm-up may be a share of the steps.
    """
    return TrainerProfile(
        key=key,
        title=title,
        day=day,
        defaults=_BARE,
        unknown=(),
        steps=bare_steps(engine.pictures, shares=shares),
        engine=engine,
        reasons=_REASONS | {"lr_scheduler_num_cycles": cycles},
        machine=_PLAIN,
    )


SD_SCRIPTS_2023_01 = _by_hand(
    "sd-scripts 2023-01", "sd-scripts 0.4.0", "2023-01-22", engine_of_2023(), cycles=_NO_RESTART_YET
)
SD_SCRIPTS_2023_01_ON_LINUX = _by_hand(
    "sd-scripts 2023-01 on Linux",
    "sd-scripts 0.4.0 on Linux",
    "2023-01-22",
    engine_of_2023("sd-scripts 0.4.0 on Linux", "lower"),
    cycles=_NO_RESTART_YET,
)
SD_SCRIPTS_2023_02 = _by_hand(
    "sd-scripts 2023-02",
    "sd-scripts of 2023-02-09",
    "2023-02-09",
    engine_of_2023("sd-scripts 6b790bac", batch_of_distinct=True),
    cycles=_ONE_CYCLE,
)
SD_SCRIPTS_2026_02 = _by_hand(
    "sd-scripts 2026-02", "sd-scripts 0.10.1", "2026-02-16", ENGINE_OF_2026, cycles=_ONE_CYCLE, shares=True
)
