"""Progress of a bake: step, epoch, share, stage and the time left."""

import time
from dataclasses import dataclass

from lora_tui.snapshot import Snapshot
from lora_tui.wording.grids import pictures_text
from lora_tui.wording.job_names import job_label, state_word
from trainer.journal.records import STAGE_WORDS, Bake, BakeState, Stage
from trainer.text import duration, printable


@dataclass(frozen=True)
class StepProgress:
    """How far a bake is.

    Attributes:
        step, steps: optimizer steps done, and in all.
        epoch, epochs: the current epoch, and in all.
        share: steps done of all, 0 to 1.
        seconds_left: seconds of stepping left; None while no speed is known or nothing runs.
        stage: what is done other than stepping, in words; empty while it steps or has ended.
    """

    step: int
    steps: int
    epoch: int
    epochs: int
    share: float
    seconds_left: float | None
    stage: str

    @property
    def percent(self) -> str:
        """The share in whole percent; 100 only when all is done, for 99.6 % of a long bake may be an hour from its end."""
        return f"{int(self.share * 100)} %"


def step_progress(snapshot: Snapshot, bake: Bake) -> StepProgress:
    """Return how far `bake`, the one of `snapshot`, is."""
    step = _step(snapshot, bake)
    per_epoch = bake.steps_per_epoch or bake.total_steps or 1
    epochs = max(1, -(-bake.total_steps // per_epoch))
    left = None
    if bake.state.live and snapshot.step_seconds is not None:
        left = max(0, bake.total_steps - step) * snapshot.step_seconds
    return StepProgress(
        step=step,
        steps=bake.total_steps,
        epoch=min(max(1, -(-step // per_epoch)), epochs),
        epochs=epochs,
        share=min(1.0, step / bake.total_steps) if bake.total_steps else 0.0,
        seconds_left=left,
        stage=_stage(snapshot, bake),
    )


def _step(snapshot: Snapshot, bake: Bake) -> int:
    # Losses come a little late, and the other stages count something else than steps: the highest known step holds.
    return max(
        bake.stage_done if bake.stage is Stage.STEP else 0,
        snapshot.last["loss"][0] if "loss" in snapshot.last else 0,
        snapshot.validations[-1][0] if snapshot.validations else 0,
        snapshot.checkpoints[0].step if snapshot.checkpoints else 0,
    )


def _stage(snapshot: Snapshot, bake: Bake) -> str:
    if bake.state is BakeState.QUEUED:
        return _waits(snapshot, bake)
    if not bake.state.live or bake.stage in (None, Stage.STEP):
        return ""
    left = snapshot.grid_seconds_left if bake.stage is Stage.GRID else None
    return stage_text(bake) + (f" · {duration(left)} left" if left is not None else "")


def stage_text(bake: Bake) -> str:
    """Return what a bake or a grid's job is doing, in words, with how far it is; "" before it started."""
    if bake.stage is None:
        return ""
    words = STAGE_WORDS[bake.stage]
    return f"{words} {bake.stage_done}/{bake.stage_total}" if bake.stage_total else words


def _waits(snapshot: Snapshot, bake: Bake) -> str:
    if bake.held:
        return "held in the queue"
    if bake.not_before is not None:
        return f"waiting until {time.strftime('%a %H:%M', time.localtime(bake.not_before))}"
    job = snapshot.grid
    grid = f"{job_label(job, 30)} is running" if job is not None and job.state.live else ""
    because = snapshot.loading or snapshot.engine_trouble or grid or snapshot.waiting_for
    return f"waiting · {printable(because, 60)}" if because else "waiting for the engine"


def other_jobs(snapshot: Snapshot) -> tuple[tuple[Bake, str], ...]:
    """Return what runs or comes next beside the bake on the screen, each with a word on how far it is."""
    others: list[tuple[Bake, str]] = []
    running, job, waiting = snapshot.running, snapshot.grid, snapshot.next_bake
    if running is not None and snapshot.bake is not None and running.number != snapshot.bake.number:
        others.append((running, state_word(running)))
    if job is not None:
        others.append((job, pictures_text(job.stage_done, job.stage_total, snapshot.grid_seconds_left)))
    if waiting is not None and running is None and (job is None or not job.state.live):
        others.append((waiting, _waits(snapshot, waiting)))
    return tuple(others)
