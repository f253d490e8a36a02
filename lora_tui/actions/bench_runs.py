"""The operations of the LoRA bench as a screen runs them: what was typed handed to the tools; for a thread."""

from collections.abc import Callable, Mapping

from lora_tui.actions.bench import (
    BenchResult,
    LoraBench,
    Progress,
    Typed,
    listed_files,
    part_files,
    result_of,
    says_yes,
    weight_pieces,
)
from lora_tui.wording.bench import edited_lines, inspected_lines, made_notes, verified_lines
from lora_tui.wording.converted import converted_lines
from lora_tui.wording.measures import needs_base_line
from trainer.errors import SettingsError
from trainer.lora_tools.convert import convert_lora
from trainer.lora_tools.copy_modules import PartOf, mix_loras
from trainer.lora_tools.decompose import RankRule
from trainer.lora_tools.edit_metadata import edited, path_words, read_metadata, without_paths, write_metadata
from trainer.lora_tools.extract import extract_lora
from trainer.lora_tools.inspect import inspect_lora
from trainer.lora_tools.key_forms import write_keys
from trainer.lora_tools.made_lora import alpha_rule_named
from trainer.lora_tools.merge import average_loras, merge_loras
from trainer.lora_tools.references import LoraReference, find_lora
from trainer.lora_tools.resize import resize_lora
from trainer.lora_tools.scale import weigh_lora, write_alpha
from trainer.lora_tools.typed import block_weights_for, rank_rule_typed, weighted_loras
from trainer.lora_tools.verify import verify_lora
from trainer.models.identify import Base, identify_base
from trainer.text import plural, printable

Stop = Callable[[], bool]
Run = Callable[[LoraBench, Typed, Progress, Stop, bool], BenchResult]


def _inspect(bench: LoraBench, typed: Typed, progress: Progress, stop: Stop, replace: bool) -> BenchResult:
    found = inspect_lora(_one(bench, typed), progress, base=_base(typed))
    notes = [*([needs_base_line(found.needs_base)] if found.needs_base else []), *found.notes]
    return BenchResult((*inspected_lines(found), *(f"! {note}" for note in notes)))


def _verify(bench: LoraBench, typed: Typed, progress: Progress, stop: Stop, replace: bool) -> BenchResult:
    reference, base = _one(bench, typed), _base(typed)
    return BenchResult(
        (printable(reference.label, 100), *verified_lines(verify_lora(reference, base=base, workspace=bench.workspace)))
    )


def _resize(bench: LoraBench, typed: Typed, progress: Progress, stop: Stop, replace: bool) -> BenchResult:
    reference, rule = _one(bench, typed), _rule(typed)
    output = bench.output("resize", typed, replace)
    return result_of(resize_lora(reference, rule, output, progress=progress, stop=stop))


def _convert(bench: LoraBench, typed: Typed, progress: Progress, stop: Stop, replace: bool) -> BenchResult:
    reference, rule = _one(bench, typed), _rule(typed)
    output = bench.output("convert", typed, replace)
    made, loss = convert_lora(reference, rule, output, base=_base(typed), progress=progress, stop=stop)
    return BenchResult((*converted_lines(made, loss), *(f"! {note}" for note in made_notes(made))), made.path)


def _merge(bench: LoraBench, typed: Typed, progress: Progress, stop: Stop, replace: bool) -> BenchResult:
    loras = weighted_loras(listed_files(typed), (), weight_pieces(typed), bench.workspace)
    rule = rank_rule_typed(typed.get("keep", ""))
    return result_of(merge_loras(loras, bench.output("merge", typed, replace), rule, progress=progress, stop=stop))


def _average(bench: LoraBench, typed: Typed, progress: Progress, stop: Stop, replace: bool) -> BenchResult:
    references = [find_lora(each, bench.workspace) for each in listed_files(typed)]
    rule = rank_rule_typed(typed.get("keep", ""))
    output = bench.output("average", typed, replace)
    return result_of(average_loras(references, output, rule, progress=progress, stop=stop))


def _mix(bench: LoraBench, typed: Typed, progress: Progress, stop: Stop, replace: bool) -> BenchResult:
    parts = [PartOf(part, find_lora(file, bench.workspace)) for part, file in part_files(typed)]
    return result_of(mix_loras(parts, bench.output("mix", typed, replace), progress=progress, stop=stop))


def _weights(bench: LoraBench, typed: Typed, progress: Progress, stop: Stop, replace: bool) -> BenchResult:
    reference, weights = _one(bench, typed), block_weights_for((), weight_pieces(typed))
    output = bench.output("weights", typed, replace)
    return result_of(weigh_lora(reference, weights, output, progress=progress, stop=stop))


def _alpha(bench: LoraBench, typed: Typed, progress: Progress, stop: Stop, replace: bool) -> BenchResult:
    reference, rule = _one(bench, typed), alpha_rule_named(typed.get("alpha", "").strip() or "none")
    return result_of(write_alpha(reference, rule, bench.output("alpha", typed, replace), progress=progress, stop=stop))


def _keys(bench: LoraBench, typed: Typed, progress: Progress, stop: Stop, replace: bool) -> BenchResult:
    reference, output = _one(bench, typed), bench.output("keys", typed, replace)
    return result_of(write_keys(reference, typed.get("form", ""), output, progress=progress, stop=stop))


def _extract(bench: LoraBench, typed: Typed, progress: Progress, stop: Stop, replace: bool) -> BenchResult:
    base, tuned = (identify_base(typed.get(name, "").strip()) for name in ("base", "tuned"))
    output = bench.output("extract", typed, replace)
    return result_of(extract_lora(base, tuned, _rule(typed), output, progress=progress, stop=stop))


def _metadata(bench: LoraBench, typed: Typed, progress: Progress, stop: Stop, replace: bool) -> BenchResult:
    reference = _one(bench, typed)
    changed = edited(read_metadata(reference.path), _pairs(typed.get("put", "")))
    notes = []
    if says_yes(typed.get("share", "")):
        shortened = without_paths(changed)
        notes.append(f"! {path_words(changed, shortened)}")
        changed = shortened
    made = write_metadata(
        reference.path, changed, bench.output("metadata", typed, replace), progress=progress, stop=stop
    )
    return BenchResult((*edited_lines(made), *notes, *(f"! {note}" for note in made.notes)), made.path)


RUNS: Mapping[str, Run] = {
    "inspect": _inspect,
    "verify": _verify,
    "resize": _resize,
    "convert": _convert,
    "merge": _merge,
    "average": _average,
    "mix": _mix,
    "weights": _weights,
    "alpha": _alpha,
    "keys": _keys,
    "extract": _extract,
    "metadata": _metadata,
}
"""How each operation of OPERATIONS is run."""


def _one(bench: LoraBench, typed: Typed) -> LoraReference:
    files = listed_files(typed)
    if len(files) > 1:
        raise SettingsError("file", found=plural(len(files), "file"), expected="one")
    return find_lora(files[0], bench.workspace)


def _base(typed: Typed) -> Base | None:
    text = typed.get("base", "").strip()
    return identify_base(text) if text else None


def _rule(typed: Typed) -> RankRule:
    rule = rank_rule_typed(typed.get("keep", ""))
    if rule is None:
        raise SettingsError("keep", found="blank", expected="rank=16, energy=0.95, cumulative=0.9 or ratio=10")
    return rule


def _pairs(text: str) -> dict[str, str]:
    pairs = {}
    for piece in filter(str.strip, text.split(";")):
        key, sign, value = piece.partition("=")
        if not sign:
            raise SettingsError("set", found=printable(piece, 60), expected="key=value")
        pairs[key.strip()] = value.strip()
    return pairs
