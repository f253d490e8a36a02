"""Measures of LoRA files and of a bake's epochs as tables of text."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

from lora_tui.wording.cell_width import right
from trainer.measures.blocks import ordered_scopes, part_label
from trainer.measures.of_weights import (
    COSINE_BEFORE,
    DELTA_NORM,
    DELTA_SHARE,
    MOVEMENT,
    OF_WEIGHTS,
    RANK_USED,
    RANK_USED_RANDOM,
    ROUNDED_OFF,
    STABLE_RANK,
)
from trainer.measures.value_text import value_text
from trainer.text import plural

if TYPE_CHECKING:
    from trainer.journal.measure_records import MeasuredValue
    from trainer.measures.interference import Interference, Scope
    from trainer.measures.record import MeasureRecord
    from trainer.models.lora_header import LoraHeader
    from trainer.noise_floor.twin_cosines import TwinCosines

NO_TWINS = "How parallel twins of these are is not known: bakes with other random numbers alone are far from it."
"""Said beside a cosine of LoRAs without twins."""

_GAP = 2
_OF_FILE = (DELTA_SHARE, DELTA_NORM, RANK_USED, RANK_USED_RANDOM, STABLE_RANK)
_OF_EPOCH = (DELTA_SHARE, DELTA_NORM, MOVEMENT, COSINE_BEFORE, RANK_USED, STABLE_RANK, ROUNDED_OFF)


def file_title(name: str, header: "LoraHeader") -> str:
    """Return what a LoRA file holds: `a.safetensors: 264 modules of rank 4 to 32`; of another kind than a plain LoRA, which."""
    ranks = [module.rank for module in header.modules.values()]
    low, high = min(ranks), max(ranks)
    title = f"{name}: {plural(len(ranks), 'module')} of rank {low if low == high else f'{low} to {high}'}"
    return title if header.is_plain else f"{title}: {kinds_words(header.kinds)}"


def kinds_words(kinds: Mapping[str, int]) -> str:
    """Return the kinds of a file's layers: `LoKr`, or `LoHa (200), LoRA (64)`."""
    return next(iter(kinds)) if len(kinds) == 1 else ", ".join(f"{kind} ({count:,})" for kind, count in kinds.items())


def needs_base_line(modules: Sequence[str]) -> str:
    """Return what is said of modules that are not measured without the base."""
    return (
        f"{plural(len(modules), 'module')} not measured: the change of a DoRA depends on the base's weights; "
        "give its base with --base"
    )


def file_table(values: Sequence["MeasuredValue"]) -> list[str]:
    """Return the measures of a LoRA file, a line for the whole, for each part and for each block group."""
    by_scope: dict[tuple[str, str], dict[str, float | None]] = {}
    for value in values:
        by_scope.setdefault((value.part, value.scope), {})[value.name] = value.value
    records = [each for each in _OF_FILE if any(each.key in of for of in by_scope.values())]
    rows = [[_label(scope), *(_shown(each, by_scope[scope]) for each in records)] for scope in ordered_scopes(by_scope)]
    return table(["", *(each.title for each in records)], rows)


def epochs_table(values: Sequence["MeasuredValue"]) -> list[str]:
    """Return what was measured of the weights of a bake's epochs, for each part a line of each step."""
    by_line: dict[tuple[str, int], dict[str, float | None]] = {}
    for value in values:
        if not value.scope:
            by_line.setdefault((value.part, value.step), {})[value.name] = value.value
    records = [each for each in _OF_EPOCH if any(each.key in of for of in by_line.values())]
    rows = []
    for part, _ in ordered_scopes((part, "") for part, _ in by_line):
        for step in sorted(step for of, step in by_line if of == part):
            rows.append([part_label(part), f"{step:,}", *(_shown(each, by_line[part, step]) for each in records)])
    return table(["", "step", *(each.title for each in records)], rows)


def interference_table(found: Mapping["Scope", "Interference"]) -> list[str]:
    """Return how two LoRAs meet, a line for the whole, for each part and for each block group."""
    rows = [
        [
            _label(scope),
            f"{each.modules:,}",
            _signed(each.cosine),
            _overlap(each.inputs, each.inputs_chance),
            _overlap(each.outputs, each.outputs_chance),
        ]
        for scope in ordered_scopes(found)
        if (each := found[scope]).modules
    ]
    return table(["", "in both", "cosine", "overlap of inputs", "of outputs"], rows)


def twins_lines(found: "TwinCosines") -> list[str]:
    """Return how parallel twins are, to read a cosine beside: a line for the whole and for each part."""
    others = ", ".join(map(str, found.twins))
    head = f"cosines between bake {found.bake} and its {'twin' if len(found.twins) == 1 else 'twins'} {others} after step {found.step:,}"
    rows = [
        [part_label(part), f"{_signed(low)} to {_signed(high)}" if low != high else _signed(low)]
        for part, group in ordered_scopes(found.cosines)
        if not group
        for low, high in [found.cosines[part, group]]
    ]
    return [head, *table(["", "cosine"], rows)[1:]]


def twins_json(found: "TwinCosines") -> dict[str, object]:
    """Return the same as plain values."""
    rows = [
        {"part": part, "group": group, "least": low, "greatest": high}
        for part, group in ordered_scopes(found.cosines)
        for low, high in [found.cosines[part, group]]
    ]
    return {"bake": found.bake, "twins": list(found.twins), "step": found.step, "cosines": rows}


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows in columns, the first to the left and the others to the right."""
    widths = [max(cell_len(row[at]) for row in [heads, *rows]) for at in range(len(heads))]
    return [
        (" " * _GAP)
        .join(
            right(cell, width) if at else set_cell_size(cell, width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        .rstrip()
        for row in [heads, *rows]
    ]


def values_json(values: Sequence["MeasuredValue"], *, steps: bool) -> list[dict[str, object]]:
    """Return the values of the weights' measures as plain values."""
    names = {each.key for each in OF_WEIGHTS}
    return [
        {
            **({"step": value.step} if steps else {}),
            "measure": value.name,
            "part": value.part,
            "group": value.scope,
            "value": value.value,
        }
        for value in values
        if value.name in names
    ]


def interference_json(found: Mapping["Scope", "Interference"]) -> list[dict[str, object]]:
    """Return how two LoRAs meet as plain values."""
    return [
        {
            "part": part,
            "group": group,
            "modules": each.modules,
            "cosine": each.cosine,
            "overlap_inputs": each.inputs,
            "overlap_inputs_chance": each.inputs_chance,
            "overlap_outputs": each.outputs,
            "overlap_outputs_chance": each.outputs_chance,
        }
        for part, group in ordered_scopes(found)
        if (each := found[part, group])
    ]


def _label(scope: "Scope") -> str:
    part, group = scope
    return f"  {group}" if group else part_label(part)


def _shown(record: "MeasureRecord", values: Mapping[str, float | None]) -> str:
    return value_text(record, values[record.key]) if record.key in values else ""


def _signed(cosine: float | None) -> str:
    return "" if cosine is None else f"{cosine:+.3f}".replace("-", "−")


def _overlap(value: float | None, chance: float | None) -> str:
    return "" if value is None or chance is None else f"{value:.3f} (chance {chance:.3f})"
