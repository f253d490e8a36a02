"""How is one setting written down in the model? Its section, words, bounds, and the kinds of text a person may type."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from trainer.settings.amounts import split_arguments

SECTIONS = ("Data", "Model", "Network", "Rates", "Schedule", "Noise", "Memory", "Saving", "Sampling", "Guards")


def setting(
    default: Any,
    section: str,
    label: str,
    help: str,
    *,
    unit: str = "",
    live: bool = False,
    exactness: str = "",
    **bounds: Any,
) -> Any:
    """Describe one setting.

    Args:
        default: its value where nothing is said.
        section: one of SECTIONS.
        label: the plain words beside it.
        help: what it does, and why its default is what it is.
        unit: how a number is counted.
        live: whether it may change while baking.
        exactness: what it does to an exact resume; "" where the resumed bake is the same bit for bit.
        bounds: pydantic's, such as `ge` and `le`.
    """
    extra: JsonDict = {"section": section, "label": label, "unit": unit, "live": live, "exactness": exactness}
    return Field(default, description=help, json_schema_extra=extra, **bounds)


def disagreement(field: str, *, found: str, expected: str, way_out: str) -> PydanticCustomError:
    """Say that two settings do not go together; the parts reach the user as one SettingsError about `field`."""
    return PydanticCustomError(
        "settings_disagree", "{found}", {"field": field, "found": found, "expected": expected, "way_out": way_out}
    )


def check_name(value: str) -> str:
    """Return `value` if a file may be called so.

    Raises:
        ValueError: it holds folders or control characters, begins with a dot, or is too long.
    """
    # 200 bytes leave room for `-step00001000.safetensors` under the 255 a file name may have.
    too_long = len(value.encode("utf-8", "replace")) > 200
    if value != value.strip() or too_long or not value.isprintable() or re.search(r"[/\\]|^\.", value):
        raise ValueError("a file name without folders, control characters or a dot in front")
    return value


def as_text(value: object) -> object:
    """Let TOML numbers stand where a text such as `10%` or `512,768` may."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _as_found(value: object) -> object:
    """Let sd-scripts' switches stand for yes and no."""
    if isinstance(value, str):
        return {"true": "yes", "false": "no", "": "auto"}.get(value.strip().casefold(), value)
    return ("no", "yes")[value] if isinstance(value, bool) else value


def _as_list(value: object) -> object:
    """Let one text stand for a list of one; `a, b` for a list of two."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _as_arguments(value: object) -> object:
    """Let one text stand for a list of `key=value`."""
    return split_arguments(value) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(as_text)]
TextList = Annotated[list[str], BeforeValidator(_as_list)]
ArgumentList = Annotated[list[str], BeforeValidator(_as_arguments)]
Found = Annotated[Literal["auto", "yes", "no"], BeforeValidator(_as_found)]
