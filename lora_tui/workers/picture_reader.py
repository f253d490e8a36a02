"""A thread that reads training pictures at the sizes that a screen shows them."""

import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.pictures.picture_cache import Want
from lora_tui.workers.picture_requests import PictureRequests, PicturesRead

if TYPE_CHECKING:
    from PIL.Image import Image

# The longer side that is kept of a picture: more than a terminal shows of it, in half-blocks or in pixels.
_SIDE = 1024


class PictureReader(threading.Thread):
    """Reads what one screen shows.

    Args:
        post: `post_message` of the screen.
    """

    def __init__(self, post: Callable[[Message], object]) -> None:
        super().__init__(name="pictures", daemon=True)
        self._post = post
        self._asked: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._reading = PictureRequests(open_training_picture, open_training_mask)

    def request_pictures(self, who: object, wants: tuple[Want, ...]) -> None:
        """Read these pictures, the first first, in place of what `who` asked for before."""
        self._asked.put(lambda: self._reading.request(who, wants))

    def forget(self) -> None:
        """Read files again that were read before."""
        self._asked.put(self._reading.forget)

    def stop(self) -> None:
        """End after the picture in progress; does not wait."""
        self._asked.put(None)

    def run(self) -> None:
        """Read until stopped."""
        while self._take(wait=not self._reading.waiting):
            if came := self._reading.some():
                self._post(PicturesRead(came))

    def _take(self, *, wait: bool) -> bool:
        """Take all that was asked, waiting for the first; return whether to go on."""
        try:
            asked = self._asked.get(block=wait)
            while asked is not None:
                asked()
                asked = self._asked.get_nowait()
        except queue.Empty:
            return True
        return False


def open_training_picture(path: Path) -> "Image | None":
    """Return a training picture in RGB, no larger than a screen needs; None where it cannot be read."""
    from trainer.dataset.picture_file import UnreadablePicture, open_small

    try:
        return open_small(path, _SIDE)
    except UnreadablePicture:
        return None


def open_training_mask(want: Want) -> "Image | None":
    """Return how much each part of a picture counts, no larger than a screen needs; None where there is no mask that can be read."""
    from trainer.dataset.pixels import mask_channel
    from trainer.errors import DatasetError

    if want.mask is None:
        return None
    try:
        mask = mask_channel(want.path, want.mask)
    except DatasetError:
        return None
    mask.thumbnail((_SIDE, _SIDE))
    return mask
