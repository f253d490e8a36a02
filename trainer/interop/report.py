"""The report of an import: what became of every key."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from trainer.text import plural, printable, shortened

Fate = Literal["taken", "translated", "without effect", "unknown"]
# Characters of a value in a line of the report; the JSON has all of it.
_MAX_SHOWN = 100
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


def report_lines(report: ImportReport) -> list[str]:
    """Return the report as lines: what was read, the count, and the keys of each fate under its name."""
    lines = [f"{printable(report.where)}: {printable(report.title)}", report.count_line()]
    if report.profile:
        lines.append(f"what the source does not state is as in {report.profile}")
    lines += [printable(note) for note in report.notes]
    for fate in FATES:
        keys = report.of(fate)
        lines += ["", f"{fate} ({len(keys)})", *(f"  {_key_line(key)}" for key in keys)]
    elsewhere = [path for path, here in report.paths.items() if not here]
    if report.paths:
        lines += ["", "paths of another computer"]
        lines += [
            f"  {printable(path)} -> {printable(here)}" if here else f"  {printable(path)}: not here"
            for path, here in report.paths.items()
        ]
    if elsewhere:
        lines.append("  `--map 'THERE=HERE'` says where a folder of the other computer is on this one")
    return lines


def _key_line(key: KeyReport) -> str:
    """Return key and value, what they became, why, and where they stand."""
    source = f"{printable(key.key)} = {shortened(key.value, _MAX_SHOWN)}"
    same = f"{key.key.rpartition('.')[2]} = {shortened(key.value, _MAX_SHOWN)}"
    to = "" if not key.to or key.to == same else f" -> {shortened(printable(key.to), _MAX_SHOWN)}"
    place = " ".join(filter(None, (printable(key.file), f"line {key.line}" if key.line else "")))
    return f"{source}{to}{f': {printable(key.why)}' if key.why else ''}{f' ({place})' if place else ''}"
