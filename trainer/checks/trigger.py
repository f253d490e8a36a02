"""The check for the subject's trigger in the captions."""

from collections.abc import Iterator

from trainer.checks.record import CheckedBake
from trainer.dataset.trigger import compared, has_trigger, whole_caption
from trainer.finding import Finding
from trainer.text import plural, printable


def trigger_missing(bake: CheckedBake) -> Iterator[Finding]:
    """Yield training pictures whose caption, as it is trained, never has the subject's trigger."""
    if not compared(bake.trigger):
        return
    pictures = [picture for picture in bake.data.pictures if not picture.is_reg]
    without = [
        bake.data.name_of(picture) for picture in pictures if not has_trigger(whole_caption(picture), bake.trigger)
    ]
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
