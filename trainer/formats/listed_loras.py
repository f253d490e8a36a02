"""LoRAs and models that an infotext lists beside its prompt: `Lora hashes`, `Lora weights`, `Hashes` and Civitai's resources."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from trainer.formats.infotext import Infotext

_DIGITS = re.compile(r"(?:0x)?([0-9a-f]{8,64})", re.IGNORECASE)
_ENDINGS = (".safetensors", ".ckpt", ".pt", ".sft", ".gguf")
# Civitai's words for what is put on a model as a LoRA is.
_LORA_TYPES = ("lora", "locon", "lycoris", "dora")
_CHECKPOINT_TYPES = ("checkpoint", "model")
# Far above any picture's.
_MAX_LISTED = 64


@dataclass(frozen=True)
class ListedLora:
    """A LoRA that a picture was made with, as its metadata name it.

    Attributes:
        name: of its file without folder and extension, or its title.
        digits: the first hex digits of its hash, "" for none.
        unet, text_encoder: factors.
        about: what else tells which it is: `Civitai's model version 62833`; "" for nothing.
        weighed: whether the metadata give its factors.
        titled: whether `name` is its title on Civitai, which need not be its file's name.
    """

    name: str
    digits: str = ""
    unet: float = 1.0
    text_encoder: float = 1.0
    about: str = ""
    weighed: bool = True
    titled: bool = False


def listed_loras(info: Infotext) -> tuple[ListedLora, ...]:
    """Return the LoRAs that the fields of an infotext list, whether or not its prompt has tags for them."""
    found: dict[str, ListedLora] = {}
    for lora in (*_from_hashes(info.fields), *_from_fooocus(info.fields)):
        before = found.get(lora.name)
        found[lora.name] = lora if before is None else replace(lora, digits=lora.digits or before.digits)
    return (*found.values(), *_from_civitai(info.fields))[:_MAX_LISTED]


def with_listed_model(info: Infotext) -> Infotext:
    """Return the infotext with `Model` and `Model hash` where only `Hashes` or Civitai's resources name the checkpoint."""
    fields = dict(info.fields)
    hashes = _table(fields.get("Hashes", ""))
    if "Model hash" not in fields and (digits := hash_digits(hashes.get("model"))):
        fields["Model hash"] = digits
    if "Model" not in fields:
        for resource in _resources(fields):
            if str(resource.get("type", "")).lower() in _CHECKPOINT_TYPES and (title := _title(resource)):
                fields["Model"] = title
                break
    return replace(info, fields=fields)


def file_stem(name: str) -> str:
    r"""Return a model file's name without its folders (of either kind, `/` or `\`) and extension."""
    stem = re.split(r"[/\\]", name.strip())[-1]
    for ending in _ENDINGS:
        if stem.lower().endswith(ending):
            return stem[: -len(ending)]
    return stem


def hash_digits(value: object) -> str:
    """Return a hash as lower-case hex digits, "" where `value` is none: another algorithm's, too short, or not a text."""
    match = _DIGITS.fullmatch(value.strip()) if isinstance(value, str) else None
    return match[1].lower() if match else ""


def factor(value: object, default: float = 1.0) -> float:
    """Return a LoRA's factor, `default` where `value` is not a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return default
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return default
    return number if math.isfinite(number) else default


def _from_hashes(fields: Mapping[str, str]) -> Iterator[ListedLora]:
    """Yield the LoRAs of `Hashes`, a table of `lora:NAME` -> hash."""
    for key, value in _table(fields.get("Hashes", "")).items():
        kind, _, name = key.partition(":")
        if kind.lower() in _LORA_TYPES and name.strip():
            yield ListedLora(file_stem(name), hash_digits(value), weighed=False)


def _from_fooocus(fields: Mapping[str, str]) -> Iterator[ListedLora]:
    """Yield the LoRAs of Fooocus: `Lora weights` holds `name: weight`, in versions before `Lora hashes` `name: hash: weight`."""
    hashes = {name: parts for name, *parts in _parts(fields.get("Lora hashes", ""))}
    for name, parts in hashes.items():
        if len(parts) > 1:
            yield ListedLora(file_stem(name), hash_digits(parts[0]), factor(parts[1]), factor(parts[1]))
    for name, *rest in _parts(fields.get("Lora weights", "")):
        weight = factor(rest[-1]) if rest else 1.0
        digits = hash_digits(hashes.get(name, [""])[0])
        yield ListedLora(file_stem(name), digits, weight, weight)


def _parts(listed: str) -> Iterator[list[str]]:
    for item in listed.split(", "):
        name, *rest = item.split(": ")
        if name.strip() and rest:
            yield [name.strip(), *(part.strip() for part in rest)]


def _from_civitai(fields: Mapping[str, str]) -> Iterator[ListedLora]:
    for resource in _resources(fields):
        if str(resource.get("type", "")).lower() in _LORA_TYPES:
            weight = factor(resource.get("weight"))
            digits, about = hash_digits(resource.get("hash")), _version(resource)
            yield ListedLora(_title(resource) or "without a name", digits, weight, weight, about, titled=True)


def _resources(fields: Mapping[str, str]) -> list[dict[str, object]]:
    """Return Civitai's resources, those that are named by a resource name (`urn:air:sdxl:lora:civitai:1@2`) with its type and version."""
    try:
        listed = json.loads(fields.get("Civitai resources", "[]"))
    except (ValueError, RecursionError):
        return []
    found = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return [resource | _of_air(resource.get("air")) for resource in found]


def _of_air(air: object) -> dict[str, object]:
    """Return type and version of a resource name of Civitai: `urn:air:ECOSYSTEM:TYPE:civitai:MODEL@VERSION`."""
    parts = air.split(":") if isinstance(air, str) else []
    if len(parts) < 6 or parts[:2] != ["urn", "air"]:
        return {}
    return {"type": parts[3], "modelVersionId": parts[5].partition("@")[2]}


def _title(resource: Mapping[str, object]) -> str:
    title = resource.get("modelName")
    if isinstance(title, str) and title.strip():
        return title.strip()
    return _version(resource)


def _version(resource: Mapping[str, object]) -> str:
    number = resource.get("modelVersionId")
    return f"Civitai's model version {number}" if isinstance(number, int | str) and str(number).isdecimal() else ""


def _table(text: str) -> dict[str, object]:
    try:
        table = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return table if isinstance(table, dict) else {}
