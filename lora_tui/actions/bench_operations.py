"""What the LoRA bench can do, one record each: its title, its fields, and whether it writes a file."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from lora_tui.actions.dialog_field import DialogField
from trainer.settings.parts import Family, worded


@dataclass(frozen=True)
class BenchOperation:
    """Something the bench does.

    Attributes:
        key: names it; the command's name.
        title: in the list.
        help: a line on what it does. `{body}` and `{encoder}` in it and in the fields' hints stand for the parts of a family of
            bases; see parts.in_words_of.
        fields: what is asked for.
        writes: whether it writes a file.
    """

    key: str
    title: str
    help: str
    fields: tuple[DialogField, ...]
    writes: bool = True


FILE = DialogField("files", "file", "a path, a name, or bake and epoch: 12@5, 12@last")
FILES = DialogField(
    "files", "files", "parted by commas, each with a weight where it is not 1: 12@5:0.8, style.safetensors"
)
KEEP = DialogField("keep", "keep", "rank=16, energy=0.95, cumulative=0.9 or ratio=10; the fewest of several")
KEEP_OR_ALL = DialogField("keep", "keep", "blank: all of the sum; or rank=16, energy=0.95 …")
KEEP_OR_RANK = DialogField("keep", "keep", "blank: the rank that they have; or rank=16, energy=0.95 …")
WEIGHTS = DialogField(
    "weights", "weights", "by part or block group: {encoder}=0; down=0.5; 2:up=1.2 for the second file"
)
PRECISION = DialogField("precision", "precision", "blank: as in the files; or float, fp16, bf16")
PRECISION_OF_SUM = DialogField("precision", "precision", "blank: fp32; or fp16, bf16")
OUT = DialogField("out", "write to", "blank: the name shown below, in the folder loras of the workspace")
BASE = DialogField("base", "base", "blank: not compared with a base; or its path, or demo")
BASE_OF_DORA = DialogField("base", "base", "blank: none; or its path, or demo: a DoRA's change depends on it")

_ALL = (
    BenchOperation(
        "inspect",
        "inspect",
        "parts, kinds, ranks, alphas, sizes by block group, training",
        (FILE, BASE_OF_DORA),
        writes=False,
    ),
    BenchOperation("verify", "verify", "whole, finite, in shape, its hashes, for a base", (FILE, BASE), writes=False),
    BenchOperation(
        "resize", "resize", "fewer directions in each module, those that change most", (FILE, KEEP, PRECISION, OUT)
    ),
    BenchOperation(
        "convert",
        "convert",
        "a plain LoRA of a LoHa, LoKr, DoRA or full difference, and what of it is lost",
        (FILE, KEEP, BASE_OF_DORA, PRECISION, OUT),
    ),
    BenchOperation(
        "merge", "merge", "the weighted sum of LoRAs as one", (FILES, WEIGHTS, KEEP_OR_ALL, PRECISION_OF_SUM, OUT)
    ),
    BenchOperation(
        "average",
        "average",
        "the mean of LoRAs, such as twins, in their own rank",
        (FILES, KEEP_OR_RANK, PRECISION_OF_SUM, OUT),
    ),
    BenchOperation(
        "mix",
        "mix",
        "parts of different files, such as the {encoder} of one epoch with the {body} of another",
        (DialogField("parts", "parts", "{body}=12@5, {encoder}=12@3"), OUT),
    ),
    BenchOperation(
        "weights",
        "weights",
        "weights on parts and block groups, written into the file",
        (FILE, WEIGHTS, PRECISION, OUT),
    ),
    BenchOperation(
        "alpha",
        "alpha",
        "other alphas with the same effect; none of them for diffusers' loader",
        (FILE, DialogField("alpha", "alpha", "blank: none; or rank, or a number"), OUT),
    ),
    BenchOperation(
        "keys",
        "keys",
        "the keys of ComfyUI or diffusers, for bases whose LoRAs they do not read by kohya's",
        (FILE, DialogField("form", "for", "comfyui or diffusers"), PRECISION, OUT),
    ),
    BenchOperation(
        "extract",
        "extract",
        "what a checkpoint has that its base has not, as a LoRA",
        (
            DialogField("base", "base", "a checkpoint: a file, a diffusers folder, or demo"),
            DialogField("tuned", "tuned", "the checkpoint that was trained or merged from it"),
            KEEP,
            OUT,
        ),
    ),
    BenchOperation(
        "metadata",
        "metadata",
        "keys set, or every path taken out for sharing",
        (
            FILE,
            DialogField("put", "set", "blank: nothing; or key=value; key=value"),
            DialogField("share", "no paths", "yes: shorten every path to its last name"),
            OUT,
        ),
    ),
)


def operations_for(family: Family | None) -> Mapping[str, BenchOperation]:
    """Return every operation by its key, with what a family of bases calls its parts."""
    return MappingProxyType({each.key: _for(each, family) for each in _ALL})


def _for(operation: BenchOperation, family: Family | None) -> BenchOperation:
    fields = tuple(worded(field, family, "hint") for field in operation.fields)
    return replace(worded(operation, family, "help"), fields=fields)


OPERATIONS = operations_for(None)
"""Every operation by its key, in the order in which they are offered."""
