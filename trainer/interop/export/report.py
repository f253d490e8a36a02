"""The report of an export: what became of every setting."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Literal

from trainer.text import plural

SettingFate = Literal["written", "translated", "lost", "not needed"]
SETTING_FATES: tuple[SettingFate, ...] = ("written", "translated", "lost", "not needed")


@dataclass(frozen=True)
class SettingReport:
    """What became of one setting.

    Attributes:
        setting: its name; for a change while baking `set at step 300`.
        value: as the form shows it.
        fate: one of SETTING_FATES.
        to: what it became where that is another value, `mixed_precision = "bf16"`; "" for the same.
        why: the rule of a translation, or why it is lost or not needed.
    """

    setting: str
    value: str
    fate: SettingFate
    to: str = ""
    why: str = ""


@dataclass(frozen=True)
class ExportReport:
    """What became of settings that were written for another trainer.

    Attributes:
        where: the settings file.
        title: what they were written as.
        settings: every setting once, in the order of the form, and behind them changes that were made while baking.
        notes: what a user should know beside them.
    """

    where: str
    title: str
    settings: tuple[SettingReport, ...]
    notes: tuple[str, ...] = ()

    def of(self, fate: SettingFate) -> tuple[SettingReport, ...]:
        """Return the settings of one fate."""
        return tuple(each for each in self.settings if each.fate == fate)

    def count_line(self) -> str:
        """Return how many settings there are of each fate: `130 settings: 96 written, 2 translated, 1 lost, 31 not needed`."""
        counts: Counter[str] = Counter(each.fate for each in self.settings)
        return f"{plural(len(self.settings), 'setting')}: " + ", ".join(
            f"{counts[fate]} {fate}" for fate in SETTING_FATES
        )


def export_json(report: ExportReport) -> dict[str, object]:
    """Return the report as plain JSON values."""
    return asdict(report) | {"counts": {fate: len(report.of(fate)) for fate in SETTING_FATES}}
