"""What would the settings mean as they stand? Asked after every edit, answered by a thread of its own."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.faults import as_error
from trainer.errors import LoraTuiError

if TYPE_CHECKING:
    from trainer.bake.ground import Ground
    from trainer.settings.model import Settings

_QUIET_SECONDS = 0.25
_PREVIEW_POINTS = 160


@dataclass(frozen=True)
class PlanView:
    """A plan as the screen shows it.

    Attributes:
        line: the plan on one line.
        warnings: what has no effect or looks wrong, from plan and data.
        resolved: the settings with blank paths filled in.
        rates: (step, U-Net rate, text encoder rate) over the bake that is planned.
    """

    line: str
    warnings: tuple[str, ...]
    resolved: "Settings"
    rates: tuple[tuple[int, float, float], ...]


class Planned(Message):
    """The answer to one question: a view, or the first thing found wrong."""

    def __init__(self, question: int, view: PlanView | None, error: LoraTuiError | None) -> None:
        """Carry the answer to question number `question`."""
        super().__init__()
        self.question = question
        self.view = view
        self.error = error

    def can_replace(self, message: Message) -> bool:
        """Take the place of an answer to an older question."""
        return isinstance(message, Planned)


class Planner(threading.Thread):
    """Answers the last question asked; questions asked meanwhile are dropped.

    Args:
        journal_path: where the measured speed of earlier bakes is found.
        post: `post_message` of the screen.
        quiet: seconds without a new question before work begins, so that typing does not start a scan a key.
    """

    def __init__(self, journal_path: Path, post: Callable[[Message], object], quiet: float = _QUIET_SECONDS) -> None:
        """Make the thread; `start` begins to wait for questions."""
        super().__init__(name="planner", daemon=True)
        self._journal_path = journal_path
        self._post = post
        self.quiet = quiet
        self._changed = threading.Condition()
        self._question: tuple[int, Settings, Path] | None = None
        self._asked = 0
        self._ended = False
        self._ready: Ground | None = None

    def ask(self, settings: "Settings", path: Path) -> int:
        """Ask for the plan of `settings`, which belong to the file `path`; return the question's number."""
        with self._changed:
            self._asked += 1
            self._question = (self._asked, settings, path)
            self._changed.notify()
            return self._asked

    def stop(self) -> None:
        """End after the answer in progress; does not wait."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def run(self) -> None:
        """Answer until stopped."""
        while (question := self._next()) is not None:
            number, settings, path = question
            try:
                view, error = self._answer(settings, path), None
            except Exception as broken:
                # A fault of ours here must be read, not end the thread that would say so.
                view, error = None, as_error("plan", broken)
            with self._changed:
                stale = self._question is not None or self._ended
            if not stale:
                self._post(Planned(number, view, error))

    def _next(self) -> "tuple[int, Settings, Path] | None":
        with self._changed:
            while self._question is None and not self._ended:
                self._changed.wait()
            while not self._ended and self._changed.wait(self.quiet):
                continue
            question, self._question = self._question, None
            return None if self._ended else question

    def _answer(self, settings: "Settings", path: Path) -> PlanView:
        from trainer.jobs import check, plan_for
        from trainer.plan.plan import plan_line
        from trainer.settings.subject import resolve

        resolved = resolve(settings, path)
        seconds = self._step_seconds(resolved)
        known = self._ready
        if known is not None and _same_data(known.settings, resolved):
            ready = plan_for(resolved, known.data, known.validation, known.base, seconds)
        else:
            ready = check(settings, path, seconds)
        self._ready = ready
        return PlanView(
            line=plan_line(ready.plan),
            warnings=(*ready.plan.warnings, *ready.data.notes),
            resolved=ready.settings,
            rates=_planned_rates(ready),
        )

    def _step_seconds(self, resolved: "Settings") -> float | None:
        from trainer.jobs import measured_speed
        from trainer.journal.journal import Journal

        if not self._journal_path.exists():
            return None
        try:
            with Journal(self._journal_path) as journal:
                return measured_speed(journal, resolved)
        except LoraTuiError:
            # Without a speed the plan only lacks its time; the feed says what is wrong with the journal.
            return None


def _same_data(one: "Settings", other: "Settings") -> bool:
    names = (
        "train_data_dir",
        "validation_data_dir",
        "caption_extension",
        "dataset_repeats",
        "pretrained_model_name_or_path",
    )
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _planned_rates(ready: "Ground") -> tuple[tuple[int, float, float], ...]:
    from trainer.plan.rates import factor

    settings, total = ready.settings, ready.plan.total_steps
    stride = max(1, total // _PREVIEW_POINTS)
    points = []
    for step in range(0, total, stride):
        share = factor(
            settings.lr_scheduler,
            step,
            total=total,
            warmup=ready.plan.warmup_steps,
            cycles=settings.lr_scheduler_num_cycles,
        )
        points.append((step, share * settings.unet_rate, share * settings.text_encoder_rate))
    return tuple(points)
