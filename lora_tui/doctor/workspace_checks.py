"""Checks of what the program keeps: the workspace's journal, running and waiting bakes, the user's configuration."""

from collections.abc import Iterator

from lora_tui.doctor.record import HealthLevel, Surroundings
from trainer.errors import LoraTuiError
from trainer.text import numbered, plural, printable

_OK, _WARNING, _ERROR = HealthLevel
Found = Iterator[tuple[HealthLevel, str, str]]


def workspace(around: Surroundings) -> Found:
    """Look at the workspace and its journal: whether it can be written, is locked or damaged."""
    if around.workspace is None:
        yield _OK, "no workspace here, and none was used before", ""
        return
    from trainer.journal.journal import Journal

    try:
        with Journal(around.workspace.journal_path) as journal:
            if journal.read_only:
                yield (
                    _WARNING,
                    "the workspace is read-only: nothing can be baked in it",
                    "fix the permissions of its folder",
                )
            else:
                journal.check_writing()
            faults = journal.faults()
            rows = journal.bakes.latest()
            journal.grids.latest()
            for row in rows:
                # A row that cannot be read is noted by whoever reads it.
                journal.results.checkpoints(row.number)
                journal.results.states(row.number)
                journal.results.marks(row.number)
            damage = journal.damage()
            counted = plural(sum(row.grid is None for row in rows), "bake")
    except LoraTuiError as error:
        yield _ERROR, f"the journal: {error.found}", error.way_out or "close what else has it open, and try again"
        return
    for fault in faults:
        yield (
            _ERROR,
            f"the journal's file is damaged: {printable(fault, 120)}",
            "`lora-tui journal rebuild` makes a new one from the bakes' folders",
        )
    if damage is not None:
        yield _ERROR, damage.found, damage.way_out
    if not faults and damage is None:
        yield _OK, f"the journal is whole and nobody locks it; {counted} in it", ""


def bakes(around: Surroundings) -> Found:
    """Look at bakes that run, that wait for a lora-tui that is gone, and whose process died."""
    if around.workspace is None:
        return
    from trainer.jobs.orphaned import orphaned_jobs
    from trainer.journal.journal import Journal
    from trainer.journal.processes import process_alive
    from trainer.machine.engines import running_engines

    try:
        with Journal(around.workspace.journal_path) as journal:
            lost = journal.bakes.mark_lost(process_alive)
            live = [bake.number for bake in journal.bakes.latest() if bake.state.live]
            left = [] if journal.read_only else [bake.number for bake in orphaned_jobs(journal, around.workspace)]
    except LoraTuiError:
        # The check of the journal says why.
        return
    if lost:
        yield (
            _WARNING,
            f"{numbered('bake', lost)}: its process died",
            "`lora-tui resume N` continues from the last state",
        )
    if left:
        yield (
            _WARNING,
            f"{numbered('bake', left)}: nothing processes what waits",
            "`lora-tui queue run`, or open the dashboard",
        )
    engines = running_engines(around.workspace.root)
    running = f"{numbered('bake', live)} running" if live else "no bake is running"
    who = plural(len(engines), "process") if engines else "nothing"
    yield _OK, f"{running}; {who} would run what is queued", ""


def configuration(around: Surroundings) -> Found:
    """Look at the user's configuration file and themes."""
    from lora_tui.colours.theme_files import find_themes
    from trainer.config_tables import config_file
    from trainer.machine.energy import energy_price

    try:
        price = energy_price()
    except LoraTuiError as error:
        yield _ERROR, f"{error.where}: {error.found}", error.way_out or f"expected {error.expected}"
        return
    for problem in find_themes().problems:
        yield _WARNING, f"theme not loaded: {problem}", "fix or remove the file"
    known = "no price of electricity" if price is None else f"{price.per_kwh:g} {price.currency} per kWh"
    there = "" if config_file().exists() else ", no configuration file"
    yield _OK, f"configuration: {known}{there}", ""
