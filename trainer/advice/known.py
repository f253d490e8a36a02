"""What is known of a bake that symptoms are looked for in: doneness, favourites' weights, values with their noise."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trainer.advice.record import SideSeen
from trainer.advice.symptoms import SYMPTOMS
from trainer.doneness.read import doneness_of
from trainer.doneness.record import Doneness, LaneKind
from trainer.errors import LoraTuiError
from trainer.jobs.proposals import judged_bake
from trainer.journal.bake_settings import settings_of
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, Checkpoint
from trainer.judging.direction import Direction, directions, whole_direction
from trainer.judging.grids import judged_grids
from trainer.ladders.own_settings import OwnSettings, family_of
from trainer.measures.registry import MEASURES
from trainer.measures.value_text import spread_text, value_name, value_text
from trainer.noise_floor.floors import NoiseFloors
from trainer.noise_floor.record import Compared
from trainer.noise_floor.values import ValueKey
from trainer.noise_floor.words import NOT_KNOWN, rests_on, words
from trainer.settings.parts import Part
from trainer.workspace import Workspace


@dataclass(frozen=True)
class FavouriteWeight:
    """Which weight the favourites of a grid have.

    Attributes:
        grid: its number.
        about: kind of the part; None for the weight of the whole LoRA.
        direction: where they point, and how likely chance alone does.
    """

    grid: int
    about: LaneKind | None
    direction: Direction


@dataclass(frozen=True)
class MeasuredFact:
    """One value of a bake at the epoch that is looked at.

    Attributes:
        key: what it is of.
        text: its name and value.
        noise: what is known of its noise, in words.
        from_zero: how far it is from 0 against the noise between bakes; None for a measure that has no natural zero.
    """

    key: ValueKey
    text: str
    noise: str
    from_zero: Compared | None = None

    @property
    def words(self) -> str:
        """It on one line."""
        return f"{self.text}: {self.noise}"


@dataclass(frozen=True, kw_only=True)
class KnownOfBake:
    """What is known of a bake.

    Attributes:
        bake: its number.
        parts: those that train, the predicting one first.
        doneness: where its epochs stand.
        weights: of favourites, those of the newest grid first.
        facts: values at the epoch that is looked at.
        place: of that epoch on the axis of doneness: the one that the user calls the best, else the last; None without any.
    """

    bake: int
    parts: tuple[Part, ...]
    doneness: Doneness
    weights: tuple[FavouriteWeight, ...] = ()
    facts: tuple[MeasuredFact, ...] = ()
    place: int | None = None


def known_of(journal: Journal, workspace: Workspace, bake: Bake, own: OwnSettings) -> KnownOfBake:
    """Return what is known of a bake.

    Args:
        journal, workspace: where it is.
        bake: its row.
        own: its settings as it ran.

    Raises:
        WorkspaceError: the journal cannot be read.
    """
    doneness = doneness_of(journal, workspace, bake.number)
    place = place_of(doneness)
    step = doneness.epochs[place].step if place is not None else None
    return KnownOfBake(
        bake=bake.number,
        parts=own.trained,
        doneness=doneness,
        weights=tuple(_weights(journal, workspace, bake.number, journal.results.checkpoints(bake.number))),
        facts=tuple(_facts(journal, bake.number, step)) if step is not None else (),
        place=place,
    )


def place_of(doneness: Doneness) -> int | None:
    """Return the place of the epoch that is looked at: the one that the user calls the best, else the last; None without any."""
    best = next((mark.place for mark in doneness.marks if mark.said == "best"), None)
    return best if best is not None else (len(doneness.epochs) - 1 if doneness.epochs else None)


def own_settings_of(journal: Journal, bake: Bake) -> OwnSettings:
    """Return a bake's settings with the family of its base.

    Raises:
        SettingsError: they cannot be read.
    """
    settings = settings_of(journal, bake)
    return OwnSettings("", settings, family_of(settings))


def _weights(
    journal: Journal, workspace: Workspace, number: int, saved: Sequence[Checkpoint]
) -> Iterator[FavouriteWeight]:
    """Yield where the favourites of each grid of a bake's LoRAs point, the newest grid first."""
    for grid in judged_grids(journal, workspace) if saved else ():
        if not any(note.favourite for note in grid.notes.values()):
            continue
        try:
            if judged_bake(journal, workspace, grid.made, grid.notes)[0] != number:
                continue
        except LoraTuiError:
            # Its judged pictures are of no bake, or of several.
            continue
        found = zip((LaneKind.BODY, LaneKind.ENCODER), directions(grid.made, grid.notes), strict=True)
        yield from (FavouriteWeight(grid.number, kind, each) for kind, each in found if each.weight is not None)
        whole = whole_direction(grid.made, grid.notes)
        if whole is not None:
            yield FavouriteWeight(grid.number, None, whole)


def _facts(journal: Journal, number: int, step: int) -> Iterator[MeasuredFact]:
    wanted = dict.fromkeys(name for symptom in SYMPTOMS.values() for name in symptom.measures)
    with_zero = {sign.measure for symptom in SYMPTOMS.values() for sign in symptom.signs if isinstance(sign, SideSeen)}
    floors = NoiseFloors(journal, wanted)
    for name in MEASURES:
        if name not in wanted and name not in with_zero:
            continue
        for key in floors.keys(number, name):
            value = floors.value(number, key, step)
            if key.scope or value is None:
                continue
            record = MEASURES[name]
            text = f"{value_name(record.title, key.part)} {value_text(record, value)}"
            if name in with_zero:
                compared = floors.compare_with_base(number, key, step)
                yield MeasuredFact(key, text, NOT_KNOWN if compared is None else words(compared), compared)
                continue
            floor = floors.floor_of([number], key, step) if record.compared else None
            known = (
                NOT_KNOWN if floor is None else f"{spread_text(record, floor.spread)} between twins ({rests_on(floor)})"
            )
            yield MeasuredFact(key, text, known if record.compared else "of this bake alone")
