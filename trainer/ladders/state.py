"""State of ladders: each bake of each rung as it stands in the journal, and the time that is left."""

from collections.abc import Iterable, Mapping, Sequence

from trainer.errors import SettingsError, WorkspaceError
from trainer.journal.journal import Journal
from trainer.journal.ladder_records import LadderBakeRow, LadderRow
from trainer.journal.records import Bake, BakeState, Stage
from trainer.ladders.files import spec_of_toml
from trainer.ladders.record import BakeOfRung, LadderSpec, LadderState
from trainer.plan.queue_times import seconds_left
from trainer.settings.describe import speed_settings

UNFINISHED = tuple(state for state in BakeState if state is BakeState.QUEUED or state.live)
"""States of bakes that an engine has still to end."""


def ladder_state(journal: Journal, number: int) -> LadderState:
    """Return a ladder as it stands.

    Raises:
        WorkspaceError: no ladder has that number, or its row is damaged.
        SettingsError: its spec is damaged, or of another version.
    """
    row = read_ladder(journal, number)
    return _state(journal, row, spec_of(row))


def ladder_states(journal: Journal) -> list[LadderState]:
    """Return every ladder as it stands, the newest first; one whose spec cannot be read has no rungs."""
    found = []
    for row in journal.ladders.all():
        try:
            spec = spec_of(row)
        except SettingsError:
            spec = LadderSpec(title=row.title, knobs=(), rungs=())
        found.append(_state(journal, row, spec))
    return found


def read_ladder(journal: Journal, number: int) -> LadderRow:
    """Return a ladder's row.

    Raises:
        WorkspaceError: no ladder has that number, or its row is damaged.
    """
    row = journal.ladders.find(number)
    if row is None:
        raise WorkspaceError(
            str(journal.path),
            found=f"no ladder {number}",
            expected="the number of a ladder",
            way_out="`lora-tui ladder list` lists them",
        )
    return row


def spec_of(row: LadderRow) -> LadderSpec:
    """Return the spec of a ladder.

    Raises:
        SettingsError: it is damaged, or of another version.
    """
    return spec_of_toml(row.spec_toml, f"ladder {row.number}")


def _state(journal: Journal, row: LadderRow, spec: LadderSpec) -> LadderState:
    rows = {(each.rung, each.twin): each for each in journal.ladders.bakes_of(row.number)}
    bakes = _read_bakes(journal, rows.values())
    places = {rung.label: place for place, rung in enumerate(spec.rungs)}
    # Who only looks marks nothing as lost.
    orphans = {number for number, bake in bakes.items() if journal.bakes.is_orphan(bake)}
    found = [
        _bake_of_rung(
            places[label], each, bakes.get(each.bake) if each.bake is not None else None, orphan=each.bake in orphans
        )
        for (label, _), each in rows.items()
        if label in places
    ]
    # A place that was never written down, as when a process was killed while it queued, is an open one.
    known = {(each.rung, each.twin) for each in found}
    found += [
        BakeOfRung(rung=place, twin=twin)
        for place in places.values()
        for twin in range(spec.twins)
        if (place, twin) not in known and not _is_cut(rows.values(), spec.rungs[place].label)
    ]
    in_order = tuple(sorted(found, key=lambda each: (each.rung, each.twin)))
    return LadderState(
        number=row.number,
        spec=spec,
        bakes=in_order,
        created=row.created,
        of_bake=row.of_bake,
        seconds_left=_left(
            in_order,
            {number: bake for number, bake in bakes.items() if number not in orphans},
            one_speed=not set(spec.knobs) & set(speed_settings()),
        ),
    )


def _read_bakes(journal: Journal, rows: Iterable[LadderBakeRow]) -> Mapping[int, Bake]:
    numbers = {row.bake for row in rows if row.bake is not None}
    return {number: bake for number in sorted(numbers) if (bake := journal.bakes.find(number)) is not None}


def _is_cut(rows: Iterable[LadderBakeRow], label: str) -> bool:
    """Return whether a rung was taken out: all that is left of it is marked so."""
    own = [row.cut for row in rows if row.rung == label]
    return bool(own) and all(own)


def _bake_of_rung(rung: int, row: LadderBakeRow, bake: Bake | None, *, orphan: bool) -> BakeOfRung:
    said = bake.state if bake is not None else None
    state = BakeState.LOST if orphan else said
    return BakeOfRung(
        rung=rung,
        twin=row.twin,
        bake=row.bake,
        state=state,
        held=bake is not None and state is BakeState.QUEUED and bake.held,
        reused=row.reused,
        cut=row.cut,
        error=bake.error if bake is not None and state in (BakeState.FAILED, BakeState.LOST) else "",
        was=said if orphan else None,
    )


def _left(places: Sequence[BakeOfRung], bakes: Mapping[int, Bake], *, one_speed: bool) -> float | None:
    """Return the seconds of what is still to be baked; None where the time of one of them is not known.

    A bake whose time was not known when it was queued takes as long a step as one of its rung that is done, a place without a bake as
    long as another of its rung; where all rungs have one speed, as one of any rung. What failed or was stopped is not going to be baked.

    Args:
        places: of the ladder.
        bakes: by number.
        one_speed: whether the knobs decide nothing of a bake's speed.
    """
    total = 0.0
    counted: set[int] = set()
    for place in places:
        if place.cut or place.bake in counted:
            continue
        alike = _of_rung(places, place.rung, bakes) + (list(bakes.values()) if one_speed else [])
        if place.bake is None:
            left = next((seconds for each in alike if (seconds := _whole(each)) is not None), None)
        elif (bake := bakes.get(place.bake)) is None or bake.state not in UNFINISHED:
            continue
        else:
            counted.add(bake.number)
            left = bake.planned_seconds if bake.state is BakeState.QUEUED else seconds_left(bake, None)
            left = _by_others(bake, alike) if left is None else left
        if left is None:
            return None
        total += left
    return total


def _of_rung(places: Iterable[BakeOfRung], rung: int, bakes: Mapping[int, Bake]) -> list[Bake]:
    numbers = [each.bake for each in places if each.rung == rung and each.bake is not None]
    return [bakes[number] for number in numbers if number in bakes]


def _by_others(bake: Bake, others: Iterable[Bake]) -> float | None:
    """Return how long the steps that a bake has left take at the speed of the first of others that is done; None without one."""
    for other in others:
        took = _took(other)
        if took is not None and other.total_steps:
            done = bake.stage_done if bake.stage is Stage.STEP else 0
            return took / other.total_steps * max(0, bake.total_steps - done)
    return None


def _took(bake: Bake) -> float | None:
    """Return how long a bake took that is done, None for any other."""
    if bake.state is BakeState.DONE and bake.started is not None and bake.ended is not None:
        return max(0.0, bake.ended - bake.started)
    return None


def _whole(bake: Bake) -> float | None:
    """Return how long a bake took, else how long it is expected to take."""
    took = _took(bake)
    return bake.planned_seconds if took is None else took
