"""What is typed for the bench: files with a weight each, weights by part and block group of one file or of all, what a rank keeps."""

import math
import os
import re
from collections.abc import Sequence

from trainer.errors import SettingsError
from trainer.lora_tools.decompose import RankRule
from trainer.lora_tools.merge import WeightedLora
from trainer.lora_tools.references import find_lora
from trainer.models.block_weights import BlockWeights, parse_weight
from trainer.text import printable
from trainer.workspace import Workspace

_FOR_ONE = re.compile(r"(\d{1,4}):(.+)", re.DOTALL)
_RULES = ("rank", "energy", "cumulative", "ratio")


def file_and_weight(text: str) -> tuple[str, float]:
    """Split `FILE:0.8`; without a weight it is 1, and a file of that very name comes first.

    Raises:
        SettingsError: the weight is NaN or infinite.
    """
    file, _, number = text.rpartition(":")
    try:
        weight = float(number)
    except ValueError:
        return text, 1.0
    if not file or os.path.lexists(text):
        return text, 1.0
    if not math.isfinite(weight):
        raise SettingsError(f"weight of {printable(file, 80)}", found=printable(number, 40), expected="a finite number")
    return file, weight


def weighted_loras(
    files: Sequence[str], parts: Sequence[str], blocks: Sequence[str], workspace: Workspace | None
) -> list[WeightedLora]:
    """Return files as they are typed, `FILE` or `FILE:WEIGHT`, with their weights by part and block group.

    Args:
        files: as typed.
        parts, blocks: `text_encoder=0`, or `2:text_encoder=0` for the second file alone.
        workspace: whose bakes they may name; None for none.

    Raises:
        LoraTuiError: a file does not exist, or a weight is not a number.
    """
    split = [file_and_weight(file) for file in files]
    return [
        WeightedLora(find_lora(file, workspace), weight, block_weights_for(parts, blocks, number, len(files)))
        for number, (file, weight) in enumerate(split, 1)
    ]


def block_weights_for(parts: Sequence[str], blocks: Sequence[str], number: int = 1, count: int = 1) -> BlockWeights:
    """Return the weights by part and block group of one of the files.

    Args:
        parts, blocks: as typed.
        number: of the file, from 1.
        count: how many files there are.

    Raises:
        SettingsError: a weight is not a number, or there is no file of a number.
    """
    found = []
    for what, texts, only_parts in (("part", parts, True), ("block", blocks, False)):
        for text in texts:
            match = _FOR_ONE.fullmatch(text.strip())
            if match is not None and not 1 <= int(match[1]) <= count:
                raise SettingsError(what, found=f"file {match[1]}", expected=f"1 to {count}")
            if match is None or int(match[1]) == number:
                found.append(parse_weight(text if match is None else match[2], what, only_parts=only_parts))
    return BlockWeights(tuple(found))


def rank_rule_typed(text: str) -> RankRule | None:
    """Return what is kept of each module: `16`, `rank=16`, `energy=0.95, rank=32`; None for a blank text.

    Raises:
        SettingsError: it is not understood, or a number is out of range.
    """
    found: dict[str, float] = {}
    for piece in filter(None, re.split(r"[,;\s]+", text.strip())):
        name, sign, number = piece.partition("=")
        name, number = (name.lower(), number) if sign else ("rank", piece)
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        if name not in _RULES or value < 0 or (name == "rank" and not value.is_integer()):
            raise SettingsError(
                "keep", found=f"`{printable(piece, 40)}`", expected="rank=16, energy=0.95, cumulative=0.9 or ratio=10"
            )
        found[name] = value
    if not found:
        return None
    rank = found.get("rank")
    return RankRule(
        None if rank is None else int(rank), found.get("energy"), found.get("cumulative"), found.get("ratio")
    ).check()
