"""The report of an import: what became of every key."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from trainer.text import plural

Fate = Literal["taken", "translated", "without effect", "unknown"]
FATES: tuple[Fate, ...] = ("taken", "translated", "without effect", "unknown")


@dataclass(frozen=True)
class KeyReport:
    """What became of one key.

    Attributes:
        key: as the source writes it.
        value: the same, as text.
        fate: one of FATES.
        to: what it became, `network_dim = 32`; several separated by `, `; "" for nothing.
        why: the rule of a translation, or why it has no effect.
        line: in the file, where known.
        file: that it stands in, where several were read together; "" for the only one.
    """

    key: str
    value: str
    fate: Fate
    to: str = ""
    why: str = ""
    line: int | None = None
    file: str = ""


@dataclass(frozen=True)
class ImportReport:
    """What became of a source.

    Attributes:
        where: the file, or `the paste`.
        title: what it was recognised as.
        keys: every key of the source, in its order; each once.
        profile: the trainer profile that the result behaves like; "" for none.
        notes: what a user should know beside the keys.
        paths: paths in the source that do not exist here, with what they were mapped to ("" for nothing).
    """

    where: str
    title: str
    keys: tuple[KeyReport, ...]
    profile: str = ""
    notes: tuple[str, ...] = ()
    paths: Mapping[str, str] = field(default_factory=dict)

    def of(self, fate: Fate) -> tuple[KeyReport, ...]:
        """Return the keys of one fate."""
        return tuple(key for key in self.keys if key.fate == fate)

    def count_line(self) -> str:
        """Return the line that proves that none was dropped: `41 keys: 30 taken, 6 translated, 4 without effect, 1 unknown`."""
        counts: Counter[str] = Counter(key.fate for key in self.keys)
        return f"{plural(len(self.keys), 'key')}: " + ", ".join(f"{counts[fate]} {fate}" for fate in FATES)


def report_json(report: ImportReport) -> dict[str, object]:
    """Return the report as plain JSON values."""
    return asdict(report) | {"counts": {fate: len(report.of(fate)) for fate in FATES}}
