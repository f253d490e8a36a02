"""Records of the history of bakes: one line of the list, and the epoch that its user preferred."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from trainer.history.setting_changes import SettingChange, changed_names, setting_changes
from trainer.journal.records import REMOVED, BakeState
from trainer.settings.random_numbers import RANDOM_SOURCES, listed_sources


@dataclass(frozen=True)
class BestEpoch:
    """The epoch of a bake that the user preferred.

    Attributes:
        step: optimizer steps in it.
        epoch: complete epochs in it, as far as the plan tells; None where a step is no end of an epoch.
        why: in words: `your choice`, `3 favourites`, `2 rated right`.
    """

    step: int
    epoch: int | None
    why: str


@dataclass(frozen=True, kw_only=True)
class BakeEntry:
    """One line of the list of bakes. Texts are the user's: show them through `text.printable`.

    Attributes:
        number, name, folder, state, created, started, ended, why, error, parent, starts_from, held, device, total_steps,
            steps_per_epoch: as in `trainer.journal.records.Bake`.
        steps: optimizer steps done.
        seconds: how long it took: from its start to its end, of a bake that was resumed the time of its steps; None while it runs
            and where it is not known.
        peak: highest memory taken, bytes; None where unknown.
        saved: how many LoRAs it saved.
        loss, val: mean training loss before its newest LoRA, and that one's validation loss; None where unknown.
        subject: name of its subject, "" for none.
        settings: its settings that differ from our defaults.
        fault: why its settings cannot be read, "" where they can.
        data: a mark of its data, equal for equal data; "" where unknown.
        compared_with: number of the bake that `changes` are against: its parent, else the bake of the same subject before it; None
            for none.
        settings_before: the settings of that bake that differ from our defaults; None where one of the two is not known.
        best: the epoch that the user preferred, None without one.
        verdict: `under`, `right` or `over`: what the user said most often of that epoch, or of all where none stands out; "" for
            nothing said.
        verdicts: step -> `favourite`, `under`, `right`, `over` -> how many pictures of the epoch have it.
        tags: in the order they were given.
        note: markdown.
        imported: whether its LoRA files come from elsewhere.
        energy, energy_by: joules that its GPU took and how that is known, as in `trainer.journal.records.Bake`.
        ladders: numbers of the ladders that it belongs to.
    """

    number: int
    name: str
    folder: str
    state: BakeState
    created: float
    started: float | None = None
    ended: float | None = None
    why: str = ""
    error: str = ""
    parent: int | None = None
    starts_from: str = ""
    held: bool = False
    device: str = ""
    total_steps: int = 0
    steps_per_epoch: int = 0
    steps: int = 0
    seconds: float | None = None
    peak: int | None = None
    saved: int = 0
    loss: float | None = None
    val: float | None = None
    subject: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)
    fault: str = ""
    data: str = ""
    compared_with: int | None = None
    settings_before: Mapping[str, object] | None = None
    best: BestEpoch | None = None
    verdict: str = ""
    verdicts: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    note: str = ""
    imported: bool = False
    ladders: tuple[int, ...] = ()
    energy: float | None = None
    energy_by: str = ""

    @cached_property
    def changes(self) -> tuple[SettingChange, ...]:
        """The settings that differ from the bake it is compared with, those that decide the result first."""
        return () if self.settings_before is None else setting_changes(self.settings_before, self.settings)

    @property
    def changed_names(self) -> tuple[str, ...]:
        """The names of these settings, in no order."""
        return () if self.settings_before is None else changed_names(self.settings_before, self.settings)

    @property
    def note_line(self) -> str:
        """The first line of the note that says something, without the signs of a heading or list."""
        lines = (line.strip().lstrip("#->* ").strip() for line in self.note.splitlines())
        return next(filter(None, lines), "")

    @property
    def withdrawn(self) -> bool:
        """Whether it was removed from the queue before it ever started."""
        return self.state is BakeState.STOPPED and self.started is None and self.error == REMOVED

    @property
    def changes_line(self) -> str:
        """What differs from the bake it is compared with, on one line: `unet_lr ×3, network_dim 16 → 32`; "" for nothing.

        Of twins it says what was drawn anew, since the numbers themselves tell nobody anything: `other start values and order`.
        """
        by_seed = {record.setting: source for source, record in RANDOM_SOURCES.items()}
        names = [change.name for change in self.changes]
        if names and all(name in by_seed for name in names):
            return f"other {listed_sources([by_seed[name] for name in names])}"
        return ", ".join(change.words for change in self.changes)


def lineage_words(entry: BakeEntry) -> str:
    """Return where a bake comes from: `re-bake of 12 with unet_lr ×3`, `fork of 12 with …`; "" without a parent."""
    if entry.parent is None:
        return ""
    kind = "fork" if entry.starts_from else "re-bake"
    if entry.settings_before is None:
        return f"{kind} of {entry.parent}"
    with_what = f"with {entry.changes_line}" if entry.changes else "with the same settings"
    return f"{kind} of {entry.parent} {with_what}"
