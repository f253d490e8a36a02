"""Styles: the user's defaults for grids by name, with negative prompt, sampler, steps, size and seeds."""

from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import cast

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trainer.errors import GridError, SettingsError
from trainer.families.record import MAX_SHIFT, MIN_SHIFT
from trainer.formats.infotext import SHIFT_KEYS, Infotext
from trainer.formats.webui_config import WebuiDefaults
from trainer.formats.webui_styles import PLACE, WebuiStyle, joined, with_words
from trainer.grid.axis_values import MAX_SEED
from trainer.grid.samplers import sampler_named
from trainer.grid.spec import GridSpec, refused_field
from trainer.grid.value_grammar import whole_numbers
from trainer.grid.webui_sampler import sampler_if_known, sampler_of_flow, webui_names
from trainer.settings.toml_file import save_text
from trainer.settings.toml_text import parse_toml, read_text
from trainer.text import printable
from trainer.workspace import Workspace

# Pixels to a side of one latent.
_LATENT = 8
_COPIED = ("steps", "cfg_scale", "shift", "width", "height", "seeds", "clip_skip")

DEFAULT = "default"
"""The style that every new grid starts with, where the workspace has one of that name."""


class Style(BaseModel):
    """Values that a style sets; None keeps the grid's own.

    Attributes:
        name: unique in the workspace.
        prompt, negative_prompt: words added to the grid's own; `{prompt}` in them is where those go.
        sampler: one of samplers.SAMPLERS.
        steps, cfg_scale, shift, width, height, clip_skip: as in GridSpec.
        seeds: in the grammar of whole numbers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str = Field(pattern=r"^[^\n\x00]{1,120}$")
    prompt: str | None = None
    negative_prompt: str | None = None
    sampler: str | None = None
    steps: int | None = Field(None, ge=1, le=1000)
    cfg_scale: float | None = Field(None, ge=0, le=100)
    shift: float | None = Field(None, ge=MIN_SHIFT, le=MAX_SHIFT)
    width: int | None = Field(None, ge=8, le=8192, multiple_of=8)
    height: int | None = Field(None, ge=8, le=8192, multiple_of=8)
    seeds: str | None = None
    clip_skip: int | None = Field(None, ge=1, le=32)


def styles_path(workspace: Workspace) -> Path:
    """Return the file of the workspace's styles, with one table for each."""
    return workspace.grids / "styles.toml"


def load_styles(workspace: Workspace) -> tuple[Style, ...]:
    """Return the styles of the workspace in their order; none without a file.

    Raises:
        SettingsError: the file cannot be read or is not TOML.
        GridError: a style has an unknown key or a wrong value.
    """
    path = styles_path(workspace)
    if not path.is_file():
        return ()
    where = printable(str(path))
    table = parse_toml(read_text(path, "a file of styles"), where)
    return tuple(_style(name, values, where) for name, values in table.items())


def style_named(workspace: Workspace, name: str) -> Style:
    """Return the style called `name`.

    Raises:
        GridError: no style has that name; or as load_styles.
    """
    styles = load_styles(workspace)
    for style in styles:
        if style.name == name:
            return style
    raise GridError(
        "style",
        found=f"no style named `{printable(name, 80)}`",
        expected=", ".join(printable(style.name, 80) for style in styles) or "a saved style",
        way_out="" if styles else "import some with `lora-tui style read FILE` from a webui's files or a picture",
    )


def save_styles(workspace: Workspace, styles: Sequence[Style]) -> None:
    """Save `styles` in the workspace, replacing those of the same names; the rest of the file stays as it is.

    Raises:
        SettingsError: the file cannot be read or written.
        GridError: the existing file is not a file of styles.
    """
    path = styles_path(workspace)
    load_styles(workspace)
    document = tomlkit.parse(read_text(path)) if path.is_file() else tomlkit.document()
    for style in styles:
        values = {key: value for key, value in style.model_dump(exclude={"name"}).items() if value is not None}
        table = document.get(style.name)
        if not isinstance(table, MutableMapping):
            document[style.name] = tomlkit.table()
            table = cast(MutableMapping[str, object], document[style.name])
        for key in [key for key in table if key not in values]:
            del table[key]
        table.update({key: value for key, value in values.items() if table.get(key) != value})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(printable(str(path.parent)), found=f"cannot be created ({error.strerror})") from error
    save_text(tomlkit.dumps(document), path)


def apply_style(spec: GridSpec, style: Style) -> GridSpec:
    """Return `spec` with the style's values; its words are added to the prompts as in the webui, but only once."""
    changes: dict[str, object] = {key: getattr(style, key) for key in _COPIED if getattr(style, key) is not None}
    if style.sampler is not None:
        changes["sampler"] = style.sampler
    for key in ("prompt", "negative_prompt"):
        own, words = getattr(spec, key), getattr(style, key)
        if words is not None and not _has(own, words):
            changes[key] = with_words(own, words)
    return GridSpec.model_validate(spec.model_dump() | changes)


def from_rows(rows: tuple[WebuiStyle, ...]) -> tuple[Style, ...]:
    """Return a style for each row of a styles.csv."""
    return tuple(
        Style(
            name=" ".join(row.name.split())[:120],
            prompt=row.prompt or None,
            negative_prompt=row.negative_prompt or None,
        )
        for row in rows
    )


def from_defaults(
    name: str, defaults: WebuiDefaults, rows: tuple[WebuiStyle, ...], where: str
) -> tuple[Style, tuple[str, ...]]:
    """Return a ui-config.json as one style, including the styles it opens with, and notes on what could not be used.

    Args:
        name: of the style.
        defaults: values of the file.
        rows: of the styles.csv that has its styles.
        where: its name in an error.

    Raises:
        GridError: a number is out of bounds.
    """
    by_name = {row.name: row for row in rows}
    chosen = [each.strip() for each in defaults.styles or ()]
    notes = [f"style `{printable(each, 80)}` is not in styles.csv: left out" for each in chosen if each not in by_name]
    prompt, negative = joined([by_name[each] for each in chosen if each in by_name])
    sampler = sampler_if_known(defaults.sampler or "", defaults.schedule or "") if defaults.sampler else None
    if defaults.sampler and sampler is None:
        notes.append(_no_sampler(defaults.sampler, defaults.schedule or ""))
    words = {
        "prompt": with_words(defaults.prompt or "", prompt) or None,
        "negative_prompt": with_words(defaults.negative_prompt or "", negative) or None,
    }
    numbers = {key: getattr(defaults, key) for key in ("steps", "cfg_scale")}
    numbers |= {side: _side(side, getattr(defaults, side), notes) for side in ("width", "height")}
    values = (
        numbers
        | words
        | {
            "sampler": sampler.name if sampler else None,
            "seeds": None if defaults.seed is None else str(defaults.seed),
        }
    )
    return _style(name, {key: value for key, value in values.items() if value is not None}, where), tuple(notes)


def from_infotext(name: str, info: Infotext, where: str) -> tuple[Style, tuple[str, ...]]:
    """Return a picture's infotext without its prompt as a style, and notes on what could not be used.

    Raises:
        GridError: a field is not a number or out of bounds.
    """
    fields = info.fields
    notes: list[str] = []
    sampler = None
    if "Sampler" in fields:
        names = fields["Sampler"], fields.get("Schedule type", "")
        shifted = any(key in fields for key in SHIFT_KEYS)
        sampler = sampler_of_flow(*names) if shifted else sampler_if_known(*names, fields.get("Version", ""))
        if sampler is None:
            notes.append(_no_sampler(fields["Sampler"], fields.get("Schedule type", "")))
    width, _, height = fields.get("Size", "").partition("x")
    values: dict[str, object] = {
        "negative_prompt": info.negative_prompt,
        "sampler": sampler.name if sampler else "",
        "steps": fields.get("Steps", ""),
        "cfg_scale": fields.get("CFG scale", ""),
        "shift": next((fields[key] for key in SHIFT_KEYS if key in fields), ""),
        "width": _side("width", int(width), notes) if width.isdecimal() else width,
        "height": _side("height", int(height), notes) if height.isdecimal() else height,
        "seeds": _seed(fields.get("Seed", ""), notes),
        "clip_skip": fields.get("Clip skip", ""),
    }
    return _style(name, {key: value for key, value in values.items() if value != ""}, where), tuple(notes)


def to_defaults(style: Style, *, schedules: bool) -> tuple[WebuiDefaults, tuple[str, ...]]:
    """Return what a ui-config.json can hold of a style, and notes on what it cannot.

    Args:
        style: the values.
        schedules: whether the webui has a separate schedule setting.
    """
    notes = []
    name, schedule = None, None
    if style.sampler is not None:
        sampler = sampler_named(style.sampler)
        name, schedule = webui_names(sampler) if schedules else (sampler.name, None)
    seed = None
    if style.seeds is not None:
        try:
            seed = int(style.seeds)
        except ValueError:
            notes.append(f"seeds {printable(style.seeds, 60)}: a webui starts with one seed")
    if style.clip_skip is not None:
        notes.append("clip_skip: in a webui it belongs in config.json (CLIP_stop_at_last_layers)")
    return WebuiDefaults(
        prompt=style.prompt,
        negative_prompt=style.negative_prompt,
        sampler=name,
        schedule=schedule,
        steps=style.steps,
        cfg_scale=style.cfg_scale,
        width=style.width,
        height=style.height,
        seed=seed,
    ), tuple(notes)


def _style(name: str, values: object, where: str) -> Style:
    place = f"{where}: {printable(name, 80)}"
    if not isinstance(values, dict):
        raise GridError(place, found=printable(repr(values), 60), expected="a table for each style")
    keys = [key for key in Style.model_fields if key != "name"]
    for key in values:
        if key not in keys:
            raise GridError(f"{place}: {printable(key, 80)}", found="unknown key", expected=", ".join(keys))
    try:
        style = Style.model_validate({**values, "name": name})
    except ValidationError as error:
        raise refused_field(error, place) from None
    if style.seeds is not None:
        whole_numbers(style.seeds, f"{place}: seeds")
    if style.sampler is None:
        return style
    return style.model_copy(update={"sampler": sampler_named(style.sampler).name})


def _seed(seed: str, notes: list[str]) -> str:
    """Return a picture's seed; of another program's that is larger than ours can be, "" with a note."""
    if not seed.isdecimal() or int(seed) <= MAX_SEED:
        return seed
    notes.append(f"seed {seed}: left out, seeds end at {MAX_SEED:,}")
    return ""


def _side(name: str, side: int | None, notes: list[str]) -> int | None:
    """Return a side of a picture as a webui makes it: cut to whole latents of 8 pixels, with a note."""
    if side is None or side % _LATENT == 0:
        return side
    cut = side // _LATENT * _LATENT
    notes.append(f"{name} {side}: {cut} is used, as the webui makes it")
    return cut


def _no_sampler(name: str, schedule: str) -> str:
    return f"sampler {printable(f'{name} {schedule}'.strip(), 60)} is not supported: left out"


def _has(text: str, words: str) -> bool:
    """Return whether `text` already has a style's words."""
    before, place, behind = words.partition(PLACE)
    if place:
        return text.startswith(before) and text.endswith(behind)
    return f", {words.strip()}, " in f", {text.strip()}, "
