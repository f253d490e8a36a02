"""The contents of a state: gathered from a running bake, and put back into it."""

import hashlib
from dataclasses import asdict
from pathlib import Path

import numpy as np

from trainer.bake.live_settings import LiveSettings
from trainer.bake.position import BakePosition
from trainer.bake.reporter import Reporter
from trainer.bake.saving.lora_files import LoraSaver
from trainer.bake.saving.state import State, optimizer_state, pack, surroundings, unpack
from trainer.bake.session import TrainingSession
from trainer.bake.step_metrics import StepMetrics
from trainer.bake.validation import Validation, ValidationResult
from trainer.errors import SettingsError, WorkspaceError
from trainer.journal.metrics_file import METRICS_FILE, Columns, read_metrics
from trainer.journal.records import Bake
from trainer.journal.state_files import STATE_FORMAT, KeptVerdict, StateHeader
from trainer.text import plural


class StateContents:
    """The parts of one bake that a state holds.

    Args:
        bake: the journal's row.
        folder: the bake's.
        manifest: its bytes.
        session, live, metrics, validation, loras: the parts; `validation` is None where nothing is held out.
        report: takes what has changed since a state was saved.
    """

    def __init__(
        self,
        bake: Bake,
        folder: Path,
        manifest: bytes,
        session: TrainingSession,
        live: LiveSettings,
        metrics: StepMetrics,
        validation: Validation | None,
        loras: LoraSaver,
        report: Reporter,
    ) -> None:
        self._bake, self._folder, self._manifest = bake, folder, manifest
        self._session, self._live, self._metrics = session, live, metrics
        self._validation, self._loras, self._report = validation, loras, report

    def gather(self, position: BakePosition) -> State:
        """Return the bake as it stands, copied to the CPU; waits for the card."""
        session, validation = self._session, self._validation
        scaler, kept = session.accelerator.scaler, optimizer_state(session)
        facts = StateHeader(
            format=STATE_FORMAT,
            step=position.step,
            epoch=position.epoch,
            ends_epoch=position.ends_epoch,
            bake=self._bake.number,
            name=self._bake.name,
            settings_toml=self._live.toml,
            changes=self._live.changes,
            rate_scale=self._live.rate_scale,
            data=hashlib.sha256(self._manifest).hexdigest(),
            scaler=scaler.state_dict() if scaler is not None else {},
            optimizer=kept.weights,
            groups=kept.groups,
            attributes=kept.attributes,
            shared=kept.shared,
            checkpoints=self._loras.keep(),
            verdict=KeptVerdict(**asdict(position.validation)) if position.validation else None,
            environment=surroundings(session),
        )
        of_validation = validation.keep() if validation else {}
        return State(pack(session, kept, self._metrics.keep(), of_validation, self._manifest), facts)

    def put_back(self, state: State) -> BakePosition:
        """Put the bake where one of its own states was, and queue the live changes that it made after it.

        Raises:
            ModelError: the state is of another network.
        """
        facts = state.facts
        self._live.restore(facts.settings_toml, facts.changes, facts.rate_scale)
        unpack(state, self._session, f"the state of step {facts.step}")
        self._live.queue_changes()
        # A change made after this very step was not yet in its state.
        self._live.replay(facts.step)
        self._live.apply(facts.step)
        self._metrics.restore(state.part("readings"), self._curves(), facts.step)
        if self._validation:
            self._validation.restore(state.part("validation"))
        self._loras.restore(facts.checkpoints)
        result = ValidationResult(**asdict(facts.verdict)) if facts.verdict else None
        return BakePosition(facts.step, facts.epoch, facts.ends_epoch, result)

    def _curves(self) -> Columns:
        """Return the bake's curves so far: from its file, or where that is damaged from the journal."""
        try:
            return read_metrics(self._folder / METRICS_FILE)
        except FileNotFoundError:
            return {}
        except WorkspaceError as error:
            self._report.log(f"{error.where}: {error.found}; its curves are taken from the journal", level="warning")
            columns = self._report.journal.curves.columns(self._report.number)
            return {name: np.array(values) for name, values in columns.items()}

    def fork_from(self, state: State, where: str) -> BakePosition:
        """Take weights, moments and random numbers from another bake's state, named by `where`; settings and files are this bake's.

        Raises:
            ModelError: the state is of another network.
            SettingsError: the bake would have no step left.
        """
        facts, total = state.facts, self._session.plan.total_steps
        if facts.step >= total:
            raise SettingsError(
                "max_train_epochs",
                found=f"{plural(total, 'step')} in all, and the state has {facts.step}",
                expected="more steps than the state has",
                way_out="raise max_train_epochs or max_train_steps",
            )
        unpack(state, self._session, where)
        self._live.restore(self._live.toml, 0, facts.rate_scale)
        self._live.apply(facts.step)
        self._metrics.restore(state.part("readings"), {}, facts.step)
        if self._validation:
            self._validation.restore(state.part("validation"))
        return BakePosition(facts.step, facts.epoch, facts.ends_epoch)

    def warn_of_changes(self, state: State) -> None:
        """Log what differs of machine and versions from when the state was saved, and with it the bits to come.

        What the bake stands on was compared before anything was loaded; see jobs.same_content.
        """
        differences = state.facts.environment.differences(surroundings(self._session))
        if differences:
            self._report.log(
                f"changed since the state was saved: {'; '.join(differences)}; the bake continues, but its result will differ "
                "in the last bits",
                level="warning",
            )
