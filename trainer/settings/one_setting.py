"""How is one setting written down in the model? Its section, words, bounds, and the kinds of text a person may type."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from trainer.settings.amounts import split_arguments

SECTIONS = ("Data", "Model", "Network", "Rates", "Schedule", "Noise", "Memory", "Saving", "Guards")


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


def _as_text(value: object) -> object:
    """Let TOML numbers stand where a text such as `10%` or `512,768` may."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _as_list(value: object) -> object:
    """Let one text stand for a list of one; `a, b` for a list of two."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _as_arguments(value: object) -> object:
    """Let one text stand for a list of `key=value`."""
    return split_arguments(value) if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_as_text)]
TextList = Annotated[list[str], BeforeValidator(_as_list)]
ArgumentList = Annotated[list[str], BeforeValidator(_as_arguments)]
