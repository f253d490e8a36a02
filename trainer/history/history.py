"""The history of a workspace: an entry for each bake, read once and then only where something changed."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import NamedTuple

from trainer.history.facts import FAVOURITE, VERDICTS, facts_of, made_by, metadata_of, tally_of
from trainer.history.records import BakeEntry, BestEpoch
from trainer.journal.bakes import ENDED
from trainer.journal.derived_records import BakeFacts, GridTally, ListedBake, SavedCount
from trainer.journal.journal import Journal
from trainer.journal.measure_records import BakeNote
from trainer.journal.records import REMOVED, BakeState
from trainer.machine.imports import without_garbage_collection
from trainer.text import plural
from trainer.workspace import Workspace

_MAX_GRIDS = 100_000

NOT_READ = "its settings were not read yet"
"""The fault of a bake whose facts are still to be made."""

_Verdicts = Mapping[int, Mapping[str, int]]

# Number of the bake that another is compared with, and its settings where both are known.
_Than = tuple[int | None, Mapping[str, object] | None]


class _Place(NamedTuple):
    """What decides which bake another is compared with, beside its subject."""

    parent: int | None
    withdrawn: bool


_NONE_SAVED, _NO_FACTS, _NO_NOTE = (
    SavedCount(0, 0, 0, None, None),
    BakeFacts(bake=0, made_by="", fault=NOT_READ),
    BakeNote(bake=0),
)


class BakeHistory:
    """The bakes of a journal, one entry each; used in the thread that opened the journal.

    Facts that are missing (see `trainer.history.facts.make_missing`) are left blank, so that reading never waits for them; those of a
    journal that cannot be written are made here, in memory.

    Args:
        journal: open; its owner closes it.
        in_memory: whether missing facts are made in memory though the journal can be written: the disk is full.

    Attributes:
        entries: by number.
    """

    def __init__(self, journal: Journal, *, in_memory: bool = False) -> None:
        self.entries: dict[int, BakeEntry] = {}
        self._journal = journal
        self._in_memory = in_memory or journal.read_only
        self._workspace = Workspace(journal.path.parent)
        self._unkept: dict[int, Mapping[str, str]] | None = None
        self._seen: object = None
        self._sums: object = None
        self._files = 0
        self._stamps: dict[int, tuple[object, object]] = {}
        self._unended: set[int] = set()
        self._facts: dict[int, BakeFacts] = {}
        self._notes: dict[int, BakeNote] = {}
        self._noted = 0.0
        self._ladders: Mapping[int, tuple[int, ...]] = {}
        # Rows of grids' jobs, or damaged: there is no entry of them.
        self._jobs: set[int] = set()
        self._tallies: dict[int, GridTally] = {}
        self._tallied = 0.0
        self._verdicts: dict[int, _Verdicts] = {}
        self._places: dict[int, _Place] = {}
        self._compared: Mapping[int, _Than] = {}

    def refresh(self) -> bool:
        """Read what changed since the last time, and return whether anything did.

        The first time everything is read. Later rows are read of the bakes alone that run, wait, are new, or were run, noted or judged
        since; sums over an index tell whether there are any.
        """
        seen = self._journal.data_version(), self._journal.own_changes()
        if seen == self._seen:
            return False
        first, self._seen = self._seen is None, seen
        with without_garbage_collection() if first else nullcontext():
            return self._read(first)

    def _read(self, first: bool) -> bool:
        changed = self._changed() - self._jobs
        of_facts = self._read_facts(None if first else changed)
        changed |= of_facts | self._read_notes() | self._read_verdicts() | self._read_ladders()
        changed &= self._stamps.keys()
        before = {number: self.entries.get(number) for number in changed}
        if first or changed:
            self._read_entries(None if first else changed, compare=first or bool(of_facts))
        self._jobs |= changed - self.entries.keys()
        return first or any(self.entries.get(number) != entry for number, entry in before.items())

    def _changed(self) -> set[int]:
        """Return the bakes that run, wait, are new, or were run since, and imported ones where files came."""
        sums, files = self._journal.listing.sums(), self._journal.listing.imported_files()
        if sums != self._sums:
            self._sums, before, self._stamps = sums, self._stamps, dict(self._journal.listing.stamps())
            changed = {number for number, stamp in self._stamps.items() if before.get(number) != stamp}
            self._unended = {number for number, (state, _) in self._stamps.items() if state not in ENDED}
        else:
            changed = set()
        if files != self._files:
            self._files = files
            changed |= {number for number, entry in self.entries.items() if entry.imported}
        return changed | self._unended

    def entry(self, number: int) -> BakeEntry | None:
        """Return the entry of bake `number`, None where there is none."""
        return self.entries.get(number)

    def newest_first(self, *, withdrawn: bool = False) -> list[BakeEntry]:
        """Return the entries, newest first.

        Args:
            withdrawn: whether those that were removed from the queue before they started are among them.
        """
        found = sorted(self.entries.values(), key=lambda entry: -entry.number)
        return found if withdrawn else [entry for entry in found if not entry.withdrawn]

    def metadata(self, keys: Collection[str]) -> Mapping[str, Mapping[int, str]]:
        """Return entries of the metadata of the bakes' newest LoRAs: key -> number of a bake -> text.

        Args:
            keys: of the entries, as `BakeFilter.metadata_keys`.
        """
        found = {key: dict(self._journal.derived.metadata(key)) for key in keys}
        if keys and self._in_memory:
            if self._unkept is None:
                newest = self._journal.derived.without_metadata(len(self.entries))
                self._unkept = {each.number: metadata_of(self._workspace, each) for each in newest}
            for number, texts in self._unkept.items():
                for key in keys:
                    if key in texts:
                        found[key][number] = texts[key]
        return found

    def _read_facts(self, changed: Collection[int] | None) -> set[int]:
        """Read the facts of all (None), or of those that changed or have none here; return the bakes whose facts are others."""
        wanted = None if changed is None else {*changed, *(self._stamps.keys() - self._facts.keys() - self._jobs)}
        found = dict(self._journal.derived.facts(wanted))
        if self._in_memory:
            missing = self._journal.derived.without_facts(made_by(), len(self._stamps))
            found |= {each.number: facts_of(self._journal, each) for each in missing if each.number not in self._facts}
        new = {
            number: facts
            for number, facts in found.items()
            if facts.made_by == made_by() and self._facts.get(number) != facts
        }
        self._facts |= new
        return set(new)

    def _read_notes(self) -> set[int]:
        found = self._journal.listing.notes(self._noted)
        new = {number for number, note in found.items() if self._notes.get(number) != note}
        self._notes |= found
        self._noted = max((note.seconds for note in self._notes.values()), default=0.0)
        return new

    def _read_ladders(self) -> set[int]:
        """Read which bakes belong to ladders; return those that now belong to others."""
        before, self._ladders = self._ladders, self._journal.ladders.members()
        either = before.keys() | self._ladders.keys()
        return {number for number in either if before.get(number) != self._ladders.get(number)}

    def _read_verdicts(self) -> set[int]:
        tallies = self._journal.derived.tallies(self._tallied)
        if self._in_memory:
            grids = self._journal.derived.without_tally(_MAX_GRIDS)
            tallies += [tally_of(self._journal, self._workspace, grid) for grid in grids if grid not in self._tallies]
        new = {tally.grid: tally for tally in tallies if self._tallies.get(tally.grid) != tally}
        if not new:
            return set()
        self._tallies |= new
        self._tallied = max(tally.seconds for tally in self._tallies.values())
        counts: dict[int, dict[int, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        for tally in self._tallies.values():
            for bake, steps in tally.counts.items():
                for step, said in steps.items():
                    if bake.isdecimal() and step.isdecimal():
                        counts[int(bake)][int(step)].update(said)
        verdicts: dict[int, _Verdicts] = {
            bake: {step: dict(said) for step, said in sorted(steps.items())} for bake, steps in counts.items()
        }
        changed = {
            bake for bake in verdicts.keys() | self._verdicts.keys() if verdicts.get(bake) != self._verdicts.get(bake)
        }
        self._verdicts = verdicts
        return changed

    def _read_entries(self, numbers: Collection[int] | None, *, compare: bool) -> None:
        """Read the entries of all (None) or of these.

        Args:
            numbers: of the bakes.
            compare: whether settings are others, so that any entry may have to be compared anew.
        """
        listing = self._journal.listing
        bakes = listing.bakes(numbers)
        saved, reached = listing.saved(numbers), listing.reached(numbers)
        resumed = [bake.number for bake in bakes if bake.attempt > 1 and bake.state in ENDED]
        training = listing.training_seconds(resumed) if resumed else {}
        for bake in bakes:
            withdrawn = bake.state is BakeState.STOPPED and bake.started is None and bake.error == REMOVED
            place = _Place(bake.parent, withdrawn)
            compare |= self._places.get(bake.number) != place
            self._places[bake.number] = place
        if compare:
            self._compared = self._comparisons()
        for bake in bakes:
            number, lora = bake.number, saved.get(bake.number, _NONE_SAVED)
            than, before = self._compared[number]
            facts, note = self._facts.get(number, _NO_FACTS), self._notes.get(number, _NO_NOTE)
            verdicts = self._verdicts.get(number, {})
            best = best_epoch(note.best_step, verdicts, bake.steps_per_epoch)
            self.entries[number] = BakeEntry(
                number=number,
                name=bake.name,
                folder=bake.folder,
                state=bake.state,
                created=bake.created,
                started=bake.started,
                ended=bake.ended,
                why=bake.why,
                error=bake.error,
                parent=bake.parent,
                starts_from=bake.starts_from,
                held=bake.held,
                device=bake.device,
                imported=bake.imported,
                energy=bake.energy_joules,
                energy_by=bake.energy_by,
                total_steps=bake.total_steps,
                steps_per_epoch=bake.steps_per_epoch,
                steps=max(reached.get(number, 0), lora.step),
                seconds=training.get(number, _wall_seconds(bake)),
                peak=bake.peak_vram if bake.peak_vram is not None else bake.measured_peak_allocated,
                saved=lora.saved,
                loss=lora.loss,
                val=lora.val,
                subject=str(facts.settings.get("subject", "")),
                settings=facts.settings,
                fault=facts.fault,
                data=facts.data,
                compared_with=than,
                settings_before=before,
                best=best,
                verdict=_verdict(verdicts if best is None else {best.step: verdicts.get(best.step, {})}),
                verdicts=verdicts,
                tags=tuple(tag for tag, given in note.tags.items() if given),
                note=note.text,
                ladders=self._ladders.get(number, ()),
            )
        if numbers is not None and compare:
            self._compare_again()

    def _comparisons(self) -> Mapping[int, _Than]:
        """Return what each bake is compared with, its parent, else the bake of the same subject before it; and that one's settings."""
        last: dict[object, int] = {}
        found: dict[int, _Than] = {}
        for number in sorted(self._places):
            place, facts = self._places[number], self._readable_facts(number)
            than = place.parent if place.parent in self._places else None
            if facts is not None:
                subject = facts.settings.get("subject")
                than = last.get(subject) if than is None else than
                if not place.withdrawn:
                    last[subject] = number
            other = self._readable_facts(than) if facts is not None and than is not None else None
            found[number] = than, other.settings if other is not None else None
        return found

    def _readable_facts(self, number: int) -> BakeFacts | None:
        facts = self._facts.get(number)
        return None if facts is None or facts.fault else facts

    def _compare_again(self) -> None:
        """Correct the entries that are now compared with another bake, or with one whose settings are others now."""
        for number, entry in self.entries.items():
            than, before = self._compared[number]
            if than != entry.compared_with or before is not entry.settings_before:
                self.entries[number] = replace(entry, compared_with=than, settings_before=before)


def best_epoch(chosen: int | None, verdicts: _Verdicts, steps_per_epoch: int) -> BestEpoch | None:
    """Return the epoch that a user preferred: the one called so, else that with most favourites, else most often rated right.

    Args:
        chosen: step of the one that the user called the best.
        verdicts: step -> what was said -> how often.
        steps_per_epoch: of the plan.
    """

    def epoch(step: int) -> int | None:
        return step // steps_per_epoch if steps_per_epoch and step % steps_per_epoch == 0 else None

    if chosen is not None:
        return BestEpoch(chosen, epoch(chosen), "your choice")
    if not verdicts:
        return None
    for what in (FAVOURITE, "right"):
        # Of equal ones the first: the less trained.
        step = max(verdicts, key=lambda step: (verdicts[step].get(what, 0), -step), default=None)
        if step is not None and (count := verdicts[step].get(what, 0)):
            why = plural(count, "favourite") if what == FAVOURITE else f"{count:,} rated right"
            return BestEpoch(step, epoch(step), why)
    return None


def _verdict(verdicts: _Verdicts) -> str:
    if not verdicts:
        return ""
    counts: Counter[str] = Counter()
    for said in verdicts.values():
        counts.update({what: count for what, count in said.items() if what in VERDICTS})
    return max(VERDICTS, key=lambda what: counts[what]) if counts.total() else ""


def _wall_seconds(bake: ListedBake) -> float | None:
    if bake.started is None or bake.ended is None or bake.attempt > 1:
        return None
    return max(0.0, bake.ended - bake.started)
