"""Settings that were changed but have no effect."""

from collections.abc import Iterator
from dataclasses import dataclass

from trainer.checks.record import CheckedBake
from trainer.dataset.captions import fixed_caption
from trainer.dataset.records import DataSet
from trainer.dataset.sources import folder_words
from trainer.families.registry import component_settings, family_record
from trainer.finding import Finding
from trainer.machine.devices import card_device
from trainer.plan.behaviour import passed_by_trainer
from trainer.plan.lr_schedules import warmup_of
from trainer.settings.amounts import SWAP_BUFFERS
from trainer.settings.describe import field
from trainer.settings.model import Settings
from trainer.settings.parts import (
    Family,
    Part,
    all_parts,
    body_label,
    body_of,
    encoder_label,
    is_encoder,
    label_of,
    parts_of,
    settings_of_part,
    stop_setting,
    switch_of,
)
from trainer.text import plural

_Found = Iterator[tuple[str, str]]
# Which schedules take it.
_SCHEDULES_OF = {
    "lr_scheduler_num_cycles": ("cosine_with_restarts", "cosine_with_min_lr", "warmup_stable_decay"),
    "lr_scheduler_power": ("polynomial",),
    "lr_scheduler_min_lr_ratio": ("cosine_with_min_lr", "warmup_stable_decay", "rex"),
    "lr_scheduler_timescale": ("inverse_sqrt",),
    "lr_decay_steps": ("warmup_stable_decay",),
    "lr_scheduler_args": ("piecewise_constant",),
}
_LAYER_SETTINGS = ("network_dim", "network_alpha", "conv_dim", "conv_alpha")
_SAMPLE_SETTINGS = (
    "sample_prompts",
    "sample_seeds",
    "sample_sampler",
    "sample_steps",
    "sample_cfg_scale",
    "sample_shift",
    "sample_resolution",
)
_PICTURE_SETTINGS = ("measure_pictures_seeds", "measure_pictures_most")
_VARYING_CAPTIONS = ("shuffle_caption", "caption_tag_dropout_rate", "token_warmup_step")


@dataclass(frozen=True)
class _Case:
    """The facts that decide whether a setting has an effect."""

    settings: Settings
    data: DataSet
    family: Family
    steps_per_epoch: int
    epochs: int
    total_steps: int
    steps_known: bool = True

    @property
    def trained(self) -> tuple[Part, ...]:
        """The parts that train."""
        return tuple(part for part in parts_of(self.family) if self.settings.rate(part))

    @property
    def schedules(self) -> set[str]:
        """The schedules in use."""
        return {self.settings.schedule_of(part) for part in self.trained}

    @property
    def trains_encoder(self) -> bool:
        """Whether a text encoder trains."""
        return any(is_encoder(part) for part in self.trained)

    def stop_step(self, part: Part) -> int | None:
        """Return after how many steps a part stops, None where it trains to the end."""
        return self.settings.stop_step(part, total=self.total_steps, steps_per_epoch=self.steps_per_epoch)


def unused_settings(bake: CheckedBake) -> Iterator[Finding]:
    """Yield each setting that differs from its default and has no effect, with the reason."""
    settings, plan = bake.settings, bake.planned
    case = _Case(
        settings, bake.data, plan.family, plan.steps_per_epoch, plan.epochs, plan.total_steps, plan.steps_known
    )
    sections = (_in_folders, _in_captions, _in_masks, _in_buckets, _in_model, _in_network, _in_rates, _in_stops)
    more = (
        _in_schedule,
        _in_warmups,
        _in_times,
        _in_noise,
        _in_loss,
        _in_validation,
        _in_sampling,
        _in_measures,
        _in_guards,
        _in_memory,
    )
    found = [pair for section in (*sections, *more) for pair in section(case)]
    # A setting may be idle for two reasons; one is enough.
    whys = {name: why for name, why in reversed(found)}
    own = passed_by_trainer(settings)
    for name in dict.fromkeys(name for name, _ in found):
        if name in own:
            continue
        # The warm-up is on by default: whoever turns to `constant` loses it by that choice.
        if getattr(settings, name) != field(name, settings.behave_like).default or name == "lr_warmup_steps":
            yield Finding("unused-setting", name, f"{name} has no effect: {whys[name]}")


def _in_folders(case: _Case) -> _Found:
    settings, data = case.settings, case.data
    if settings.dataset_config:
        yield "reg_data_dir", "dataset_config names the folders"
        # The default of subsets that set none.
        if all(folder.repeats != settings.dataset_repeats for folder in data.folders):
            yield "dataset_repeats", "dataset_config sets the repeats"
    elif all(folder_words(folder.name) is not None for folder in data.folders if not folder.is_reg):
        yield "dataset_repeats", "the folders' names set the repeats"
    if not any(picture.is_reg for picture in data.pictures):
        yield "prior_loss_weight", "there are no regularisation pictures"


def _in_captions(case: _Case) -> _Found:
    settings = case.settings
    rules, captions = zip(*((picture.caption_rules, picture.caption) for picture in case.data.pictures), strict=True)
    if not any(one.shuffle or one.tag_dropout_rate > 0 or one.warmup_step != "0" for one in rules):
        whole = f"captions do not vary: {', '.join(_VARYING_CAPTIONS)} are off"
        yield from (("keep_tokens", whole), ("keep_tokens_separator", whole))
    if all(one.warmup_step == "0" for one in rules):
        yield "token_warmup_min", "token_warmup_step is 0"
    for name in ("keep_tokens_separator", "secondary_separator"):
        text = str(getattr(settings, name))
        if text and not any(text in caption for caption in captions):
            yield name, f"no caption has {text}"
    if not any("{" in caption or "\n" in caption for caption in captions):
        yield "enable_wildcard", "no caption has {a|b} or a second line"
    if not any("," in text for text in (settings.caption_prefix, settings.caption_suffix, *captions)):
        yield "shuffle_caption", "no caption has two tags"
    if case.steps_known and settings.caption_dropout_every_n_epochs > case.epochs:
        yield "caption_dropout_every_n_epochs", f"the bake has {plural(case.epochs, 'epoch')}"


def _in_masks(case: _Case) -> _Found:
    masks = [picture.mask for picture in case.data.pictures]
    if all(mask is None for mask in masks):
        yield "masked_loss", "neither conditioning_data_dir nor alpha_mask gives a mask"
    off = "masked_loss is off"
    if not any(mask not in (None, "alpha") for mask in masks):
        yield "conditioning_data_dir", "no picture gets its mask from there" if case.settings.masked_loss else off
    if "alpha" not in masks:
        yield "alpha_mask", "the masks come from conditioning_data_dir" if case.settings.masked_loss else off


def _in_buckets(case: _Case) -> _Found:
    rules = [group.rules for group in case.data.groups]
    if not any(one.enable for one in rules):
        for name in ("min_bucket_reso", "max_bucket_reso", "bucket_reso_steps", "bucket_no_upscale"):
            yield name, "enable_bucket is off"
    elif all(one.no_upscale for one in rules if one.enable):
        for name in ("min_bucket_reso", "max_bucket_reso"):
            yield name, "bucket_no_upscale makes buckets as needed"


def _in_model(case: _Case) -> _Found:
    settings = case.settings
    record = family_record(case.family)
    yield from record.unused.items()
    switches = {part.switch for part in record.parts}
    for part in all_parts():
        if (switch := switch_of(part)) and switch not in switches:
            yield switch, f"an {record.title} base has no {label_of(part)}"
    for name in component_settings():
        if name != "vae" and name not in record.components:
            yield name, f"an {record.title} base is one file or folder"
    if settings.mixed_precision == "no":
        yield "no_half_vae", "the bake computes in fp32 anyway"


def _in_network(case: _Case) -> _Found:
    settings = case.settings
    if not settings.network_weights:
        yield "dim_from_weights", "network_weights is blank"
    elif settings.dim_from_weights:
        for name in _LAYER_SETTINGS:
            yield name, "dim_from_weights uses the file's"
        yield "init_seed", "all layers start as network_weights has them"
    if settings.conv_dim is None:
        yield "conv_alpha", "conv_dim is blank"
    record = family_record(case.family)
    if not any(part.conv_holders for part in record.parts):
        for name in ("conv_dim", "conv_alpha"):
            yield name, f"{record.title} has no 3×3 layers"
    elif not settings.trains_unet:
        for name in ("conv_dim", "conv_alpha"):
            yield name, f"only the {body_label(case.family)} has 3×3 layers"


def _in_rates(case: _Case) -> _Found:
    settings = case.settings
    unet_asks = settings.trains_unet and settings.unet_lr is None
    text_encoder_asks = settings.trains_text_encoder and settings.text_encoder_lr is None
    if not unet_asks and not text_encoder_asks:
        both = settings.trains_unet and settings.trains_text_encoder
        yield "learning_rate", "both parts have their own" if both else "the part that trains has its own"
    if not settings.trains_unet:
        yield "unet_lr", f"the {body_label(case.family)} does not train"
    if not settings.trains_text_encoder:
        for name in ("text_encoder_lr", "text_encoder_lr2"):
            yield name, f"the {encoder_label(case.family)} does not train"
    asking = [getattr(settings, settings_of_part(part).loraplus_ratio[0]) for part in case.trained]
    if None not in asking:
        yield "loraplus_lr_ratio", "each part that trains has its own ratio"
    if body_of(case.family) not in case.trained:
        yield "loraplus_unet_lr_ratio", f"the {body_label(case.family)} does not train"
    if not case.trains_encoder:
        for name in ("loraplus_text_encoder_lr_ratio", "text_encoder_lr_scheduler", "text_encoder_lr_warmup_steps"):
            yield name, f"the {encoder_label(case.family)} does not train"


def _in_stops(case: _Case) -> _Found:
    settings = case.settings
    parts: dict[str, list[Part]] = {}
    for part in parts_of(case.family):
        own = stop_setting(part)
        # The second encoder's follows the first's where it is blank.
        name = "text_encoder_stop" if own == "text_encoder_stop2" and not settings.text_encoder_stop2 else own
        parts.setdefault(name, []).append(part)
    for name, about in parts.items():
        trained = [part for part in about if part in case.trained]
        if not trained:
            yield name, f"the {label_of(about[0])} does not train"
        elif case.steps_known and all(case.stop_step(part) is None for part in trained):
            yield name, f"the bake ends before that, after step {case.total_steps:,}"


def _in_schedule(case: _Case) -> _Found:
    settings = case.settings
    if settings.train_minutes is not None:
        yield from ((name, "train_minutes decides") for name in ("max_train_epochs", "max_train_steps"))
    elif settings.max_train_epochs is not None:
        yield "max_train_steps", "max_train_epochs decides"
    for name, takers in _SCHEDULES_OF.items():
        if not case.schedules & set(takers):
            yield name, f"{' and '.join(sorted(case.schedules))} {_is_without(name, len(case.schedules))}"


def _is_without(name: str, schedules: int) -> str:
    has, takes = ("has", "takes") if schedules == 1 else ("have", "take")
    words = {"lr_scheduler_num_cycles": f"{has} no cycles", "lr_scheduler_args": f"{takes} no arguments"}
    return words.get(name, f"{'does' if schedules == 1 else 'do'} not use it")


def _in_warmups(case: _Case) -> _Found:
    settings = case.settings
    many = 1_000_000
    for name in ("lr_warmup_steps", "text_encoder_lr_warmup_steps"):
        own = name != "lr_warmup_steps"
        about = [part for part in case.trained if _uses_warmup(settings, part, own=own)]
        flat = [
            settings.schedule_of(part)
            for part in about
            if not warmup_of(settings, part, many) and settings.warmup_steps(many, part)
        ]
        if flat and len(flat) == len(about):
            instead = "; constant_with_warmup has one" if flat[0] == "constant" else ""
            yield name, f"{flat[0]} has no warm-up{instead}"


def _uses_warmup(settings: Settings, part: Part, *, own: bool) -> bool:
    """Return whether a part's warm-up is that of the encoders, or that of all."""
    return (is_encoder(part) and bool(settings.text_encoder_lr_warmup_steps)) is own


def _in_times(case: _Case) -> _Found:
    sampling = case.settings.timestep_sampling
    for of, names in (("logit_normal", ("logit_mean", "logit_std")), ("laplace", ("laplace_mean", "laplace_scale"))):
        if sampling != of:
            for name in names:
                yield name, f"timestep_sampling is {sampling}"
    record = family_record(case.family)
    if not record.times.takes_shift:
        yield "discrete_flow_shift", f"{record.title} predicts no flow"


def _in_noise(case: _Case) -> _Found:
    settings = case.settings
    if settings.noise_offset == 0:
        yield "noise_offset_random_strength", "noise_offset is 0"
    if settings.multires_noise_iterations is None:
        yield "multires_noise_discount", "multires_noise_iterations is blank"
    if settings.ip_noise_gamma is None:
        yield "ip_noise_gamma_random_strength", "ip_noise_gamma is blank"


def _in_loss(case: _Case) -> _Found:
    settings = case.settings
    if settings.loss_type not in ("huber", "smooth_l1"):
        for name in ("huber_schedule", "huber_c", "huber_scale"):
            yield name, f"loss_type is {settings.loss_type}"
    elif settings.huber_schedule == "snr":
        yield "huber_scale", "huber_schedule is snr"
    if settings.v_parameterization == "no":
        yield "scale_v_pred_loss_like_noise_pred", "v_parameterization is set to no"
    if settings.v_parameterization == "yes":
        yield "v_pred_like_loss", "v_parameterization is set to yes"
    weighed = settings.scale_v_pred_loss_like_noise_pred or settings.debiased_estimation_loss
    if not weighed and settings.min_snr_gamma is None and settings.v_pred_like_loss is None:
        yield "snr_schedule", "nothing weights by the SNR"
    elif settings.zero_terminal_snr == "no":
        yield "snr_schedule", "zero_terminal_snr is set to no"


def _in_validation(case: _Case) -> _Found:
    settings = case.settings
    if settings.validation_data_dir:
        for name in ("validation_split", "validation_outfit"):
            yield name, "validation_data_dir names the pictures that are held out"
    elif settings.validation_outfit:
        yield "validation_split", "validation_outfit names the folder that is held out"
    if not settings.validation_data_dir and not case.data.held_out:
        why = "no pictures are held out: set validation_split or name a folder in validation_data_dir"
        for name in ("validate_every_n_steps", "validation_seed", "measure_validation", "measure_memorization"):
            yield name, why


def _in_sampling(case: _Case) -> _Found:
    settings, record = case.settings, family_record(case.family)
    if record.sampling.shift is None:
        yield "sample_shift", f"{record.title} is sampled without a shift"
    if settings.sample_at_first or settings.sample_every_n_epochs or settings.sample_every_n_steps:
        return
    for name in _SAMPLE_SETTINGS:
        # Measured pictures are made like samples, with seeds of their own number.
        if name == "sample_seeds" or not settings.measure_pictures:
            yield name, "no setting asks for sample pictures"


def _in_measures(case: _Case) -> _Found:
    if not case.settings.measure_pictures:
        for name in _PICTURE_SETTINGS:
            yield name, "measure_pictures is off"


def _in_guards(case: _Case) -> _Found:
    if case.settings.on_bad_steps == "stop":
        yield "roll_back_rate", "on_bad_steps is stop"


def _in_memory(case: _Case) -> _Found:
    encoders = [part for part in parts_of(case.family) if is_encoder(part)]
    if encoders and all(part in case.trained and case.stop_step(part) is None for part in encoders):
        yield "encoder_off_card", f"the {encoder_label(case.family)} trains to the end"
    elif all(fixed_caption(picture) is not None for picture in case.data.pictures):
        yield "encoder_off_card", "captions do not vary: the output of an encoder that does not train is cached"
    if not case.settings.int8_base:
        yield "int8_matmul", "int8_base is off: no layer holds int8"
    if not card_device():
        yield "blocks_to_swap", "there is no GPU: the base is in the computer's memory"
    elif case.settings.blocks_to_swap <= SWAP_BUFFERS:
        yield "blocks_to_swap", f"{plural(SWAP_BUFFERS, 'block')} are on the GPU at any time: more of them save memory"
