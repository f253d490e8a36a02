"""The check for captions that are longer than a base reads."""

from collections.abc import Iterator

from trainer.checks.record import CheckedBake
from trainer.dataset.cut_captions import CutCaption
from trainer.dataset.records import DataSet
from trainer.finding import Finding
from trainer.settings.model import Settings
from trainer.text import plural, printable

_LIMITS = (75, 150, 225)
# Enough to find them; the exposures tell of every tag.
_NAMED = 3


def long_captions(bake: CheckedBake) -> Iterator[Finding]:
    """Yield captions with too many tokens: one finding, none where all are read to their end."""
    settings, data, cut = bake.settings, bake.data, bake.planned.cut
    if not cut:
        return
    longest = sorted(cut, key=lambda each: -each.tokens)
    # Several pictures may share a caption file.
    named = tuple(dict.fromkeys(line for each in longest for line in _lost(data, each)))
    more = ", …" if len(named) > _NAMED else ""
    are, share = "is" if len(cut) == 1 else "are", len(cut) / len(data.pictures)
    yield Finding(
        "caption-long",
        _file(data, longest[0]),
        f"{len(cut):,} of {plural(len(data.pictures), 'caption')} ({share:.0%}) {are} longer than "
        f"{settings.max_token_length} tokens, and the rest is not read: {', '.join(named[:_NAMED])}{more}",
        _way_out(settings, longest[0]),
        named,
    )


def _lost(data: DataSet, cut: CutCaption) -> Iterator[str]:
    of = f"in {_file(data, cut)} ({cut.tokens:,} tokens)"
    if cut.shuffled:
        lost = sum(1 - share for share in cut.read.values())
        yield f"about {plural(max(1, round(lost)), 'tag')} {of}, others each time as shuffle_caption mixes them"
        return
    tags = [f"`{printable(tag, 40)}`" for tag in cut.read]
    if not tags:
        yield f"tags that stand there twice {of}"
        return
    yield f"{tags[0]} {of}" if len(tags) == 1 else f"{len(tags):,} tags from {tags[0]} to {tags[-1]} {of}"


def _file(data: DataSet, cut: CutCaption) -> str:
    picture = data.pictures[cut.picture]
    return printable(picture.caption_file.name if picture.caption_file else picture.path.name, 60)


def _way_out(settings: Settings, longest: CutCaption) -> str:
    larger = [limit for limit in _LIMITS if limit > int(settings.max_token_length)]
    enough = next((limit for limit in larger if limit >= longest.tokens), None)
    if enough:
        return f"max_token_length {enough} reads everything"
    return f"max_token_length {larger[-1]} reads more; shorten the rest" if larger else "shorten what is longer"
