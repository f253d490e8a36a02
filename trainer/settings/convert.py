"""Conversion of settings to another alpha, with LoRA+ ratios that make up for it."""

import math

from pydantic import ValidationError

from trainer.errors import SettingsError
from trainer.optimizers import default_weight_decay, ignores_scale, scale_free_text, spec_of
from trainer.settings.model import Settings
from trainer.settings.parts import all_parts, settings_of_part
from trainer.settings.refusal import refused_setting
from trainer.text import printable


def convert_alpha(settings: Settings, alpha: float) -> Settings:
    """Return `settings` with another network_alpha and the LoRA+ ratios that make up for it.

    alpha times c is lora_up's rate times c for an optimizer that does not see how long a gradient is, so the ratio of each part
    that trains is divided by c: the pair (rate of lora_down, alpha / dim × rate of lora_up) stays. `inexact` says what of the
    settings still lets the two bakes differ.

    Args:
        settings: as they are.
        alpha: the new one; 0 stands for network_dim, as in sd-scripts.

    Raises:
        SettingsError: it does not hold for the optimizer, alpha is a file's, or a value would leave its bounds.
    """
    if not ignores_scale(settings.optimizer_type, settings.optimizer_options):
        raise SettingsError(
            "optimizer_type",
            found=f"{printable(settings.optimizer_type, 60)}, for which alpha is more than a factor on lora_up's learning rate",
            expected=f"one of {scale_free_text()}, with scale_parameter off",
        )
    if settings.network_weights:
        raise SettingsError(
            "network_weights",
            found="a LoRA file whose weights already depend on an alpha",
            expected="a bake that starts with a new LoRA",
            way_out="keep the network_alpha of that file",
        )
    times = (alpha or float(settings.network_dim)) / settings.alpha
    if times == 1.0:
        return settings
    changes = alpha_changes(settings, alpha)
    for part in all_parts():
        if settings.rate(part):
            name = settings_of_part(part).loraplus_ratio[0]
            ratio = _plain(settings.loraplus_ratio(part) / times)
            changes[name] = None if ratio == 1.0 and settings.loraplus_lr_ratio is None else ratio
    try:
        return Settings.model_validate(settings.model_dump() | changes)
    except ValidationError as error:
        raise refused_setting(error, lambda name: name) from None


def alpha_changes(settings: Settings, alpha: float) -> dict[str, object]:
    """Return the settings that another network_alpha changes by itself: its own, and that of 3×3 layers where one is set.

    Args:
        settings: as they are.
        alpha: the new one; 0 stands for network_dim.
    """
    changes: dict[str, object] = {"network_alpha": alpha}
    if settings.conv_dim is not None and settings.conv_alpha is not None:
        times = (alpha or float(settings.network_dim)) / settings.alpha
        changes["conv_alpha"] = _plain(settings.alpha_of_conv * times)
    return changes


def inexact(settings: Settings) -> tuple[str, ...]:
    """Return what lets a bake and its conversion to another alpha differ by more than rounding, one line each."""
    name, options = settings.optimizer_type, settings.optimizer_options
    spec = spec_of(name)
    found = []
    if settings.max_grad_norm:
        found.append(
            f"max_grad_norm {settings.max_grad_norm:g} clips by the norm of all gradients, and alpha changes the norm of lora_up's"
        )
    decay = options.get("weight_decay", default_weight_decay(name))
    if decay:
        found.append(f"weight_decay {decay} acts in proportion to a weight's learning rate, and lora_up's changes")
    if (spec is None or spec.eps_matters) and "eps" not in options:
        found.append(
            "eps matters where gradients are as small as eps; optimizer_args eps=1e-12 in both bakes avoids that"
        )
    if settings.scale_weight_norms is not None:
        found.append("scale_weight_norms scales down lora_up and lora_down alike")
    if spec is not None and spec.rounds_moments:
        found.append("8-bit moments are rounded differently in each bake")
    return tuple(found)


def _plain(value: float) -> float:
    """Return a value without a last digit that only rounding put there: a conversion and its inverse give the original value."""
    short = float(f"{value:.6g}")
    return short if math.isclose(value, short, rel_tol=1e-12) else value
