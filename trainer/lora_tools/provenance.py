"""Metadata of a LoRA file that is made from others: what stays true of it, and a record of how it was made."""

import datetime
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trainer import __version__
from trainer.exchange.webui_hash import webui_hash
from trainer.lora_tools.references import LoraReference
from trainer.models.adapter_config import lora_file
from trainer.settings.in_metadata import MADE
from trainer.text import whole_letters

# Of the file that they stood in, not of one that is made from it: its hashes, alphas beside the weights, its name and its moment.
_OF_ONE_FILE = re.compile(
    r"sshs_.*|modelspec\.(?:hash_.*|title|date)|lora_adapter_metadata|format|ss_output_name|ss_network_(?:dim|alpha)"
)
# cloneofsimo's, which name layers by numbers: those have names now.
_OF_NUMBERS = re.compile(r"unet|text_encoder|\w+:\d+:rank|<.*>")
# Of one bake; what is made of several was not trained so.
_OF_ONE_BAKE = frozenset(
    {
        "ss_steps",
        "ss_epoch",
        "ss_training_started_at",
        "ss_training_finished_at",
        "ss_session_id",
        "ss_training_comment",
    }
)
# What a file says of its own making is kept in the next one's record up to here.
_MAX_BEFORE = 20_000


@dataclass(frozen=True)
class Making:
    """How a file is made.

    Attributes:
        operation: `resize`, `merge` …
        options: what was asked for, plain values.
        sources: the files it is made from, in their order.
        weights: factor of each source, in words; none where they have none.
        of_several: whether the result is of no single bake.
    """

    operation: str
    options: Mapping[str, object] = field(default_factory=dict)
    sources: Sequence[LoraReference] = ()
    weights: Sequence[str] = ()
    of_several: bool = False


def made_metadata(making: Making, sources: Sequence[Mapping[str, str]], path: Path) -> dict[str, str]:
    """Return the metadata of a file that is made, but for ranks and hashes.

    What all sources say alike stays; of several bakes nothing that is true of one alone.

    Args:
        making: how it is made.
        sources: the metadata of the files it is made from.
        path: where it will be.
    """
    first: Mapping[str, str] = sources[0] if sources else {}
    alike = {key: text for key, text in first.items() if all(other.get(key) == text for other in sources[1:])}
    dropped = _OF_ONE_BAKE if making.of_several else frozenset()
    kept = {
        key: text
        for key, text in alike.items()
        if key not in dropped and not _OF_ONE_FILE.fullmatch(key) and not _OF_NUMBERS.fullmatch(key)
    }
    # A file may have a name that is no text; the header holds nothing else.
    name = whole_letters(path.stem)
    return {
        **kept,
        MADE: whole_letters(json.dumps(_record(making, sources), ensure_ascii=False)),
        "ss_output_name": name,
        "modelspec.title": name,
        "modelspec.date": datetime.datetime.now().isoformat(timespec="seconds"),
    }


def _record(making: Making, sources: Sequence[Mapping[str, str]]) -> dict[str, object]:
    files = []
    for number, reference in enumerate(making.sources):
        # Names alone: a path would say more of the computer than of the file.
        entry: dict[str, object] = {"file": reference.name, "hash": webui_hash(lora_file(reference.path))}
        if reference.label not in (reference.name, reference.path.stem):
            entry["is"] = reference.label
        if number < len(making.weights):
            entry["weight"] = making.weights[number]
        before = sources[number].get(MADE) if number < len(sources) else None
        if before is not None and len(before) <= _MAX_BEFORE and (table := _table(before)) is not None:
            entry["made"] = table
        files.append(entry)
    options = {key: value for key, value in making.options.items() if value is not None}
    return {"by": f"lora-tui/{__version__}", "operation": making.operation, **options, "from": files}


def _table(text: str) -> dict[str, object] | None:
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return table if isinstance(table, dict) else None
