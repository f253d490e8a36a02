"""The keys of diffusion-pipe's data set file: folders in `[[directory]]`, and on the top level what holds for all of them."""

from collections.abc import Callable, Iterator

from trainer.interop.record import KeyRule, Reading
from trainer.interop.trainers import reasons
from trainer.interop.trainers.rules import Values, idle, is_blank, is_on, number

FOLDER = "directory[*]."
_DATA_SET, _SUBSET = "datasets[*].", "datasets[*].subsets[0]."
_SIZES = (f"{_DATA_SET}resolution", f"{_DATA_SET}resolutions")
_RATIOS = "buckets here come of the resolution and bucket_reso_steps"
_VIDEO = "of videos"


def listed(key: str, values: Values) -> list[object]:
    """Return the entries of a list whose entries are lists: the file has a key for each."""
    found: list[object] = []
    while (entry := values.get(f"{key}[{len(found)}]")) is not None:
        found.append(entry)
    return found


def _sizes(value: object, place: str) -> dict[str, object]:
    sides = [each for each in (value if isinstance(value, list) else [value]) if not is_blank(each)]
    return {f"{place}resolution": sides[0]} if len(sides) == 1 else {f"{place}resolutions": sides} if sides else {}


def _read_sizes(value: object, values: Values) -> Reading:
    options = _sizes(listed(f"{FOLDER}resolutions", values) or value, _DATA_SET)
    return Reading(options, "" if options else "blank")


def _read_sizes_of_all(value: object, values: Values) -> Reading:
    """Return the sizes of every folder that has none of its own: several are a data set each, which no table around them can say."""
    options: dict[str, object] = {}
    for key in values:
        if key.startswith("directory[") and key.endswith("].path"):
            place = key.removeprefix("directory").removesuffix(".path")
            own = f"directory{place}.resolutions"
            if own not in values and f"{own}[0]" not in values:
                options |= _sizes(listed("resolutions", values) or value, f"datasets{place}.")
    return Reading(options, "" if options else "every folder has its own, or no folder is named")


def _read_shuffle(value: object, values: Values) -> dict[str, object]:
    return {"shuffle_caption": bool(number(value)) or is_on(value)}


def _read_shuffle_count(value: object, values: Values) -> dict[str, object]:
    # 0 leaves it to shuffle_tags.
    return {"shuffle_caption": True} if number(value) else {}


def _same(option: str) -> Callable[[object, Values], dict[str, object]]:
    return lambda value, values: {} if is_blank(value) else {option: value}


def _both(
    key: str, option: str, read: Callable[[object, Values], dict[str, object]], rule: str = "", level: str = _SUBSET
) -> Iterator[KeyRule]:
    """Yield the rows of a key that holds for all folders, or for one."""

    def row(name: str, place: str) -> KeyRule:
        def reading(value: object, values: Values) -> Reading:
            options = {f"{place}{its}": each for its, each in read(value, values).items()}
            return Reading(options, "" if options else "blank")

        return KeyRule(name, (f"{place}{option}",), rule, reading)

    yield row(key, "general.")
    yield row(f"{FOLDER}{key}", level)


def _no_folder(value: object) -> str:
    return "blank" if is_blank(value) else "" if isinstance(value, str) else "no path: a folder is one text"


def _read_folder(value: object, values: Values) -> Reading:
    return Reading(no_effect=why) if (why := _no_folder(value)) else Reading({f"{_SUBSET}image_dir": value})


def _read_masks(value: object, values: Values) -> Reading:
    if why := _no_folder(value):
        return Reading(no_effect=why)
    return Reading({f"{_SUBSET}conditioning_data_dir": value, "masked_loss": True})


def data_set_keys() -> Iterator[KeyRule]:
    """Yield the rows of all keys of a data set file."""
    yield KeyRule(f"{FOLDER}path", (f"{_SUBSET}image_dir",), read=_read_folder)
    for end in ("", "[*]"):
        yield KeyRule(f"resolutions{end}", _SIZES, "of each folder; several are a data set each", _read_sizes_of_all)
        yield KeyRule(f"{FOLDER}resolutions{end}", _SIZES, "several are a data set each", _read_sizes)
    yield KeyRule(
        f"{FOLDER}mask_path",
        (f"{_SUBSET}conditioning_data_dir", "masked_loss"),
        "its red channel weighs the loss, as here with masked_loss",
        _read_masks,
    )
    yield from _both("num_repeats", "num_repeats", _same("num_repeats"))
    yield from _both("caption_prefix", "caption_prefix", _same("caption_prefix"))
    yield from _both(
        "enable_ar_bucket", "enable_bucket", lambda value, _: {"enable_bucket": is_on(value)}, "", _DATA_SET
    )
    yield from _both("shuffle_tags", "shuffle_caption", _read_shuffle, "tags are in another order at every step here")
    yield from _both(
        "cache_shuffle_num", "shuffle_caption", _read_shuffle_count, "tags are in another order at every step here"
    )
    for key, why in (
        ("cache_shuffle_delimiter", "tags are divided at commas here"),
        ("min_ar max_ar num_ar_buckets ar_buckets size_buckets", _RATIOS),
        ("frame_buckets", _VIDEO),
        ("skip_empty_caption", "the checks before a bake name pictures without a caption"),
        ("shuffle_metadata", "the seed decides the order here"),
        ("online_captions", "captions are text files beside the pictures here"),
    ):
        yield from idle(f"{key} {' '.join(f'{FOLDER}{each}' for each in key.split())}", why)
    yield from idle("subsample_ratio", "all pictures are used; exclude_pictures leaves some out")
    yield from idle(f"{FOLDER}default_mask_file", reasons.MASKS)
    yield from idle(f"{FOLDER}control_path", "of bases that edit a picture")
