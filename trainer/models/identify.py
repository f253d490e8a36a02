"""Which base model is this? Answered from file names and safetensors headers alone, without torch and before anything is loaded."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trainer.errors import ModelError, SettingsError
from trainer.foreign_text import shown
from trainer.models.diffusers_folder import COMPONENTS, config_of, weights_file
from trainer.models.kohya_names import Part, kohya_name, part_of
from trainer.models.safetensors_header import read_header

DEMO_BASE = "demo"
_DEMO_FOLDER = Path(__file__).resolve().parents[1] / "demo" / "model"

# The layers kohya trains (networks.lora without conv_dim): Linear and 1x1 convolutions inside the U-Net's Transformer2DModel,
# Linear inside CLIPAttention and CLIPMLP. In an SD1.x U-Net every module below `attentions.N` belongs to a Transformer2DModel.
_TARGETS: dict[Part, re.Pattern[str]] = {
    "unet": re.compile(r"((?:down_blocks\.\d+|mid_block|up_blocks\.\d+)\.attentions\.\d+\..+)\.weight"),
    "text_encoder": re.compile(r"((?:text_model\.)?encoder\.layers\.\d+\.(?:self_attn|mlp)\..+)\.weight"),
}
_TEXT_LAYER = re.compile(r"lora_te_text_model_encoder_layers_(\d+)_")
_PICKLE_ENDINGS = {".ckpt", ".pt", ".pth", ".bin", ".pkl"}
_LORA_KEY = re.compile(r"lora_(?:down|up|A|B|mid)\b|^lora_(?:unet|te)")
_FOLDER_WANTED = "a diffusers folder of an SD1.x model with .safetensors weights"


@dataclass(frozen=True)
class Base:
    """A base model that can be baked on.

    Attributes:
        name: what the user calls it: `demo` or the folder's name.
        folder: its diffusers folder.
        kind: its architecture.
        lora_shapes: kohya's module name -> (inputs, outputs, whether it is a 1x1 convolution).
    """

    name: str
    folder: Path
    kind: Literal["sd1"]
    lora_shapes: dict[str, tuple[int, int, bool]]


def identify_base(name_or_path: str) -> Base:
    """Return the base that `name_or_path` means: `demo`, or a diffusers folder.

    Raises:
        ModelError: it is missing, a pickle, a LoRA, a single file, or another architecture; says which.
    """
    if name_or_path == DEMO_BASE:
        return _base_in(_DEMO_FOLDER, DEMO_BASE)
    path = Path(name_or_path).expanduser()
    if not name_or_path.strip() or not path.exists():
        raise ModelError(
            shown(name_or_path) or "base model",
            found="there is no such file or folder",
            expected=_FOLDER_WANTED,
            way_out="nothing is downloaded: give the path of a folder on this machine, or `demo`",
        )
    if path.is_file():
        raise _why_not_a_file(path)
    return _base_in(path, path.resolve().name)


def lora_file_bytes(base: Base, dim: int, *, unet: bool, text_encoder: bool, bytes_per_number: int) -> int:
    """Return the size of a LoRA file on `base`, in bytes, without its metadata (3 to 8 KiB, more with many tags).

    Args:
        base: the base model.
        dim: rank of every layer.
        unet, text_encoder: which parts the file holds.
        bytes_per_number: 2 for fp16 and bf16, 4 for float.
    """
    wanted = {"unet": unet, "text_encoder": text_encoder}
    entries: dict[str, object] = {}
    offset = 0
    for name, (inputs, outputs, is_conv) in sorted(base.lora_shapes.items()):
        part = part_of(name)
        if part is None or not wanted[part]:
            continue
        ones = [1, 1] if is_conv else []
        tensors = {"alpha": [], "lora_down.weight": [dim, inputs, *ones], "lora_up.weight": [outputs, dim, *ones]}
        for (suffix, shape), numbers in zip(tensors.items(), (1, dim * inputs, outputs * dim), strict=True):
            end = offset + numbers * bytes_per_number
            entries[f"{name}.{suffix}"] = {"dtype": "F16", "shape": shape, "data_offsets": [offset, end]}
            offset = end
    header = len(json.dumps(entries, separators=(",", ":")))
    return 8 + -(-header // 8) * 8 + offset


def check_clip_skip(base: Base, clip_skip: int) -> None:
    """See that the base's text encoder has the layer that `clip_skip` (1 is the last) means.

    Raises:
        SettingsError: it has fewer layers.
    """
    numbers = [int(match[1]) for match in map(_TEXT_LAYER.match, base.lora_shapes) if match]
    layers = max(numbers, default=0) + 1
    if clip_skip > layers:
        raise SettingsError(
            "clip_skip", found=str(clip_skip), expected=f"at most {layers}, the layers of the base's text encoder"
        )


def _base_in(folder: Path, name: str) -> Base:
    """Return the base in a diffusers folder after checking each thing the loader will need."""
    _check_pipeline(folder)
    for component in COMPONENTS:
        weights_file(folder, component)
    _check_architecture(folder)
    shapes: dict[str, tuple[int, int, bool]] = {}
    for part, pattern in _TARGETS.items():
        for key, shape in read_header(weights_file(folder, part).path).shapes.items():
            match = pattern.fullmatch(key)
            if match and (len(shape) == 2 or (len(shape) == 4 and shape[2:] == (1, 1))):
                shapes[kohya_name(part, match[1])] = (shape[1], shape[0], len(shape) == 4)
    if not shapes:
        raise ModelError(shown(str(folder)), found="no layer a LoRA could sit on", expected=_FOLDER_WANTED)
    return Base(name, folder, "sd1", shapes)


def _check_pipeline(folder: Path) -> None:
    where = shown(str(folder))
    if not (folder / "model_index.json").is_file():
        raise ModelError(
            where,
            found="a folder without model_index.json",
            expected=_FOLDER_WANTED,
            way_out="give the folder that holds unet/, text_encoder/ and vae/",
        )
    index = config_of(folder / "model_index.json")
    pipeline = str(index.get("_class_name"))
    if "StableDiffusionXL" in pipeline or "text_encoder_2" in index:
        raise ModelError(where, found="an SDXL model", expected=_FOLDER_WANTED, way_out="SDXL is not baked yet")
    if not pipeline.startswith("StableDiffusion") or pipeline.startswith("StableDiffusion3"):
        raise ModelError(where, found=f"a model of class {shown(pipeline, 60)}", expected=_FOLDER_WANTED)
    tokenizer = folder / "tokenizer"
    if not (tokenizer / "tokenizer.json").is_file() and not (tokenizer / "merges.txt").is_file():
        raise ModelError(
            shown(str(tokenizer)), found="no tokenizer files", expected="tokenizer.json, or vocab.json and merges.txt"
        )


def _check_architecture(folder: Path) -> None:
    """Tell SD1.x from its relatives, which share its pipeline class.

    SD2.x conditions on a wider text encoder through linear projections, inpainting models take 9 channels.
    """
    where = shown(str(folder))
    unet = config_of(folder / "unet" / "config.json")
    encoder = config_of(folder / "text_encoder" / "config.json")
    if unet.get("use_linear_projection") or "CLIPTextModel" not in str(encoder.get("architectures", ["CLIPTextModel"])):
        raise ModelError(where, found="an SD2.x model", expected=_FOLDER_WANTED, way_out="SD2.x is not baked")
    if unet.get("cross_attention_dim") != encoder.get("hidden_size"):
        raise ModelError(
            where,
            found=f"a U-Net for texts of {unet.get('cross_attention_dim')} numbers beside a text encoder of {encoder.get('hidden_size')}",
            expected="parts of one model",
        )
    if unet.get("in_channels", 4) != 4:
        raise ModelError(
            where, found=f"a U-Net of {unet.get('in_channels')} input channels (inpainting)", expected="4 channels"
        )
    scheduler = folder / "scheduler" / "scheduler_config.json"
    kind = config_of(scheduler).get("prediction_type", "epsilon") if scheduler.is_file() else "epsilon"
    if kind != "epsilon":
        raise ModelError(
            where,
            found=f"prediction type {shown(str(kind), 40)}",
            expected="epsilon",
            way_out="v-prediction is not baked yet",
        )


def _why_not_a_file(path: Path) -> ModelError:
    where = shown(str(path))
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        return ModelError(where, found=f"cannot be read ({error.strerror})")
    # torch.save writes a zip (PK..) or, before 1.6, a bare pickle (0x80 and the protocol's number).
    is_pickle = start == b"PK\x03\x04" or (start[:1] == b"\x80" and 2 <= (start[1:2] or b"\0")[0] <= 5)
    if is_pickle or path.suffix.lower() in _PICKLE_ENDINGS:
        return ModelError(
            where,
            found="a pickle file; loading one runs the code in it",
            expected=_FOLDER_WANTED,
            way_out="convert it to a diffusers folder with safetensors weights",
        )
    try:
        header = read_header(path)
    except ModelError as error:
        return error
    if "ss_network_module" in header.metadata or any(_LORA_KEY.search(name) for name in header.shapes):
        return ModelError(where, found="a LoRA", expected=_FOLDER_WANTED, way_out="give the base it was baked on")
    return ModelError(
        where,
        found="a model in one file",
        expected=_FOLDER_WANTED,
        way_out="single files are not read yet; diffusers converts them to a folder",
    )
