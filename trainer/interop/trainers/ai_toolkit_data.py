"""The keys of ai-toolkit's data sets: folders, captions, buckets."""

from collections.abc import Iterator

from trainer.interop.record import KeyRule, Reading
from trainer.interop.trainers.rules import Values, is_blank

_SUBSET = "datasets[*].subsets[0]."


def _read_resolution(value: object, _: Values) -> Reading:
    sizes = [each for each in (value if isinstance(value, list) else [value]) if not is_blank(each)]
    if not sizes:
        return Reading(no_effect="blank")
    if len(sizes) > 1:
        return Reading({"datasets[*].resolutions": sizes})
    return Reading({"datasets[*].resolution": sizes[0]})


def _read_extension(value: object, _: Values) -> Reading:
    name = str(value).strip()
    if not name:
        return Reading(no_effect="blank")
    return Reading({f"{_SUBSET}caption_extension": name if name.startswith(".") else f".{name}"})


def _folder(key: str) -> KeyRule:
    def read(value: object, values: Values) -> Reading:
        if key == "folder_path" and not is_blank(values.get("datasets[*].dataset_path")):
            return Reading(no_effect="dataset_path decides")
        if is_blank(value):
            return Reading(no_effect="blank")
        return Reading({f"{_SUBSET}image_dir": value})

    return KeyRule(f"datasets[*].{key}", (f"{_SUBSET}image_dir",), read=read)


def _of_subset(key: str, option: str) -> KeyRule:
    return KeyRule(f"datasets[*].{key}", (f"{_SUBSET}{option}",))


def _read_default_caption(value: object, _: Values) -> Reading:
    return Reading(no_effect="blank") if is_blank(value) else Reading({f"{_SUBSET}class_tokens": value})


def _read_batch(value: object, _: Values) -> Reading:
    return Reading(no_effect="blank: that of train") if is_blank(value) else Reading({"datasets[*].batch_size": value})


def data_set_keys() -> Iterator[KeyRule]:
    """Yield the rows of all keys of a data set."""
    yield _folder("dataset_path")
    yield _folder("folder_path")
    yield KeyRule(
        "datasets[*].resolution",
        ("datasets[*].resolution", "datasets[*].resolutions"),
        "several are a data set each, as in ai-toolkit",
        _read_resolution,
    )
    yield KeyRule("datasets[*].caption_ext", (f"{_SUBSET}caption_extension",), "with a dot before it", _read_extension)
    yield KeyRule(
        "datasets[*].default_caption",
        (f"{_SUBSET}class_tokens",),
        "of pictures without a caption file",
        _read_default_caption,
    )
    yield KeyRule("datasets[*].batch_size", ("datasets[*].batch_size",), read=_read_batch)
    yield KeyRule("datasets[*].buckets", ("datasets[*].enable_bucket",))
    yield KeyRule("datasets[*].bucket_tolerance", ("datasets[*].bucket_reso_steps",))
    for key, option in (
        ("caption_dropout_rate", "caption_dropout_rate"),
        ("token_dropout_rate", "caption_tag_dropout_rate"),
        ("shuffle_tokens", "shuffle_caption"),
        ("keep_tokens", "keep_tokens"),
        ("num_repeats", "num_repeats"),
        ("is_reg", "is_reg"),
        ("alpha_mask", "alpha_mask"),
        ("flip_x", "flip_aug"),
        ("random_crop", "random_crop"),
    ):
        yield _of_subset(key, option)
