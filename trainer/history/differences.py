"""Differences of two bakes: their settings, their data, and what came out."""

from dataclasses import dataclass, replace

from trainer.dataset.manifest import Manifest, read_manifest
from trainer.errors import LoraTuiError
from trainer.history.data_changes import DataChanges, data_changes
from trainer.history.facts import facts_of
from trainer.history.setting_changes import SettingChange, setting_changes
from trainer.journal.derived_records import FactSource
from trainer.journal.journal import Journal
from trainer.settings.describe import settings_naming
from trainer.settings.one_setting import Decides


@dataclass(frozen=True)
class BakeDifference:
    """What differs between two bakes.

    Attributes:
        first, second: their numbers.
        settings: the settings that differ, those that decide the result first.
        settings_unknown: why the settings cannot be compared, "" where they are.
        data: what differs in their data; None where it is not known of both.
        data_unknown: why, "" where it is known.
    """

    first: int
    second: int
    settings: tuple[SettingChange, ...]
    settings_unknown: str
    data: DataChanges | None
    data_unknown: str

    @property
    def decides(self) -> bool:
        """Whether anything is known to differ that decides the result."""
        return bool(self.data and self.data.summary) or any(each.decides is Decides.YES for each in self.settings)


def difference(journal: Journal, first: int, second: int) -> BakeDifference:
    """Return what differs between two bakes of a journal.

    Raises:
        WorkspaceError: there is no such bake, or it is a grid's job.
    """
    one, other = (
        facts_of(journal, FactSource(bake.number, bake.settings_toml))
        for bake in (journal.bakes.read_bake(first), journal.bakes.read_bake(second))
    )
    fault = one.fault or other.fault
    changes = () if fault else setting_changes(one.settings, other.settings)
    if one.data and one.data == other.data:
        return BakeDifference(first, second, _of_same_content(changes), fault, DataChanges(), "")
    found = [_manifest(journal, number) for number in (first, second)]
    unknown = next((each for each in found if isinstance(each, str)), "")
    before, after = found
    data = data_changes(before, after) if isinstance(before, Manifest) and isinstance(after, Manifest) else None
    return BakeDifference(first, second, changes, fault, data, unknown)


def _of_same_content(changes: tuple[SettingChange, ...]) -> tuple[SettingChange, ...]:
    """Return the changes between two bakes with the same data and models: another place of these decides nothing."""
    named = {*settings_naming("data"), *settings_naming("weights")}
    found = [replace(each, decides=Decides.NO) if each.name in named else each for each in changes]
    return tuple(sorted(found, key=lambda each: each.decides is Decides.NO))


def _manifest(journal: Journal, number: int) -> Manifest | str:
    """Return the manifest of a bake, or why there is none."""
    blob = journal.results.manifest(number)
    if blob is None:
        return f"the data of bake {number} are not listed: it has not started, or its LoRA comes from elsewhere"
    try:
        return read_manifest(blob, f"bake {number}")
    except LoraTuiError as error:
        return error.line()
