"""A grid as a separate job, run by the engine as a bake is."""

from collections.abc import Callable
from functools import partial

import torch

from trainer.bake.pictures.grid_orders import JobControl
from trainer.bake.reporter import Reporter
from trainer.errors import OutOfMemory
from trainer.journal.grid_records import GridState
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState, Stage
from trainer.sampling.make_grid import Progress, make_grid
from trainer.sampling.standalone import StandaloneProvider
from trainer.workspace import Workspace


def run_grid(job: int, grid: int, workspace: Workspace, journal: Journal, trouble: Callable[[str], None]) -> BakeState:
    """Make a grid and return DONE, or STOPPED or PARKED where that was ordered; the journal has the state of the job then.

    Args:
        job: number of the row in the queue; orders go to it.
        grid: the grid's number.
        workspace: where its folder is.
        journal: opened in this thread.
        trouble: takes a line about something that needs attention.

    Raises:
        LoraTuiError: it cannot be made as requested.
        Exception: whatever else a library raises.
    """
    report = Reporter(journal, job, trouble)
    control = JobControl(report)
    report.stage(Stage.LOAD)
    report.state(BakeState.BAKING)
    try:
        with StandaloneProvider() as provider:
            made = make_grid(
                grid, journal, workspace, provider, control, Progress(partial(report.stage, Stage.GRID), report.log)
            )
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(
            f"stage {report.at}",
            found="the GPU's memory is full",
            way_out="close other programs that use the GPU, or use a smaller base or size",
        ) from error
    state = control.end if made is GridState.CUT else BakeState.DONE
    journal.bakes.set_state(job, state)
    return state
