"""Places in nested keys: `concepts[3].path` as row `concepts[*].path` of a table, and what stands beside it.

A table writes `*` for any place in a list. In the options that such a row sets, `*` is the same place again, so that
`concepts[*].path` may set `datasets[0].subsets[*].image_dir`. Places are numbers in a file and any words in options:
`subsets[reg *]` stands beside `subsets[*]`.
"""

import re
from collections.abc import Iterator, Mapping

_PLACE = re.compile(r"\[(\d+)\]")


def row_of(key: str) -> tuple[str, tuple[str, ...]]:
    """Return the key as a table writes it, and its places: `a[3].b[0].c` is `a[*].b[*].c` at `("3", "0")`."""
    places = tuple(_PLACE.findall(key))
    return (_PLACE.sub("[*]", key), places) if places else (key, ())


def at_places(row: str, places: tuple[str, ...]) -> str:
    """Return a row's key with its `*` filled from the first on; those that no place is left for stay."""
    for place in places:
        row = row.replace("*", place, 1)
    return row


class Beside(Mapping[str, object]):
    """All values of a file as one key sees them: `concepts[*].enabled` is that of the key's own concept.

    Args:
        values: by key, as the file has them.
        places: those of the key.
    """

    def __init__(self, values: Mapping[str, object], places: tuple[str, ...]) -> None:
        self._values = values
        self._places = places

    def __getitem__(self, key: str) -> object:
        return self._values[at_places(key, self._places) if "*" in key else key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
