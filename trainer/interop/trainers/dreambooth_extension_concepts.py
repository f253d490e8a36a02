"""The keys of sd_dreambooth_extension's concepts: pictures of the instance and of its class, prompts, samples."""

from collections.abc import Iterator

from trainer.interop.record import KeyRule, Reading
from trainer.interop.trainers import reasons
from trainer.interop.trainers.rules import Values, idle, is_blank, number, text_of

_SUBSET, _REG = "datasets[0].subsets[*].", "datasets[0].subsets[reg *]."
_CLASS_PICTURES = "pictures of the class are not made here; those that there are, are used"


def _has_class(values: Values) -> bool:
    """Return whether a concept uses pictures of its class."""
    count = number(values.get("concepts_list[*].num_class_images_per"))
    older = number(values.get("concepts_list[*].num_class_images"))
    return bool(text_of(values, "concepts_list[*].class_data_dir")) and bool((count or 0) > 0 or (older or 0) > 0)


def _read_folder(value: object, values: Values) -> Reading:
    return Reading(no_effect="blank: no concept") if is_blank(value) else Reading({f"{_SUBSET}image_dir": value})


def _read_class_folder(value: object, values: Values) -> Reading:
    if is_blank(value):
        return Reading(no_effect="blank")
    if not _has_class(values):
        return Reading(no_effect="no pictures of the class are used: num_class_images_per is 0")
    return Reading({f"{_REG}image_dir": value, f"{_REG}is_reg": True})


def _read_prompt(value: object, values: Values) -> Reading:
    prompt = str(value or "").strip()
    if not prompt:
        return Reading(no_effect="blank")
    if "[filewords]" in prompt:
        return Reading(no_effect="captions come from the files beside the pictures, as here")
    return Reading({f"{_SUBSET}class_tokens": prompt})


def _read_class_prompt(value: object, values: Values) -> Reading:
    prompt = str(value or "").strip()
    if not prompt or not _has_class(values):
        return Reading(no_effect="no pictures of the class are used" if prompt else "blank")
    if "[filewords]" in prompt:
        return Reading(no_effect="captions come from the files beside the pictures, as here")
    return Reading({f"{_REG}class_tokens": prompt})


def _read_sample(value: object, values: Values) -> Reading:
    return Reading(no_effect="blank") if is_blank(value) else Reading({"subject.prompts[*]": value})


def concept_keys() -> Iterator[KeyRule]:
    """Yield the rows of all keys of a concept."""
    at = "concepts_list[*]."
    yield KeyRule(f"{at}instance_data_dir", (f"{_SUBSET}image_dir",), read=_read_folder)
    yield KeyRule(
        f"{at}class_data_dir", (f"{_REG}image_dir", f"{_REG}is_reg"), "regularisation pictures", _read_class_folder
    )
    yield KeyRule(
        f"{at}instance_prompt",
        (f"{_SUBSET}class_tokens",),
        "the caption of pictures without a caption file",
        _read_prompt,
    )
    yield KeyRule(
        f"{at}class_prompt",
        (f"{_REG}class_tokens",),
        "the caption of pictures without a caption file",
        _read_class_prompt,
    )
    yield KeyRule(f"{at}instance_token", ("subject.trigger",))
    yield from idle(f"{at}class_token", "a word for the class; it stands in the captions")
    yield KeyRule(f"{at}save_sample_prompt", ("subject.prompts[*]",), "a test prompt of the subject", _read_sample)
    yield from idle(f"{at}num_class_images_per {at}num_class_images", "read together with class_data_dir")
    yield from idle(
        " ".join(f"{at}{key}" for key in ("class_guidance_scale", "class_infer_steps", "class_negative_prompt")),
        _CLASS_PICTURES,
    )
    sample = "n_save_sample sample_seed save_guidance_scale save_infer_steps save_sample_negative_prompt"
    yield from idle(" ".join(f"{at}{key}" for key in (*sample.split(), "save_sample_template")), reasons.SAMPLES)
    yield from idle(
        f"{at}is_valid {at}file_prompt_contents {at}max_steps {at}name", "the extension's own note on the concept"
    )
