"""The record of one setting, and the kinds of text a person may type for it."""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from trainer.settings.amounts import split_arguments, split_list

SECTIONS = (
    "Data",
    "Model",
    "Network",
    "Rates",
    "Schedule",
    "Noise",
    "Memory",
    "Saving",
    "Measures",
    "Sampling",
    "Guards",
)
FORK_SECTIONS = ("Rates", "Schedule", "Noise", "Memory", "Saving", "Measures", "Sampling", "Guards")
"""Sections whose settings a fork may change: they leave base, data and LoRA layers as they are."""


class Decides(StrEnum):
    """Whether a setting decides what LoRA comes out."""

    YES = "yes"
    ROUNDING = "in the last digits"
    """The same computation in another order: the bits differ, the training does not."""
    NO = "no"


_DECIDES: Mapping[str, Decides] = {
    "Data": Decides.YES,
    "Model": Decides.YES,
    "Network": Decides.YES,
    "Rates": Decides.YES,
    "Schedule": Decides.YES,
    "Noise": Decides.YES,
    "Memory": Decides.ROUNDING,
    "Saving": Decides.NO,
    "Measures": Decides.NO,
    "Sampling": Decides.NO,
    "Guards": Decides.NO,
}
"""Section -> whether its settings decide what LoRA comes out, unless one says otherwise. What guards did is a mark of the bake."""

MemoryRole = Literal["no", "yes", "derived"]
"""Whether a setting decides a bake's memory: by its value, or through what follows from it (base, buckets, captions, parts)."""

PathRole = Literal["", "weights", "data", "samples"]
"""What the file or folder decides that a setting names.

"": it names none. `weights`: every bit of the LoRA; it is known by its hash, and with another content the bake is another one.
`data`: what is trained on; the manifest lists each picture. `samples`: sample pictures alone, and it is read again for each.
"""

EXACT = ""
"""Exactness of a setting with which a resumed bake is the same bit for bit."""
NO_KEY: tuple[str, ...] = ()
"""Metadata keys of a setting that a LoRA file does not mention."""


class SettingFields(BaseModel):
    """The settings of one section: a part of the model that joins all of them, and nothing that is validated by itself."""

    # Without it pydantic builds a validator of every section, in as much time as that of the whole takes.
    model_config = ConfigDict(defer_build=True)


def setting(
    default: Any,
    section: str,
    label: str,
    help: str,
    *,
    memory: MemoryRole,
    speed: bool,
    metadata: str | tuple[str, ...],
    exactness: str,
    synonyms: str,
    unit: str = "",
    live: bool = False,
    path: PathRole = "",
    fixed_in_fork: bool = False,
    stays_here: bool = False,
    choices: Sequence[str] | None = None,
    decides: Decides | None = None,
    **bounds: Any,
) -> Any:
    """Describe one setting; the keywords without a default are questions that every setting answers.

    Args:
        default: its value when the user sets none.
        section: one of SECTIONS.
        label: its name in plain words; unique, and clear without its section. `{body}` and `{encoder}` in it and in `help` stand for
            what a family of bases calls these parts; see parts.in_words_of.
        help: what it does, and why its default is what it is.
        memory: whether it decides how much memory a bake takes.
        speed: whether a speed measured with another value says nothing about this one.
        metadata: the key of a LoRA file's metadata that holds its plain value; several keys, or one that holds something else,
            as a tuple, which `trainer.network` fills; NO_KEY for none.
        exactness: what it does to an exact resume; EXACT where the resumed bake is the same bit for bit.
        synonyms: further words that a search finds it by, separated by commas.
        unit: how a number is counted.
        live: whether it may change while baking.
        path: what the file or folder decides that its text names; "" where it names none.
        fixed_in_fork: whether a fork must keep it although its section is one of FORK_SECTIONS.
        stays_here: whether it means something in this workspace alone, as a command does: a LoRA file, which is passed on, neither
            says it nor is asked for it. What names a path stays here as well.
        choices: the texts that it takes, where a table of records has them; None where its type says it.
        decides: whether it decides what LoRA comes out; None where it does as most settings of its section.
        bounds: pydantic's, such as `ge` and `le`.
    """
    extra: JsonDict = {
        "section": section,
        "label": label,
        "unit": unit,
        "live": live,
        "memory": memory,
        "speed": speed,
        "metadata": metadata if isinstance(metadata, str) else list(metadata),
        "exactness": exactness,
        "synonyms": synonyms,
        "path": path,
        "fixed_in_fork": fixed_in_fork,
        "stays_here": stays_here or bool(path),
        "choices": None if choices is None else list(choices),
        "decides": decides or _DECIDES[section],
    }
    return Field(default, description=help, json_schema_extra=extra, **bounds)


def disagreement(field: str, *, found: str, expected: str, way_out: str) -> PydanticCustomError:
    """Return the error for two settings that contradict each other; its parts reach the user as one SettingsError about `field`."""
    return PydanticCustomError(
        "settings_disagree", "{found}", {"field": field, "found": found, "expected": expected, "way_out": way_out}
    )


def check_name(value: str) -> str:
    """Return `value` if it can be a file name.

    Raises:
        ValueError: it holds folders or control characters, starts with a dot, or is too long.
    """
    # 200 bytes leave room for `-step00001000.safetensors` under the 255 a file name may have.
    too_long = len(value.encode("utf-8", "replace")) > 200
    if value != value.strip() or too_long or not value.isprintable() or re.search(r"[/\\]|^\.", value):
        raise ValueError("a file name without folders, control characters or a leading dot, of at most 200 bytes")
    return value


def as_text(value: object) -> object:
    """Accept TOML numbers where a text such as `10%` or `512,768` is expected."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _as_auto_yes_no(value: object) -> object:
    """Accept sd-scripts' switches for yes and no."""
    if isinstance(value, str):
        return {"true": "yes", "false": "no", "": "auto"}.get(value.strip().casefold(), value)
    return ("no", "yes")[value] if isinstance(value, bool) else value


def _as_list(value: object) -> object:
    """Accept one text for a list: `a` for a list of one, `a, b` for a list of two, `"a, b"` for one again."""
    return split_list(value) if isinstance(value, str) else value


def _as_arguments(value: object) -> object:
    """Accept one text for a list of `key=value`."""
    return split_arguments(value) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(as_text)]
TextList = Annotated[list[str], BeforeValidator(_as_list)]
ArgumentList = Annotated[list[str], BeforeValidator(_as_arguments)]
AutoYesNo = Annotated[Literal["auto", "yes", "no"], BeforeValidator(_as_auto_yes_no)]
