"""Settings that sd-scripts and the programs around it lack: what is lost without each, or why nothing is."""

from collections.abc import Mapping

_TO_THE_END = "there it trains to the end of the run"
_ONE_SCHEDULE = "all parts follow one schedule and one warm-up there"
_TIMES = "timesteps are drawn evenly there"
_MEMORY = "it saves memory and changes no step"
_SAMPLES = "its prompt file decides that, line by line"
_VALIDATION = "where no share is held out there is nothing to validate"
_ONE_SEED = "one seed decides start values, order and noise there"
_LAUNCHED = "its launcher takes it: `accelerate launch --num_processes N`"
_GUARD = "of the run itself, not of what is trained"

_COMPONENTS = "it is taken there for bases that come in several files alone"

LOST: Mapping[str, str] = {
    "text_encoder_stop": _TO_THE_END,
    "text_encoder_stop2": _TO_THE_END,
    "unet_stop": _TO_THE_END,
    "text_encoder_lr_scheduler": _ONE_SCHEDULE,
    "text_encoder_lr_warmup_steps": _ONE_SCHEDULE,
    "timestep_sampling": _TIMES,
    "logit_mean": _TIMES,
    "logit_std": _TIMES,
    "laplace_mean": _TIMES,
    "laplace_scale": _TIMES,
    "discrete_flow_shift": _TIMES,
    "snr_schedule": "min_snr_gamma and its like count there with the plain schedule, also at zero terminal SNR",
    "int8_base": "the base's weights can be float8 there, not int8",
    "int8_matmul": "it computes in the type of the arithmetic",
    "init_seed": _ONE_SEED,
    "order_seed": _ONE_SEED,
    "noise_seed": _ONE_SEED,
    "validation_data_dir": "it holds out a share of the training pictures instead (validation_split)",
    "validation_outfit": "it holds out a share of each folder, not a folder (validation_split)",
    "exclude_pictures": "it reads every picture of a folder: move these out of it",
    "qwen3": _COMPONENTS,
    "llm_adapter_path": _COMPONENTS,
    "qwen3_tokenizer": _COMPONENTS,
    "t5_tokenizer_path": _COMPONENTS,
    "train_llm_adapter": "it is taken there for bases with a text conditioner alone",
    "train_minutes": "it counts steps or epochs, not minutes: those that are set are written",
}
"""Setting -> what is lost with a value other than the default."""

NOT_NEEDED: Mapping[str, str] = {
    "behave_like": "its numbers are written out",
    "subject": "its paths are written out",
    "validation_seed": _VALIDATION,
    "validate_every_n_steps": _VALIDATION,
    "checkpointed_blocks": _MEMORY,
    "micro_batch_size": _MEMORY,
    "encoder_off_card": _MEMORY,
    "blocks_to_swap": "it swaps blocks of newer bases alone; it saves memory and changes no step",
    "num_processes": _LAUNCHED,
    "keep_states": _GUARD,
    "state_budget": _GUARD,
    "save_state_every_n_steps": _GUARD,
    "sample_seeds": _SAMPLES,
    "sample_steps": _SAMPLES,
    "sample_cfg_scale": _SAMPLES,
    "sample_shift": _SAMPLES,
    "sample_resolution": _SAMPLES,
    **dict.fromkeys(("measure_weights", "measure_parts", "measure_validation", "measure_memorization"), _GUARD),
    **dict.fromkeys(("measure_pictures", "measure_pictures_seeds", "measure_pictures_most"), _GUARD),
    "max_bad_steps": _GUARD,
    "on_bad_steps": _GUARD,
    "roll_back_rate": _GUARD,
    "on_done": _GUARD,
    "on_trouble": _GUARD,
}
"""Setting -> why a value other than the default is not missed."""
