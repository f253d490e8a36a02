"""The records of other trainers' files: documents, keys and what becomes of each.

Every format is turned into sd-scripts' options, and these into settings (`options.py`); so a format's table knows only its own
keys and sd-scripts' names. The importer, the exporter and docs/importing.md read the same tables.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Options = dict[str, object]
"""sd-scripts' options by name (`argparse`'s), and our own settings that sd-scripts lacks; values are plain, lists for several.

Folders of pictures with repeats or captions of their own stand under the names of sd-scripts' `--dataset_config`:
`datasets[0].subsets[0].image_dir`, with any word for a place (`places.py`). A subset that `enabled = False` is left out, and a
data set with `resolutions = [512, 768]` stands there once for each. `optimizer_args`, `network_args` and `lr_scheduler_args` of
several keys are joined.
"""

PROGRAM = "sd-scripts' program"
"""Name of an export's entry beside the options: the program of sd-scripts that trains LoRAs for the base."""

Syntax = Literal["toml", "json", "yaml", "command", "variables", "safetensors", "infotext", "peft"]


@dataclass(frozen=True)
class SourceKey:
    """One key of a file.

    Attributes:
        key: its name: `a.b.c` where nested, `a[0].b` in lists.
        value: plain.
        line: where known.
        replaced: whether a later one of the same name stands in the same table.
    """

    key: str
    value: object
    line: int | None = None
    replaced: bool = False


@dataclass(frozen=True)
class SourceDocument:
    """A file or a paste, parsed by its syntax alone; nothing in it was run or followed.

    Attributes:
        where: how an error names it.
        syntax: what it is written in.
        keys: every leaf, in the order of the file. A list of plain values is one leaf, and so is an empty table.
        tree: the nested values, for formats that look at the shape; the flat values of a command or of variables.
        folder: that relative paths in it may count from; "" for a paste.
    """

    where: str
    syntax: Syntax
    keys: tuple[SourceKey, ...]
    tree: Mapping[str, object]
    folder: str = ""


_GATHERED = re.compile(r"\$\{\w+\[[@*]\]\}")


class Computed(str):
    """The text of an expression that only the script itself could work out, such as `[int]($total / 2)` or `$(date)`."""


def is_list_of_options(value: object) -> bool:
    """Return whether a value is bash's `${more[@]}`, in which a script has gathered options."""
    return isinstance(value, str) and _GATHERED.fullmatch(value) is not None


@dataclass(frozen=True)
class Reading:
    """What a key's value means.

    Attributes:
        options: sd-scripts' options that it sets.
        no_effect: why it has none here, where it has none in this file although its rule names options.
    """

    options: Mapping[str, object] = field(default_factory=dict)
    no_effect: str = ""


@dataclass(frozen=True)
class KeyRule:
    """One row of a format's table.

    Attributes:
        key: the format's key; `*` in a nested one stands for any place in a list.
        options: sd-scripts' options that it decides, `*` for the key's own place; () for a key without effect.
        rule: the translation in words, "" where the value means the same under the option's name.
        read: the value, and all values of the file by key (`*` for the key's own place), to what they mean; None takes the value
            as it is.
        write: options to the key's value in an export, None leaves the key out; a `write` of None takes the option as it is.
        exported: whether an export writes the key.
        why: why it has no effect, where `options` is ().
        longest: characters of a text, or entries of a list, that it reads; prompts have a tenth of the usual.
    """

    key: str
    options: tuple[str, ...] = ()
    rule: str = ""
    read: Callable[[object, Mapping[str, object]], Reading] | None = None
    write: Callable[[Mapping[str, object]], object] | None = None
    exported: bool = True
    why: str = ""
    longest: int = 20_000


@dataclass(frozen=True)
class TrainerFormat:
    """One kind of file of one trainer.

    Attributes:
        key: short name, as `--to` and docs/importing.md use it.
        title: in words: trainer, kind of file, years.
        recognises: whether a document is of this kind, by its content alone.
        rules: the table of its keys. Where two keys of a file set the same option, the one whose rule stands first wins,
            unless it is blank.
        profile: the key of the profile (`trainer.profiles`) that such a file was written for; "" for none.
        notes: what a user should know of such a file beside its keys, such as a base that cannot be trained here.
        fixed: options that this trainer passes whatever the file says.
        left_out: the options that are stated -> those that hold where they are not stated, because of the others.
        unprefixed: a key of the document to the key that the table knows, where the file nests or prefixes freely; the values
            that rules read are by this key. Several keys may come to one.
        data_notes: the same of the data, seen from a folder that a user names for them.
        model_hashes: options that name a model by its name alone -> the first digits of its hash, "" where that is not known.
        names_are_no_files: whether such a name means nothing where no model of it is known here.
    """

    key: str
    title: str
    recognises: Callable[[SourceDocument], bool]
    rules: tuple[KeyRule, ...]
    profile: Callable[[Mapping[str, object]], str] = lambda values: ""
    notes: Callable[[Mapping[str, object]], tuple[str, ...]] = lambda values: ()
    fixed: Mapping[str, object] = field(default_factory=dict)
    left_out: Callable[[Mapping[str, object]], Mapping[str, object]] = lambda options: {}
    unprefixed: Callable[[str], str] = lambda key: key
    data_notes: Callable[[Mapping[str, object], Path], tuple[str, ...]] = lambda values, folder: ()
    model_hashes: Callable[[Mapping[str, object]], Mapping[str, str]] = lambda values: {}
    names_are_no_files: bool = False
