"""Pictures from files at the sizes asked for, read one after the other."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.pictures.picture_cache import UNREADABLE, Pixels, Want, fitted

if TYPE_CHECKING:
    from PIL.Image import Image

# Pictures are posted in batches: one paint for several.
_BATCH_SECONDS = 0.04
_MAX_DECODED_BYTES = 96 * 2**20


@dataclass
class PicturesRead(Message):
    """Pictures that were asked for."""

    pixels: Mapping[Want, Pixels]


class PictureRequests:
    """What is asked for by several places of a screen; used in one thread. What was decoded last stays, for it is often asked for at another size.

    Args:
        open_picture: returns the picture of a file in RGB, None where it cannot be read; raises nothing.
        open_mask: returns how much each part of a picture counts, as `L` of the picture's shape, None where that cannot be read.
    """

    def __init__(
        self,
        open_picture: "Callable[[Path], Image | None]",
        open_mask: "Callable[[Want], Image | None]" = lambda want: None,
    ) -> None:
        self._open_picture, self._open_mask = open_picture, open_mask
        self._wishes: dict[object, deque[Want]] = {}
        self._decoded: OrderedDict[object, Image | None] = OrderedDict()
        self._bytes = 0

    @property
    def waiting(self) -> bool:
        """Whether something is asked for that is not read yet."""
        return any(self._wishes.values())

    def request(self, who: object, wants: tuple[Want, ...]) -> None:
        """Read these pictures, the first first, in place of what `who` asked for before."""
        self._wishes.pop(who, None)
        if wants:
            self._wishes[who] = deque(wants)

    def some(self) -> dict[Want, Pixels]:
        """Return some of what is wanted, after a moment at most."""
        came: dict[Want, Pixels] = {}
        until = time.monotonic() + _BATCH_SECONDS
        while self.waiting and time.monotonic() < until:
            # Who asked last has the user's eye.
            wants = next(wants for wants in reversed(self._wishes.values()) if wants)
            want = wants.popleft()
            if want not in came:
                came[want] = self._read(want)
        return came

    def forget(self) -> None:
        """Drop what was decoded: files may hold something else now."""
        self._decoded.clear()
        self._bytes = 0

    def _read(self, want: Want) -> Pixels:
        from PIL.Image import Resampling

        image = self._kept(want.path, lambda: self._open_picture(want.path))
        if image is None:
            return UNREADABLE
        if want.region is not None:
            left, top, right, bottom = want.region
            image = image.crop((left, top, right, bottom + (bottom - top) % 2))
        else:
            size = fitted(image.width, image.height, want.width, want.height)
            # Enlarged pixels stay pixels; a smooth blur would look like detail that is not there.
            way = Resampling.NEAREST if size[0] >= image.width else Resampling.BOX
            image = image.resize(size, way)
        if want.mask is not None and (mask := self._kept((want.path, want.mask), lambda: self._open_mask(want))):
            image = _masked(image, mask)
        return Pixels(image.width, image.height, image.tobytes())

    def _kept(self, key: object, open_it: "Callable[[], Image | None]") -> "Image | None":
        if key in self._decoded:
            self._decoded.move_to_end(key)
            return self._decoded[key]
        image = open_it()
        self._decoded[key] = image
        self._bytes += _size(image)
        while self._bytes > _MAX_DECODED_BYTES and len(self._decoded) > 1:
            self._bytes -= _size(self._decoded.popitem(last=False)[1])
        return image


def _masked(image: "Image", mask: "Image") -> "Image":
    """Return `image` with what a mask leaves out darkened under a grid of lines, so that it is not taken for a dark part."""
    from PIL import Image, ImageChops
    from PIL.Image import Resampling

    fits = mask.resize(image.size, Resampling.BOX)
    dark = image.point(lambda value: value // 5)
    lined = Image.new("L", image.size)
    lined.putdata([96 if (x + y) % 4 == 0 else 0 for y in range(image.height) for x in range(image.width)])
    dark = ImageChops.lighter(dark, Image.merge("RGB", (lined, lined, lined)))
    return Image.composite(image, dark, fits)


def _size(image: "Image | None") -> int:
    return image.width * image.height * len(image.getbands()) if image is not None else 0
