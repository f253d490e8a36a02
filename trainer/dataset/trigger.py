"""The subject's trigger in captions, however both are written."""

import re
from collections import Counter
from collections.abc import Collection, Iterable

from trainer.dataset.captions import complete_caption
from trainer.dataset.exposures import HEAD_COUNT
from trainer.dataset.records import Picture
from trainer.dataset.sources import folder_words


def has_trigger(text: str, trigger: str) -> bool:
    """Return whether a caption has the trigger: in any case, with underscores for blanks, with brackets escaped or not.

    Args:
        text: the caption.
        trigger: the subject's; a blank one is in every caption.
    """
    return compared(trigger) in compared(text)


def whole_caption(picture: Picture) -> str:
    """Return a picture's caption with everything that it may say, so that whatever may bring the trigger counts."""
    lines = picture.caption.split("\n") if picture.caption_rules.wildcards else [picture.caption.partition("\n")[0]]
    return " ".join(complete_caption(line, picture.caption_rules) for line in lines)


def compared(text: str) -> str:
    """Return text as it is compared: small letters, underscores as blanks, one blank between words, no backslashes."""
    return re.sub(r"[\s_]+", " ", text.casefold().replace("\\", "")).strip()


def guessed_trigger(name: str, folders: Iterable[str], captions: Collection[str]) -> str:
    """Return the word that seems to call the subject: the `N_name` folder's, else the captions' first, else `name`.

    Args:
        name: of the subject.
        folders: names of the folders of pictures.
        captions: of the pictures that have one.
    """
    words = {folder_words(folder) or "" for folder in folders}
    if len(words) == 1 and "" not in words:
        return words.pop()
    fronts: Counter[str] = Counter()
    for caption in captions:
        tags = [tag.strip() for tag in caption.split(",", 2)][:2]
        fronts.update({tag for tag in tags if tag and not HEAD_COUNT.fullmatch(tag.lower())})
    for tag, count in fronts.most_common(1):
        if count * 2 > len(captions):
            return tag
    return name
