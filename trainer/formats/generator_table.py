"""Tables that generators write into pictures: what one says, and its values by their keys."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from trainer.formats.infotext import Infotext
from trainer.formats.listed_loras import ListedLora, factor, file_stem, hash_digits
from trainer.text import whole_letters

KEY = "parameters"
"""The webui's key for its infotext in a PNG; here also for the comment of every other kind of picture."""

XMP = "XML:com.adobe.xmp"
"""Key of a picture's XMP packet."""

Table = Mapping[str, object]
"""JSON of a generator."""

_SIZE = re.compile(r"\D*(\d{1,5})\D+(\d{1,5})\D*")


@dataclass(frozen=True)
class ReadTable:
    """What a generator's table says.

    Attributes:
        info: in the webui's words; fields that the table lacks are missing.
        loras: the LoRAs that it lists.
        notes: what cannot be carried over, one line each.
    """

    info: Infotext
    loras: tuple[ListedLora, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableKeys:
    """Where a table has each value: names of keys, inside others after a dot, the first that is there counts.

    Attributes:
        fields: webui's field -> keys.
        prompt, negative: keys of the texts.
        size: keys of width and height, or one key that holds both.
        constant: fields that hold for every picture of the program.
    """

    prompt: tuple[str, ...]
    negative: tuple[str, ...]
    fields: Mapping[str, tuple[str, ...]]
    size: tuple[str, ...] = ("width", "height")
    constant: Mapping[str, str] = field(default_factory=dict)

    def infotext(self, table: Table) -> Infotext:
        """Return the values in the webui's words."""
        found = {name: text for name, keys in self.fields.items() if (text := value_text(value_at(table, *keys)))}
        for name in ("Model", "VAE"):
            if name in found:
                found[name] = file_stem(found[name])
        # Some have a hash of another kind.
        if digits := hash_digits(found.pop("Model hash", None)):
            found["Model hash"] = digits
        sides = [value_text(value_at(table, key)) for key in self.size]
        if len(sides) == 1 and (match := _SIZE.fullmatch(sides[0])):
            sides = [match[1], match[2]]
        if len(sides) == 2 and all(sides):
            found["Size"] = "x".join(sides)
        # Some write it for pictures from noise too.
        if factor(found.get("Denoising strength")) >= 1:
            found.pop("Denoising strength", None)
        prompt, negative = (words_of(value_at(table, *keys)) for keys in (self.prompt, self.negative))
        return Infotext(prompt, negative, found | dict(self.constant))


def json_table(text: str | None) -> Table | None:
    """Return the JSON table in a text, None where it is none."""
    if text is None or not text.lstrip().startswith("{"):
        return None
    try:
        # Tensor.Art ends its text with a zero.
        table = json.loads(text.strip().rstrip("\0"))
    except (ValueError, RecursionError):
        return None
    return table if isinstance(table, dict) else None


def value_at(table: object, *keys: str) -> object:
    """Return the first value that is there under one of `keys`; `a.b` is b in a, a number in it a list's place."""
    for key in keys:
        value = table
        for part in key.split("."):
            if isinstance(value, list) and part.isdecimal():
                value = value[int(part)] if int(part) < len(value) else None
            else:
                value = value.get(part) if isinstance(value, Mapping) else None
        if value not in (None, ""):
            return value
    return None


def value_text(value: object) -> str:
    """Return a value as an infotext has it; whole numbers without a fraction."""
    if isinstance(value, float) and value == value // 1:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return whole_letters(str(value)).strip()


def words_of(value: object) -> str:
    """Return a text as it is, "" for anything else."""
    return whole_letters(value) if isinstance(value, str) else ""


def items_of(value: object) -> list[object]:
    """Return a list as it is, an empty one for anything else."""
    return value if isinstance(value, list) else []


def read_by_keys(
    keys: TableKeys, loras: Callable[[Table], Iterator[ListedLora]] | None = None
) -> Callable[[Table], ReadTable]:
    """Return what reads a table by its keys alone.

    Args:
        keys: where its values are.
        loras: yields its LoRAs; None where it never has any.
    """

    def read(table: Table) -> ReadTable:
        return ReadTable(keys.infotext(table), tuple(loras(table)) if loras else ())

    return read
