"""Settings as sd-scripts' options that sd-scripts takes: every value stated, its types and its choices kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trainer.errors import LoraTuiError
from trainer.families.registry import family_record, first_family
from trainer.interop.export.flow import flow_options
from trainer.interop.option_export import options_from
from trainer.interop.record import Options
from trainer.models.identify import Base, identify_base
from trainer.optimizers import Value
from trainer.settings.model import Settings
from trainer.settings.optimizers import arguments_of

OUTPUT_DIR = "output"
"""Folder that other trainers are told to save into; here each bake has its own."""

# Entries of networks.lora's network_args under the names of our settings.
_ENTRIES = (
    "conv_dim",
    "rank_dropout",
    "module_dropout",
    "loraplus_lr_ratio",
    "loraplus_unet_lr_ratio",
    "loraplus_text_encoder_lr_ratio",
)
_SAMPLERS = {"DDIM": "ddim", "Euler": "euler", "Euler a": "euler_a", "Heun": "heun", "DPM++ 2M": "dpmsolver++"}


@dataclass(frozen=True)
class WrittenOptions:
    """sd-scripts' options of some settings.

    Attributes:
        options: by name; of networks.lora's arguments also each by itself, for formats that have keys for them.
        changed: settings that sd-scripts takes in another form only -> why the value is another one.
        lost: settings whose value it does not take -> why.
        idle: settings that are not missed there -> why.
        notes: what could not be looked at.
        base: the base; None where it cannot be looked at.
    """

    options: Options
    changed: Mapping[str, str] = field(default_factory=dict)
    lost: Mapping[str, str] = field(default_factory=dict)
    idle: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    base: Base | None = None


def written_options(settings: Settings) -> WrittenOptions:
    """Return settings as options that today's sd-scripts takes.

    Args:
        settings: resolved, with concrete numbers where they behave like another trainer.
    """
    return _Writer(settings).written()


def python_literal(value: Value) -> str:
    """Return an optimizer's argument as sd-scripts reads it: a literal of Python."""
    if isinstance(value, tuple):
        return ",".join(repr(part) for part in value)
    return repr(value)


class _Writer:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._options = options_from(settings)
        self._changed: dict[str, str] = {}
        self._lost: dict[str, str] = {}
        self._idle: dict[str, str] = {}
        self._notes: list[str] = []
        self._base = self._identified()

    def written(self) -> WrittenOptions:
        """Return everything."""
        self._write_base()
        self._write_network()
        self._write_arguments()
        self._write_schedule()
        self._write_samples()
        self._write_data()
        self._write_flow()
        options = self._options
        options["mixed_precision"] = options.get("mixed_precision", "bf16")
        if self._settings.mixed_precision == "auto":
            self._changed["mixed_precision"] = "auto is bf16 on a GPU that has it, which sd-scripts cannot choose"
        options |= {"cache_latents": True, "save_model_as": "safetensors", "output_dir": OUTPUT_DIR}
        return WrittenOptions(options, self._changed, self._lost, self._idle, tuple(self._notes), self._base)

    def _identified(self) -> Base | None:
        try:
            return identify_base(self._settings.pretrained_model_name_or_path)
        except LoraTuiError as error:
            self._notes.append(
                f"the base cannot be looked at, so it is taken for an SD1.x that predicts noise: {error.line()}"
            )
            return None

    def _write_base(self) -> None:
        base, settings = self._base, self._settings
        if base is not None and str(base.path) != settings.pretrained_model_name_or_path:
            self._options["pretrained_model_name_or_path"] = str(base.path)
            self._changed["pretrained_model_name_or_path"] = "the folder that the name stands for"
        said = {
            "v_parameterization": base is not None and base.markers.prediction == "v",
            "zero_terminal_snr": base is not None and base.markers.zero_terminal_snr is True,
        }
        for name, value in said.items():
            if getattr(settings, name) == "auto":
                self._options[name] = value
                self._changed[name] = "as the base's own file says; auto does not exist there"

    def _write_network(self) -> None:
        settings = self._settings
        record = first_family() if self._base is None else family_record(self._base.family)
        self._options["network_module"] = record.network_module
        # 0 stands for the dim here and there, but not in every program around it.
        self._options["network_alpha"] = settings.alpha
        for name in _ENTRIES:
            if (value := getattr(settings, name)) is not None:
                self._options[name] = value
        if settings.conv_dim is not None:
            self._options["conv_alpha"] = settings.alpha_of_conv

    def _write_flow(self) -> None:
        base = self._base
        if base is None or not family_record(base.family).times.takes_shift:
            return
        made = flow_options(self._settings, family_record(base.family), base)
        self._options |= made.options
        for name in [name for name, value in self._options.items() if value is None]:
            del self._options[name]
        if made.entries:
            entries = self._options.get("network_args", [])
            self._options["network_args"] = [*(entries if isinstance(entries, list) else []), *made.entries]
        self._changed = {name: why for name, why in self._changed.items() if name not in made.idle} | made.changed
        self._lost |= made.lost
        self._idle = made.idle
        self._notes += made.notes

    def _write_arguments(self) -> None:
        for name in ("optimizer_args", "lr_scheduler_args"):
            found = arguments_of(getattr(self._settings, name))
            if found and name == "optimizer_args":
                self._options[name] = [f"{key}={python_literal(value)}" for key, value in found.items()]
            elif found:
                texts = (each.partition("=") for each in self._settings.lr_scheduler_args)
                self._options[name] = [f"{key}='{text}'" for key, _, text in texts]

    def _write_schedule(self) -> None:
        if self._settings.lr_scheduler == "rex":
            self._options["lr_scheduler"] = "cosine"
            self._lost["lr_scheduler"] = "sd-scripts has no rex; cosine is written"
        if self._options.get("max_token_length") == 75:
            # Its choices are 150, 225 and nothing.
            del self._options["max_token_length"]

    def _write_samples(self) -> None:
        settings = self._settings
        if settings.sample_sampler is not None:
            self._options.pop("sample_sampler", None)
            if settings.sample_sampler in _SAMPLERS:
                self._options["sample_sampler"] = _SAMPLERS[settings.sample_sampler]
            else:
                self._lost["sample_sampler"] = "sd-scripts has no such sampler"
        if not settings.sample_prompts and (settings.sample_every_n_epochs or settings.sample_every_n_steps):
            for name in ("sample_every_n_epochs", "sample_every_n_steps"):
                if self._options.pop(name, None):
                    self._lost[name] = (
                        "its sample pictures need a prompt file; here they are made of the subject's prompts"
                    )

    def _write_data(self) -> None:
        endings = self._settings.caption_extension
        self._options["caption_extension"] = endings[0] if endings else ".caption"
        if len(endings) > 1:
            self._changed["caption_extension"] = (
                f"it looks for one ending; captions with {' or '.join(endings[1:])} are not found"
            )
        settings = self._settings
        if settings.validation_data_dir or settings.validation_outfit:
            self._options.pop("validation_split", None)
        if self._options.get("validation_split"):
            self._changed["validation_split"] = "it chooses other pictures, and rounds their number folder by folder"
        else:
            for name in ("validate_every_n_steps", "validation_seed"):
                self._options.pop(name, None)
