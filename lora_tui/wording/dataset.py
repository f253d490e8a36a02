"""Pictures of a data set as text: a row of their list, what is to be said of one, the buckets of an epoch."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lora_tui.wording.list_columns import ListColumn
from lora_tui.wording.numbers import count, file_size
from lora_tui.wording.state_symbols import FAILED, HELD_OUT, LEFT_OUT, WARNING, Sign
from trainer.text import plural, printable

if TYPE_CHECKING:
    from trainer.data_index.record import BucketBar, IndexedPicture

# What no screen is wide enough for need not be made printable.
_LONGEST = 400
NO_SIGN = Sign(" ", "$foreground")


PictureColumn = ListColumn["IndexedPicture"]
"""One column of the list of pictures."""


def picture_sign(picture: "IndexedPicture") -> Sign:
    """Return the sign of what matters most of a picture."""
    if any(fault.stops for fault in picture.faults):
        return FAILED
    if picture.excluded:
        return LEFT_OUT
    if picture.faults:
        return WARNING
    if picture.use != "training":
        return HELD_OUT
    return NO_SIGN


def size_text(size: tuple[int, int] | None) -> str:
    """Return `768×512`, "" for none."""
    return f"{size[0]}×{size[1]}" if size is not None and size[0] else ""


def state_text(picture: "IndexedPicture") -> str:
    """Return in a few words why a picture is not trained, or what may be wrong with it."""
    words: list[str] = [fault.key for fault in picture.faults]
    if picture.excluded:
        words.insert(0, "left out")
    elif picture.use != "training":
        words.insert(0, picture.use)
    if not picture.caption_file and picture.use in ("training", "held out") and not picture.excluded:
        words.append("no caption")
    return ", ".join(words)


def _tokens_text(picture: "IndexedPicture") -> str:
    return "" if picture.tokens is None else count(picture.tokens)


COLUMNS: tuple[PictureColumn, ...] = (
    PictureColumn(
        "name",
        "picture",
        14,
        40,
        0,
        lambda picture: printable(picture.name, _LONGEST),
        share=9,
    ),
    PictureColumn(
        "size",
        "size",
        9,
        9,
        2,
        lambda picture: size_text((picture.width, picture.height)),
        "right",
    ),
    PictureColumn(
        "bucket",
        "bucket",
        9,
        9,
        1,
        lambda picture: size_text(picture.bucket),
        "right",
    ),
    PictureColumn("repeats", "×", 3, 4, 2, lambda picture: f"×{picture.repeats}", "right"),
    PictureColumn("tokens", "tok", 4, 4, 3, _tokens_text, "right"),
    PictureColumn("state", "remarks", 9, 28, 4, state_text, share=2),
    PictureColumn("caption", "caption", 16, 200, 5, lambda picture: printable(picture.caption, _LONGEST), share=3),
)
"""Every column, from left to right."""

PICTURE_MEANINGS: Mapping[str, str] = {
    "name": "its name in the data folder",
    "size": "width and height in pixels, as seen",
    "bucket": "the size that it is trained at",
    "repeats": "how often it comes in an epoch",
    "tokens": "tokens of its caption",
    "state": "left out, or what may be wrong with it",
    "caption": "its words",
}
"""Key of a column -> what it says, for the help; every column has its line."""

PICTURE_SIGNS: Mapping[Sign, str] = {
    FAILED: "it, its caption or its mask cannot be used: a bake is refused",
    LEFT_OUT: "left out of the bake",
    WARNING: "something may be wrong with it",
    HELD_OUT: "used for something other than training",
}
"""Sign of a picture -> what it means, in the order of what matters most."""


def exposures_text(picture: "IndexedPicture", epochs: int | None) -> str:
    """Return how often a bake shows a picture, "" for one that is not trained."""
    if picture.excluded or picture.use != "training" or picture.bucket is None:
        return ""
    each = f"×{picture.repeats} in an epoch"
    if epochs is None:
        return each
    return f"{each}, shown {plural(picture.repeats * epochs, 'time')} in {plural(epochs, 'epoch')}"


def crop_text(picture: "IndexedPicture") -> str:
    """Return where a picture goes: `768×512 → 640×448, 24 pixels of the width cut off`."""
    own, bucket = size_text((picture.width, picture.height)), size_text(picture.bucket)
    if not own:
        return "unreadable"
    if picture.bucket is None or picture.resized is None:
        return own
    parts = [f"{own} → {bucket}"]
    for side, word in ((0, "width"), (1, "height")):
        cut = picture.resized[side] - picture.bucket[side]
        if cut > 0:
            parts.append(f"{cut / picture.resized[side]:.0%} of the {word} cut off")
    return ", ".join(parts)


def facts_of(
    picture: "IndexedPicture", epochs: int | None = None, max_tokens: int | None = None
) -> list[tuple[Sign, str]]:
    """Return everything to be said of a picture, a line each.

    Args:
        picture: the picture.
        epochs: of the bake, None where that is not known.
        max_tokens: that are read of a caption, None where that is not known.
    """
    tokens = "" if picture.tokens is None else plural(picture.tokens, "token")
    if tokens and max_tokens is not None:
        tokens = f"{count(picture.tokens or 0)} of {plural(max_tokens, 'token')}"
    mask = "" if picture.mask is None else "masked by its transparency" if picture.mask == "alpha" else "masked"
    use = "" if picture.use == "training" else picture.use
    more = (use, exposures_text(picture, epochs), tokens, mask, file_size(picture.bytes))
    lines = [(NO_SIGN, crop_text(picture)), (NO_SIGN, " · ".join(part for part in more if part))]
    if picture.excluded:
        lines.append((LEFT_OUT, "left out of the bake (exclude_pictures)"))
    if picture.tokens is not None and max_tokens is not None and picture.tokens > max_tokens:
        lines.append((WARNING, f"the last {plural(picture.tokens - max_tokens, 'token')} of the caption are not read"))
    lines += [(FAILED if fault.stops else WARNING, printable(f"{fault.key}: {fault.text}")) for fault in picture.faults]
    return lines


def bucket_words(bar: "BucketBar") -> str:
    """Return what a bucket holds: `24 shown, 8 batches of 3, the last of 2`."""
    batches = f"{count(bar.shown)} shown, {_batches(bar.batches)} of {bar.batch_size}"
    if bar.last:
        return f"{batches}, the last of {bar.last}"
    return f"{batches}, {count(bar.dropped)} not shown" if bar.dropped else batches


def _batches(number: int) -> str:
    return "1 batch" if number == 1 else f"{count(number)} batches"


def buckets_heading(bars: "Sequence[BucketBar]") -> str:
    """Return the buckets in one line, the ragged ones by name."""
    if not bars:
        return "buckets"
    batches = sum(bar.batches for bar in bars)
    ragged = [f"{size_text(bar.size)} ({bar.last} of {bar.batch_size})" for bar in bars if bar.last]
    words = f"{plural(len(bars), 'bucket')} · {_batches(batches)} in an epoch"
    return f"{words} · ragged: {', '.join(ragged)}" if ragged else f"{words} · none ragged"


def pair_words(bits: int | None) -> str:
    """Return how near two pictures are: `2 of 64 bits differ`."""
    if bits is None:
        return ""
    return "the same by their hashes" if bits == 0 else f"{bits} of 64 bits differ"
