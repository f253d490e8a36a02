"""The check for the subject's trigger in the captions."""

import re
from collections.abc import Iterator

from trainer.checks.record import CheckedBake
from trainer.dataset.captions import complete_caption
from trainer.dataset.records import Picture
from trainer.finding import Finding
from trainer.text import plural, printable


def trigger_missing(bake: CheckedBake) -> Iterator[Finding]:
    """Yield training pictures whose caption, as it is trained, never has the subject's trigger."""
    trigger = _plain(bake.trigger)
    if not trigger:
        return
    pictures = [picture for picture in bake.data.pictures if not picture.is_reg]
    without = [bake.data.name_of(picture) for picture in pictures if trigger not in _caption(picture)]
    if not without:
        return
    name = printable(bake.trigger, 40)
    if len(without) == len(pictures):
        place, text = "captions", f"no caption has the trigger `{name}`"
    else:
        place = printable(without[0], 60)
        text = (
            f"{len(without):,} of {plural(len(pictures), 'caption')} {'lacks' if len(without) == 1 else 'lack'} "
            f"the trigger `{name}`, such as that of {place}"
        )
    yield Finding("trigger-missing", place, text, cases=tuple(map(printable, without)))


def _caption(picture: Picture) -> str:
    """Return a picture's caption with everything that it may say, so that whatever may bring the trigger counts."""
    lines = picture.caption.split("\n") if picture.caption_rules.wildcards else [picture.caption.partition("\n")[0]]
    return " ".join(_plain(complete_caption(line, picture.caption_rules)) for line in lines)


def _plain(text: str) -> str:
    """Return text as it is compared: small letters, underscores as blanks, one blank between words, no backslashes."""
    return re.sub(r"[\s_]+", " ", text.casefold().replace("\\", "")).strip()
