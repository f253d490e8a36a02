"""Programs that write a table of their own into pictures, and how each is read as an infotext and its LoRAs."""

import html
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from trainer.formats.comfy_graph import read_comfy_graph
from trainer.formats.generator_table import (
    KEY,
    XMP,
    ReadTable,
    Table,
    TableKeys,
    items_of,
    json_table,
    read_by_keys,
    value_at,
    value_text,
    words_of,
)
from trainer.formats.infotext import SHIFT_KEYS, Infotext
from trainer.formats.listed_loras import ListedLora, factor, file_stem, hash_digits

_COMBINED = re.compile(r"(?:lora_combined_|LoRA )\d+")


@dataclass(frozen=True)
class Generator:
    """A program that writes a table of its own into pictures.

    Attributes:
        name: the program's.
        table: returns its table in the texts of a picture, None where there is none.
        read: returns what the table says.
    """

    name: str
    table: Callable[[Mapping[str, str]], Table | None]
    read: Callable[[Table], ReadTable | None]


def generator_of(texts: Mapping[str, str]) -> tuple[Generator, Table] | None:
    """Return the generator whose table is among the texts of a picture, and the table; None where it is nobody's."""
    for generator in GENERATORS:
        if (table := generator.table(texts)) is not None:
            return generator, table
    return None


# ComfyUI


def _comfy_table(texts: Mapping[str, str]) -> Table | None:
    """Return ComfyUI's graph: under `prompt` in a PNG, in WebP as `prompt:{…}`, on Civitai as a comment."""
    for text in (texts.get("prompt"), texts.get(KEY)):
        table = json_table(text) or {}
        # Sent to its API, the graph stands inside another table.
        for graph in (table, table.get("prompt")):
            if isinstance(graph, dict) and any(
                "class_type" in node for node in graph.values() if isinstance(node, dict)
            ):
                return graph
    # The editor's workflow alone: named, though it cannot be read.
    return {} if json_table(texts.get("workflow")) is not None or json_table(texts.get("prompt")) is not None else None


def _read_comfy(table: Table) -> ReadTable | None:
    found = read_comfy_graph(table)
    if found is None:
        return None
    values = found.values
    named = {
        "Steps": "steps",
        "Sampler": "sampler_name",
        "Schedule type": "scheduler",
        "CFG scale": "cfg",
        "Seed": "seed",
        "Model": "model",
        "VAE": "vae",
        "Clip skip": "clip_skip",
        SHIFT_KEYS[0]: "shift",
        "Module 1": "encoder",
    }
    # It draws its noise on the CPU, as we do.
    fields = {"RNG": "CPU"} | {name: value_text(values[key]) for name, key in named.items() if key in values}
    if "width" in values and "height" in values:
        fields["Size"] = f"{value_text(values['width'])}x{value_text(values['height'])}"
    if factor(values.get("denoise")) < 1:
        fields["Denoising strength"] = value_text(values["denoise"])
    if found.controlled:
        fields["ControlNet"] = "True"
    for name in ("Model", "VAE", "Module 1"):
        if name in fields:
            fields[name] = file_stem(fields[name])
    notes = [f"it was sampled {found.passes} times: here only the first is made"] if found.passes > 1 else []
    if found.padded_to:
        notes.append(f"T5TokenizerOptions pads its prompts ({found.padded_to}): here they are as long as they are")
    info = Infotext(words_of(values.get("prompt")), words_of(values.get("negative_prompt")), fields)
    return ReadTable(info, found.loras, tuple(notes))


# InvokeAI


_INVOKE = TableKeys(
    ("positive_prompt",),
    ("negative_prompt",),
    {
        "Steps": ("steps",),
        "Sampler": ("scheduler",),
        "CFG scale": ("cfg_scale",),
        "Seed": ("seed",),
        "Model": ("model.name", "model.model_name"),
        "VAE": ("vae.name", "vae.model_name"),
        "Denoising strength": ("strength",),
    },
)
_OPTION = re.compile(r"-(\w+) ([^\s-]\S*)")
_OPTIONS = {"s": "steps", "S": "seed", "W": "width", "H": "height", "C": "cfg_scale", "A": "sampler"}
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_OLD_INVOKE = TableKeys(
    ("image.prompt.0.prompt", "image.prompt"),
    (),
    {
        "Steps": ("image.steps",),
        "Sampler": ("image.sampler",),
        "CFG scale": ("image.cfg_scale",),
        "Seed": ("image.seed",),
        "Model": ("model_weights",),
        "Model hash": ("model_hash",),
    },
    ("image.width", "image.height"),
)


def _old_invoke_table(texts: Mapping[str, str]) -> Table | None:
    """Return InvokeAI's table of before version 3; earlier still it wrote the command line alone, under `Dream`."""
    if (table := json_table(texts.get("sd-metadata"))) is not None:
        return table
    prompt, quote, options = texts.get("Dream", "").strip().removeprefix('"').rpartition('"')
    if not quote:
        return None
    given = dict(_OPTION.findall(options))
    return {"image": {"prompt": prompt, **{key: given[sign] for sign, key in _OPTIONS.items() if sign in given}}}


def _read_old_invoke(table: Table) -> ReadTable:
    info = _OLD_INVOKE.infotext(table)
    # What stood in brackets was its negative prompt.
    negative = ", ".join(_BRACKETS.findall(info.prompt))
    return ReadTable(Infotext(_BRACKETS.sub("", info.prompt).strip(), negative, info.fields))


def _read_invoke(table: Table) -> ReadTable:
    info = _INVOKE.infotext(table)
    # It counts the layers that are left out, the webui from the last.
    if isinstance(skipped := value_at(table, "clip_skip"), int) and skipped > 0:
        info.fields["Clip skip"] = str(skipped + 1)
    if value_at(table, "rand_device") == "cpu":
        info.fields["RNG"] = "CPU"
    loras = []
    for each in items_of(value_at(table, "loras")):
        name = value_text(value_at(each, "model.name", "model.model_name", "lora.name", "lora.model_name"))
        weight = factor(value_at(each, "weight"))
        if name:
            loras.append(ListedLora(file_stem(name), "", weight, weight))
    return ReadTable(info, tuple(loras), _own_weights(info, "InvokeAI", re.compile(r"[\w)][+-]+(?=[\s,)]|$)")))


def _own_weights(info: Infotext, program: str, sign: re.Pattern[str]) -> tuple[str, ...]:
    """Return a note where a prompt weighs words in a program's own way."""
    if not any(sign.search(prompt) for prompt in (info.prompt, info.negative_prompt)):
        return ()
    return (f"its prompt weighs words in {program}'s way, which counts as plain text here",)


# NovelAI


_NOVEL = TableKeys(
    ("prompt", "v4_prompt.caption.base_caption"),
    ("uc", "v4_negative_prompt.caption.base_caption"),
    {
        "Steps": ("steps",),
        "Sampler": ("sampler",),
        "Schedule type": ("noise_schedule",),
        "CFG scale": ("scale",),
        "Seed": ("seed",),
        "Model": ("source",),
    },
)


def _novel_table(texts: Mapping[str, str]) -> Table | None:
    """Return NovelAI's table: under `Comment` in a PNG; in WebP the comment holds all of these texts."""
    inside = json_table(texts.get(KEY)) or {}
    comment, source = texts.get("Comment", inside.get("Comment")), texts.get("Source", inside.get("Source"))
    table = json_table(comment) if isinstance(comment, str) else None
    if table is None or "uc" not in table or "sampler" not in table:
        return None
    return {"source": source, **table}


def _read_novel(table: Table) -> ReadTable:
    info = _NOVEL.infotext(table)
    return ReadTable(info, (), _own_weights(info, "NovelAI", re.compile(r"[{}\[\]]|\d::")))


# SwarmUI


_SWARM = TableKeys(
    ("sui_image_params.prompt",),
    ("sui_image_params.negativeprompt",),
    {
        "Steps": ("sui_image_params.steps",),
        "Sampler": ("sui_image_params.sampler",),
        "Schedule type": ("sui_image_params.scheduler",),
        "CFG scale": ("sui_image_params.cfgscale",),
        "Seed": ("sui_image_params.seed",),
        "Model": ("sui_image_params.model",),
        "VAE": ("sui_image_params.vae",),
    },
    ("sui_image_params.width", "sui_image_params.height"),
    # ComfyUI samples for it.
    {"RNG": "CPU"},
)


def _swarm_table(texts: Mapping[str, str]) -> Table | None:
    table = json_table(texts.get(KEY))
    return table if table is not None and "sui_image_params" in table else None


def _swarm_loras(table: Table) -> Iterator[ListedLora]:
    weights = items_of(value_at(table, "sui_image_params.loraweights"))
    hashes = {
        file_stem(value_text(value_at(each, "name"))): hash_digits(value_at(each, "hash"))
        for each in items_of(value_at(table, "sui_models"))
    }
    for number, name in enumerate(items_of(value_at(table, "sui_image_params.loras"))):
        weight = factor(weights[number]) if number < len(weights) else 1.0
        stem = file_stem(value_text(name))
        yield ListedLora(stem, hashes.get(stem, ""), weight, weight)


# Fooocus


_FOOOCUS = TableKeys(
    ("prompt", "Prompt"),
    ("negative_prompt", "Negative Prompt", "Negative"),
    {
        "Steps": ("steps", "Steps"),
        "Sampler": ("sampler", "Sampler", "sampler_name"),
        "Schedule type": ("scheduler", "Scheduler"),
        "CFG scale": ("guidance_scale", "Guidance Scale", "cfg"),
        "Seed": ("seed", "Seed"),
        "Model": ("base_model", "Base Model", "base_model_name"),
        "Model hash": ("base_model_hash",),
        "Refiner": ("refiner_model", "Refiner Model"),
    },
    ("resolution",),
)
_RUINED_FOOOCUS = TableKeys(_FOOOCUS.prompt, _FOOOCUS.negative, _FOOOCUS.fields)


def _fooocus_table(texts: Mapping[str, str]) -> Table | None:
    for text in (texts.get(KEY), texts.get("Comment")):
        table = json_table(text)
        if (
            table is not None
            and value_at(table, *_FOOOCUS.fields["Model"])
            and value_at(table, *_FOOOCUS.fields["CFG scale"])
        ):
            # Before 2.2 its keys were the labels of its log.
            return {**table, "resolution": value_at(table, "resolution", "Resolution")}
    return None


def _read_fooocus(table: Table) -> ReadTable:
    keys = _FOOOCUS if value_at(table, "resolution") else _RUINED_FOOOCUS
    info = keys.infotext(table)
    for name, blank in (("VAE", ""), ("Refiner", "None")):
        if info.fields.get(name) == blank:
            del info.fields[name]
    return ReadTable(info, tuple(_fooocus_loras(table)))


def _fooocus_loras(table: Table) -> Iterator[ListedLora]:
    listed = [each for each in items_of(value_at(table, "loras")) if isinstance(each, list) and len(each) > 1]
    for name, weight, *rest in listed:
        yield from _fooocus_lora(value_text(name), weight, hash_digits(rest[0]) if rest else "")
    for key, value in table.items() if not listed else ():
        if _COMBINED.fullmatch(key) and isinstance(value, str):
            # Since 2.3 whether it is switched on stands before the name.
            *on, name, weight = value.split(" : ") if " : " in value else (value, "1")
            if on != ["False"]:
                yield from _fooocus_lora(name, weight, "")


def _fooocus_lora(name: str, weight: object, digits: str) -> Iterator[ListedLora]:
    if name.strip() not in ("", "None"):
        yield ListedLora(file_stem(name), digits, factor(weight), factor(weight))


# Easy Diffusion


_EASY = TableKeys(
    ("prompt",),
    ("negative_prompt",),
    {
        "Steps": ("num_inference_steps",),
        "Sampler": ("sampler_name",),
        "CFG scale": ("guidance_scale",),
        "Seed": ("seed",),
        "Model": ("use_stable_diffusion_model",),
        "VAE": ("use_vae_model",),
        "Denoising strength": ("prompt_strength",),
    },
)


def _easy_table(texts: Mapping[str, str]) -> Table | None:
    """Return Easy Diffusion's table: each key a text of its own in a PNG, one JSON text elsewhere."""
    for table in (texts, json_table(texts.get(KEY))):
        if table is not None and "use_stable_diffusion_model" in table and "num_inference_steps" in table:
            return table
    return None


def _easy_loras(table: Table) -> Iterator[ListedLora]:
    names, weights = (_one_or_more(value_at(table, key)) for key in ("use_lora_model", "lora_alpha"))
    for number, name in enumerate(names):
        if (stem := file_stem(value_text(name))) and stem != "None":
            weight = factor(weights[number]) if number < len(weights) else 1.0
            yield ListedLora(stem, "", weight, weight)


def _one_or_more(value: object) -> Sequence[object]:
    """Return a list that is written as JSON, as one value or as a list."""
    if isinstance(value, str) and value.startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return ()
    return value if isinstance(value, list) else () if value is None else (value,)


# Draw Things


_DRAW = TableKeys(
    ("c",),
    ("uc",),
    {
        "Steps": ("steps",),
        "Sampler": ("sampler",),
        "CFG scale": ("scale",),
        "Seed": ("seed",),
        "Model": ("model",),
    },
    ("size",),
)


def _draw_table(texts: Mapping[str, str]) -> Table | None:
    for text in (_xmp_comment(texts.get(XMP, "")), texts.get(KEY)):
        table = json_table(text)
        if table is not None and "c" in table and "sampler" in table and "scale" in table:
            return table
    return None


def _xmp_comment(xmp: str) -> str:
    """Return the first text of the user's comment in an XMP packet, "" without one."""
    at = 0
    for mark in ("<exif:UserComment", "<rdf:li", ">"):
        at = xmp.find(mark, at) + len(mark)
        if at < len(mark):
            return ""
    return html.unescape(xmp[at : xmp.find("</rdf:li>", at)])


def _draw_loras(table: Table) -> Iterator[ListedLora]:
    for each in items_of(value_at(table, "lora")):
        if name := value_text(value_at(each, "model")):
            yield ListedLora(file_stem(name), "", factor(value_at(each, "weight")), factor(value_at(each, "weight")))


# Tensor.Art


_TENSOR = TableKeys(
    ("prompt",),
    ("negativePrompt",),
    {
        "Steps": ("steps",),
        "Sampler": ("samplerName", "sampler"),
        "CFG scale": ("cfgScale",),
        "Seed": ("seed",),
        "Clip skip": ("clipSkip",),
        "Model": ("baseModel.modelFileName", "baseModel.label"),
        "Model hash": ("baseModel.hash",),
        "VAE": ("sdVae",),
    },
)


def _tensor_loras(table: Table) -> Iterator[ListedLora]:
    for each in items_of(value_at(table, "models")):
        name = value_text(value_at(each, "modelFileName", "label"))
        if value_at(each, "type") == "LORA" and name:
            weight = factor(value_at(each, "weight"))
            yield ListedLora(file_stem(name), hash_digits(value_at(each, "hash")), weight, weight)


GENERATORS = (
    Generator("InvokeAI", lambda texts: json_table(texts.get("invokeai_metadata")), _read_invoke),
    Generator("InvokeAI", _old_invoke_table, _read_old_invoke),
    Generator("NovelAI", _novel_table, _read_novel),
    Generator("SwarmUI", _swarm_table, read_by_keys(_SWARM, _swarm_loras)),
    Generator("Fooocus", _fooocus_table, _read_fooocus),
    Generator("Easy Diffusion", _easy_table, read_by_keys(_EASY, _easy_loras)),
    Generator("Draw Things", _draw_table, read_by_keys(_DRAW, _draw_loras)),
    Generator(
        "Tensor.Art", lambda texts: json_table(texts.get("generation_data")), read_by_keys(_TENSOR, _tensor_loras)
    ),
    # Last: Tensor.Art and others write its keys too.
    Generator("ComfyUI", _comfy_table, _read_comfy),
)
"""Every generator whose tables are read, in the order in which they are tried."""
