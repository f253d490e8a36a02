"""The optimizer of a bake: a known one, or a class by its path, with a group for weights that share a rate."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from trainer.bake.averaged_weights import averages
from trainer.bake.lion import Lion
from trainer.bake.saving.optimizer_state import named_weights, remember_start
from trainer.errors import SettingsError
from trainer.network.injection import LoraNetwork
from trainer.optimizers import DEFAULT_OPTIMIZER, class_path_of, class_record, spec_of
from trainer.plan.lr_schedules import lr_factor
from trainer.plan.optimizer_installed import check_optimizer_installed
from trainer.plan.param_groups import ParamGroup, param_groups
from trainer.plan.plan import Plan
from trainer.settings.model import Settings
from trainer.settings.optimizers import check_arguments
from trainer.settings.parts import Family, Part
from trainer.text import printable


def make_optimizer(network: LoraNetwork, settings: Settings, family: Family) -> torch.optim.Optimizer:
    """Return the optimizer over the network's trained parts; a part of rate 0 gets no group and no gradients.

    Each group carries its `part`, its `base_lr` (the peak rate of the part's lora_down, which the schedule scales) and its
    `lr_multiplier`: how many times that its weights learn at.

    Raises:
        SettingsError: no part has a rate, or the optimizer is not installed or does not take its arguments.
    """
    groups = param_groups(settings, family)
    # A file that dim_from_weights takes the layers from may hold fewer parts.
    weights = {group: _weights(network, group) for group in groups}
    nonempty = [group for group in groups if weights[group]]
    if not nonempty:
        raise SettingsError(
            "unet_lr",
            found="every part's rate is 0, so nothing would be learned",
            expected="a rate above 0",
            way_out="set unet_lr or text_encoder_lr",
        )
    network.train_only({group.part for group in nonempty})
    entries = [group_entry(group, weights[group]) for group in nonempty]
    return create_optimizer(settings, entries, named_weights(network))


def skip_unless_finite(optimizer: Any, scaler: Any | None, grad_norm: Tensor) -> None:
    """Let the next optimizer step change nothing, moments included, where the gradient is not finite.

    AdamW and Lion take a flag for it and decide on the device, which is how the gradient scaler of fp16 skips their steps; with a
    scaler that one decides.

    Args:
        optimizer: the one that steps next, itself and not accelerate's wrapper around it.
        scaler: fp16's gradient scaler, None where none is in use.
        grad_norm: length of the gradient, scalar.
    """
    if scaler is not None:
        return
    if _decides_on_device(optimizer):
        optimizer.grad_scale = None
        optimizer.found_inf = (~torch.isfinite(grad_norm)).float()
    else:
        # The others know no such flag, so this waits for the card once a step. They make hundreds of small kernels for a step,
        # and some read the card themselves, so that there is little to be gained by not waiting.
        optimizer.skips_next = not bool(torch.isfinite(grad_norm))


def _weights(network: LoraNetwork, group: ParamGroup) -> list[nn.Parameter]:
    match group.which:
        case "down":
            return network.downs(group.part)
        case "up":
            return network.ups(group.part)
        case "both":
            return network.parameters(group.part)


def group_entry(group: ParamGroup, weights: list[nn.Parameter]) -> dict[str, Any]:
    """Return the group as an optimizer takes it."""
    return {
        "params": weights,
        "lr": group.rate,
        "base_lr": group.base_lr,
        "lr_multiplier": group.lr_multiplier,
        "part": group.part,
    }


def create_optimizer(
    settings: Settings, groups: list[dict[str, Any]], weights: Mapping[str, nn.Parameter]
) -> torch.optim.Optimizer:
    """Return the optimizer over these groups, whose next step can be made to change nothing.

    Args:
        settings: name it.
        groups: from group_entry.
        weights: all there are, by name.

    Raises:
        SettingsError: it is not installed, is not an optimizer, or does not take its arguments.
    """
    name = settings.optimizer_type
    options: dict[str, Any] = settings.optimizer_options
    check_arguments(name, options)
    cls = _class_of(settings)
    parameters = inspect.signature(cls).parameters
    _check_names(name, options, parameters)
    spec = spec_of(name)
    options = {**(spec.defaults if spec else {}), **options}
    known = class_record(name)
    if known is not None and known.weight_decay_in_groups and "weight_decay" in options:
        # Given to the class it would be printed, into the middle of whatever is on the screen.
        decay = options.pop("weight_decay")
        groups = [group | {"weight_decay": decay} for group in groups]
    # What a class takes without naming it may be meant for its groups, as Muon's `use_muon` is.
    unnamed = {key: value for key, value in options.items() if key not in parameters}
    groups = [{**unnamed, **group} for group in groups]
    if "lr" in parameters:
        options["lr"] = groups[0]["lr"]
    try:
        optimizer: torch.optim.Optimizer = cls(groups, **options)
    except Exception as error:
        raise refused(settings, "could not be created", error) from error
    if averages(optimizer):
        with torch.no_grad():
            optimizer.train()  # type: ignore[attr-defined]  # it has one
    remember_start(optimizer, weights)
    if not _decides_on_device(optimizer):
        _let_skip(optimizer)
    return optimizer


def _class_of(settings: Settings) -> type[torch.optim.Optimizer]:
    """Return the optimizer's class.

    Raises:
        SettingsError: it is not installed, or is not an optimizer.
    """
    check_optimizer_installed(settings)
    name = settings.optimizer_type
    cls = _import_class(class_path_of(name), settings)
    known = class_record(name)
    return _stepping_by_group(cls) if known is not None and known.needs_equal_rates else cls


def _import_class(path: str, settings: Settings) -> type[torch.optim.Optimizer]:
    module_name, _, class_name = path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        # lion_pytorch.triton ends the program where triton is missing.
        raise refused(settings, f"needs {printable(module_name, 60)}, which cannot be imported", error) from error
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, torch.optim.Optimizer)) or found is torch.optim.Optimizer:
        what = "is not an optimizer" if found is not None else f"is not in {printable(module_name, 60)}"
        raise SettingsError(
            "optimizer_type",
            found=f"{printable(path, 80)}: {printable(class_name, 60)} {what}",
            expected="a subclass of torch.optim.Optimizer, such as torch.optim.NAdam",
        )
    return found


def _stepping_by_group(cls: type[torch.optim.Optimizer]) -> type[torch.optim.Optimizer]:
    """Return an optimizer such as Prodigy (Mishchenko and Defazio 2023) with an estimate of the step size for each group.

    The package's class has one for all groups and stops where their rates differ, and they may: two parts, LoRA+, own schedules.
    """

    class SteppingByGroup(cls):  # type: ignore[valid-type, misc]
        """The optimizer, stepping with each group by itself."""

        def step(self, closure: Callable[[], Any] | None = None) -> None:
            """Take one step with every group."""
            groups: list[dict[str, Any]] = self.param_groups  # type: ignore[has-type]  # the class is known when it is imported
            try:
                for group in groups:
                    self.param_groups = [group]
                    super().step()
            finally:
                self.param_groups = groups

    return SteppingByGroup


def _check_names(name: str, options: Mapping[str, Any], parameters: Mapping[str, inspect.Parameter]) -> None:
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    for key in options:
        if key not in parameters:
            known = ", ".join(one for one in parameters if one not in ("params", "lr"))
            raise SettingsError(
                "optimizer_args",
                found=f"{printable(key, 60)}, which {printable(name, 60)} does not take",
                expected=f"one of {printable(known, 300)}",
            )


def _decides_on_device(optimizer: torch.optim.Optimizer) -> bool:
    # torch's fused SGD takes the flag too, but a first step skipped by it leaves its momentum uninitialised.
    able = isinstance(optimizer, torch.optim.AdamW | Lion)
    return bool(getattr(optimizer, "decides_on_device", False)) or (
        able and bool(getattr(optimizer, "_step_supports_amp_scaling", False))
    )


def _let_skip(optimizer: Any) -> None:
    """Let an optimizer leave out its next step where `skips_next` is set."""
    takes_step = optimizer.step

    def step(closure: Callable[[], Any] | None = None) -> Any:
        skips, optimizer.skips_next = optimizer.skips_next, False
        return None if skips else takes_step()

    optimizer.skips_next = False
    optimizer.step = step
    # fp16's scaler then skips by itself and does not rely on kernels that may not.
    optimizer._step_supports_amp_scaling = False


def refused(settings: Settings, what: str, error: BaseException) -> SettingsError:
    """Return the error to raise where the optimizer's class raised one of its own.

    Args:
        settings: name it.
        what: what it cannot do.
        error: may be anything, of foreign code.
    """
    reason = " ".join(str(error).split()) or type(error).__name__
    return SettingsError(
        "optimizer_type" if not settings.optimizer_args else "optimizer_type, optimizer_args",
        found=f"{printable(settings.optimizer_type, 60)} {what} ({printable(reason, 200)})",
        way_out=f"set optimizer_type = {DEFAULT_OPTIMIZER}, or fix optimizer_args",
    )


def set_learning_rates(optimizer: Any, settings: Settings, plan: Plan, step: int) -> dict[Part, float]:
    """Give every group its rate at this step and return those of the parts, which are their lora_downs'.

    Args:
        optimizer: with groups from make_optimizer, or accelerate's wrapper around it; those of parts that have stopped are not in it.
        settings, plan: decide the schedules.
        step: optimizer step, from 1. The first runs at the schedule's start: with a warm-up, at rate 0 (as sd-scripts).
    """
    rates: dict[Part, float] = {}
    for group in optimizer.param_groups:
        part: Part = group["part"]
        rates[part] = group["base_lr"] * lr_factor(settings, part, step - 1, plan.total_steps)
        group["lr"] = rates[part] * group["lr_multiplier"]
    return rates


def rest_groups_at_0(optimizer: Any) -> None:
    """Take the gradients of the groups away whose rate was set to 0 in a running bake, so that no optimizer moves them.

    Some move a weight at rate 0 too, by the momentum that it has (DAdaptAdam: findings/prodigy_rate_0.sh) or by their average
    (schedule-free). A rate of 0 that a schedule has for a moment, as in a warm-up's first step, counts as a step, as in sd-scripts.

    Args:
        optimizer: as for set_learning_rates.
    """
    for group in optimizer.param_groups:
        if group["base_lr"] == 0:
            for weight in group["params"]:
                weight.grad = None
