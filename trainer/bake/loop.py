"""The course of a bake: step after step, and what measures, saves, guards and obeys between them."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from trainer.bake.batch import StepBatches
from trainer.bake.batch_loader import BatchLoader
from trainer.bake.guards.disk_space import DiskWatch
from trainer.bake.guards.gradients import GradientGuard
from trainer.bake.guards.slow_steps import SlowWatch, card_memory
from trainer.bake.latents import PreparedPicture
from trainer.bake.live_settings import LiveSettings
from trainer.bake.micro_batches import keep_size
from trainer.bake.orders import ChangeSetting, EndBake, MakeGrid, Orders, PauseBake, SaveNow
from trainer.bake.pictures.grid_in_bake import grid_between_steps
from trainer.bake.pictures.samples import Samples
from trainer.bake.reporter import Reporter
from trainer.bake.saving.lora_files import LoraSaver
from trainer.bake.saving.state import State, group_numbers, optimizer_numbers, pack, surroundings, unpack
from trainer.bake.saving.states import StateSaver
from trainer.bake.session import TrainingSession
from trainer.bake.step import train_step
from trainer.bake.step_metrics import StepMetrics
from trainer.bake.validation import Validation, ValidationResult
from trainer.errors import BakeFailed, LoraTuiError, SettingsError
from trainer.jobs.preflight import PlannedBake
from trainer.journal.bake_folder import write_bake_json
from trainer.journal.metrics import MetricWriter
from trainer.journal.records import Bake, BakeState, Mark
from trainer.journal.state_files import FORMAT, Facts
from trainer.models.file_hashes import FileHashes
from trainer.models.prediction_type import PredictionDecision
from trainer.network.metadata import Origin
from trainer.settings.parts import label_of

# A bake that needs more is not mended by lower rates.
_MOST_ROLL_BACKS = 5
_SMALL_FILE = 1 << 20


@dataclass(frozen=True)
class LoopInputs:
    """What the steps of a bake are made of.

    Attributes:
        bake: the journal's row.
        folder: the bake's.
        session, planned: model, LoRA, optimizer; data and plan.
        decision: what the base predicts.
        hashes, vae_hashes: of the base's file and the other VAE's; None where there is none or was no time for them.
        pictures, held_out: what the U-Net takes of the pictures, by index.
        data: sha256 of the manifest.
    """

    bake: Bake
    folder: Path
    session: TrainingSession
    planned: PlannedBake
    decision: PredictionDecision
    hashes: FileHashes | None
    vae_hashes: FileHashes | None
    pictures: Mapping[int, PreparedPicture]
    held_out: Mapping[int, PreparedPicture]
    data: str


class TrainingLoop:
    """The steps of one bake.

    Args:
        inputs: what they are made of.
        orders, report: how others speak to the bake, and it to them.
        metrics: takes the curves.
    """

    def __init__(self, inputs: LoopInputs, orders: Orders, report: Reporter, metrics: MetricWriter) -> None:
        """Begin before the first step."""
        session, planned = inputs.session, inputs.planned
        self._inputs, self._session, self._orders, self._report, self._metrics = (
            inputs,
            session,
            orders,
            report,
            metrics,
        )
        self._step = 0
        self._verdict: ValidationResult | None = None
        self._roll_backs = 0
        self._disk = DiskWatch(inputs.folder, report, orders.stop_requested)
        self._live = LiveSettings(session.settings, session.plan, session.trained_parts)
        self._guards = GradientGuard(planned.data, report)
        self._slow = SlowWatch(report, partial(card_memory, session.model.device))
        names = [folder.name for folder in planned.data.folders]
        self.readings = StepMetrics(session.model.device, names, metrics.put, self._guards.bad_step)
        self._states = StateSaver(inputs.folder, self._live, report, self._disk)
        self._validation = (
            Validation(session, planned.validation.pictures, inputs.held_out) if planned.validation else None
        )
        origin = Origin.now(
            planned.data,
            session.plan,
            base=planned.base,
            prediction=inputs.decision.prediction,
            zero_terminal_snr=inputs.decision.zero_terminal_snr,
            hashes=inputs.hashes,
            vae_hashes=inputs.vae_hashes,
            validation_pictures=len(inputs.held_out),
            precision=session.precision.name,
        )
        self._loras = LoraSaver(session, inputs.folder, origin, report, self.readings, self._live, self._disk)
        self._samples = Samples(
            session, inputs.folder, planned.base, inputs.decision, report, self._live, orders.stop_requested
        )
        self._samples.know_hashes(inputs.hashes, inputs.vae_hashes)

    def resume(self) -> bool:
        """Go on where the bake's newest state is; return False, at the beginning, where it has none.

        Raises:
            ModelError: the state is of another network.
        """
        state = self._states.newest()
        # What was done after the state is done again: each step stands once.
        self._report.journal.rewind(self._inputs.bake.number, 0 if state is None else state.facts.step)
        if state is None:
            self._report.log("no state was saved yet: beginning anew")
            self._await_changes()
            # What was changed on account of the very first step.
            self._live.replay(0)
            self._settle_parts()
            return False
        self._check_surroundings(state)
        self._put_back(state)
        self._states.resumed_at(self._step)
        again = f"taken up again after step {self._step} of {self._session.plan.total_steps}"
        self._report.log(again)
        self._report.mark(Mark(self._step, time.time(), "resume", again))
        return True

    def start_from(self, state: State, where: str) -> None:
        """Begin with weights, moments and random numbers of another bake's state.

        Raises:
            ModelError: the state is of another network.
            SettingsError: the bake would have no step left.
        """
        facts, total = state.facts, self._session.plan.total_steps
        if facts.step >= total:
            raise SettingsError(
                "max_train_epochs",
                found=f"{total} steps in all, and the state has {facts.step}",
                expected="more steps than the state has",
                way_out="raise max_train_epochs or max_train_steps",
            )
        self._check_surroundings(state)
        self._step = facts.step
        unpack(state, self._session, where)
        self._live.restore(self._live.toml, 0, facts.rate_scale)
        self._settle_parts()
        self.readings.restore(state.part("readings"), Path(), self._step)
        if self._validation:
            self._validation.restore(state.part("validation"))
        line = f"branches from bake {facts.bake} {facts.name} after step {self._step}"
        self._report.log(line)
        self._report.mark(Mark(self._step, time.time(), "resume", line))

    def run(self) -> BakeState:
        """Take every step that is left and return DONE, STOPPED or PARKED; everything is saved then.

        Raises:
            BakeFailed: too many steps in a row had no finite gradient.
            DiskFull: the disk is full and somebody ordered a stop.
        """
        if self._validation and not self._validation.knows_the_base:
            self._meet_the_base(self._validation)
        # A bake taken up again has them.
        if self._live.settings.sample_at_first and (self._inputs.bake.attempt == 1 or not self._step):
            self._samples.make(self._step)
        self._report.stage("step", self._step, self._session.plan.total_steps)
        while True:
            end = self._steps()
            if end is not None:
                self.readings.flush()
                return end
            self._roll_back()

    def close(self) -> None:
        """Hand over what was read and give the disk's reserve back; also after a failure, so that the curves reach the step that broke."""
        self.readings.flush()
        self._disk.close()

    def _steps(self) -> BakeState | None:
        """Take the steps that are left and return how the bake ended; None where it must roll back first."""
        session, live, total = self._session, self._live, self._session.plan.total_steps
        pin = session.model.device.type == "cuda"
        with BatchLoader(session, self._inputs.planned.data, self._inputs.pictures, pin=pin, after=self._step) as feed:
            self.readings.start_clock()
            for work in feed:
                self._guards.remember_batches(work)
                with self._slow.watch(work):
                    result = train_step(session, work)
                self.readings.record(work, result)
                self._step = self._disk.step = work.step
                if result.reduced_micro_batch is not None:
                    keep_size(result.reduced_micro_batch, work.step, self._change, self._report)
                self._report.stage("step", work.step, total)
                self._settle_parts()
                if work.ends_epoch:
                    self._end_epoch(work)
                if self._validation and self._validation.due(work, live.settings.validate_every_n_steps):
                    self._verdict = self._validated(self._validation)
                keeps_state = self._states.due(work) or work.step == total
                if keeps_state:
                    # What the steps say is wanted before they are kept.
                    self.readings.flush()
                if self._guards.in_a_row() >= live.settings.max_bad_steps:
                    return self._too_many_bad(work)
                self._loras.save_planned(work, self._verdict)
                if live.replay(work.step):
                    self._loras.replan()
                    self._settle_parts()
                if keeps_state:
                    self._save_state(work)
                if self._samples.due(work):
                    self._samples.make(work.step, self._loras.file_at(work.step))
                end = self._obey_orders(work)
                if end is not None and work.step < total:
                    return self._end_early(end, work)
                self.readings.start_clock()
        return BakeState.DONE

    def _obey_orders(self, work: StepBatches) -> BakeState | None:
        """Do what was ordered since the last step, and wait out a pause; return how the bake ends, None where it continues."""
        orders = self._orders
        for order in orders.take(BakeState.BAKING, step=work.step, ends_epoch=work.ends_epoch):
            match order:
                case SaveNow():
                    self._loras.save_now(work, self._verdict)
                    self._save_state(work)
                case PauseBake():
                    self._save_state(work)
                case ChangeSetting(assignment):
                    try:
                        self._change(assignment)
                    except LoraTuiError as error:
                        orders.refuse(error.line())
                case MakeGrid(number):
                    # Whatever comes of it, the bake can continue from here.
                    self._save_state(work)
                    orders.refuse(grid_between_steps(self._session, self._report, number))
                case EndBake(state):
                    return state
        return None

    def _settle_parts(self) -> None:
        """Let those parts train that do from here on, with so many pictures at once, and say which parts stop."""
        self._session.micro_batches.size = self._live.settings.micro_batch_size
        for part in self._session.trained_parts.update(self._live.settings, self._session.plan, self._step):
            kept = "; its outputs are kept and it runs no more" if self._session.text_embeddings.is_cached(part) else ""
            line = f"the {label_of(part)} stopped training after step {self._step}{kept}"
            self._report.log(line)
            self._report.mark(Mark(self._step, time.time(), "stop part", f"{label_of(part)} stopped"))

    def _end_epoch(self, work: StepBatches) -> None:
        losses = self.readings.folder_losses()
        journal, number = self._report.journal, self._report.number
        self._disk.note(lambda: journal.results.add_folder_losses(number, work.epoch, losses))
        self._guards.check_moves(self._session)

    def _end_early(self, state: BakeState, work: StepBatches) -> BakeState:
        if state is BakeState.STOPPED:
            self._loras.save_at_stop(work, self._verdict)
        self._save_state(work)
        did = "stopped" if state is BakeState.STOPPED else "the card is freed"
        self._report.log(f"{did} after step {work.step} of {self._session.plan.total_steps}; the state is saved")
        return state

    def _meet_the_base(self, validation: Validation) -> None:
        if not self._step:
            self._verdict = self._validated(validation)
            return
        # Taken up with other validation pictures than the state knows.
        with self._report.during("validate"):
            validation.measure_base(partial(self._report.stage, "validate"))

    def _validated(self, validation: Validation) -> ValidationResult:
        step = self._step
        with self._report.during("validate"):
            verdict = validation.measure(step, partial(self._report.stage, "validate"))
        journal, number = self._report.journal, self._report.number
        self._disk.note(
            lambda: journal.results.add_validation(number, step, verdict.loss, verdict.change, verdict.error)
        )
        return verdict

    # States

    def _change(self, assignment: str) -> None:
        """Put `name=value` in force from the next step on.

        Raises:
            SettingsError: it cannot be.
        """
        before = self._live.toml, self._live.changes, self._live.rate_scale
        self._live.change(assignment, self._step)
        try:
            self._loras.replan()
        except SettingsError:
            self._live.restore(*before)
            raise
        self._settle_parts()

    def _save_state(self, work: StepBatches) -> None:
        self._write_records()
        epoch = work.epoch if work.ends_epoch else work.epoch - 1
        self._states.save(partial(self._state, epoch, ends_epoch=work.ends_epoch), work.step)

    def _state(self, epoch: int, *, ends_epoch: bool) -> State:
        session, validation, verdict = self._session, self._validation, self._verdict
        scaler = session.accelerator.scaler
        facts = Facts(
            format=FORMAT,
            step=self._step,
            epoch=epoch,
            ends_epoch=ends_epoch,
            bake=self._inputs.bake.number,
            name=self._inputs.bake.name,
            settings_toml=self._live.toml,
            changes=self._live.changes,
            rate_scale=self._live.rate_scale,
            data=self._inputs.data,
            scaler=scaler.state_dict() if scaler is not None else {},
            optimizer=optimizer_numbers(session),
            groups=group_numbers(session),
            checkpoints=self._loras.keep(),
            verdict=asdict(verdict) if verdict else None,
            surroundings=surroundings(session),
        )
        return State(pack(session, self.readings.keep(), validation.keep() if validation else {}), facts)

    def _put_back(self, state: State) -> None:
        facts = state.facts
        self._step = facts.step
        self._live.restore(facts.settings_toml, facts.changes, facts.rate_scale)
        unpack(state, self._session, f"the state of step {facts.step}")
        self._await_changes()
        # A change made after this very step was not yet in its state.
        self._live.replay(self._step)
        self._settle_parts()
        self.readings.restore(state.part("readings"), self._inputs.folder / "metrics.npz", self._step)
        if self._validation:
            self._validation.restore(state.part("validation"))
        self._verdict = ValidationResult(**facts.verdict) if facts.verdict else None
        self._loras.restore(facts.checkpoints)

    def _await_changes(self) -> None:
        """Make again, at their steps, the changes that were made while steps were done the first time."""
        marks = self._report.journal.results.marks(self._inputs.bake.number)
        self._live.queue_changes([(mark.step, mark.text) for mark in marks if mark.kind == "set"])

    def _check_surroundings(self, state: State) -> None:
        differences = state.facts.surroundings.differences(surroundings(self._session))
        if state.facts.data != self._inputs.data:
            differences.append("the data")
        if differences:
            self._report.log(
                f"differs from when the state was saved: {'; '.join(differences)}: the bake goes on, but not to the same bits",
                level="warning",
            )

    # When steps go wrong

    def _too_many_bad(self, work: StepBatches) -> BakeState | None:
        """Return None to roll back; stop where the settings say so.

        Raises:
            BakeFailed: the settings say stop, or rolling back did not help.
        """
        row = self._guards.in_a_row()
        found = f"{row} steps in a row had no finite gradient, the last of them step {work.step}"
        if self._live.settings.on_bad_steps == "stop":
            self._loras.save_at_stop(work, self._verdict)
            self._save_state(work)
            raise BakeFailed("stage step", found=found, way_out="what was baked is saved: go on with lower rates")
        if self._roll_backs >= _MOST_ROLL_BACKS:
            raise BakeFailed(
                "stage step",
                found=f"{found}, after {self._roll_backs} roll backs",
                way_out="lower the rates, or see the log's pictures",
            )
        return None

    def _roll_back(self) -> None:
        """Go back to the last good state with lower rates.

        Raises:
            BakeFailed: there is no state before the trouble.
        """
        self._roll_backs += 1
        self.readings.flush()
        first_bad, row = self._guards.first_of_row(), self._guards.in_a_row()
        state = self._states.newest(before=first_bad)
        if state is None:
            raise BakeFailed(
                "stage step",
                found=f"{row} steps in a row from step {first_bad} on had no finite gradient, before any state was saved",
                way_out="lower the rates, or try mixed_precision = no",
            )
        self._metrics.flush()
        self._put_back(state)
        self._disk.note(lambda: self._report.journal.rewind(self._inputs.bake.number, self._step))
        self._states.forget_after(self._step)
        self._live.scale_rates(self._live.settings.roll_back_rate)
        self._guards.forget()
        line = f"rolled back to step {self._step}; rates × {self._live.settings.roll_back_rate:g} from here on"
        self._report.log(line, level="warning")
        self._report.trouble(line)
        self._report.mark(Mark(self._step, time.time(), "roll back", line))
        # So that a killed process would not try the old rates once more.
        self._states.resumed_at(-1)
        self._states.save(partial(self._state, state.facts.epoch, ends_epoch=state.facts.ends_epoch), self._step)

    def _write_records(self) -> None:
        """Let the folder tell the bake's story up to this step: metrics.npz and bake.json."""
        self.readings.flush()
        # No step before a state is done again: its numbers must be in the journal before the state is there.
        self._disk.note(self._metrics.flush)
        folder, journal = self._inputs.folder, self._report.journal
        self._disk.write("metrics.npz", _SMALL_FILE, partial(self.readings.write, folder / "metrics.npz"))
        self._disk.write("bake.json", _SMALL_FILE, partial(write_bake_json, journal, self._inputs.bake.number, folder))
