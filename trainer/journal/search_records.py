"""Records of searches: what is looked for, and which bakes were tried."""

from dataclasses import dataclass

from trainer.journal.records import Count, EpochSeconds


@dataclass(frozen=True, kw_only=True)
class SearchRow:
    """A search.

    Attributes:
        number: from 1 on.
        spec: JSON of a `trainer.search.record.SearchSpec`.
        settings_toml: the settings that all its bakes start from, as the workspace keeps settings.
        of_bake: the bake that these are of; None where they come from a file.
        created: epoch seconds.
    """

    number: int
    spec: str
    settings_toml: str
    of_bake: int | None = None
    created: EpochSeconds = 0.0


@dataclass(frozen=True, kw_only=True)
class SearchBakeRow:
    """A bake of a search; what it tried and what came out stands in the bake itself.

    Attributes:
        search: its number.
        trial: 0 for the first bake of the search, 1 for the next, ….
        bake: its number.
        pruned: whether the search stopped it because it was behind.
    """

    search: int
    trial: Count
    bake: int
    pruned: bool = False
