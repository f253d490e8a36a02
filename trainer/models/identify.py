"""Identification of a base model from the keys in safetensors headers, without torch and before anything is loaded."""

import importlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import ModelError, SettingsError
from trainer.families.registry import FAMILIES, family_record
from trainer.formats.safetensors_header import read_header
from trainer.models.base_weights import VAE_WANTED, Weights, vae_weights, weights_in_file, weights_in_folder
from trainer.models.component_configs import context_width, layers_of_encoder, text_width
from trainer.models.diffusers_folder import Component, check_tokenizer, config_of
from trainer.models.kohya_names import file_name, kohya_name, part_of
from trainer.models.prediction_markers import PredictionMarkers, markers_in_file, markers_in_folder
from trainer.models.unsupported import describe_unsupported
from trainer.settings.model import Settings
from trainer.settings.parts import Family, Part, is_encoder, label_of, parts_of
from trainer.settings.subject import DEMO_BASE
from trainer.text import printable

_DEMO_FOLDER = Path(__file__).resolve().parents[1] / "demo" / "model"

_WANTED = "an SD1.x or SDXL model: one .safetensors file, a diffusers folder, or `demo`"
_PICKLE_ENDINGS = {".ckpt", ".pt", ".pth", ".bin", ".pkl"}

# Where kohya puts layers (networks.lora): Linear and 1x1 convolutions inside the U-Net's Transformer2DModel, Linear inside
# CLIPAttention and CLIPMLP; with conv_dim also everything inside ResnetBlock2D, Downsample2D and Upsample2D.
_UNET_TARGET = re.compile(
    r"((?:down_blocks\.\d+|mid_block|up_blocks\.\d+)\.(attentions|resnets|downsamplers|upsamplers)\.\d+\..+)\.weight"
)
_ENCODER_TARGET = re.compile(r"(encoder\.layers\.\d+\.(?:self_attn|mlp)\..+)\.weight")

# SDXL's size conditioning: six numbers of 256 each beside the pooled text.
_SIZES_WIDTH = 6 * 256


@dataclass(frozen=True)
class LoraShape:
    """A module of the base that a LoRA layer may sit on.

    Attributes:
        inputs, outputs: channels.
        kernel: 1, or 3 for a 3x3 convolution.
        is_conv: whether it is a convolution, be it 1x1.
        needs_conv_dim: whether it gets a layer only where `conv_dim` is set: what lies in a ResnetBlock2D, Downsample2D or
            Upsample2D. Of these the Linear and 1x1 get network_dim, the 3x3 conv_dim.
    """

    inputs: int
    outputs: int
    kernel: int
    is_conv: bool
    needs_conv_dim: bool


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
        has_vae: whether it brings a VAE; some single files do not.
    """

    name: str
    path: Path
    family: Family
    lora_shapes: Mapping[str, LoraShape]
    markers: PredictionMarkers
    text_layers: Mapping[Part, int]
    has_vae: bool = True


def identify_base(name_or_path: str) -> Base:
    """Return the base that `name_or_path` means: `demo`, one .safetensors file, or a diffusers folder.

    Raises:
        ModelError: it is missing, cut off, a pickle, a LoRA, quantised, or of another architecture; says which.
    """
    if name_or_path == DEMO_BASE:
        return _base_in_folder(_DEMO_FOLDER, DEMO_BASE)
    path = _existing(name_or_path, "base model", _WANTED)
    for record in FAMILIES.values():
        if record.identify and (base := _by_family(record.identify, path)) is not None:
            return base
    return _base_in_file(path) if path.is_file() else _base_in_folder(path, path.resolve().name)


def _by_family(function: str, path: Path) -> Base | None:
    """Return the base at `path` where a family's own function knows it."""
    module, _, name = function.partition(":")
    found: Base | None = getattr(importlib.import_module(module), name)(path)
    return found


def layers_of(base: Base, settings: Settings) -> dict[str, tuple[LoraShape, int]]:
    """Return the layers that these settings train on `base`: kohya's module name -> its shape and its rank.

    Raises:
        ModelError: ranks are to come from a LoRA file (`dim_from_weights`), and that cannot be read.
    """
    ranks = _ranks_in(Path(settings.network_weights), base.family) if _like_a_file(settings) else None
    layers: dict[str, tuple[LoraShape, int]] = {}
    for name, shape in base.lora_shapes.items():
        part = part_of(name)
        if part is None or not settings.has_layers(part):
            continue
        if ranks is not None:
            rank = ranks.get(name)
        elif shape.needs_conv_dim and settings.conv_dim is None:
            rank = None
        else:
            rank = settings.network_dim if shape.kernel == 1 else settings.conv_dim
        if rank is not None:
            layers[name] = (shape, rank)
    return layers


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


def lora_file_bytes(base: Base, settings: Settings, bytes_per_number: int) -> int:
    """Return the size of a LoRA file on `base`, in bytes, without its metadata (3 to 8 KiB, more with many tags).

    Args:
        base: the base model.
        settings: say which layers there are, and of which ranks.
        bytes_per_number: 2 for fp16 and bf16, 4 for float.

    Raises:
        ModelError: as layers_of.
    """
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
            entries[f"{name}.{suffix}"] = {"dtype": "F16", "shape": sides, "data_offsets": [offset, end]}
            offset = end
    header = len(json.dumps(entries, separators=(",", ":")))
    return 8 + -(-header // 8) * 8 + offset


def check_clip_skip(base: Base, clip_skip: int) -> None:
    """See that the base's text encoder has the layer that `clip_skip` (1 is the last) means; where the layer is fixed it has no effect.

    Raises:
        SettingsError: it has fewer layers.
    """
    if not family_record(base.family).clip_skip:
        return
    layers = base.text_layers["text_encoder"]
    if clip_skip > layers:
        raise SettingsError(
            "clip_skip", found=str(clip_skip), expected=f"at most {layers}, the layers of the base's text encoder"
        )


def check_vae(path: str, base: Base | None = None) -> None:
    """See that the separate VAE at `path` (setting `vae`; "" for none) can be used.

    Args:
        path: a .safetensors file, in the original keys or diffusers', or a diffusers folder: a VAE's or a whole model's.
        base: where given, a base that contains no VAE must get one here.

    Raises:
        ModelError: it is missing, cut off, a pickle, or no VAE of SD1.x or SDXL.
        SettingsError: the base has no VAE and none is named.
    """
    if not path:
        if base is not None and not base.has_vae:
            raise SettingsError(
                "vae", found=f"blank, and {printable(base.name)} contains no VAE", expected="a VAE's path"
            )
        return
    vae_weights(_existing(path, "vae", VAE_WANTED))


def _existing(text: str, what: str, wanted: str) -> Path:
    """Return the path that a setting names after seeing that it is there and no pickle."""
    path = Path(text).expanduser().absolute()
    if not text.strip() or not path.exists():
        raise ModelError(
            printable(text) or what,
            found="no such file or folder",
            expected=wanted,
            way_out="nothing is downloaded: give a path on this machine",
        )
    if path.is_file():
        refuse_pickle(path, wanted)
    return path


def refuse_pickle(path: Path, wanted: str) -> None:
    """See that a file is not of a kind that runs code when it is loaded, nor one this program has no reader for.

    Raises:
        ModelError: it is, or cannot be read.
    """
    where = printable(str(path))
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise ModelError(where, found=f"cannot be read ({error.strerror})") from error
    # torch.save writes a zip (PK..) or, before 1.6, a bare pickle (0x80 and the protocol's number).
    is_pickle = start == b"PK\x03\x04" or (start[:1] == b"\x80" and 2 <= (start[1:2] or b"\0")[0] <= 5)
    if is_pickle or path.suffix.lower() in _PICKLE_ENDINGS:
        raise ModelError(
            where,
            found="a pickle file; loading one runs the code in it",
            expected=wanted,
            way_out="download the .safetensors file of the same model",
        )
    if start == b"GGUF":
        raise ModelError(where, found="a GGUF file, quantised for inference", expected=wanted)


def _base_in_file(path: Path) -> Base:
    header = read_header(path)
    where = printable(str(path))
    components = weights_in_file(path, header)
    if "unet" not in components or "conv_in.weight" not in components["unet"].slices:
        found, way_out = describe_unsupported(header)
        raise ModelError(where, found=found, expected=_WANTED, way_out=way_out)
    if any(key.startswith("cond_stage_model.model.") for key in header.shapes):
        raise ModelError(where, found="an SD2.x model", expected=_WANTED, way_out="SD2.x is not supported")
    if any(key.startswith("conditioner.embedders.0.model.") for key in header.shapes):
        raise _refiner(where)
    family = _family(where, components)
    return Base(
        name=path.name,
        path=path,
        family=family,
        lora_shapes=_lora_shapes(family, components),
        markers=markers_in_file(path, header),
        text_layers=_text_layers(family, components),
        has_vae="vae" in components,
    )


def _base_in_folder(folder: Path, name: str) -> Base:
    where = printable(str(folder))
    if not (folder / "model_index.json").is_file():
        inside = any(folder.glob("*.safetensors"))
        raise ModelError(
            where,
            found="a folder without model_index.json",
            expected=_WANTED,
            way_out="give the file in it" if inside else "give the folder that holds unet/, text_encoder/ and vae/",
        )
    index = config_of(folder / "model_index.json")
    if not (folder / "unet").is_dir():
        raise ModelError(
            where, found=f"a model of class {printable(str(index.get('_class_name')), 60)}", expected=_WANTED
        )
    if not (folder / "text_encoder").is_dir() and (folder / "text_encoder_2").is_dir():
        raise _refiner(where)
    components = weights_in_folder(folder)
    family = _family(where, components)
    for part in filter(is_encoder, parts_of(family)):
        check_tokenizer(folder / part.replace("text_encoder", "tokenizer"))
    for component in components:
        config_of(folder / component / "config.json")
    return Base(
        name=name,
        path=folder,
        family=family,
        lora_shapes=_lora_shapes(family, components),
        markers=markers_in_folder(folder),
        text_layers=_text_layers(family, components),
    )


def _family(where: str, components: Mapping[Component, Weights]) -> Family:
    """Tell SD1.x and SDXL from each other and from their relatives, which share most of their keys.

    SD2.x takes the texts of a wider encoder through linear projections, inpainting models nine channels; SDXL alone takes
    pooled text and sizes beside the time.
    """
    unet = components["unet"]
    family: Family = "sdxl" if "add_embedding.linear_1.weight" in unet.slices else "sd1"
    channels = unet.side("conv_in.weight", 1)
    if channels != 4:
        kind = " (inpainting)" if channels == 9 else ""
        raise ModelError(where, found=f"a U-Net of {channels} input channels{kind}", expected="4 channels")
    encoders = [part for part in parts_of(family) if is_encoder(part)]
    missing = next((part for part in encoders if part not in components), None)
    if missing:
        raise ModelError(
            where,
            found=f"a U-Net of {family_record(family).title} without its {label_of(missing)}",
            expected=_WANTED,
            way_out="give the complete checkpoint, or a diffusers folder",
        )
    width = sum(text_width(components[part]) for part in encoders)
    proj_in = unet.slices.get("down_blocks.0.attentions.0.proj_in.weight")
    if family == "sd1" and proj_in is not None and len(proj_in.shape) == 2:
        raise ModelError(where, found="an SD2.x model", expected=_WANTED, way_out="SD2.x is not supported")
    if (context := context_width(unet)) != width:
        raise ModelError(
            where,
            found=f"a U-Net for text embeddings of width {context} beside a text encoder of width {width}",
            expected="components of one model",
        )
    if family == "sdxl":
        _check_pooled(where, unet, components["text_encoder_2"])
    for part in parts_of(family):
        components[part].check_types(f"a {label_of(part)}")
    if "vae" in components:
        components["vae"].check_types("a VAE")
    return family


def _check_pooled(where: str, unet: Weights, encoder: Weights) -> None:
    takes = unet.side("add_embedding.linear_1.weight", 1)
    pooled = encoder.side("text_projection.weight", 0)
    if takes != pooled + _SIZES_WIDTH:
        raise ModelError(
            where,
            found=f"a U-Net with {takes} added inputs and pooled text of width {pooled}",
            expected=f"{pooled} + 6 × 256: components of one model",
        )


def _refiner(where: str) -> ModelError:
    return ModelError(where, found="SDXL's refiner", expected=_WANTED, way_out="give the base model it goes with")


def _lora_shapes(family: Family, components: Mapping[Component, Weights]) -> dict[str, LoraShape]:
    shapes: dict[str, LoraShape] = {}
    for part in parts_of(family):
        pattern = _ENCODER_TARGET if is_encoder(part) else _UNET_TARGET
        for name, piece in components[part].slices.items():
            match, shape = pattern.fullmatch(name), piece.shape
            # What has one side is a norm.
            if not match or len(shape) not in (2, 4) or shape[2:] not in ((), (1, 1), (3, 3)):
                continue
            shapes[kohya_name(part, match[1], family)] = LoraShape(
                inputs=shape[1],
                outputs=shape[0],
                kernel=shape[2] if len(shape) == 4 else 1,
                is_conv=len(shape) == 4,
                needs_conv_dim=not is_encoder(part) and match[2] != "attentions",
            )
    return shapes


def _text_layers(family: Family, components: Mapping[Component, Weights]) -> dict[Part, int]:
    return {part: layers_of_encoder(components[part]) for part in parts_of(family) if is_encoder(part)}


def _like_a_file(settings: Settings) -> bool:
    return settings.dim_from_weights and bool(settings.network_weights)


def _ranks_in(path: Path, family: Family) -> dict[str, int]:
    """Return kohya's module name -> rank of each layer in a LoRA file."""
    ending = ".lora_down.weight"
    shapes = read_header(path).shapes
    return {
        file_name(key.removesuffix(ending), family): shape[0]
        for key, shape in shapes.items()
        if key.endswith(ending) and shape
    }
