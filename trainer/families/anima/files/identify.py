"""Identification of Anima from the keys in safetensors headers, and its other files; free of torch."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from trainer.errors import ModelError, SettingsError
from trainer.families.anima.files.components import (
    BODY,
    CONDITIONER,
    ENCODER,
    FILES,
    VAE,
    WANTED,
    Part,
    config_class,
    only_part,
    part_at,
    parts_in_file,
    parts_in_folder,
)
from trainer.families.anima.files.places import USUAL, beside
from trainer.families.anima.files.shipped_tokenizers import SHIPPED_TOKENS, is_shipped
from trainer.families.anima.files.tokenizer_files import WANTED as WANTED_TOKENIZER
from trainer.families.anima.files.tokenizer_files import TokenizerKind, check_tokenizer
from trainer.families.anima.lora_names import CONDITIONER_PATH, QWEN_PATH
from trainer.families.anima.record import FAMILY
from trainer.models.identify import Base, LoraShape, existing_path
from trainer.models.kohya_names import kohya_name
from trainer.models.prediction_markers import PredictionMarkers
from trainer.models.weight_slice import PlacedWeight, WeightSlice
from trainer.refusals import real_path
from trainer.text import plural, printable

_BODY_PART, _CONDITIONER_PART = (part.key for part in FAMILY.parts)

# Where layers of a bake sit; what lies beside gets one only where another program's file has it.
_TRAINED = re.compile(r"transformer_blocks\.\d+\.(?:attn1|attn2|ff)\.|conditioner\.blocks\.\d+\.")
# Tables of tokens are no Linear.
_TABLES = ("embed.weight", "embed_tokens.weight")

_TOKENIZERS: Mapping[TokenizerKind, tuple[str, str]] = {
    "qwen3_tokenizer": (ENCODER, "embed_tokens.weight"),
    "t5_tokenizer_path": (CONDITIONER, "embed.weight"),
}


def identify(path: Path) -> Base | None:
    """Return the base at `path`, with its other files where they lie in their usual places; None for what may be another family's.

    Raises:
        ModelError: it is Anima's, and cannot be baked on; says why.
    """
    parts = parts_in_file(path) if path.is_file() else parts_in_folder(path)
    if parts is None:
        _refuse_half(path)
        return None
    found = {setting: place for setting, place in beside(path).items() if FILES.get(setting) not in parts}
    return _base(path, parts | _with_modules(found), found)


def _with_modules(files: Mapping[str, Path]) -> dict[str, Part]:
    """Return the components in files of their own that a LoRA may have layers on; what is wrong with one is told by `complete`."""
    parts: dict[str, Part] = {}
    for setting in ("qwen3", "llm_adapter_path"):
        if setting in files:
            with suppress(ModelError):
                parts[FILES[setting]] = part_at(files[setting], FILES[setting])
    return parts


def complete(base: Base, given: Mapping[str, str]) -> Base:
    """Return the base with the files that a user names, after seeing that everything is there and fits together.

    Args:
        base: from identify.
        given: setting -> path; blank for the base's own, or for what lies in its usual place.

    Raises:
        ModelError: a file is another thing than it is to be, or not complete, or does not fit the others.
        SettingsError: one is missing; a tokenizer only where the one that comes with the program is not that of the model.
    """
    named = {setting: existing_path(text, setting, _wanted(setting)) for setting, text in given.items() if text.strip()}
    files = {**base.component_files, **named}
    parts = components(replace(base, component_files=files))
    for setting in ("llm_adapter_path", "qwen3", "vae"):
        if FILES[setting] not in parts:
            raise _missing(base, setting)
    _check_widths(base, parts)
    for kind, (component, table) in _TOKENIZERS.items():
        rows = parts[component].weights.side(table, 0)
        if kind in files:
            check_tokenizer(files[kind], kind, rows)
        elif not is_shipped(kind, rows):
            raise _no_tokenizer(base, kind, rows)
    return _base(base.path, parts, files)


def components(base: Base) -> dict[str, Part]:
    """Return every component that is there: a file of its own before the one in the base.

    Raises:
        ModelError: one is another thing than it is to be, or not complete.
    """
    parts = parts_in_file(base.path) if base.path.is_file() else parts_in_folder(base.path)
    if parts is None:
        # It was another one when the base was recognised.
        raise ModelError(printable(str(base.path)), found="no Anima any more", expected="the unchanged model")
    own = {FILES[setting]: place for setting, place in base.component_files.items() if setting in FILES}
    return parts | {component: part_at(place, component) for component, place in own.items()}


def check_vae(path: str) -> None:
    """See that the VAE at `path` can be used.

    Args:
        path: a .safetensors file, in the original keys or diffusers', or a folder.

    Raises:
        ModelError: it is missing, cut off, incomplete, a pickle, or no VAE of Qwen-Image's form.
    """
    part_at(existing_path(path, "vae", WANTED[VAE]), VAE)


def _wanted(setting: str) -> str:
    return WANTED[FILES[setting]] if setting in FILES else WANTED_TOKENIZER[setting]  # type: ignore[index]


def _missing(base: Base, setting: str) -> SettingsError | ModelError:
    where = printable(base.name, 60)
    if setting == "llm_adapter_path":
        return ModelError(
            printable(str(base.path)),
            found="a transformer of Cosmos-Predict2 without Anima's text conditioner (llm_adapter)",
            expected=f"{FAMILY.title}'s",
            way_out="give Anima's own file, or set llm_adapter_path to the conditioner's",
        )
    return SettingsError(
        setting,
        found=f"blank, and {where} {_holds_none(base)}",
        expected=_wanted(setting),
        way_out=f"set `{setting}`; {USUAL[setting].told}",
    )


def _no_tokenizer(base: Base, kind: TokenizerKind, rows: int) -> SettingsError:
    shipped = f"the one that comes with the program has {plural(SHIPPED_TOKENS[kind], 'token')}, the model's embedding {rows:,}"
    return SettingsError(
        kind,
        found=f"blank, and {printable(base.name, 60)} {_holds_none(base)}; {shipped}",
        expected=_wanted(kind),
        way_out=f"set `{kind}` to the tokenizer that the model was trained with",
    )


def _holds_none(base: Base) -> str:
    return "has no such folder" if base.path.is_dir() else "holds none, nor does one lie beside it"


def _refuse_half(path: Path) -> None:
    """See that this is not a part of an Anima that lacks its transformer.

    Raises:
        ModelError: it is.
    """
    if path.is_file():
        setting = only_part(path)
        if setting:
            raise ModelError(
                printable(str(path)),
                found=f"only {_wanted(setting).partition(':')[0]}",
                expected=f"{FAMILY.title}'s file with the transformer",
                way_out=f"give that one here, and this one as `{setting}`",
            )
    elif config_class(path / CONDITIONER) == "AnimaTextConditioner":
        raise _half_folder(path)


def _half_folder(folder: Path) -> ModelError:
    body = folder / BODY
    wanted = "transformer/, text_conditioner/, text_encoder/, vae/, tokenizer/ and t5_tokenizer/"
    if not body.is_dir():
        return ModelError(
            printable(str(folder)),
            found="a folder of Anima's without its transformer",
            expected=wanted,
            way_out="download the missing folder into it",
        )
    kind = config_class(body)
    return ModelError(
        printable(str(body)),
        found=f"a transformer of class {printable(kind, 60)}" if kind else "no config.json that names the class",
        expected="Anima's, of class CosmosTransformer3DModel",
        way_out="download this folder again",
    )


def _check_widths(base: Base, parts: Mapping[str, Part]) -> None:
    """See that each component takes what the one before gives."""
    encoder, conditioner, body = (parts[each].config for each in (ENCODER, CONDITIONER, BODY))
    if encoder["hidden_size"] != conditioner["source_dim"]:
        raise ModelError(
            printable(str(parts[ENCODER].weights.path)),
            found=f"a Qwen3 of width {encoder['hidden_size']} beside a text conditioner for {conditioner['source_dim']}",
            expected=WANTED[ENCODER],
        )
    if conditioner["target_dim"] != body["text_embed_dim"]:
        raise ModelError(
            printable(str(parts[CONDITIONER].weights.path)),
            found=f"a text conditioner of width {conditioner['target_dim']} for a transformer of {body['text_embed_dim']}",
            expected="components of one model",
        )
    channels = parts[VAE].config.get("z_dim")
    if channels != body["out_channels"]:
        raise ModelError(
            printable(str(parts[VAE].weights.path)),
            found=f"a VAE of {channels} channels for a transformer of {body['out_channels']}",
            expected=WANTED[VAE],
        )


def _base(path: Path, parts: Mapping[str, Part], files: Mapping[str, Path]) -> Base:
    shapes: dict[str, LoraShape] = {}
    weights: dict[str, PlacedWeight] = {}
    for part, module, piece, place in _targets(parts):
        name = kohya_name(part, module, FAMILY.key)
        shapes[name] = LoraShape(
            inputs=piece.shape[1],
            outputs=piece.shape[0],
            kernel=1,
            is_conv=False,
            needs_conv_dim=False,
            only_in_files=not _TRAINED.match(module),
        )
        weights[name] = PlacedWeight(place, piece)
    return Base(
        name=path.name if path.is_file() else real_path(path).name,
        path=path,
        family=FAMILY.key,
        lora_shapes=shapes,
        markers=PredictionMarkers("flow", False, ""),
        text_layers={_CONDITIONER_PART: parts[CONDITIONER].config["num_layers"]} if CONDITIONER in parts else {},
        has_vae=VAE in parts or "vae" in files,
        weights=weights,
        component_files=files,
        swapped_blocks=parts[BODY].config["num_layers"],
    )


def _targets(parts: Mapping[str, Part]) -> Iterator[tuple[str, str, WeightSlice, Path]]:
    """Yield part, path inside it, weight and file of each module that a LoRA may sit on, those of a bake first."""
    found: list[tuple[str, str, WeightSlice, Path]] = []
    for component, part, level in (
        (BODY, _BODY_PART, ""),
        (CONDITIONER, _CONDITIONER_PART, CONDITIONER_PATH),
        (ENCODER, _CONDITIONER_PART, QWEN_PATH),
    ):
        if component not in parts:
            continue
        weights = parts[component].weights
        files = {key: path for path, header in weights.files.items() for key in header.shapes}
        found += (
            (part, level + name.removesuffix(".weight"), piece, files[piece.key])
            for name, piece in weights.slices.items()
            if len(piece.shape) == 2 and name.endswith(".weight") and name not in _TABLES
        )
    return iter(sorted(found, key=lambda target: not _TRAINED.match(target[1])))
