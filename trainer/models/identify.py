"""Identification of a base model from the keys in safetensors headers, without torch and before anything is loaded."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from trainer.errors import ModelError, PathError, SettingsError
from trainer.families.registry import FAMILIES, component_settings, family_record, named, titles
from trainer.formats.safetensors_header import read_header
from trainer.models.diffusers_folder import config_of
from trainer.models.kohya_names import ModuleNames, part_of
from trainer.models.lora_header import read_plain_header
from trainer.models.prediction_markers import PredictionMarkers
from trainer.models.unsupported import describe_unsupported
from trainer.models.weight_slice import PlacedWeight
from trainer.refusals import user_path
from trainer.regular_file import open_regular
from trainer.settings.model import Settings
from trainer.settings.parts import Family, Part
from trainer.settings.subject import DEMO_BASE
from trainer.text import printable, windows_path

_DEMO_FOLDER = Path(__file__).resolve().parents[1] / "demo" / "model"

# save_precision -> safetensors' word for it, and bytes of a number.
_SAVED_AS = {"float": ("F32", 4), "fp16": ("F16", 2), "bf16": ("BF16", 2)}
PICKLE_ENDINGS = frozenset({".ckpt", ".pt", ".pth", ".bin", ".pkl"})
"""How the names of files end that run code when they are loaded."""


@dataclass(frozen=True)
class LoraShape:
    """A module of the base that a LoRA layer may sit on.

    Attributes:
        inputs, outputs: channels.
        kernel: 1, or 3 for a 3x3 convolution.
        is_conv: whether it is a convolution, be it 1x1.
        needs_conv_dim: whether it gets a layer only where `conv_dim` is set: what lies in a ResnetBlock2D, Downsample2D or
            Upsample2D. Of these the Linear and 1x1 get network_dim, the 3x3 conv_dim.
        only_in_files: whether it gets a layer only where a LoRA file of another program has one: what lies before, between and
            behind the blocks.
    """

    inputs: int
    outputs: int
    kernel: int
    is_conv: bool
    needs_conv_dim: bool
    only_in_files: bool = False


@dataclass(frozen=True)
class Base:
    """A base model that can be baked on.

    Attributes:
        name: what the user calls it: `demo`, or the file's or folder's name.
        path: its .safetensors file or diffusers folder, absolute.
        family: its architecture.
        lora_shapes: kohya's module name -> its shape, for every module a LoRA may sit on.
        said: what it says of its prediction type.
        text_layers: how many layers each of its text encoders has.
        component_files: setting -> file or folder of a part that is not in the base's own, for families whose bases come in several.
        weights: kohya's module name -> where its weight lies, of the modules in `lora_shapes`; empty where a family does not say.
        has_vae: whether it brings a VAE; some single files do not.
        vae_gap: a weight that its VAE lacks; "" for none.
        side: of the pictures it was trained on, in pixels, where that is known and other than its family's.
        swapped_blocks: how many blocks the part that predicts has, of those that blocks_to_swap counts; None where a family does
            not say.
        tokens: text -> numbers of its tokens as a bake reads captions; None where captions are not cut at max_token_length. It
            may raise ModelError where the tokenizer's files cannot be read.
    """

    name: str
    path: Path
    family: Family
    lora_shapes: Mapping[str, LoraShape]
    markers: PredictionMarkers
    text_layers: Mapping[Part, int]
    has_vae: bool = True
    vae_gap: str = ""
    side: int | None = None
    swapped_blocks: int | None = None
    tokens: Callable[[str], Sequence[int]] | None = field(default=None, compare=False, repr=False)
    component_files: Mapping[str, Path] = field(default_factory=dict)
    weights: Mapping[str, PlacedWeight] = field(default_factory=dict, compare=False, repr=False)


def identify_base(name_or_path: str, components: Mapping[str, str] | None = None) -> Base:
    """Return the base that `name_or_path` means: `demo`, one .safetensors file, or a diffusers folder.

    Args:
        name_or_path: the setting.
        components: setting -> path of a part of its own, of families whose bases come in several files; blank ones are looked for
            in their usual places. None where the base is not going to be loaded: then nothing need be there.

    Raises:
        ModelError: it is missing, cut off, a pickle, a LoRA, quantised, or of another architecture; says which.
        SettingsError: it is to be loaded, and a part of it is missing.
    """
    demo = name_or_path == DEMO_BASE
    path = model_place(name_or_path) if demo else existing_path(name_or_path, "base model", wanted_base())
    # Families that share a function are asked once.
    for place in dict.fromkeys(record.identify for record in FAMILIES.values()):
        base: Base | None = named(place)(path)
        if base is not None:
            whole = base if components is None else completed(base, components)
            return replace(whole, name=DEMO_BASE) if demo else whole
    raise _unknown(path)


def base_of(settings: Settings) -> Base:
    """Return the base of these settings, with the files that they name of its parts.

    Raises:
        ModelError, SettingsError: as identify_base.
    """
    return identify_base(settings.pretrained_model_name_or_path, components_of(settings))


def known_family(settings: Settings) -> Family | None:
    """Return the family of these settings' base; None where none is named, or it cannot be read, which is said where it is used."""
    name = settings.pretrained_model_name_or_path
    try:
        return identify_base(name).family if name.strip() else None
    except ModelError:
        return None


def components_of(settings: Settings) -> dict[str, str]:
    """Return what settings say of parts of a base that have files of their own: setting -> path, blank for none."""
    return {name: getattr(settings, name) for name in component_settings()}


def with_components(settings: Settings, base: Base) -> Settings:
    """Return settings that name every file of the base's parts which does not lie in the base's own folder."""
    found = {
        name: str(place)
        for name, place in base.component_files.items()
        if not getattr(settings, name).strip() and base.path not in place.parents
    }
    return settings.model_copy(update=found) if found else settings


def named_components(settings: Settings) -> dict[str, str]:
    """Return those of components_of that a setting names, without the VAE, which stands apart in grids."""
    return {name: text for name, text in components_of(settings).items() if text.strip() and name != "vae"}


def completed(base: Base, components: Mapping[str, str]) -> Base:
    """Return a base with the files of its parts, after seeing that all are there; arguments and errors as for identify_base."""
    record = family_record(base.family)
    if not record.complete:
        return base
    whole: Base = named(record.complete)(base, {name: components.get(name, "") for name in record.components})
    return whole


def model_place(name_or_path: str) -> Path:
    """Return the file or folder that the setting of a base, VAE or LoRA names; nothing need be there."""
    return _DEMO_FOLDER if name_or_path == DEMO_BASE else user_path(name_or_path).absolute()


def wanted_base() -> str:
    """Return what a base model may be, in words."""
    return f"an {titles()} model: one .safetensors file, a diffusers folder, or `{DEMO_BASE}`"


def layers_of(base: Base, settings: Settings) -> dict[str, tuple[LoraShape, int]]:
    """Return the layers that these settings train on `base`: kohya's module name -> its shape and its rank.

    Raises:
        ModelError: ranks are to come from a LoRA file (`dim_from_weights`), and that cannot be read or is no plain LoRA.
    """
    ranks = _ranks_in(user_path(settings.network_weights), base) if _like_a_file(settings) else None
    layers: dict[str, tuple[LoraShape, int]] = {}
    for name, shape in base.lora_shapes.items():
        part = part_of(name)
        if part is None or not settings.has_layers(part):
            continue
        rank = _rank_by_rule(shape, settings) if ranks is None else ranks.get(name)
        if rank is not None:
            layers[name] = (shape, rank)
    return layers


def _rank_by_rule(shape: LoraShape, settings: Settings) -> int | None:
    if shape.only_in_files or (shape.needs_conv_dim and settings.conv_dim is None):
        return None
    return settings.network_dim if shape.kernel == 1 else settings.conv_dim


def weight_shapes(base: Base, settings: Settings) -> list[tuple[int, ...]]:
    """Return the shapes of the weights that these settings train on `base`: of each layer lora_down's, then lora_up's.

    Raises:
        ModelError: as layers_of.
    """
    found: list[tuple[int, ...]] = []
    for _, (shape, rank) in sorted(layers_of(base, settings).items()):
        kernel = (shape.kernel,) * 2 if shape.is_conv else ()
        ones = (1, 1) if shape.is_conv else ()
        found += [(rank, shape.inputs, *kernel), (shape.outputs, rank, *ones)]
    return found


def lora_file_bytes(base: Base, settings: Settings, precision: str) -> int:
    """Return the size of a LoRA file on `base`, in bytes, without its metadata (3 to 8 KiB, more with many tags).

    Args:
        base: the base model.
        settings: say which layers there are, and of which ranks.
        precision: of its numbers, as save_precision has it.

    Raises:
        ModelError: as layers_of.
    """
    dtype, bytes_per_number = _SAVED_AS[precision]
    entries: dict[str, object] = {}
    offset = 0
    for name, (shape, rank) in sorted(layers_of(base, settings).items()):
        kernel = [shape.kernel] * 2 if shape.is_conv else []
        ones = [1, 1] if shape.is_conv else []
        down, up = [rank, shape.inputs, *kernel], [shape.outputs, rank, *ones]
        numbers_down = rank * shape.inputs * shape.kernel**2
        tensors = {"alpha": [], "lora_down.weight": down, "lora_up.weight": up}
        for (suffix, sides), numbers in zip(tensors.items(), (1, numbers_down, shape.outputs * rank), strict=True):
            end = offset + numbers * bytes_per_number
            entries[f"{name}.{suffix}"] = {"dtype": dtype, "shape": sides, "data_offsets": [offset, end]}
            offset = end
    header = len(json.dumps(entries, separators=(",", ":")))
    return 8 + -(-header // 8) * 8 + offset


def check_clip_skip(base: Base, clip_skip: int) -> None:
    """See that the base's text encoder has the layer that `clip_skip` (1 is the last) means; where the layer is fixed it has no effect.

    Raises:
        SettingsError: it has fewer layers.
    """
    record = family_record(base.family)
    if not record.clip_skip:
        return
    layers = base.text_layers[record.encoders[0].key]
    if clip_skip > layers:
        raise SettingsError(
            "clip_skip", found=str(clip_skip), expected=f"at most {layers}, the layers of the base's text encoder"
        )


def check_vae(path: str, base: Base) -> None:
    """See that the separate VAE at `path` (setting `vae`; "" for none) can be used.

    Args:
        path: as the family's `check_vae` takes it.
        base: the base; one that contains no VAE must get one here.

    Raises:
        ModelError: it is missing, cut off, a pickle, or no VAE for the base's family; or the base's own is incomplete.
        SettingsError: the base has no VAE and none is named, or its family takes none.
    """
    if not path:
        if not base.has_vae:
            raise SettingsError(
                "vae", found=f"blank, and {printable(base.name)} contains no VAE", expected="a VAE's path"
            )
        if base.vae_gap:
            raise ModelError(
                printable(str(base.path)),
                found=f"its VAE lacks the weight {printable(base.vae_gap, 100)}",
                expected="the complete model",
                way_out="download it again, or set `vae` to a VAE of its own",
            )
        return
    record = family_record(base.family)
    if not record.check_vae:
        raise SettingsError("vae", found=printable(path), expected=f"blank: {record.title} takes no separate VAE")
    named(record.check_vae)(path)


def check_precision(mixed_precision: str, base: Base) -> None:
    """See that a base can compute in the number type of the setting `mixed_precision`.

    Raises:
        SettingsError: it cannot.
    """
    record = family_record(base.family)
    if mixed_precision == "fp16" and record.no_fp16:
        raise SettingsError(
            "mixed_precision",
            found=f"fp16 with {record.title}",
            expected=f"bf16 or no: {record.no_fp16}",
            way_out="set auto",
        )


def check_attention(xformers: bool, family: Family) -> None:
    """See that a family's attention can be computed as the setting `xformers` says.

    Raises:
        SettingsError: it cannot.
    """
    record = family_record(family)
    if xformers and record.no_xformers:
        raise SettingsError(
            "xformers",
            found=f"on with {record.title}",
            expected=f"off: {record.no_xformers}",
            way_out="set xformers = false",
        )


def existing_path(text: str, what: str, wanted: str) -> Path:
    """Return the absolute path that a setting names after seeing that it is there and no pickle.

    Args:
        text: the setting.
        what: stands for a blank one in the error.
        wanted: what is expected, in words.

    Raises:
        ModelError: it is not there, or a pickle.
    """
    try:
        path = Path(os.path.abspath(user_path(text)))
    except PathError as error:
        raise ModelError(error.where, found=error.found, expected=wanted, way_out=error.way_out) from None
    if not text.strip() or not os.path.exists(path):
        there = windows_path(text)
        raise ModelError(
            printable(there or text) or what,
            found="a path of Windows" if there else "no such file or folder",
            expected=wanted,
            way_out="nothing is downloaded: give a path on this machine",
        )
    if not path.is_dir():
        refuse_pickle(path, wanted)
    return path


def refuse_pickle(path: Path, wanted: str) -> None:
    """See that a file is not of a kind that runs code when it is loaded, nor one this program has no reader for.

    Raises:
        ModelError: it is, or cannot be read.
    """
    where = printable(str(path))
    try:
        with open_regular(path) as file:
            start = file.read(4)
    except OSError as error:
        raise ModelError(where, found=f"cannot be read ({error.strerror})") from error
    # torch.save writes a zip (PK..) or, before 1.6, a bare pickle (0x80 and the protocol's number).
    is_pickle = start == b"PK\x03\x04" or (start[:1] == b"\x80" and 2 <= (start[1:2] or b"\0")[0] <= 5)
    if is_pickle or path.suffix.lower() in PICKLE_ENDINGS:
        raise ModelError(
            where,
            found="a pickle file; loading one runs the code in it",
            expected=wanted,
            way_out="download the .safetensors file of the same model",
        )
    if start == b"GGUF":
        raise ModelError(where, found="a GGUF file, quantised for inference", expected=wanted)


def _unknown(path: Path) -> ModelError:
    """Return the refusal of what no family knows, which says what it is."""
    where, wanted = printable(str(path)), wanted_base()
    if path.is_file():
        found, way_out = describe_unsupported(read_header(path))
        return ModelError(where, found=found, expected=wanted, way_out=way_out)
    index = path / "model_index.json"
    if not index.is_file():
        inside = any(path.glob("*.safetensors"))
        return ModelError(
            where,
            found="a folder without model_index.json",
            expected=wanted,
            way_out="give the file in it" if inside else "give the folder that holds unet/, text_encoder/ and vae/",
        )
    kind = printable(str(config_of(index).get("_class_name")), 60)
    return ModelError(where, found=f"a model of class {kind}", expected=wanted)


def _like_a_file(settings: Settings) -> bool:
    return settings.dim_from_weights and bool(settings.network_weights)


def _ranks_in(path: Path, base: Base) -> dict[str, int]:
    """Return kohya's module name -> rank of each layer in a LoRA file."""
    names = ModuleNames(base.family, base.lora_shapes)
    return {names.own(name): module.rank for name, module in read_plain_header(path).modules.items()}
