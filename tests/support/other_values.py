"""A value other than the default for every setting."""

from trainer.settings.describe import SettingInfo, fields

_TEXTS: dict[str, object] = {
    "resolution": "640",
    "num_repeats": ["10_shapes=2"],
    "exclude_pictures": ["10_shapes/a, b.png"],
    "caption_extension": [".txt"],
    "token_warmup_step": "10",
    "optimizer_type": "Lion",
    "optimizer_args": ["weight_decay=0.1"],
    "text_encoder_stop": "1ep",
    "text_encoder_stop2": "1ep",
    "unet_stop": "1ep",
    "lr_warmup_steps": "3",
    "text_encoder_lr_warmup_steps": "3",
    "lr_decay_steps": "3",
    "lr_scheduler_args": ["step_rules=1:2,0.5"],
    "keep_states": "3",
    "sample_resolution": "640",
}


def other_value(info: SettingInfo) -> object:
    """Return a value that the setting takes and that is not its default."""
    if info.name in _TEXTS:
        return _TEXTS[info.name]
    match info.kind:
        case "bool":
            return not info.default
        case "choice":
            return next(choice for choice in info.choices if choice != info.default)
        case "int" | "float":
            assert info.low is not None and info.high is not None
            step = info.multiple or (1 if info.kind == "int" else min(0.25, (info.high - info.low) / 4))
            now = info.default if isinstance(info.default, int | float) else info.low
            return now + step if now + step <= info.high else now - step
        case _:
            return "other"


def other_values() -> dict[str, object]:
    """Return name -> another value, for every setting."""
    return {info.name: other_value(info) for info in fields()}
