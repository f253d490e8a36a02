"""OneTrainer's concepts, which are folders of pictures, and its sample prompts."""

import math

from trainer.interop.record import KeyRule, Reading
from trainer.interop.trainers import reasons
from trainer.interop.trainers.rules import Values, is_blank, is_on, number, table, text_of


def _read_sample(value: object, values: Values) -> Reading:
    return Reading(no_effect="blank") if is_blank(value) else Reading({"subject.prompts[*]": value})


def _read_concept_file(value: object, values: Values) -> Reading:
    if any(key.startswith("concepts[") for key in values):
        return Reading(no_effect="the concepts stand in this file")
    return Reading(no_effect=reasons.CONCEPTS_FILE)


def _concept(key: str, option: str, rule: str = "", read: object = None) -> KeyRule:
    """Return the row of a key of a concept, without effect where the concept is switched off or not trained on."""
    inner = read if callable(read) else lambda value, _: Reading({option: value})

    def checked(value: object, values: Values) -> Reading:
        if not is_on(values.get("concepts[*].enabled", True)):
            return Reading(no_effect="the concept is switched off")
        kind = text_of(values, "concepts[*].type", "STANDARD")
        if (kind != "STANDARD" or is_on(values.get("concepts[*].validation_concept"))) and key != "path":
            return Reading(no_effect="the concept is not trained on")
        found = inner(value, values)
        return found if isinstance(found, Reading) else Reading()

    return KeyRule(f"concepts[*].{key}", (option,), rule, checked)


_SUBSET = "datasets[0].subsets[*]."


def _read_path(value: object, values: Values) -> Reading:
    kind = text_of(values, "concepts[*].type", "STANDARD")
    if kind == "VALIDATION" or is_on(values.get("concepts[*].validation_concept")):
        return Reading({"validation_data_dir": value})
    if kind == "PRIOR_PREDICTION":
        return Reading(no_effect="a concept for prior prediction; regularisation here has pictures of its own")
    return Reading({f"{_SUBSET}image_dir": value})


def _read_balancing(value: object, values: Values) -> Reading:
    found = number(value)
    if found is None or found <= 0:
        return Reading(no_effect="no number above 0")
    if text_of(values, "concepts[*].balancing_strategy", "REPEATS") == "SAMPLES":
        return Reading(no_effect="a number of pictures for each epoch; repeats here are for each picture")
    return Reading({f"{_SUBSET}num_repeats": max(1, math.floor(found + 0.5))})


def _read_prompt_source(value: object, _: Values) -> Reading:
    if str(value) == "sample":
        return Reading({f"{_SUBSET}caption_extension": ".txt"})
    return Reading(no_effect="captions here stand in a file beside each picture")


def _read_shuffling(value: object, _: Values) -> Reading:
    return Reading({f"{_SUBSET}shuffle_caption": is_on(value)})


def _read_kept(value: object, values: Values) -> Reading:
    if not is_on(values.get("concepts[*].text.enable_tag_shuffling")):
        return Reading(no_effect="tags are not shuffled")
    return Reading({f"{_SUBSET}keep_tokens": value})


def _read_tag_dropout(value: object, values: Values) -> Reading:
    if not is_on(values.get("concepts[*].text.tag_dropout_enable")):
        return Reading(no_effect="tag_dropout_enable is off")
    if text_of(values, "concepts[*].text.tag_dropout_mode", "FULL") != "RANDOM":
        return Reading(no_effect="tags here are left out one by one, with one probability")
    return Reading({f"{_SUBSET}caption_tag_dropout_rate": value})


_OF_CONCEPT = (
    _concept("path", f"{_SUBSET}image_dir", "a validation concept is validation_data_dir", _read_path),
    KeyRule(
        "concepts[*].enabled",
        (),
        read=lambda value, _: Reading(no_effect="it is used" if is_on(value) else "the concept is left out"),
        why="a concept that is off is left out",
    ),
    _concept("balancing", f"{_SUBSET}num_repeats", "rounded to whole repeats, at least 1", _read_balancing),
    _concept(
        "text.prompt_source",
        f"{_SUBSET}caption_extension",
        "`sample` is a .txt file for each picture",
        _read_prompt_source,
    ),
    _concept("text.enable_tag_shuffling", f"{_SUBSET}shuffle_caption", "", _read_shuffling),
    _concept("text.keep_tags_count", f"{_SUBSET}keep_tokens", "", _read_kept),
    _concept("text.tag_dropout_probability", f"{_SUBSET}caption_tag_dropout_rate", "", _read_tag_dropout),
    KeyRule(
        "concepts[*].image.enable_random_flip",
        (f"{_SUBSET}flip_aug",),
        read=lambda value, _: Reading({f"{_SUBSET}flip_aug": is_on(value)}),
    ),
)

CONCEPT_KEYS = table(
    KeyRule("samples[*].prompt", ("subject.prompts[*]",), "a test prompt of the subject", _read_sample),
    KeyRule("concept_file_name", (), read=_read_concept_file, why="that file is not opened"),
    _OF_CONCEPT,
)
"""Rows of concepts and samples."""
