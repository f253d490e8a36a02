"""Settings of a base that predicts a flow as sd-scripts' program for it takes them."""

from dataclasses import dataclass, field

from trainer.families.record import FamilyRecord
from trainer.interop.record import Options
from trainer.models.identify import Base
from trainer.settings.flow_times import times_in_words
from trainer.settings.model import Settings

_NEEDED = ("qwen3", "vae")
"""Files of their own that sd-scripts asks for; it brings the tokenizers."""

_OF_TIMES = (
    *("timestep_sampling", "logit_mean", "logit_std", "laplace_mean", "laplace_scale", "discrete_flow_shift"),
    *("min_timestep", "max_timestep"),
)
_OF_PARTS = ("text_encoder_lr", "network_train_unet_only", "network_train_text_encoder_only", "train_llm_adapter")
_ITS_OWN = "sd-scripts brings its own"
_TRAINS_ENCODER = "else sd-scripts trains layers of the text encoder too"
_NO_PART = "no part that follows it trains"
_BODYS_RATE = "what train_llm_adapter switches on trains at unet_lr there"


@dataclass
class FlowOptions:
    """What differs from the options of other bases.

    Attributes:
        options: to write; None for those that are left out.
        changed, lost, idle: setting -> why it is another value, why it is lost, why it is not missed.
        entries: of network_args.
        notes: what a user should know.
    """

    options: Options = field(default_factory=dict)
    changed: dict[str, str] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    idle: dict[str, str] = field(default_factory=dict)
    entries: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def flow_options(settings: Settings, record: FamilyRecord, base: Base) -> FlowOptions:
    """Return what is written for a base that predicts a flow, beside what is written for any.

    Args:
        settings: resolved.
        record: of the base's family.
        base: whose other files are named where they were found.
    """
    made = FlowOptions(dict.fromkeys((*_OF_TIMES, *_OF_PARTS, *record.components, "fp8_base")))
    made.idle |= {name: why for name, why in record.unused.items() if getattr(settings, name) != getattr(_PLAIN, name)}
    _write_times(settings, made)
    _write_parts(settings, record, made)
    _write_files(settings, record, base, made)
    if settings.fp8_base:
        made.lost["fp8_base"] = "sd-scripts leaves it off on such a base"
    if settings.xformers:
        # It asks for both together.
        made.options |= {"attn_mode": "xformers", "split_attn": True}
    return made


_PLAIN = Settings()


def _write_times(settings: Settings, made: FlowOptions) -> None:
    if settings.timestep_sampling == "laplace":
        made.lost["timestep_sampling"] = "sd-scripts has no laplace; times are drawn evenly"
        settings = settings.model_copy(update={"timestep_sampling": "uniform"})
    made.options |= times_in_words(settings)
    if made.options["timestep_sampling"] != settings.timestep_sampling and not made.lost:
        made.changed["timestep_sampling"] = "its word for the same times"
    for name in ("min_timestep", "max_timestep"):
        if getattr(settings, name) != getattr(_PLAIN, name):
            made.lost[name] = "sd-scripts draws all times of a flow"


def _write_parts(settings: Settings, record: FamilyRecord, made: FlowOptions) -> None:
    trained = [part for part in record.encoders if settings.rate(part.key)]
    made.options["network_train_unet_only"] = True
    if not settings.network_train_unet_only:
        made.changed["network_train_unet_only"] = _TRAINS_ENCODER
    made.entries += [f"{part.switch}=True" for part in trained if part.switch]
    body = settings.rate(record.parts[0].key)
    if not body:
        made.lost["network_train_text_encoder_only"] = "sd-scripts trains the body too"
    if not trained:
        made.idle |= dict.fromkeys(("text_encoder_lr", "train_llm_adapter"), _NO_PART)
    elif any(settings.rate(part.key) != body for part in trained):
        made.lost["text_encoder_lr"] = _BODYS_RATE


def _write_files(settings: Settings, record: FamilyRecord, base: Base, made: FlowOptions) -> None:
    for name in record.components:
        stated = str(getattr(settings, name))
        found = base.component_files.get(name)
        if name == "qwen3_tokenizer":
            made.idle[name] = _ITS_OWN
        elif name == "llm_adapter_path" and (stated or found):
            made.lost[name] = "sd-scripts takes the option and then looks for it in the base's file alone"
        elif stated:
            made.options[name] = stated
        elif name in _NEEDED and found is not None:
            made.options[name] = str(found)
            made.changed[name] = "the file that is used here"
        elif name in _NEEDED:
            made.notes.append(f"{name}: sd-scripts needs a file of its own, and none was found beside the base")
    if base.path.is_dir():
        made.notes.append("the base is a diffusers folder: sd-scripts reads this base from its original files alone")
