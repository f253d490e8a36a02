"""Outfits of a subject that a picture shows."""

from collections.abc import Mapping

from trainer.dataset.records import Picture


def outfits_of(picture: Picture, outfits: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the outfits that a picture shows: its folder's, or else each of which its caption has every word.

    Args:
        picture: its folder and its caption.
        outfits: name, which may be a folder's -> words as a prompt has them.
    """
    if picture.folder in outfits:
        return (picture.folder,)
    worn = _tags(picture.caption)
    return tuple(name for name, words in outfits.items() if (tags := _tags(words)) and tags <= worn)


def _tags(text: str) -> frozenset[str]:
    """Return the tags of a caption or prompt, however they are written: `School_Uniform`, `uniform \\(school\\)`."""
    plain = text.replace("\\", "").replace("\n", ",").replace("_", " ").casefold()
    return frozenset(tag for tag in (" ".join(each.split()) for each in plain.split(",")) if tag)
