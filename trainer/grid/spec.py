"""Spec of a grid: one plain model, stored as JSON in a file and in the journal."""

import difflib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from trainer.errors import GridError
from trainer.families.record import MAX_SHIFT, MIN_SHIFT
from trainer.regular_file import open_regular
from trainer.settings.kept import kept_path
from trainer.settings.refusal import wrong_keys
from trainer.text import printable
from trainer.typed_values import expected_text, shown
from trainer.workspace_paths import WorkspacePaths

_MAX_BYTES = 64 * 2**20
# `0001-` before it and `.html` behind it make a file name of at most 255.
_MAX_NAME_BYTES = 240


class _SpecPart(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class AxisSpec(_SpecPart):
    """One axis.

    Attributes:
        kind: key of axes.KINDS, such as `epoch` or `unet_weight`.
        values: as typed, in value_grammar's grammar.
    """

    kind: str
    values: str


class LoraSpec(_SpecPart):
    """One LoRA of every cell.

    Attributes:
        file: path, relative to the workspace or absolute; "" where an axis or `epochs` gives it.
        weight: factor on U-Net and text encoder.
        unet_weight, text_encoder_weight: factor on one part; None for `weight`.
        block_weights: further factors by part and block group: `down=0.5; up=1.2`.
    """

    file: str = ""
    weight: float = 1.0
    unet_weight: float | None = None
    text_encoder_weight: float | None = None
    block_weights: str = ""


class EpochFile(_SpecPart):
    """One choice of the axis `epoch`.

    Attributes:
        label: `3`, with several bakes `42:3`, or `champion`.
        file: the LoRA, relative to the workspace or absolute.
    """

    label: str
    file: str


class GridSpec(_SpecPart):
    """A grid as requested. Everything that no axis varies is here once.

    Attributes:
        name: of its folder.
        subject: that it shows; "" for none.
        base, vae: as in the settings; a path is absolute or relative to the workspace.
        components: setting -> path of another part of the base that has a file of its own, as in the settings.
        prediction, zero_terminal_snr: `auto` follows the base's file, then the first LoRA's metadata, else epsilon and no.
        prompt: may hold LoRA tags.
        seeds: in the grammar of whole numbers; more than one makes a row of pictures of each cell. -1 is a random seed.
        guidance_rescale: None for the default: 0.7 with zero terminal SNR, else 0.
        shift: of the times of a flow; None for the base's default.
        loras: the first is the one that epoch and weight axes act on.
        epochs: what the axis `epoch` picks from.
        of_bakes: bakes whose saved LoRAs are added to `epochs` when the grid starts.
        champion: whether the subject's champion is added.
        x, y, z: the axes; None for one that is not varied.
        token: what the axis `token` removes.
        outfits: name -> words, for the axis `outfit`.
        batch_size: pictures at once; 0 for automatic.
        order: `fair` makes the first seed of everything before any second; `axes` goes as in the webui.
        giant: whether all sheets are also joined in one picture.
        precision: `auto` is fp16 on a card and fp32 without.
    """

    format: Literal[1] = 1
    name: str = Field("grid", pattern=r"^[^/\x00]{1,80}$")
    subject: str = ""
    base: str = ""
    vae: str = ""
    components: dict[str, str] = Field(default_factory=dict)
    prediction: Literal["auto", "epsilon", "v"] = "auto"
    zero_terminal_snr: Literal["auto", "yes", "no"] = "auto"
    prompt: str = ""
    negative_prompt: str = ""
    seeds: str = "-1"
    steps: int = Field(20, ge=1, le=1000)
    cfg_scale: float = Field(7.0, ge=0, le=100)
    guidance_rescale: float | None = Field(None, ge=0, le=1)
    shift: float | None = Field(None, ge=MIN_SHIFT, le=MAX_SHIFT)
    sampler: str = "DPM++ 2M Karras"
    width: int = Field(512, ge=8, le=8192)
    height: int = Field(512, ge=8, le=8192)
    clip_skip: int = Field(1, ge=1, le=32)
    loras: tuple[LoraSpec, ...] = ()
    epochs: tuple[EpochFile, ...] = ()
    of_bakes: tuple[int, ...] = ()
    champion: bool = False
    x: AxisSpec | None = None
    y: AxisSpec | None = None
    z: AxisSpec | None = None
    token: str = ""
    outfits: dict[str, str] = Field(default_factory=dict)
    batch_size: int = Field(0, ge=0, le=64)
    order: Literal["fair", "axes"] = "fair"
    giant: bool = False
    precision: Literal["auto", "fp32", "fp16", "bf16"] = "auto"

    @field_validator("name")
    @classmethod
    def _folder_can_be_called_so(cls, name: str) -> str:
        if len(name.encode("utf-8", "replace")) > _MAX_NAME_BYTES:
            raise PydanticCustomError("string_pattern_mismatch", "a name that is too long")
        return name

    def files(self) -> list[str]:
        """Return the LoRA files that it names, as written; those of tags in the prompt are not among them."""
        named = (*(lora.file for lora in self.loras), *(epoch.file for epoch in self.epochs))
        return [text for text in named if text]


def kept_spec(spec: GridSpec, paths: WorkspacePaths) -> GridSpec:
    """Return `spec` as a workspace keeps it: files in the workspace are named from its root."""
    return spec_with_files(spec, lambda text: kept_path(text, paths))


def spec_with_files(spec: GridSpec, change: Callable[[str], str]) -> GridSpec:
    """Return `spec` with other texts for the files in its fields; those of axes and of tags in the prompt stay."""
    loras = (lora.model_copy(update={"file": change(lora.file)}) for lora in spec.loras)
    epochs = (epoch.model_copy(update={"file": change(epoch.file)}) for epoch in spec.epochs)
    own = {"base": change(spec.base), "vae": change(spec.vae)}
    parts = {name: change(text) for name, text in spec.components.items()}
    return spec.model_copy(update={**own, "components": parts, "loras": tuple(loras), "epochs": tuple(epochs)})


def spec_json(spec: GridSpec) -> str:
    """Return `spec` as JSON text, one field a line."""
    return json.dumps(spec.model_dump(), indent=1, ensure_ascii=False) + "\n"


def parse_spec(text: str | bytes, where: str) -> GridSpec:
    """Return the spec in a JSON text: a spec itself, or a grid's sidecar, which holds one.

    Args:
        text: JSON.
        where: its name in an error.

    Raises:
        GridError: it is not JSON, or a field is unknown or wrong.
    """
    try:
        table = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GridError(
            where, found=f"not valid JSON ({printable(str(error), 120)})", expected="a grid's spec"
        ) from error
    if isinstance(table, dict) and isinstance(table.get("spec"), dict):
        table = table["spec"]
    try:
        return GridSpec.model_validate(table)
    except ValidationError as error:
        raise refused_field(error, where) from None


def refused_field(error: ValidationError, where: str) -> GridError:
    """Return an error for all unknown fields of a spec, without any for the first thing that pydantic found wrong with it."""
    found_wrong = error.errors(include_url=False)
    unknown = {_place(each): _unknown_field(each, where) for each in found_wrong if each["type"] == "extra_forbidden"}
    if unknown:
        return wrong_keys(where, unknown)
    first = found_wrong[0]
    place = _place(first)
    found = shown(first["input"])
    if first["type"] == "missing":
        found = "is missing"
    return GridError(f"{where}: {printable(place, 80)}" if place else where, found=found, expected=expected_text(first))


def _place(wrong: ErrorDetails) -> str:
    return ".".join(str(part) for part in wrong["loc"])


def _unknown_field(wrong: ErrorDetails, where: str) -> GridError:
    # What has fields of its own: a list of LoRAs or epochs, or an axis.
    known: dict[str, type[_SpecPart]] = {
        "loras": LoraSpec,
        "epochs": EpochFile,
        "x": AxisSpec,
        "y": AxisSpec,
        "z": AxisSpec,
    }
    *above, name = [str(part) for part in wrong["loc"]]
    fields = list((known[above[0]] if above else GridSpec).model_fields)
    near = difflib.get_close_matches(name, fields, n=1)
    return GridError(
        f"{where}: {printable(_place(wrong), 80)}",
        found="unknown field",
        expected=", ".join(fields),
        way_out=f"did you mean `{near[0]}`?" if near else "remove it",
    )


def load_spec(path: Path) -> GridSpec:
    """Return the spec in a JSON file.

    Raises:
        GridError: it cannot be read, or as parse_spec.
    """
    where = printable(str(path))
    try:
        with open_regular(path) as file:
            text = file.read(_MAX_BYTES)
    except OSError as error:
        raise GridError(where, found=f"cannot be read ({error.strerror})", expected="a grid's spec") from error
    return parse_spec(text, where)
