"""The settings in force while a bake runs: those it started with, what was changed since, and what roll backs did to the rates."""

import time

from trainer.bake.reporter import Reporter
from trainer.bake.session import TrainingSession
from trainer.bake.trained_parts import has_stopped
from trainer.errors import SettingsError
from trainer.journal.records import Mark, MarkKind
from trainer.settings.describe import field, settings_naming
from trainer.settings.kept import kept_settings, kept_toml, with_paths_found
from trainer.settings.model import Settings
from trainer.settings.parts import RATE_SETTINGS, STOP_SETTINGS, all_parts, label_of
from trainer.settings.toml_file import with_value


class LiveSettings:
    """The settings in force.

    Args:
        session: has the settings at the start, the plan, and the groups and parts that follow the settings.
        report: knows the journal and the bake.

    Attributes:
        settings: in force now.
        rate_scale: product of what roll backs did to the rates.
        changes: how many changes of the journal are in force.
    """

    def __init__(self, session: TrainingSession, report: Reporter) -> None:
        self.settings = session.settings
        self.rate_scale = 1.0
        self.changes = 0
        self._session = session
        self._plan = session.plan
        self._report = report
        self._queued: list[tuple[int, str]] = []

    @property
    def toml(self) -> str:
        """The settings in force, as a workspace keeps them."""
        return kept_toml(self.settings, self._report.journal.paths)

    def restore(self, toml: str, changes: int, rate_scale: float) -> None:
        """Return to the settings of a state."""
        kept = kept_settings(toml, "state", self._report.journal.paths)
        # They cannot change while it bakes, but their files may have been moved since.
        names = (*settings_naming("weights"), *settings_naming("data"))
        self.settings = kept.model_copy(update={name: getattr(self._session.settings, name) for name in names})
        self.changes, self.rate_scale = changes, rate_scale
        self._set_base_lrs()

    def change(self, assignment: str, step: int) -> None:
        """Put `name=value` in force from the next step on.

        Args:
            assignment: for a stop the value may be `now`.
            step: optimizer steps done.

        Raises:
            SettingsError: the setting is not live, the value is wrong, the part has no gradients in this bake, or no part would train.
        """
        name, _, text = assignment.partition("=")
        name = name.strip()
        if name in STOP_SETTINGS and text.strip().lower() == "now":
            text = str(step)
        changed = with_paths_found(with_value(self.settings, name, text), self._report.journal.paths)
        if not field(name).live:
            raise SettingsError(
                name, found="changed while baking", expected="a live setting", way_out="fork the bake to change it"
            )
        self._check_rates(name, changed)
        if name in STOP_SETTINGS:
            self._check_stops(name, changed, step)
        self.settings = changed
        self.changes += 1
        self._set_base_lrs()

    def scale_rates(self, by: float) -> None:
        """Multiply every rate by `by` from the next step on."""
        self.rate_scale *= by
        self._set_base_lrs()

    def queue_changes(self) -> None:
        """Queue the journal's changes that are not in force: steps that are done again meet them at their step."""
        marks = self._report.journal.results.marks(self._report.number)
        changes = [(mark.step, mark.text) for mark in marks if mark.kind is MarkKind.SET]
        self._queued = changes[self.changes :]

    def replay(self, step: int) -> bool:
        """Put the queued changes of `step` in force; return whether there were any."""
        due = [assignment for at, assignment in self._queued if at <= step]
        self._queued = self._queued[len(due) :]
        for assignment in due:
            self.change(assignment, step)
        return bool(due)

    def apply(self, step: int) -> None:
        """Let those parts train that do after `step` steps, with so many pictures at once; log which parts stop."""
        if self._session.ranks is not None:
            self._session.ranks.note_settings(self.settings, self.rate_scale, step)
        self._session.micro_batches.size = self.settings.micro_batch_size
        for part in self._session.trained_parts.update(self.settings, self._plan, step):
            cached = self._session.text_embeddings.is_cached(part)
            kept = "; its outputs are cached and it no longer runs" if cached else ""
            self._report.log(f"the {label_of(part)} stopped training after step {step}{kept}")
            self._report.mark(Mark(step, time.time(), MarkKind.STOP_PART, f"{label_of(part)} stopped"))

    def _set_base_lrs(self) -> None:
        for group in self._session.trained_parts.groups:
            group["base_lr"] = self.settings.rate(group["part"]) * self.rate_scale

    def _check_rates(self, name: str, changed: Settings) -> None:
        initial = self._session.trained_parts.initial
        for part in all_parts():
            # On a base without the part its rate means nothing, and may have been above 0 all along.
            rises = changed.rate(part) > 0 and self.settings.rate(part) == 0
            if name in RATE_SETTINGS and rises and part not in initial:
                raise SettingsError(
                    name,
                    found=f"a rate for the {label_of(part)}, which this bake does not train",
                    expected="a part that trains",
                    way_out="fork the bake with its rate set",
                )
        if not any(changed.rate(part) for part in initial):
            raise SettingsError(
                name, found="every rate is 0", expected="a rate above 0 for one part", way_out="stop the bake instead"
            )

    def _check_stops(self, name: str, changed: Settings, step: int) -> None:
        initial = self._session.trained_parts.initial
        for part in initial:
            if has_stopped(self.settings, self._plan, part, step) and not has_stopped(changed, self._plan, part, step):
                raise SettingsError(
                    name,
                    found=f"the {label_of(part)} has stopped already, and its optimizer's state is gone",
                    expected="a part that still trains",
                    way_out="fork the bake at an epoch before it stopped",
                )
        if all(has_stopped(changed, self._plan, part, self._plan.total_steps) for part in initial):
            raise SettingsError(
                name,
                found="every part would stop before the bake's end",
                expected="one part that trains to the end",
                way_out="stop the bake instead (`x`)",
            )
