"""The training loop: step after step, and what is measured, saved, guarded and obeyed between two steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

from trainer.bake.batch import StepBatches
from trainer.bake.batch_loader import BatchLoader
from trainer.bake.evidence import Evidence
from trainer.bake.guards.disk_space import DiskWatch
from trainer.bake.guards.gradients import GradientGuard
from trainer.bake.guards.slow_steps import SlowWatch
from trainer.bake.latents import PreparedPicture
from trainer.bake.live_settings import LiveSettings
from trainer.bake.micro_batches import keep_size
from trainer.bake.orders import ChangeSetting, EndBake, MakeGrid, Orders, PauseBake, SaveNow
from trainer.bake.pictures.grid_in_bake import grid_between_steps
from trainer.bake.pictures.samples import Samples
from trainer.bake.position import BakePosition
from trainer.bake.ranks.group import ProcessLost
from trainer.bake.reporter import Reporter
from trainer.bake.saving.folder_records import FolderRecords
from trainer.bake.saving.lora_files import LoraSaver
from trainer.bake.saving.roll_back import RollBack
from trainer.bake.saving.states import StateSaver
from trainer.bake.session import TrainingSession
from trainer.bake.step import train_step
from trainer.bake.step_metrics import StepMetrics
from trainer.bake.validation import Validation
from trainer.dataset.records import DataSet
from trainer.errors import BakeFailed, LoraTuiError, SettingsError
from trainer.journal.records import Bake, BakeState, Stage


@dataclass
class TrainingLoop:
    """The steps of one bake.

    Attributes:
        bake: the journal's row.
        session: model, LoRA and optimizer.
        data: the pictures that are trained on.
        prepared: their latents, masks and sizes, by picture index.
        live: the settings in force.
        metrics: of the steps.
        validation: of the held-out pictures; None where there are none.
        loras, states, records: write LoRA files, states and the folder's records.
        samples: makes sample pictures.
        evidence: measures each LoRA that is saved.
        gradients, slow_steps, disk: the guards.
        roll_back: back to a good state after too many bad steps.
        orders: from outside.
        report: writes to journal and log.
        position: where the bake stands.
    """

    bake: Bake
    session: TrainingSession
    data: DataSet
    prepared: Mapping[int, PreparedPicture]
    live: LiveSettings
    metrics: StepMetrics
    validation: Validation | None
    loras: LoraSaver
    states: StateSaver
    records: FolderRecords
    samples: Samples
    evidence: Evidence
    gradients: GradientGuard
    roll_back: RollBack
    slow_steps: SlowWatch
    disk: DiskWatch
    orders: Orders
    report: Reporter
    position: BakePosition

    def run(self) -> BakeState:
        """Take every step that is left and return DONE, STOPPED or PARKED; everything is saved then.

        Raises:
            BakeFailed: too many steps in a row had no finite gradient.
            DiskFull: the disk is full and a stop was ordered.
            ProcessLost: another process that trains the same LoRA has ended.
        """
        if self.validation and not self.validation.knows_the_base:
            self._measure_base(self.validation)
        # A resumed bake has them.
        if self.live.settings.sample_at_first and (self.bake.attempt == 1 or not self.position.step):
            self.samples.make(self.position.step)
        self.evidence.make_up(self.position.step)
        self.report.stage(Stage.STEP, self.position.step, self.session.plan.total_steps)
        while True:
            try:
                end = self._steps()
            except ProcessLost as lost:
                if lost.kept_weights:
                    # It ended in the middle of a step, which changed nothing yet.
                    self.metrics.flush()
                    self._save_state()
                raise
            if end is not None:
                self.metrics.flush()
                return end
            self.position = self.roll_back.run()

    def _steps(self) -> BakeState | None:
        """Take the steps that are left and return how the bake ended; None where it must roll back first."""
        session, live, total = self.session, self.live, self.session.plan.total_steps
        pin = session.model.device.type == "cuda"
        with BatchLoader(session, self.data, self.prepared, pin=pin, after=self.position.step) as loader:
            self.metrics.start_clock()
            for work in loader:
                self.gradients.remember_batches(work)
                with self.slow_steps.watch(work):
                    result = train_step(session, work)
                self.metrics.record(work, result)
                self.position = self.position.after(work)
                if result.reduced_micro_batch is not None:
                    keep_size(result.reduced_micro_batch, work.step, self._change, self.report)
                self.report.stage(Stage.STEP, work.step, total)
                live.apply(work.step)
                if work.ends_epoch:
                    self._end_epoch(work)
                if self.validation and self.validation.due(work, live.settings.validate_every_n_steps):
                    self._validate(self.validation)
                saves_state = self.states.due(self.position) or work.step == total
                if saves_state:
                    # A bad step must be known before a state of it is kept.
                    self.metrics.flush()
                if self.gradients.in_a_row() >= live.settings.max_bad_steps:
                    if live.settings.on_bad_steps == "stop":
                        self._fail_on_bad_steps()
                    return None
                self.loras.save_planned(self.position)
                if live.replay(work.step):
                    self.loras.replan()
                    live.apply(work.step)
                if saves_state:
                    self._save_state()
                if self.samples.due(work):
                    self.samples.make(work.step, self.loras.file_at(work.step))
                if self.loras.file_at(work.step):
                    self.evidence.measure(work.step)
                end = self._obey_orders(work)
                if end is not None and work.step < total:
                    return self._end_early(end)
                self.metrics.start_clock()
        return BakeState.DONE

    def _obey_orders(self, work: StepBatches) -> BakeState | None:
        """Do what was ordered since the last step, and wait out a pause; return how the bake ends, None where it continues."""
        orders = self.orders
        for order in orders.take(BakeState.BAKING, step=work.step, ends_epoch=work.ends_epoch):
            match order:
                case SaveNow():
                    self.loras.save_now(self.position)
                    self._save_state()
                    self.evidence.make_up(work.step)
                case PauseBake():
                    self._save_state()
                case ChangeSetting(assignment):
                    try:
                        self._change(assignment)
                    except LoraTuiError as error:
                        orders.refuse(error.line())
                case MakeGrid(number):
                    # Whatever comes of it, the bake can continue from here.
                    self._save_state()
                    orders.refuse(grid_between_steps(self.session, self.report, number))
                case EndBake(state):
                    return state
        return None

    def _change(self, assignment: str) -> None:
        """Put `name=value` in force from the next step on.

        Raises:
            SettingsError: it cannot be.
        """
        before = self.live.toml, self.live.changes, self.live.rate_scale
        self.live.change(assignment, self.position.step)
        try:
            self.loras.replan()
        except SettingsError:
            self.live.restore(*before)
            raise
        self.live.apply(self.position.step)

    def _end_epoch(self, work: StepBatches) -> None:
        losses = self.metrics.folder_losses()
        journal, number = self.report.journal, self.report.number
        self.disk.note(lambda: journal.results.add_folder_losses(number, work.epoch, losses), step=work.step)
        self.gradients.check_moves(self.session)

    def _end_early(self, state: BakeState) -> BakeState:
        if state is BakeState.STOPPED:
            self.loras.save_at_stop(self.position)
        self._save_state()
        what = "stopped" if state is BakeState.STOPPED else "unloaded the model"
        total = self.session.plan.total_steps
        self.report.log(f"{what} after step {self.position.step} of {total}; the state is saved")
        return state

    def _fail_on_bad_steps(self) -> NoReturn:
        """Save everything and end the bake."""
        self.loras.save_at_stop(self.position)
        self._save_state()
        raise BakeFailed(
            f"stage {Stage.STEP}",
            found=self.gradients.row_text(),
            way_out="everything up to here is saved: continue with lower rates",
        )

    def _measure_base(self, validation: Validation) -> None:
        if not self.position.step:
            self._validate(validation)
            return
        # Resumed with other validation pictures than the state knows.
        with self.report.during(Stage.VALIDATE):
            validation.measure_base(partial(self.report.stage, Stage.VALIDATE))

    def _validate(self, validation: Validation) -> None:
        step = self.position.step
        with self.report.during(Stage.VALIDATE):
            result = validation.measure(step, partial(self.report.stage, Stage.VALIDATE))
        journal, number = self.report.journal, self.report.number
        self.disk.note(
            lambda: journal.results.add_validation(number, step, result.loss, result.change, result.error), step=step
        )
        self.position = self.position.validated(result)

    def _save_state(self) -> None:
        self.records.write(self.position.step)
        self.states.save(self.position)
