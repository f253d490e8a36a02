"""OneTrainer's JSON: its presets and saved settings, of 2023 (flat) and of today (a table for each part of the model).

Of 2023 it kept `train_unet_epochs`, `optimizer_weight_decay` and the like on the top level; they stand here under today's names.
Behaviour as of 2026-08, of old files as its own migrations read them.
"""

from collections.abc import Mapping

from trainer.interop.record import SourceDocument, TrainerFormat
from trainer.interop.trainers import reasons
from trainer.interop.trainers.onetrainer_concepts import CONCEPT_KEYS
from trainer.interop.trainers.onetrainer_flow import FLOW_KEYS
from trainer.interop.trainers.onetrainer_keys import CATCH_ALL, FLAT_OF_2023, OTHER_KEYS
from trainer.interop.trainers.onetrainer_parts import BASES, METHODS, PART_KEYS
from trainer.interop.trainers.onetrainer_run import RUN_KEYS
from trainer.interop.trainers.rules import is_on, known_share, table, text_of

PROFILE = "OneTrainer 2026-08"

_RULES = table(PART_KEYS, FLOW_KEYS, RUN_KEYS, CONCEPT_KEYS, OTHER_KEYS)
_OF_TRANSFORMER = frozenset(rule.key for rule in _RULES if rule.key.startswith("transformer."))


def _unprefixed(key: str) -> str:
    if key.startswith("items["):
        # A file of concepts alone.
        key = f"concepts{key.removeprefix('items')}"
    if key.rpartition(".")[2] == "__version":
        return "__version"
    if key in _OF_TRANSFORMER or key in FLAT_OF_2023:
        return FLAT_OF_2023.get(key, key)
    if key.startswith("concepts[") and ".concept_stats" in key:
        return f"{key.partition('.concept_stats')[0]}.concept_stats"
    if key.startswith("concepts["):
        return f"{key.removesuffix('repeats')}balancing" if key.endswith("].repeats") else key
    if key.startswith("samples[") and key.endswith("].prompt"):
        return key
    row = next((row for start, row in CATCH_ALL.items() if key.startswith(start)), key)
    is_argument = key.startswith("optimizer_") and row == key != "optimizer_defaults"
    return f"optimizer.{key.removeprefix('optimizer_')}" if is_argument else row


def _is_concepts(document: SourceDocument) -> bool:
    """Return whether a document is a file of concepts."""
    items = document.tree.get("items")
    first = items[0] if isinstance(items, list) and items else None
    return (
        isinstance(first, Mapping)
        and "path" in first
        and bool({"image", "text", "include_subdirectories"} & first.keys())
    )


def _recognises(document: SourceDocument) -> bool:
    if document.syntax == "json" and _is_concepts(document):
        return True
    names = document.tree.keys()
    marks = {
        "training_method",
        "model_type",
        "base_model_name",
        "lora_rank",
        "output_model_destination",
        "concept_file_name",
    }
    marks |= {
        "learning_rate_warmup_steps",
        "learning_rate_scheduler",
        "train_dtype",
        "output_dtype",
        "aspect_ratio_bucketing",
    }
    if document.syntax not in ("json", "yaml") or len(marks & names) < 2:
        return False
    return known_share(_RULES, (key.key for key in document.keys), _unprefixed) > 0.3 or "training_method" in names


def _notes(values: Mapping[str, object]) -> tuple[str, ...]:
    notes = []
    method, model, peft = (text_of(values, key) for key in ("training_method", "model_type", "peft_type"))
    if method and method != "LORA":
        notes.append(
            f"The file is for {method}: OneTrainer {METHODS.get(method, 'did something else')}. Its rates are not meant for a LoRA."
        )
    if model and model not in BASES:
        notes.append(f"The file {reasons.for_another_base(f'a base of the kind {model}')}.")
    if peft and peft != "LORA":
        notes.append(reasons.becomes_lora(f"a {peft}"))
    if is_on(values.get("lora_decompose")):
        notes.append("The file trains a DoRA (lora_decompose); here it becomes a plain LoRA.")
    if not any(key.startswith(("concepts[", "items[")) for key in values):
        notes.append("The file names no folders of pictures: set train_data_dir.")
    return tuple(notes)


ONETRAINER = TrainerFormat(
    key="onetrainer",
    title="OneTrainer, preset or saved settings in JSON, 2023 to 2026",
    recognises=_recognises,
    rules=_RULES,
    profile=lambda values: PROFILE,
    notes=_notes,
    unprefixed=_unprefixed,
)
