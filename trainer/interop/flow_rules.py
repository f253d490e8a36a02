"""What sd-scripts' options mean of bases that predict a flow: their times, their parts and how they are held.

Facts of its anima_train_network.py, 2026-02 (commit 48d368fa). There `timestep_sampling` decides which of the other options count:
`sigmoid` and `shift` draw the sigmoid of a normal number `sigmoid_scale` wide, of which `shift` alone is shifted; `uniform` draws
evenly, without a shift; `sigma` draws a place among 1000 shifted times from noise to picture, by `weighting_scheme`.
"""

from collections.abc import Mapping

from trainer.families.record import FamilyRecord
from trainer.families.registry import FAMILIES
from trainer.interop.option_meaning import Meaning, Options, Rule, as_entries, is_blank, is_on

SAMPLING_LEFT_OUT = "sigmoid"
"""What `timestep_sampling` is there where a file leaves it out."""

ENCODER_RESTS = "the text encoder of such a base is not trained here"
_OF_NORMAL = ("sigmoid", "shift", "flux_shift")
_OURS = ("logit_normal", "laplace")
_EVEN = ("uniform", "none", "sigma_sqrt", "cosmap", "")
_SIGMA_ALONE = "it counts with timestep_sampling = sigma alone"
_TOGETHER = "together with timestep_sampling = sigma"
_ALL_TIMES = "sd-scripts draws all times of a flow"
_SAVES_MEMORY = (
    "it saves memory and changes no step; `lora-tui plan SETTINGS.toml --fit SIZE` finds what saves memory here"
)


def flow_family(options: Options) -> FamilyRecord | None:
    """Return the family that the network of a source is for, where it predicts a flow; None for any other, or where none is named."""
    module = str(options.get("network_module") or "").strip()
    record = next((each for each in FAMILIES.values() if each.network_module == module), None)
    return record if record is not None and record.times.takes_shift else None


def switches_of(options: Options) -> frozenset[str]:
    """Return the entries of `network_args` that switch a part of the base on: settings here, of the same names."""
    record = flow_family(options)
    return frozenset(part.switch for part in record.parts if part.switch) if record is not None else frozenset()


def encoder_rests(options: Options) -> bool:
    """Return whether a source is for a base whose text encoder trains in sd-scripts alone."""
    record = flow_family(options)
    return record is not None and all(part.switch for part in record.encoders)


def trains_encoder(options: Options) -> bool:
    """Return whether sd-scripts trains a text encoder by these options that rests here."""
    rate = options.get("text_encoder_lr")
    rests = not is_blank(rate) and str(rate).strip("[] ") in ("0", "0.0")
    return encoder_rests(options) and not rests and not is_on(options.get("network_train_unet_only"))


def _sampling(options: Options) -> str:
    """Return how sd-scripts draws the times by these options; "" where nothing says so."""
    word = str(options.get("timestep_sampling") or "").strip().casefold()
    return word or (SAMPLING_LEFT_OUT if flow_family(options) is not None else "")


def _scheme(options: Options) -> str:
    return str(options.get("weighting_scheme") or "").strip().casefold()


def _read_sampling(value: object, options: Options) -> Meaning:
    word = _sampling(options)
    if word in _OF_NORMAL:
        more = "its shift by the picture's size is not here" if word == "flux_shift" else ""
        return Meaning({"timestep_sampling": "logit_normal"}, "the sigmoid of a normal number", more)
    if word != "sigma":
        return Meaning({"timestep_sampling": value})
    scheme = _scheme(options)
    if scheme == "logit_normal":
        return Meaning({"timestep_sampling": "logit_normal"}, "by weighting_scheme")
    if scheme in _EVEN:
        return Meaning({"timestep_sampling": "uniform"}, "evenly, before the shift")
    return Meaning(no_effect=f"sigma with weighting_scheme = {scheme}: times have no such distribution here")


def _read_scheme(value: object, options: Options) -> Meaning:
    scheme = _scheme(options)
    if scheme in ("sigma_sqrt", "cosmap"):
        return Meaning(no_effect="the loss of a flow has no weight by its time here")
    if _sampling(options) != "sigma":
        return Meaning(no_effect=_SIGMA_ALONE)
    if scheme == "logit_normal":
        return Meaning({"timestep_sampling": "logit_normal"}, _TOGETHER)
    if scheme in _EVEN:
        return Meaning({"timestep_sampling": "uniform"}, _TOGETHER)
    return Meaning(no_effect="times have no such distribution here")


def _read_shift(value: object, options: Options) -> Meaning:
    word = _sampling(options)
    if word in ("sigmoid", "flux_shift") or (word == "uniform" and flow_family(options) is not None):
        return Meaning(no_effect=f"sd-scripts shifts times with timestep_sampling = shift or sigma, not with {word}")
    return Meaning({"discrete_flow_shift": value})


def _read_scale(value: object, options: Options) -> Meaning:
    word = _sampling(options)
    if word in ("sigma", "uniform", *_OURS):
        return Meaning(no_effect="it counts with timestep_sampling = sigmoid or shift alone")
    return Meaning({"logit_std": value}, "the width of the normal number")


def _logit(name: str) -> Rule:
    """Return the rule of the mean or the width of a logit-normal: ours under the same names, or sd-scripts'."""

    def rule(value: object, options: Options) -> Meaning | None:
        word = _sampling(options)
        if word != "sigma":
            is_theirs = word in _OF_NORMAL or (word == "uniform" and flow_family(options) is not None)
            return Meaning(no_effect=_SIGMA_ALONE) if is_theirs else None
        if _scheme(options) != "logit_normal":
            return Meaning(no_effect="it counts with weighting_scheme = logit_normal alone")
        if name == "logit_mean":
            return Meaning({name: _negated(value)}, "with the other sign: there the times go from noise to picture")
        return Meaning({name: value})

    return rule


def _negated(value: object) -> object:
    try:
        # No minus before a nought.
        return 0.0 - float(str(value))
    except ValueError:
        return value


def _not_of_a_flow(why: str) -> Rule:
    """Return the rule of an option that sd-scripts does not follow on bases that predict a flow."""
    return lambda value, options: Meaning(no_effect=why) if flow_family(options) is not None else None


def _body_only(value: object, options: Options) -> Meaning | None:
    if not is_on(value) or not _trains_more(options):
        return None
    return Meaning(no_effect="what network_args switch on belongs to the body there, and trains with it")


def _trains_more(options: Options) -> bool:
    entries = as_entries(options.get("network_args") or {})
    return any(is_on(entries.get(switch)) for switch in switches_of(options))


def _encoder_only(value: object, options: Options) -> Meaning | None:
    return Meaning(no_effect=ENCODER_RESTS) if is_on(value) and encoder_rests(options) else None


def _attention(value: object, options: Options) -> Meaning:
    match str(value).strip().casefold():
        case "torch" | "sdpa":
            return Meaning({"sdpa": True}, "torch's own attention")
        case "xformers":
            return Meaning({"xformers": True}, "xformers")
        case _:
            return Meaning(no_effect="attention here is sdpa or xformers")


def _offloaded(value: object, options: Options) -> Meaning:
    if not is_on(value):
        return Meaning(no_effect="off")
    return Meaning({"gradient_checkpointing": True}, "what is kept for the backward pass stays on the GPU here")


def _idle(why: str) -> Rule:
    return lambda value, options: Meaning(no_effect=why)


FLOW_RULES: Mapping[str, Rule] = {
    "timestep_sampling": _read_sampling,
    "weighting_scheme": _read_scheme,
    "mode_scale": _idle("times have no such distribution here"),
    "discrete_flow_shift": _read_shift,
    "sigmoid_scale": _read_scale,
    "logit_mean": _logit("logit_mean"),
    "logit_std": _logit("logit_std"),
    "min_timestep": _not_of_a_flow(_ALL_TIMES),
    "max_timestep": _not_of_a_flow(_ALL_TIMES),
    "fp8_base": _not_of_a_flow("sd-scripts leaves it off on such a base"),
    "network_train_unet_only": _body_only,
    "network_train_text_encoder_only": _encoder_only,
    "attn_mode": _attention,
    "unsloth_offload_checkpointing": _offloaded,
    "split_attn": _idle(_SAVES_MEMORY),
    "vae_chunk_size": _idle(_SAVES_MEMORY),
    "vae_disable_cache": _idle(_SAVES_MEMORY),
    "qwen3_max_token_length": _idle("captions of such a base are not cut here"),
    "t5_max_token_length": _idle("captions of such a base are not cut here"),
    "text_encoder_batch_size": _idle("captions are encoded one by one"),
}
"""Option to what its value means on a base that predicts a flow."""
