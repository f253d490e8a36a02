"""Records of ladders: the question as it was asked, and which bakes belong to it."""

from dataclasses import dataclass

from trainer.journal.records import Count, EpochSeconds


@dataclass(frozen=True, kw_only=True)
class LadderRow:
    """A ladder; its rungs stand in its spec.

    Attributes:
        number: from 1 on.
        title: as in its spec.
        spec_toml: the spec as `trainer.ladders.files` writes it.
        settings_toml: the settings that all rungs start from, as the workspace keeps settings.
        of_bake: the bake that these are of; None where they come from a file.
        created: epoch seconds.
    """

    number: int
    title: str
    spec_toml: str
    settings_toml: str
    of_bake: int | None = None
    created: EpochSeconds = 0.0


@dataclass(frozen=True, kw_only=True)
class LadderBakeRow:
    """A bake of a ladder.

    Attributes:
        ladder: its number.
        rung: label of the rung: it stays the same when a ladder is extended.
        twin: 0 for the first bake of the rung, 1 for its first twin, ….
        bake: its number; None for one that is still to be queued.
        reused: whether the bake was there before the ladder.
        cut: whether it was taken out of the ladder.
    """

    ladder: int
    rung: str
    twin: Count
    bake: int | None = None
    reused: bool = False
    cut: bool = False
