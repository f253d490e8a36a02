"""How often folders, outfits and tags were shown by an epoch, in words."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from trainer.text import printable

if TYPE_CHECKING:
    from trainer.dataset.exposures import EpochExposure

_KINDS = ("outfit", "folder", "tag")
_NAME = 40


def exposed_lines(exposures: "Sequence[EpochExposure]", epoch: int) -> list[str]:
    """Return how often each thing was shown once so many epochs are complete, a line for each kind; none where nothing is known.

    Args:
        exposures: what each epoch shows.
        epoch: how many are complete.
    """
    lines = [" · ".join(_shown(exposures, kind, epoch)) for kind in _KINDS]
    found = [line for line in lines if line]
    return [f"shown by the end of epoch {epoch}:", *found] if found and epoch else []


def exposed_line(exposures: "Sequence[EpochExposure]", epoch: int) -> str:
    """Return the same in one line; "" where nothing is known."""
    first, *lines = exposed_lines(exposures, epoch) or [""]
    return f"{first} {' · '.join(lines)}" if lines else ""


def _shown(exposures: "Sequence[EpochExposure]", kind: str, epoch: int) -> Iterator[str]:
    from trainer.plan.report import exposed_name

    for each in exposures:
        if each.kind == kind:
            yield f"{printable(exposed_name(each), _NAME)} {each.after(epoch):,}"
