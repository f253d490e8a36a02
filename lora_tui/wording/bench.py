"""LoRA files as the bench finds and makes them, as lines of text and as plain values."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lora_tui.wording.measures import kinds_words, table
from lora_tui.wording.numbers import file_size
from lora_tui.wording.state_symbols import DONE, FAILED, WARNING
from trainer.lora_tools.made_lora import DTYPE_WORDS as DTYPES
from trainer.measures.blocks import by_scope, ordered_scopes, part_label
from trainer.models.lora_module import KIND_TITLES
from trainer.text import plural, printable

if TYPE_CHECKING:
    from trainer.lora_tools.edit_metadata import EditedLora
    from trainer.lora_tools.inspect import InspectedLora, InspectedScope
    from trainer.lora_tools.made_lora import MadeLora, WrittenModule
    from trainer.lora_tools.merge_into import MadeCheckpoint
    from trainer.lora_tools.verify import VerifiedFact

VERDICT_MARKS: Mapping[str, str] = {"good": DONE.mark, "wrong": FAILED.mark, "note": WARNING.mark}
"""A verdict -> its sign."""

_LITTLE = 1e-5


def made_lines(made: "MadeLora") -> list[str]:
    """Return what was made: the file, what of each part and block group was kept, what was left out."""
    lines = [f"wrote {printable(str(made.path))}: {_modules(made.modules)}{_type(made.dtype)}, {file_size(made.size)}"]
    if any(each.squared for each in made.modules):
        lines += _kept_table(made)
        if made.rounding >= _LITTLE:
            lines.append(f"rounding to {DTYPES.get(made.dtype, made.dtype)} loses {made.rounding:.2%} of the change")
    return lines


def made_notes(made: "MadeLora") -> list[str]:
    """Return what the user should know beside it: what was left out, and notes."""
    reasons: dict[str, list[str]] = {}
    for name, why in made.left_out.items():
        reasons.setdefault(why, []).append(name)
    left = [
        f"{plural(len(names), 'module')} left out ({why}), for example {printable(names[0], 80)}"
        for why, names in reasons.items()
    ]
    return [*left, *made.notes]


def made_json(made: "MadeLora") -> dict[str, object]:
    """Return the same as plain values."""
    members = by_scope(each.name for each in made.modules)
    of = {each.name: each for each in made.modules}
    scopes = [
        {"part": part, "group": group, **_scope_json([of[name] for name in members[part, group]])}
        for part, group in ordered_scopes(members)
    ]
    return {
        "path": str(made.path),
        "bytes": made.size,
        "type": DTYPES.get(made.dtype, made.dtype or "mixed"),
        "hash": made.sha256,
        "kept": made.kept,
        "lost_to_rounding": made.rounding,
        "scopes": scopes,
        "left_out": dict(made.left_out),
        "notes": list(made.notes),
    }


def checkpoint_lines(made: "MadeCheckpoint") -> list[str]:
    """Return what was merged into a checkpoint."""
    return [
        f"wrote {printable(str(made.path))}: {plural(made.changed, 'module')} changed, everything else as it was, {file_size(made.size)}"
    ]


def edited_lines(edited: "EditedLora") -> list[str]:
    """Return what was written with other metadata."""
    keys = f"{plural(len(edited.changed), 'key')} changed: {', '.join(printable(key, 60) for key in edited.changed)}"
    return [
        f"wrote {printable(str(edited.path))}: {keys if edited.changed else 'metadata as before'}, {file_size(edited.size)}"
    ]


def inspected_lines(found: "InspectedLora") -> list[str]:
    """Return what a LoRA file is and holds."""
    whole = found.scopes["", ""]
    low, high = whole.ranks
    rank = f"{low}" if low == high else f"{low} to {high}"
    types = ", ".join(DTYPES.get(each, each) for each in found.dtypes)
    title = f"{printable(found.reference.label, 100)}: {plural(whole.modules, 'module')} of rank {rank}, {types}, {file_size(found.size)}"
    shares = next((list(each.holding) for each in found.scopes.values() if each.holding), [])
    # A file of plain layers alone is what is expected.
    tells_kinds = set(whole.kinds) - {KIND_TITLES["lora"]}
    # The first says what all are: four such headings in full do not fit beside the rest.
    rank_heads = [f"{'' if place else 'rank for '}{share:.0%}" for place, share in enumerate(shares)]
    heads = ["", "modules", "rank", "alpha", "size of change", *rank_heads]
    rows = [
        [
            label(*scope),
            f"{each.modules:,}",
            _span(*each.ranks),
            _span(*each.alphas),
            "needs its base" if each.size is None else f"{each.size:.4g}",
            *(_holding(each) or ["–"] * len(shares)),
            *([kinds_words(each.kinds)] if tells_kinds else []),
        ]
        for scope in ordered_scopes(found.scopes)
        for each in [found.scopes[scope]]
    ]
    heads += ["kind"] if tells_kinds else []
    lines = [title, *table(heads, rows)]
    lines += [f"{name}: {printable(text, 160)}" for name, text in found.training.items()]
    if found.made:
        lines.append(f"made by {_made_words(found.made)}")
    lines.append(f"{plural(found.metadata, 'text')} of metadata" if found.metadata else "no metadata")
    return lines


def inspected_json(found: "InspectedLora") -> dict[str, object]:
    """Return the same as plain values."""
    return {
        "path": str(found.reference.path),
        "bytes": found.size,
        "types": [DTYPES.get(each, each) for each in found.dtypes],
        "scopes": [
            {
                "part": part,
                "group": group,
                "modules": each.modules,
                "ranks": list(each.ranks),
                "alphas": list(each.alphas),
                "size": each.size,
                "kinds": dict(each.kinds),
                "rank_for": {
                    f"{share:g}": {"greatest": most, "mean": mean} for share, (most, mean) in each.holding.items()
                },
            }
            for part, group in ordered_scopes(found.scopes)
            for each in [found.scopes[part, group]]
        ],
        "kinds": dict(found.kinds),
        "needs_base": list(found.needs_base),
        "training": dict(found.training),
        "made": dict(found.made),
        "notes": list(found.notes),
    }


def verified_lines(facts: Sequence["VerifiedFact"]) -> list[str]:
    """Return what came of the checks of a file, a line each."""
    wide = max(len(fact.check) for fact in facts)
    return [f"{VERDICT_MARKS[fact.verdict]} {fact.check:<{wide}}  {printable(fact.words)}" for fact in facts]


def verified_json(facts: Sequence["VerifiedFact"]) -> list[dict[str, str]]:
    """Return the same as plain values."""
    return [{"check": fact.check, "verdict": str(fact.verdict), "found": fact.words} for fact in facts]


def label(part: str, group: str) -> str:
    """Return what a part or block group is called in a table, groups indented."""
    return f"  {group}" if group else part_label(part)


def _made_words(made: Mapping[str, object]) -> str:
    files = made.get("from")
    names = [str(each.get("file", "")) for each in files if isinstance(each, dict)] if isinstance(files, list) else []
    of = f" of {', '.join(printable(name, 60) for name in names[:4])}" if names else ""
    return f"{printable(str(made.get('operation', 'an unknown operation')), 40)}{of}"


def _kept_table(made: "MadeLora") -> list[str]:
    members = by_scope(each.name for each in made.modules)
    of = {each.name: each for each in made.modules}
    rows = []
    for scope in ordered_scopes(members):
        modules = [of[name] for name in members[scope]]
        ranks, before = [each.rank for each in modules], [each.before for each in modules]
        was = _span(min(before), max(before)) if any(before) else "–"
        rows.append([label(*scope), f"{len(modules):,}", was, _span(min(ranks), max(ranks)), _share(modules)])
    return table(["", "modules", "rank before", "rank", "kept"], rows)


def _share(modules: Sequence["WrittenModule"]) -> str:
    """Return the share of the change, as squares, that the ranks hold."""
    whole = sum(each.squared for each in modules)
    if not whole:
        return "no change"
    kept = 1 - sum(each.lost for each in modules) / whole
    # What is lost is not to be rounded away.
    return "100 %" if kept == 1 else f"{min(kept, 0.9999):.2%}".replace("%", " %")


def _scope_json(modules: Sequence["WrittenModule"]) -> dict[str, object]:
    whole = sum(each.squared for each in modules)
    return {
        "modules": len(modules),
        "ranks": [min(each.rank for each in modules), max(each.rank for each in modules)],
        "ranks_before": [min(each.before for each in modules), max(each.before for each in modules)],
        "kept": 1 - sum(each.lost for each in modules) / whole if whole else None,
    }


def _modules(modules: Sequence["WrittenModule"]) -> str:
    ranks = [each.rank for each in modules]
    return f"{plural(len(modules), 'module')} of rank {_span(min(ranks), max(ranks))}"


def _type(dtype: str) -> str:
    return f", {DTYPES.get(dtype, dtype)}" if dtype else ""


def _span(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _holding(scope: "InspectedScope") -> list[str]:
    return [f"{most}" if most else "–" for most, _ in scope.holding.values()]
