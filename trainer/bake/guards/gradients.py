"""Guards over the gradients: steps whose gradient was not finite, and weights that do not move."""

import time
from collections import deque
from collections.abc import Sequence

import torch

from trainer.bake.batch import StepBatches
from trainer.bake.reporter import Reporter
from trainer.bake.session import TrainingSession
from trainer.dataset.records import DataSet
from trainer.families.registry import family_record
from trainer.journal.records import Mark, MarkKind
from trainer.models.kohya_names import part_of
from trainer.network.lora import LoraLayer
from trainer.settings.parts import Part, is_encoder
from trainer.text import plural, printable

# Metrics arrive within half a second; even the smallest model takes fewer steps in it.
_REMEMBERED_STEPS = 1024
_MAX_NAMED_LAYERS = 4
# In the log; every bad step is marked on the curves.
_MAX_LINES = 20


class GradientGuard:
    """Counts and reports the steps that went wrong, as their metrics arrive.

    Args:
        data: names the pictures.
        report: knows the journal and the bake.
    """

    def __init__(self, data: DataSet, report: Reporter) -> None:
        self._data = data
        self._report = report
        self._recent: deque[tuple[int, tuple[int, ...]]] = deque(maxlen=_REMEMBERED_STEPS)
        self._bad: list[int] = []
        self._lines = 0
        self._stuck_logged = False

    def remember_batches(self, work: StepBatches) -> None:
        """Keep which pictures a step had until its metrics arrive."""
        self._recent.append((work.step, work.pictures))

    def bad_step(self, step: int) -> None:
        """Take a step that changed nothing because its gradient was not finite."""
        self._bad.append(step)
        self._report.mark(Mark(step, time.time(), MarkKind.SKIP, "the gradient was NaN or infinite"))
        self._lines += 1
        if self._lines <= _MAX_LINES:
            more = "; further ones are only marked on the curves" if self._lines == _MAX_LINES else ""
            self._report.log(
                f"step {step} skipped: its gradient was NaN or infinite; pictures {self._names(step)}{more}",
                level="warning",
            )

    def in_a_row(self) -> int:
        """Return how many steps up to the last one read were skipped one after the other."""
        count = 0
        for step in reversed(self._bad):
            if self._bad[-1] - step != count:
                break
            count += 1
        return count

    def first_of_row(self) -> int:
        """Return the first step of that row."""
        return self._bad[-1] - self.in_a_row() + 1

    def row_text(self) -> str:
        """Return what the row is, in words for an error."""
        row = plural(self.in_a_row(), "step")
        return f"{row} in a row had no finite gradient, the last was step {self._bad[-1]}"

    def forget(self) -> None:
        """Forget every bad step, after a roll back."""
        self._bad.clear()
        self._recent.clear()

    def check_moves(self, session: TrainingSession) -> None:
        """Log once which layers have not moved though they train; waits for the card, so call it at an epoch's end."""
        if self._stuck_logged:
            return
        stuck = unmoved(session)
        if stuck:
            self._stuck_logged = True
            names = ", ".join(stuck[:_MAX_NAMED_LAYERS])
            more = f" and {len(stuck) - _MAX_NAMED_LAYERS} more" if len(stuck) > _MAX_NAMED_LAYERS else ""
            have = "has" if len(stuck) == 1 else "have"
            self._report.log(
                f"{len(stuck)} of {plural(len(session.network), 'LoRA layer')} {have} not moved: {names}{more}; there is no "
                "gradient, or the rate is too small for the weights",
                level="warning",
            )

    def _names(self, step: int) -> str:
        pictures = next((pictures for of_step, pictures in self._recent if of_step == step), ())
        names = [printable(self._data.name_of(self._data.pictures[index]), 60) for index in pictures]
        return ", ".join(names) or "unknown"


def unmoved(session: TrainingSession) -> list[str]:
    """Return the names of the trained layers whose up weights are still zero; waits for the card.

    Layers of the text encoder behind the one that gives the embedding have no part in the loss and are left out.
    """
    trained: set[Part] = {group["part"] for group in session.optimizer.param_groups if group["base_lr"] > 0}
    layers = [layer for part in sorted(trained) for layer in session.network.layers(part) if _counts(layer, session)]
    if not layers:
        return []
    still = _all_zero([layer.up for layer in layers])
    return [layer.name for layer, zero in zip(layers, still, strict=True) if zero]


def _all_zero(weights: Sequence[torch.Tensor]) -> list[bool]:
    with torch.no_grad():
        greatest = torch.stack([weight.abs().amax() for weight in weights])
    return [value == 0.0 for value in greatest.tolist()]


def _counts(layer: LoraLayer, session: TrainingSession) -> bool:
    part = part_of(layer.name)
    _, found, rest = layer.name.partition("text_model_encoder_layers_")
    if not found or part is None or not is_encoder(part):
        return True
    layers = int(session.model.encoders[part].config.num_hidden_layers)
    record = family_record(session.model.family)
    skip = session.settings.clip_skip if record.clip_skip else record.fixed_skip
    used = layers if part in record.pooled_layers else layers - (skip - 1)
    return int(rest.partition("_")[0]) < used
