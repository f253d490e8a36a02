"""The process that leads a bake over several: it alone decides, writes and prints, and tells the others each step."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from pydantic import TypeAdapter
from torch import Tensor, nn

from trainer.bake.batch import StepBatches
from trainer.bake.ranks.group import ProcessLost, RankGroup, join
from trainer.bake.ranks.message import RankMessage, facts_of_step
from trainer.bake.ranks.ranks import Ranks
from trainer.errors import DeviceError
from trainer.journal.state_files import StateHeader, state_header_json
from trainer.machine.launch import launched
from trainer.models.model_content import ModelContent
from trainer.models.prediction_type import PredictionDecision
from trainer.plan.plan import Plan
from trainer.settings.model import Settings
from trainer.settings.toml_file import settings_toml
from trainer.text import plural

_PLAN = TypeAdapter(Plan)

HAS_GPU = 1
"""The answer to `open` of a process that computes on a GPU."""


class LeadingRank(Ranks):
    """Process 0 among those that train one LoRA.

    What it tells the others goes out before the step that needs it, and what they answer is read before the next message, so that
    nobody waits for a GPU.

    Args:
        group: the connection.
    """

    def __init__(self, group: RankGroup) -> None:
        super().__init__(group)
        # Messages that the others answer and whose answers are not read yet: at most one.
        self._awaits = False
        self._in_step = False
        self._in_force: tuple[Settings, float, int] | None = None
        self._told: tuple[Settings, float] | None = None
        self._fewer: int | None = None

    def load_others(self, settings: Settings, plan: Plan, models: Mapping[str, ModelContent]) -> None:
        """Let the others load the same base and put the same LoRA on it, while this process does.

        Args:
            settings: as they run, every path filled in.
            plan: of the bake.
            models: content of what the settings name.
        """
        hashes = {name: content.sha256 for name, content in models.items()}
        self._send("open", {"settings": settings_toml(settings), "plan": _plan_json(plan), "models": hashes})
        self._awaits = True

    def await_others(self, device: torch.device) -> None:
        """Wait until the others have done so, and connect the GPUs.

        Raises:
            ProcessLost: one of them could not; it says why.
            DeviceError: not every process has a GPU of its own.
        """
        gpus = self._read_answers().count(HAS_GPU) + (device.type == "cuda")
        processes = self.group.process.processes
        if 0 < gpus < processes:
            raise DeviceError(
                "accelerate launch",
                found=f"{plural(processes, 'process')}, of which {gpus} found a GPU",
                expected="a GPU for each process, or for none",
                way_out="start no more processes than there are GPUs",
            )
        if gpus:
            self._send("connect", {})
            self.group.connect_gpus()

    def place(self, decision: PredictionDecision, captions: Sequence[str]) -> None:
        """Let the others bring their models to where a step needs them.

        Args:
            decision: what the base predicts.
            captions: every text that will be asked for, where no showing has other words; else none.
        """
        facts = {"prediction": decision.prediction, "zero_terminal_snr": decision.zero_terminal_snr}
        self._send("place", {**facts, "captions": list(captions)})

    def replan(self, settings: Settings, plan: Plan) -> None:
        """Give the others a plan whose number of steps was worked out only now, and the settings with that number."""
        self._send("plan", {"settings": settings_toml(settings), "plan": _plan_json(plan)})

    def start_step(self, work: StepBatches) -> None:
        """Give the others the batches of a step that this process is about to take."""
        facts, tensors = facts_of_step(work)
        self._send("step", facts, tensors)
        self._awaits = self._in_step = True

    def add_up(self, weights: Iterable[nn.Parameter], losses: Sequence[Tensor]) -> list[Tensor]:
        """Add up gradients and losses; see Ranks."""
        summed = super().add_up(weights, losses)
        self._in_step = False
        return summed

    def put_back(self, facts: StateHeader, tensors: Mapping[str, Tensor]) -> None:
        """Give the others a state that this process has put in place."""
        self._send("state", {"state": state_header_json(facts)}, tensors)

    def note_settings(self, settings: Settings, rate_scale: float, step: int) -> None:
        """Note what holds from the next step on; the others hear it with the next message.

        Args:
            settings: in force.
            rate_scale: product of what roll backs did to the rates.
            step: optimizer steps done.
        """
        self._in_force = settings, rate_scale, step

    def reduced(self, size: int | None) -> int | None:
        """Return the least pictures at once that memory had room for in any process; None where all were passed."""
        known = [each for each in (size, self._fewer) if each is not None]
        self._fewer = None
        return min(known, default=None)

    def end(self) -> None:
        """Let the others end; where they cannot be told any more, closing the connection does it."""
        if not self._in_step and not self.group.broken:
            with contextlib.suppress(ProcessLost):
                self._send("end", {})
        self.group.leave()

    def _send(self, kind: str, facts: Mapping[str, Any], tensors: Mapping[str, Tensor] | None = None) -> None:
        sizes = [size for size in self._read_answers() if size]
        if sizes:
            self._fewer = min([*sizes, self._fewer or sizes[0]])
        self.group.send(RankMessage(kind, {**facts, **self._changes()}, tensors or {}))

    def _read_answers(self) -> list[int]:
        """Read what the others answered: to a step, to how few pictures at once their memory came down, 0 where to none."""
        awaited, self._awaits = self._awaits, False
        return self.group.answers() if awaited else []

    def _changes(self) -> dict[str, Any]:
        """Return what has come into force since the last message."""
        if self._in_force is None:
            return {}
        (settings, scale, step), self._in_force = self._in_force, None
        changes: dict[str, Any] = {"after": step}
        if self._told is None or self._told[0] is not settings or self._told[1] != scale:
            self._told = settings, scale
            changes |= {"live": settings_toml(settings), "rate_scale": scale}
        return changes


_met = False


@contextlib.contextmanager
def leading() -> Iterator[LeadingRank | None]:
    """Connect the processes of a bake while the block lasts; None where this process bakes alone.

    Raises:
        BakeFailed: they cannot reach each other.
    """
    process = launched()
    if process is None:
        yield None
        return
    global _met  # noqa: PLW0603  # processes that were launched together meet once
    _met = True
    ranks = LeadingRank(join(process))
    try:
        yield ranks
    finally:
        ranks.end()


def release_followers() -> None:
    """Let the other processes end where no bake came to need them; elsewhere nothing is done."""
    if launched() is not None and not _met:
        with leading():
            pass


def _plan_json(plan: Plan) -> str:
    """Return a plan without what only process 0 needs: places, saves, captions."""
    return _PLAN.dump_json(replace(plan, placements=(), saves=(), cut=(), buckets=())).decode()
