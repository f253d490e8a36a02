"""Optimizers known by a short name: one record each, with all that any other module needs to know of them. Free of torch.

A class by its dotted path (`torch.optim.NAdam`) has none, unless it is the class of one (`class_record`); what the path says about it
is read at the end of this file.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

Value = bool | int | float | str | tuple[float | None, ...] | None
"""An argument of an optimizer: a number, a switch, a text, several numbers, or None, which may stand among several too."""
Options = Mapping[str, Value]
"""Arguments by name."""
Shape = tuple[int, ...]

_FP32 = 4


@dataclass(frozen=True)
class ArgumentKind:
    """What an argument may be: a test of its value, and the same in words."""

    accepts: Callable[[Value], bool]
    words: str


@dataclass(frozen=True, kw_only=True)
class OptimizerSpec:
    """All that is known of one optimizer. No field has a default, so that a new optimizer answers each.

    Attributes:
        name: short name, as in optimizer_type.
        summary: what a person should know who chooses it; "" where the name says enough.
        class_path: where its class is imported from.
        metadata_name: the class by the module that defines it, as sd-scripts writes it into `ss_optimizer`.
        package: installed package that it needs beside lora-tui's own requirements; "" for none.
        extra: lora-tui's pip extra that brings that package; "" for none.
        defaults: arguments of the class where optimizer_args do not name them.
        arguments: what optimizer_args may name, in the order of an error message.
        kept_bytes: bytes of each tensor kept for one weight from the first step on, from the weight's shape, the arguments, and
            whether the weight is all zeros before the first step.
        shared_bytes: bytes of each tensor kept once for all weights, from their shapes and the arguments.
        copies_gradients_on_card: whether a step on a card takes a copy of every gradient at once.
        steps_on_fake_tensors: whether the class itself can step on tensors without numbers.
        ignores_scale: whether steps do not depend on how long gradients are (but for eps), from the arguments.
        eps_matters: whether its eps is near the size of small gradients.
        rounds_moments: whether it keeps its moments in less than 16 bits.
        default_weight_decay: of the class where optimizer_args name none.
        weight_decay_in_groups: whether weight_decay is given to the parameter groups, because the class would print it.
        estimates_rate: whether it estimates its own step size and takes a rate as a factor on it.
        needs_equal_rates: whether the class has one estimate for all groups, so that each group must step by itself.
        card_seconds_a_tensor: of a step on a card for each weight tensor, beyond what its bytes take: the launches of kernels that
            step one tensor at a time. 0 where all are stepped together, or where nobody has published a figure.
        leaner_form_of: name of the optimizer that it can replace to save memory, with slightly other results; "" for none.
    """

    name: str
    summary: str
    class_path: str
    metadata_name: str
    package: str
    extra: str
    defaults: Options
    arguments: Mapping[str, ArgumentKind]
    kept_bytes: Callable[[Shape, Options, bool], list[int]]
    shared_bytes: Callable[[Sequence[Shape], Options], list[int]]
    copies_gradients_on_card: bool
    steps_on_fake_tensors: bool
    ignores_scale: Callable[[Options], bool]
    eps_matters: bool
    rounds_moments: bool
    default_weight_decay: float
    weight_decay_in_groups: bool
    estimates_rate: bool
    needs_equal_rates: bool
    card_seconds_a_tensor: float
    leaner_form_of: str


def _number(low: float, high: float = math.inf, *, above: bool = False) -> ArgumentKind:
    def accepts(value: Value) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return math.isfinite(value) and low <= value <= high and not (above and value == low)

    bounds = f" above {low:g}" if above else f" from {low:g}"
    return ArgumentKind(accepts, f"a number{bounds if math.isinf(high) else f' from {low:g} to {high:g}'}")


def _pair(high: float, words: str) -> ArgumentKind:
    one = _number(0.0)

    def accepts(value: Value) -> bool:
        if not isinstance(value, tuple) or len(value) != 2:
            return False
        return all(part is not None and one.accepts(part) and part < high for part in value)

    return ArgumentKind(accepts, words)


def _whole_number(low: int) -> ArgumentKind:
    return ArgumentKind(lambda value: type(value) is int and value >= low, f"a whole number from {low}")


def _or_none(kind: ArgumentKind) -> ArgumentKind:
    return ArgumentKind(lambda value: value is None or kind.accepts(value), f"{kind.words}, or None")


_POSITIVE = _number(0.0, above=True)
_FROM_0 = _number(0.0)
_SHARE = _number(0.0, 1.0)
_BETAS = _pair(1.0, "two numbers from 0 and below 1, as `0.9:0.99`")
_SWITCH = ArgumentKind(lambda value: isinstance(value, bool), "True or False")
_OFF = ArgumentKind(
    lambda value: value is False,
    "False: the size of a step comes from the rates and the schedule, which this would switch off",
)


def _copies(count: int) -> Callable[[Shape, Options, bool], list[int]]:
    """Return a rule by which `count` fp32 tensors of a weight's shape are kept."""
    return lambda shape, options, from_zero: [_FP32 * math.prod(shape)] * count


def _nothing_shared(shapes: Sequence[Shape], options: Options) -> list[int]:
    return []


def _always(options: Options) -> bool:
    return True


def _never(options: Options) -> bool:
    return False


def _adamw_bytes(shape: Shape, options: Options, from_zero: bool) -> list[int]:
    # Fused, it counts its steps on the device.
    return [_FP32, *[_FP32 * math.prod(shape)] * (3 if options.get("amsgrad") else 2)]


_ADAMW = OptimizerSpec(
    name="AdamW",
    summary="",
    class_path="torch.optim.AdamW",
    metadata_name="torch.optim.adamw.AdamW",
    package="",
    extra="",
    # One fused kernel instead of a dozen small ones for each of up to 528 tensors; CPU and CUDA have it.
    defaults={"fused": True},
    arguments={"weight_decay": _FROM_0, "betas": _BETAS, "eps": _FROM_0, "amsgrad": _SWITCH},
    kept_bytes=_adamw_bytes,
    shared_bytes=_nothing_shared,
    copies_gradients_on_card=False,
    steps_on_fake_tensors=True,
    ignores_scale=_always,
    eps_matters=True,
    rounds_moments=False,
    default_weight_decay=0.01,
    weight_decay_in_groups=False,
    estimates_rate=False,
    needs_equal_rates=False,
    card_seconds_a_tensor=0.0,
    leaner_form_of="",
)


def _adafactor_bytes(shape: Shape, options: Options, from_zero: bool) -> list[int]:
    full = _FP32 * math.prod(shape)
    momentum = [full] if options.get("beta1") is not None else []
    # Of the two last axes one is summed away: in a convolution these are the kernel's. And one number, the weight's length.
    return [*momentum, full // shape[-1], full // shape[-2], _FP32]


_ADAFACTOR = OptimizerSpec(
    name="Adafactor",
    summary="keeps almost nothing beside the weights",
    class_path="transformers.optimization.Adafactor",
    metadata_name="transformers.optimization.Adafactor",
    package="",
    extra="",
    # By itself it would find its own rates, and with scale_parameter a lora_up, which starts at 0, would hardly leave it:
    # transformers' documentation says to switch both off where there is a rate.
    defaults={"relative_step": False, "scale_parameter": False},
    arguments={
        "weight_decay": _FROM_0,
        "eps": _pair(math.inf, "two numbers from 0, as `1e-30:1e-3`"),
        "clip_threshold": _POSITIVE,
        "decay_rate": _number(-10.0, 0.0),
        "beta1": _or_none(_SHARE),
        "scale_parameter": _SWITCH,
        "relative_step": _OFF,
        "warmup_init": _OFF,
    },
    kept_bytes=_adafactor_bytes,
    shared_bytes=_nothing_shared,
    copies_gradients_on_card=False,
    steps_on_fake_tensors=False,
    ignores_scale=lambda options: not options.get("scale_parameter", False),
    # Far below any gradient.
    eps_matters=False,
    rounds_moments=False,
    default_weight_decay=0.0,
    weight_decay_in_groups=False,
    estimates_rate=False,
    needs_equal_rates=False,
    card_seconds_a_tensor=0.0,
    leaner_form_of="",
)

_LION = OptimizerSpec(
    name="Lion",
    summary="a third to a tenth of AdamW's rates",
    class_path="trainer.bake.lion.Lion",
    metadata_name="trainer.bake.lion.Lion",
    package="",
    extra="",
    defaults={},
    arguments={"weight_decay": _FROM_0, "betas": _BETAS},
    kept_bytes=_copies(1),
    shared_bytes=_nothing_shared,
    copies_gradients_on_card=False,
    steps_on_fake_tensors=True,
    ignores_scale=_always,
    # It has none.
    eps_matters=False,
    rounds_moments=False,
    default_weight_decay=0.0,
    weight_decay_in_groups=False,
    estimates_rate=False,
    needs_equal_rates=False,
    card_seconds_a_tensor=0.0,
    leaner_form_of="",
)


def _prodigy_bytes(shape: Shape, options: Options, from_zero: bool) -> list[int]:
    """Return two moments, the gradients' sum and where the weight started; of the last two every slice_p-th number."""
    numbers = math.prod(shape)
    every = options.get("slice_p", 1)
    sliced = _FP32 * math.ceil(numbers / (every if isinstance(every, int) else 1))
    betas = options.get("betas")
    moments = 1 if isinstance(betas, tuple) and betas[0] == 0 else 2
    # Of a weight that starts at zero it need not keep where it started.
    return [*[_FP32 * numbers] * moments, sliced, _FP32 if from_zero else sliced]


_PRODIGY = OptimizerSpec(
    name="Prodigy",
    summary="finds its own step size, use rates of 1",
    class_path="prodigyopt.Prodigy",
    metadata_name="prodigyopt.prodigy.Prodigy",
    package="prodigyopt",
    extra="prodigy",
    defaults={},
    arguments={
        "weight_decay": _FROM_0,
        "betas": _BETAS,
        "beta3": _or_none(_SHARE),
        "eps": _POSITIVE,
        "decouple": _SWITCH,
        "use_bias_correction": _SWITCH,
        "safeguard_warmup": _SWITCH,
        "d0": _POSITIVE,
        "d_coef": _POSITIVE,
        "growth_rate": _number(1.0),
        "slice_p": _whole_number(1),
    },
    kept_bytes=_prodigy_bytes,
    shared_bytes=_nothing_shared,
    copies_gradients_on_card=False,
    steps_on_fake_tensors=False,
    ignores_scale=_never,
    eps_matters=True,
    rounds_moments=False,
    default_weight_decay=0.0,
    weight_decay_in_groups=True,
    estimates_rate=True,
    needs_equal_rates=True,
    card_seconds_a_tensor=0.0,
    leaner_form_of="",
)

_SGD_NESTEROV = OptimizerSpec(
    name="SGDNesterov",
    summary="",
    class_path="torch.optim.SGD",
    metadata_name="torch.optim.sgd.SGD",
    package="",
    extra="",
    defaults={"momentum": 0.9, "nesterov": True},
    arguments={"weight_decay": _FROM_0, "momentum": _number(0.0, 1.0, above=True)},
    kept_bytes=_copies(1),
    shared_bytes=_nothing_shared,
    # torch's SGD with Nesterov's momentum, over all tensors at once.
    copies_gradients_on_card=True,
    steps_on_fake_tensors=False,
    ignores_scale=_never,
    # It has none.
    eps_matters=False,
    rounds_moments=False,
    default_weight_decay=0.0,
    weight_decay_in_groups=False,
    estimates_rate=False,
    needs_equal_rates=False,
    card_seconds_a_tensor=0.0,
    leaner_form_of="",
)

# bitsandbytes 0.50, optim/optimizer.py: a scale for so many numbers, 32 bits below so many, and two tables for all weights.
_BLOCK_NUMBERS = 256
_MIN_NUMBERS_IN_8_BITS = 4096
_TABLE_BYTES = 256 * _FP32


def _min_numbers_in_8_bits(options: Options) -> int:
    asked = options.get("min_8bit_size", _MIN_NUMBERS_IN_8_BITS)
    return asked if isinstance(asked, int) else _MIN_NUMBERS_IN_8_BITS


def _adamw_8bit_bytes(shape: Shape, options: Options, from_zero: bool) -> list[int]:
    """Return two moments of a byte a number and their scales; of four bytes in small weights."""
    numbers = math.prod(shape)
    if numbers < _min_numbers_in_8_bits(options):
        return [_FP32 * numbers] * 2
    scales = _FP32 * math.ceil(numbers / _BLOCK_NUMBERS)
    return [numbers, numbers, scales, scales]


def _adamw_8bit_tables(shapes: Sequence[Shape], options: Options) -> list[int]:
    any_in_8_bits = any(math.prod(shape) >= _min_numbers_in_8_bits(options) for shape in shapes)
    return [_TABLE_BYTES] * 2 if any_in_8_bits else []


_ADAMW_8BIT = OptimizerSpec(
    name="AdamW8bit",
    summary="AdamW with a quarter of its memory",
    class_path="bitsandbytes.optim.AdamW8bit",
    metadata_name="bitsandbytes.optim.adamw.AdamW8bit",
    package="bitsandbytes",
    extra="8bit",
    defaults={},
    arguments={"weight_decay": _FROM_0, "betas": _BETAS, "eps": _FROM_0, "min_8bit_size": _whole_number(0)},
    kept_bytes=_adamw_8bit_bytes,
    shared_bytes=_adamw_8bit_tables,
    copies_gradients_on_card=False,
    steps_on_fake_tensors=False,
    ignores_scale=_always,
    eps_matters=True,
    rounds_moments=True,
    default_weight_decay=0.01,
    weight_decay_in_groups=False,
    estimates_rate=False,
    needs_equal_rates=False,
    # 308 ms a step more than torch's fused AdamW on a GeForce RTX 5060 Ti, for the 560 tensors of a LoRA on Anima (anima_lora,
    # docs/optimizations/adamw_fused.md): some fifty small kernels for each.
    card_seconds_a_tensor=0.308 / 560,
    leaner_form_of="AdamW",
)

OPTIMIZERS: Mapping[str, OptimizerSpec] = MappingProxyType(
    {spec.name: spec for spec in (_ADAMW, _ADAFACTOR, _LION, _PRODIGY, _SGD_NESTEROV, _ADAMW_8BIT)}
)
"""Name to record, in the order in which people read them."""

_BY_CLASS = {path: spec for spec in OPTIMIZERS.values() for path in (spec.class_path, spec.metadata_name)}

DEFAULT_OPTIMIZER = _ADAMW.name

SD_SCRIPTS_DEFAULT = _ADAMW.name
"""The optimizer of sd-scripts where nothing names one."""
SD_SCRIPTS_SWITCHES: Mapping[str, str] = MappingProxyType(
    {"use_8bit_adam": _ADAMW_8BIT.name, "use_lion_optimizer": _LION.name}
)
"""sd-scripts' switches of before optimizer_type, and the optimizer that each chooses; the first that is on wins."""

PATHS_OF_SD_SCRIPTS_NAMES: Mapping[str, str] = MappingProxyType(
    {
        path.rpartition(".")[2]: path
        for path in (
            *(f"schedulefree.{name}ScheduleFree" for name in ("AdamW", "RAdam", "SGD")),
            *(f"dadaptation.DAdapt{name}" for name in ("AdaGrad", "Adam", "Adan", "SGD", "Lion")),
            *(f"dadaptation.experimental.DAdapt{name}" for name in ("AdamPreprint", "AdanIP")),
            *(f"bitsandbytes.optim.{name}" for name in ("PagedAdamW", "PagedAdamW8bit", "PagedAdamW32bit")),
            *(f"bitsandbytes.optim.{name}" for name in ("Lion8bit", "PagedLion8bit")),
        )
    }
    | {"DAdaptation": "dadaptation.experimental.DAdaptAdamPreprint"}
)
"""sd-scripts' further short names, with the path of the class that each stands for there."""


def spec_of(name: str) -> OptimizerSpec | None:
    """Return the record of an optimizer by its short name, None for a class by its path."""
    return OPTIMIZERS.get(name)


def card_seconds_a_tensor(name: str) -> float:
    """Return what an optimizer by its short name or its class takes on a card for each weight tensor; 0 where nothing is known."""
    record = class_record(name)
    return 0.0 if record is None else record.card_seconds_a_tensor


def class_record(name: str) -> OptimizerSpec | None:
    """Return the record of the class behind a short name or a dotted path, None for a class that no record has.

    For what holds of the class whoever names it, such as needs_equal_rates. What a short name adds to its class, its defaults and
    arguments and what follows from them (bytes, the sizes of steps), is asked of spec_of: `torch.optim.SGD` is not SGDNesterov.
    """
    return spec_of(name) or _BY_CLASS.get(name)


def names_text() -> str:
    """Return the short names with commas between."""
    return ", ".join(OPTIMIZERS)


def choices_text() -> str:
    """Return the short names with their extras and summaries, as the help of optimizer_type lists them."""
    return ", ".join(map(_choice_text, OPTIMIZERS.values()))


def scale_free_text() -> str:
    """Return the short names of those whose steps do not depend on how long gradients are, with commas between."""
    return ", ".join(name for name, spec in OPTIMIZERS.items() if spec.ignores_scale({}))


def leaner_form(name: str) -> OptimizerSpec | None:
    """Return the optimizer that can replace `name` to save memory, None where there is none."""
    return next((spec for spec in OPTIMIZERS.values() if spec.leaner_form_of == name), None)


def class_path_of(name: str) -> str:
    """Return where a class is imported from: a short name's, or the dotted path itself."""
    spec = spec_of(name)
    return spec.class_path if spec else name


def ignores_scale(name: str, options: Options) -> bool:
    """Return whether an optimizer's steps do not depend on how long gradients are (but for its eps), as with Adam.

    For such an optimizer, multiplying alpha by c is the same as multiplying lora_up's rate by c.
    """
    spec = spec_of(name)
    return spec.ignores_scale(options) if spec else _ADAMS_BY_PATH.fullmatch(name) is not None


def estimates_rate(name: str) -> bool:
    """Return whether an optimizer estimates its own step size and takes a rate as a factor on it: Prodigy, D-Adaptation."""
    spec = class_record(name)
    return spec.estimates_rate if spec else _ESTIMATING_BY_PATH.search(name) is not None


def averages_weights(name: str) -> bool:
    """Return whether an optimizer's path says that it averages the weights instead of lowering the rate (schedule-free)."""
    return spec_of(name) is None and _SCHEDULE_FREE_BY_PATH.search(name) is not None


def default_weight_decay(name: str) -> float:
    """Return the weight decay of an optimizer where its arguments name none."""
    spec = spec_of(name)
    if spec:
        return spec.default_weight_decay
    return _ADAMW.default_weight_decay if _ADAMW.name in name else 0.0


# They divide each gradient by its own length, or take only its sign.
_ADAMS_BY_PATH = re.compile(
    r"torch\.optim\.(?:Adam|AdamW|NAdam|RAdam|Adamax)|bitsandbytes\.optim\.\w*Adam\w*|\w+(?:\.\w+)*\.Lion"
)
_ESTIMATING_BY_PATH = re.compile(r"prodigy|d_?adapt", re.ASCII | re.IGNORECASE)
_SCHEDULE_FREE_BY_PATH = re.compile(r"schedule_?free\w*$", re.ASCII | re.IGNORECASE)


def _choice_text(spec: OptimizerSpec) -> str:
    notes = [f"extra `{spec.extra}`"] if spec.extra else []
    notes += [spec.summary] if spec.summary else []
    return f"{spec.name} ({'; '.join(notes)})" if notes else spec.name
