"""The start of a bake: at its own newest state, at another bake's, or at its first step."""

import time

from trainer.bake.live_settings import LiveSettings
from trainer.bake.position import BakePosition
from trainer.bake.reporter import Reporter
from trainer.bake.saving.contents import StateContents
from trainer.bake.saving.state import read_state
from trainer.bake.saving.states import StateSaver
from trainer.journal.records import Bake, Mark, MarkKind


def starting_position(
    bake: Bake, total_steps: int, states: StateSaver, contents: StateContents, live: LiveSettings, report: Reporter
) -> BakePosition:
    """Put the bake where it starts and return the position.

    Args:
        bake: resumed where `attempt` is above 1; else it is forked from the state `starts_from` where that is set.
        total_steps: of the bake, for the log.
        states, contents, live: the bake's.
        report: knows the journal and the bake.

    Raises:
        ModelError: the state is of another network, or cannot be read.
        SettingsError: it is forked from a state that has all its steps.
    """
    if bake.attempt > 1:
        resumed = _resume(total_steps, states, contents, live, report)
        if resumed is not None:
            return resumed
    if bake.starts_from:
        return _fork(bake.starts_from, contents, report)
    return BakePosition()


def _resume(
    total_steps: int, states: StateSaver, contents: StateContents, live: LiveSettings, report: Reporter
) -> BakePosition | None:
    """Continue from the bake's newest state; return None where it has none."""
    state = states.newest()
    if state is None:
        report.journal.rewind(report.number, 0)
        report.log("no state was saved yet: starting over from step 1")
        live.queue_changes()
        # What was changed on account of the very first step.
        live.replay(0)
        live.apply(0)
        return None
    contents.warn_of_changes(state)
    position = contents.put_back(state)
    # What was done after the state is done again: each step stands once. Only now: a state that does not fit leaves everything.
    report.journal.rewind(report.number, position.step)
    states.continue_from(position.step)
    _announce(position, f"resumed after step {position.step} of {total_steps}", report)
    return position


def _fork(starts_from: str, contents: StateContents, report: Reporter) -> BakePosition:
    path = report.journal.path.parent / starts_from
    state = read_state(path)
    contents.warn_of_changes(state)
    position = contents.fork_from(state, str(path))
    facts = state.facts
    _announce(position, f"forked from bake {facts.bake} {facts.name} after step {facts.step}", report)
    return position


def _announce(position: BakePosition, line: str, report: Reporter) -> None:
    report.log(line)
    report.mark(Mark(position.step, time.time(), MarkKind.RESUME, line))
