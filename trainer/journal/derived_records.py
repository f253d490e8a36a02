"""Records of all bakes at once: a few columns of each, and what follows from other rows of the journal and is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trainer.journal.records import BakeState, Count, Energy, EpochSeconds, FolderInside


@dataclass(frozen=True, kw_only=True)
class BakeFacts:
    """What a bake's settings and data say, without reading them again.

    Attributes:
        bake: its number.
        made_by: what the settings were compared with: a mark of our defaults; facts of another are made again.
        settings: the settings that differ from our defaults, by name.
        data: a mark of the manifest, equal for equal data and models; "" before it is known.
        fault: why the settings could not be read, "" where they were.
    """

    bake: int
    made_by: str
    settings: Mapping[str, object] = field(default_factory=dict)
    data: str = ""
    fault: str = ""


@dataclass(frozen=True, kw_only=True)
class GridTally:
    """What the user said of the pictures of a grid, by the epochs that they are of.

    Attributes:
        grid: its number.
        counts: number of a bake -> step of an epoch -> `favourite` and the verdicts -> how many pictures have it.
        seconds: when it was made, epoch seconds.
    """

    grid: int
    counts: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    seconds: EpochSeconds = 0.0


@dataclass(frozen=True, kw_only=True)
class MetadataText:
    """One entry of the metadata of a bake's newest LoRA.

    Attributes:
        bake: its number.
        key: of the entry; of the row with "" the text is the name of the file.
        text: as it stands there, cut where it is long.
    """

    bake: int
    key: str
    text: str


@dataclass(frozen=True)
class FactSource:
    """What the facts of a bake are made from."""

    number: int
    settings_toml: str


@dataclass(frozen=True)
class NewestLora:
    """The newest LoRA of a bake.

    Attributes:
        number: the bake's.
        folder: the bake's, relative to the workspace.
        file: its name in the folder.
    """

    number: int
    folder: FolderInside
    file: str


@dataclass(frozen=True)
class ListedBake:
    """The columns of a bake that a list shows, as in `trainer.journal.records.Bake`."""

    number: int
    name: str
    folder: FolderInside
    state: BakeState
    total_steps: Count
    steps_per_epoch: Count
    created: EpochSeconds
    started: EpochSeconds | None
    ended: EpochSeconds | None
    why: str
    error: str
    parent: int | None
    starts_from: str
    held: bool
    attempt: Count
    device: str
    peak_vram: int | None
    measured_peak_allocated: int | None
    imported: bool
    energy_joules: Energy | None
    energy_by: str


@dataclass(frozen=True)
class SavedCount:
    """The LoRAs of a bake: how many there are, and the newest one's step and losses."""

    bake: int
    saved: Count
    step: Count
    loss: float | None
    val: float | None
