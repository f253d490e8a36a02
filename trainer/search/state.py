"""State of searches, read from the journal each time: the bakes are all that is kept of a trial."""

import json
from collections.abc import Mapping
from dataclasses import asdict

from trainer.errors import LoraTuiError, WorkspaceError
from trainer.journal.bake_settings import settings_of
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState
from trainer.journal.search_records import SearchBakeRow, SearchRow
from trainer.noise_floor.values import BakeValues
from trainer.search.record import KnobRange, SearchSpec, SearchState, SearchTrial, TrialEnd
from trainer.search.typed import choice_text
from trainer.settings.model import Settings
from trainer.typed_values import WrongValue, value_from_json

# It is continued: an engine that was killed has left it, or its time was over.
_INTERRUPTED = (BakeState.LOST, BakeState.STOPPED, BakeState.PARKED)


def search_state(journal: Journal, number: int) -> SearchState:
    """Return a search as it stands.

    Raises:
        WorkspaceError: no search has that number, or its row is damaged.
    """
    row = journal.searches.find(number)
    if row is None:
        known = ", ".join(str(each.number) for each in journal.searches.all())
        raise WorkspaceError(
            f"search {number}",
            found="not in this journal",
            expected=f"one of {known}" if known else "a search",
            way_out="`lora-tui search --list`",
        )
    return _state(journal, row)


def search_states(journal: Journal) -> list[SearchState]:
    """Return every search as it stands, the newest first; one whose spec cannot be read is left out."""
    found = []
    for row in journal.searches.all():
        try:
            found.append(_state(journal, row))
        except WorkspaceError:
            continue
    return found


def spec_json(spec: SearchSpec) -> str:
    """Return a spec as the journal keeps it."""
    return json.dumps(asdict(spec))


def read_trial(journal: Journal, spec: SearchSpec, row: SearchBakeRow) -> SearchTrial:
    """Return a trial as its bake in the journal has it."""
    bake = journal.bakes.find(row.bake)
    if bake is None:
        return SearchTrial(number=row.trial, bake=row.bake, state=BakeState.LOST, end=TrialEnd.FAILED, params={})
    try:
        params = _params(spec, settings_of(journal, bake))
    except LoraTuiError:
        # Of another version, or damaged: it says nothing of these settings.
        return SearchTrial(number=row.trial, bake=bake.number, state=bake.state, end=TrialEnd.FAILED, params={})
    values = BakeValues(journal, bake.number, bake.steps_per_epoch).keys(spec.measure).get(spec.key, [])
    by_step = {value.step: value.value for value in values if value.step}
    last = by_step[max(by_step)] if by_step else None
    return SearchTrial(
        number=row.trial,
        bake=bake.number,
        state=bake.state,
        end=_end(bake, row, last),
        params=params,
        value=last,
        by_step=by_step,
    )


def _state(journal: Journal, row: SearchRow) -> SearchState:
    try:
        spec: SearchSpec = value_from_json(SearchSpec, row.spec)
    except WrongValue as wrong:
        raise WorkspaceError(
            f"search {row.number}", found=f"its spec is damaged: {wrong}", way_out="start another"
        ) from None
    rows = journal.searches.bakes_of(row.number)
    bakes = [bake for each in rows if (bake := journal.bakes.find(each.bake)) is not None]
    return SearchState(
        number=row.number,
        spec=spec,
        trials=tuple(read_trial(journal, spec, each) for each in rows),
        created=row.created,
        spent=sum(_seconds(bake) for bake in bakes),
    )


def _end(bake: Bake, row: SearchBakeRow, value: float | None) -> TrialEnd:
    if row.pruned and not (bake.state.live or bake.state is BakeState.QUEUED):
        return TrialEnd.PRUNED
    if bake.state is BakeState.DONE:
        return TrialEnd.FAILED if value is None else TrialEnd.DONE
    if bake.state is BakeState.FAILED or bake.withdrawn:
        return TrialEnd.FAILED
    return TrialEnd.OPEN


def _params(spec: SearchSpec, settings: Settings) -> Mapping[str, float | int | str]:
    return {knob.name: _value(knob, getattr(settings, knob.name)) for knob in spec.knobs}


def _value(knob: KnobRange, value: object) -> float | int | str:
    if knob.choices:
        return choice_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value) if knob.whole else float(value)
    return choice_text(value)


def _seconds(bake: Bake) -> float:
    return max(0.0, bake.ended - bake.started) if bake.started is not None and bake.ended is not None else 0.0


def is_interrupted(trial: SearchTrial) -> bool:
    """Return whether a trial's bake ended before its last step without being pruned, so that it is resumed."""
    return trial.end is TrialEnd.OPEN and trial.state in _INTERRUPTED
