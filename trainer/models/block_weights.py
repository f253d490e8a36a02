"""Factors on the change of a LoRA by part and block group: `down=0.5; text encoder=0; up cross k/v=1.2`.

A place is words that its part's record calls the part or the group by; `blocks 0-9` are those of these numbers. Where several fit a
module the last one counts.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from trainer.errors import SettingsError
from trainer.families.record import PartRecord
from trainer.models.kohya_names import part_with
from trainer.text import printable

_MAX_PLACES = 200
_SPACE = re.compile(r"[\s_]+")
# `blocks 0-9`, `layers 3 - 5`.
_NUMBERS = re.compile(r"\b(block|layer)s? (\d{1,4}) ?- ?(\d{1,4})(?!\d)")


@dataclass(frozen=True)
class BlockWeight:
    """A factor on some of a LoRA's modules.

    Attributes:
        place: words of a part or a block group.
        factor: on the change of its modules.
        only_parts: whether only parts are meant, not block groups.
    """

    place: str
    factor: float
    only_parts: bool = False

    def fits(self, part: PartRecord, words: str) -> bool:
        """Return whether it is of a module.

        `down` is of all groups that begin with that word, `cross k/v` of those on every way, `layer 3` of that layer of each
        encoder, `text encoder layer 3` of the first one's, `blocks 0-9 cross k/v` of these layers of ten blocks.

        Args:
            part: the module's.
            words: that its part's record calls it by (`BlockGroups.place`).
        """
        place = plain_words(self.place)
        names = {plain_words(part.key), plain_words(part.label)}
        if place in names:
            return True
        if self.only_parts:
            return False
        own = f" {plain_words(words)} "
        inside = next((place.removeprefix(f"{name} ") for name in names if place.startswith(f"{name} ")), place)
        if match := _NUMBERS.search(inside):
            kind, first, last = match[1], int(match[2]), int(match[3])
            before, after = inside[: match.start()], inside[match.end() :]
            found = re.search(rf" {re.escape(before)}{kind} (\d+){re.escape(after)} ", own)
            return found is not None and first <= int(found[1]) <= last
        return f" {inside} " in own

    def text(self) -> str:
        """Return it as it is typed."""
        return f"{self.place}={self.factor!r}".removesuffix(".0")


@dataclass(frozen=True)
class BlockWeights:
    """Factors by part and block group; of what none is named the factor is 1.

    Attributes:
        weights: in the order in which they are typed.
    """

    weights: tuple[BlockWeight, ...] = ()

    def factor(self, module: str) -> float:
        """Return the factor on a module's change.

        Args:
            module: its name in kohya's form, whichever program wrote the file.
        """
        part = part_with(module)
        if part is None:
            return 1.0
        words = part.groups.place(module.removeprefix(part.lora_prefix))
        return next((each.factor for each in reversed(self.weights) if each.fits(part, words)), 1.0)

    def check(self, modules: Iterable[str], where: str) -> None:
        """See that every place is of some module.

        Args:
            modules: their names in kohya's form.
            where: what an error is about.

        Raises:
            SettingsError: one is of none; lists the places there are.
        """
        found = [*_places(modules)]
        for each in self.weights:
            if not any(each.fits(part, words) for part, _, words in found):
                labels = dict.fromkeys(part.label for part, _, _ in found)
                groups = () if each.only_parts else dict.fromkeys(group for _, group, _ in found)
                raise SettingsError(
                    where,
                    found=f"`{printable(each.place, 60)}`, which nothing in it is called",
                    expected=f"one of {', '.join([*labels, *groups])}" if labels else "modules of a known family",
                )

    def text(self) -> str:
        """Return them as they are typed; parse gives them again."""
        return "; ".join(each.text() for each in self.weights)

    def __bool__(self) -> bool:
        return bool(self.weights)


def parse_block_weights(text: str, where: str) -> BlockWeights:
    """Return the factors in a text: `down=0.5; text encoder=0`, in which a colon may stand for the equals sign.

    Args:
        text: as typed; blank for none.
        where: what an error is about.

    Raises:
        SettingsError: a piece has no factor, or one that is not a number.
    """
    pieces = [piece.strip() for piece in text.split(";") if piece.strip()]
    if len(pieces) > _MAX_PLACES:
        raise SettingsError(where, found=f"{len(pieces):,} places", expected=f"at most {_MAX_PLACES}")
    return BlockWeights(tuple(parse_weight(piece, where) for piece in pieces))


def parse_weight(text: str, where: str, *, only_parts: bool = False) -> BlockWeight:
    """Return one factor: `down=0.5`.

    Args:
        text: as typed.
        where: what an error is about.
        only_parts: whether only parts are meant.

    Raises:
        SettingsError: it has no place, or no finite number.
    """
    sign = "=" if "=" in text else ":"
    place, _, number = text.rpartition(sign)
    try:
        factor = float(number)
    except ValueError:
        factor = math.nan
    if not place.strip() or not math.isfinite(factor):
        raise SettingsError(
            where,
            found=f"`{printable(text, 80)}`",
            expected="a part or block group and its weight, such as `down=0.5`",
        )
    return BlockWeight(" ".join(place.split()), factor, only_parts)


def plain_words(text: str) -> str:
    """Return words by which places are compared, whatever their case, and whether blanks or underscores part them."""
    return _SPACE.sub(" ", text.strip()).casefold()


def _places(modules: Iterable[str]) -> Iterator[tuple[PartRecord, str, str]]:
    """Yield part, group and words of each module."""
    for name in modules:
        part = part_with(name)
        if part is not None:
            inside = name.removeprefix(part.lora_prefix)
            yield part, part.groups.of(inside), part.groups.place(inside)
