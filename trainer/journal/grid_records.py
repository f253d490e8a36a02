"""Records: grids, and what the user and a tagger say of their pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trainer.journal.records import Count, Duration, EpochSeconds, FolderInside


class GridState(StrEnum):
    """State of a grid."""

    WAITING = "waiting"
    MAKING = "making"
    DONE = "done"
    CUT = "cut"
    """Ended before its last picture, by order or with its process; what was made is kept, and it can be resumed."""
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Grid:
    """One grid.

    Attributes:
        number: 1, 2, 3 … in the workspace.
        name: as requested.
        folder: its folder, relative to the workspace.
        spec: JSON of its GridSpec.
        bake: number of the bake on whose base it is made between two steps; None for one with a job of its own.
        state: its state.
        total: pictures it has, 0 before it is expanded.
        done: pictures that exist.
        sampled: how many of them were sampled for it, the others being taken from earlier grids.
        sampling_seconds: what sampling them took, without loading.
        unet_passes: U-Net passes of the sampled pictures, in all (see grid.cost.unet_passes).
        speed_class: what determines how long a pass takes, as one text: base, size, sampler's passes, device, precision.
        error: one line, where it failed.
        created, started, ended: epoch seconds.
    """

    number: int
    name: str
    folder: FolderInside
    spec: str
    bake: int | None
    state: GridState
    created: EpochSeconds
    started: EpochSeconds | None = None
    ended: EpochSeconds | None = None
    total: Count = 0
    done: Count = 0
    sampled: Count = 0
    sampling_seconds: Duration = 0.0
    unet_passes: Count = 0
    speed_class: str = ""
    error: str = ""


@dataclass(frozen=True)
class CellNote:
    """The user's note on one picture of a grid.

    Attributes:
        grid: the grid's number.
        cell: name of its place: `x1-y2-z1-s3`.
        favourite: whether it is one.
        whole, unet, text_encoder: `under`, `right`, `over`, or "" if not rated.
        ticks: item of the subject's checklist -> whether it is there; items that were not checked are left out.
        seconds: epoch seconds of the last change.
    """

    grid: int
    cell: str
    favourite: bool = False
    whole: str = ""
    unet: str = ""
    text_encoder: str = ""
    ticks: Mapping[str, bool] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class ProposedTicks:
    """Ticks that a tagger proposes for one picture of a grid; they never count as the user's.

    Attributes:
        grid: the grid's number.
        cell: name of its place.
        ticks: item of the subject's checklist -> whether the tagger sees it; items that name none of its tags are left out.
        tagger: what it is called.
        seconds: epoch seconds of the proposal.
    """

    grid: int
    cell: str
    ticks: Mapping[str, bool] = field(default_factory=dict)
    tagger: str = ""
    seconds: float = 0.0
