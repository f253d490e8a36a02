"""Reports of imports and exports as lists of entries, the way a screen shows them."""

from collections.abc import Sequence
from dataclasses import dataclass

from lora_tui.wording.state_symbols import DONE, ENDED, FAILED, TRANSLATED, WAITING, WARNING, Sign
from trainer.interop.export.report import SETTING_FATES, ExportReport, SettingFate
from trainer.interop.report import FATES, Fate, ImportReport, KeyReport

_KEY_SIGNS: dict[Fate, Sign] = {"taken": DONE, "translated": TRANSLATED, "without effect": ENDED, "unknown": WARNING}
_SETTING_SIGNS: dict[SettingFate, Sign] = {
    "written": DONE,
    "translated": TRANSLATED,
    "lost": FAILED,
    "not needed": ENDED,
}
# What an export cannot say is what one looks for.
_SETTING_ORDER: tuple[SettingFate, ...] = ("lost", "translated", "written", "not needed")
assert set(_SETTING_ORDER) == set(SETTING_FATES)


@dataclass(frozen=True)
class ReportEntry:
    """One entry: a key or a setting with what became of it, or a line of text.

    Attributes:
        name: of the key or setting, or the whole line.
        value: of the key or setting.
        fate: what became of it; "" for a line of text.
        to: what it is now.
        why: the rule, or why it is nothing.
        place: where it stands, `line 4`.
        sign: of the list that it is in.
    """

    name: str
    value: str = ""
    fate: str = ""
    to: str = ""
    why: str = ""
    place: str = ""
    sign: Sign = WAITING


@dataclass(frozen=True)
class ReportPart:
    """A list of entries under a head."""

    head: str
    sign: Sign
    entries: tuple[ReportEntry, ...]


def import_sections(report: ImportReport) -> list[ReportPart]:
    """Return the four lists of keys, empty ones too; then paths of another computer and notes, if there are any."""
    lists = [
        ReportPart(fate, _KEY_SIGNS[fate], tuple(_of_key(key, _KEY_SIGNS[fate]) for key in report.of(fate)))
        for fate in FATES
    ]
    paths = [f"{path} → {here or 'not on this computer'}" for path, here in report.paths.items()]
    return [*lists, *_lines("paths of another computer", paths), *_lines("notes", report.notes)]


def export_sections(report: ExportReport, how: str) -> list[ReportPart]:
    """Return the four lists of settings, what is lost first; then how it is run, and the notes, if there are any."""
    lists = [
        ReportPart(
            fate,
            _SETTING_SIGNS[fate],
            tuple(
                ReportEntry(each.setting, each.value, each.fate, each.to, each.why, sign=_SETTING_SIGNS[fate])
                for each in report.of(fate)
            ),
        )
        for fate in _SETTING_ORDER
    ]
    return [*lists, *_lines("to run it", [how]), *_lines("notes", report.notes)]


def _of_key(key: KeyReport, sign: Sign) -> ReportEntry:
    place = " ".join(part for part in (key.file, f"line {key.line:,}" if key.line else "") if part)
    return ReportEntry(key.key, key.value, key.fate, key.to, key.why, place, sign)


def _lines(head: str, texts: Sequence[str]) -> list[ReportPart]:
    return [ReportPart(head, WAITING, tuple(map(ReportEntry, texts)))] if texts else []
