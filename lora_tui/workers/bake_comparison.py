"""Two bakes compared, for a thread that has the journal open: what differs in settings and data, and what came out of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.wording.bake_entries import best_text, steps_text
from lora_tui.workers.overlay_curves import speaker
from trainer.errors import WorkspaceError
from trainer.measures.registry import MEASURES
from trainer.measures.value_text import value_name
from trainer.text import duration

if TYPE_CHECKING:
    from trainer.history.differences import BakeDifference
    from trainer.history.history import BakeHistory
    from trainer.history.records import BakeEntry
    from trainer.journal.journal import Journal


_NONE = "none"


@dataclass(frozen=True)
class ComparedValue:
    """One value of two bakes: what it is, both, and how their difference stands against the noise ("" where nothing is compared)."""

    title: str
    first: str
    second: str
    words: str = ""


@dataclass(frozen=True)
class BakeComparison:
    """Two bakes compared.

    Attributes:
        first, second: the bakes.
        difference: of their settings and data.
        results: what came out.
    """

    first: "BakeEntry"
    second: "BakeEntry"
    difference: "BakeDifference"
    results: tuple[ComparedValue, ...]


@dataclass
class ComparisonRead(Message):
    """Two bakes were compared."""

    comparison: BakeComparison


def compare_bakes(journal: "Journal", history: "BakeHistory", first: int, second: int) -> ComparisonRead:
    """Return what differs between two bakes.

    Raises:
        WorkspaceError: there is no such bake.
    """
    from trainer.history.differences import difference

    one, other = _entry(history, first), _entry(history, second)
    results = (*_figures(one, other), *_measures(journal, first, second))
    return ComparisonRead(BakeComparison(one, other, difference(journal, first, second), results))


def _entry(history: "BakeHistory", number: int) -> "BakeEntry":
    entry = history.entry(number)
    if entry is None:
        raise WorkspaceError(f"bake {number}", found="is not in the journal any more")
    return entry


def _figures(one: "BakeEntry", other: "BakeEntry") -> Iterator[ComparedValue]:
    """Yield what the list has of both."""
    for title, text in (
        ("steps", steps_text),
        ("time", lambda entry: "" if entry.seconds is None else duration(entry.seconds)),
        ("best epoch", best_text),
        ("verdict", lambda entry: entry.verdict),
    ):
        first, second = text(one), text(other)
        # A bake that runs has no time yet.
        if (first and second) or (title != "time" and (first or second)):
            yield ComparedValue(title, first or _NONE, second or _NONE)


def _measures(journal: "Journal", first: int, second: int) -> Iterator[ComparedValue]:
    """Yield every measure of a whole or of a part that both have, at the last epoch that both have."""
    from trainer.noise_floor.floors import NoiseFloors
    from trainer.noise_floor.values import BakeValues
    from trainer.noise_floor.words import words

    floors = NoiseFloors(journal)
    sides = [BakeValues(journal, number, journal.bakes.read(number).steps_per_epoch) for number in (first, second)]
    for record in MEASURES.values():
        if not record.compared:
            continue
        for key, values in sides[0].keys(record.key).items():
            others = sides[1].keys(record.key).get(key, [])
            if key.scope or not others:
                continue
            step = min(values[-1].step, others[-1].step)
            before, after = (side.at(key, step) for side in sides)
            if before is None or after is None:
                continue
            found = floors.compare([first], [second], key, step)
            say = speaker(record)
            title = value_name(record.title, key.part)
            yield ComparedValue(
                f"{title} at step {step:,}",
                say(before.value),
                say(after.value),
                "" if found is None else words(found),
            )
