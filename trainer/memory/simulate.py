"""A simulation of a bake's stages: their real work on tensors without numbers, watched operation by operation."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from types import SimpleNamespace
from typing import Any, cast

import torch
from torch import Tensor, nn

from trainer.bake.batch import StepBatches
from trainer.bake.session import TrainingSession
from trainer.bake.step import train_step
from trainer.grid.cost import pictures_at_once
from trainer.lean.streaming import weight_bytes
from trainer.memory.allocator import peak_of, reserved_of
from trainer.memory.fake_session import KeptBase, fake_batches, fake_session
from trainer.memory.fake_tensors import LightFakeMode
from trainer.memory.kernel_costs import CUBLAS_BYTES, roofline, scratch_of
from trainer.memory.link import PredictedTransfers
from trainer.memory.peak import BlockCost, MemoryPrediction, Peak, PeakStage
from trainer.memory.request import MemoryRequest
from trainer.memory.tracker import AWAY, Tracker
from trainer.models.base_model import BaseModel
from trainer.optimizers import card_seconds_a_tensor


def predict(request: MemoryRequest, kept: KeptBase | None = None) -> MemoryPrediction:
    """Return the predicted peak of a bake, stage by stage. It needs no card, and no weight is read.

    Args:
        request: the question.
        kept: where the base is kept for the next question; None for nowhere.

    Raises:
        LoraTuiError: the base or the settings do not allow the bake.
    """
    began = time.perf_counter()
    with fake_session(request, kept) as (session, mode):
        run = _Simulation(request, session, mode)
        run.cache()
        costs = run.step()
        if request.sample is not None:
            run.sample(*request.sample)
            run.decode(*request.sample)
    return MemoryPrediction(
        policy=request.policy,
        precision=request.precision,
        bucket=request.largest[:2],
        batch=request.largest[2],
        peaks=tuple(run.peaks),
        reserved=run.reserved,
        flops=costs.flops,
        seconds=costs.seconds,
        blocks=costs.blocks,
        compiled=request.settings.torch_compile,
        took=time.perf_counter() - began,
        stepped=costs.stepped,
    )


@dataclass(frozen=True)
class _Costs:
    """A step's work: flops, seconds, blocks, and tensors that the optimizer steps."""

    flops: int
    seconds: float
    blocks: tuple[BlockCost, ...]
    stepped: int


class _Simulation:
    """The stages of one bake, one after the other.

    Args:
        request: the question.
        session: without numbers.
        mode: in which it runs.
    """

    def __init__(self, request: MemoryRequest, session: TrainingSession, mode: LightFakeMode) -> None:
        self._request, self._session, self._mode = request, session, mode
        self._on_card = request.policy == "card"
        self.peaks: list[Peak] = []
        self.reserved = 0

    def cache(self) -> None:
        """Encode as many of the largest pictures as are encoded at once."""
        width, height, _ = self._request.largest
        most = max(use.pictures for use in self._request.buckets)
        pictures = min(self._request.settings.vae_batch_size, most)
        model = self._session.model
        with self._stage("cache", vae=True, moments=False) as tracker, torch.no_grad(), tracker.at("encoding pictures"):
            model.vae_encode(torch.empty(pictures, 3, height, width, dtype=model.vae.dtype))

    def step(self) -> _Costs:
        """Take one step of the largest batch, after one that made the optimizer's moments."""
        session, request = self._session, self._request
        session.text_embeddings.cache_for(["word"] if not request.captions_vary else [])
        for part in session.model.encoders:
            if part not in session.trained_parts.initial:
                session.text_embeddings.freeze(part)
        work = fake_batches(session, request)
        make_moments(session)
        costs: list[BlockCost] = []
        encoders = [part for part in session.model.encoders if not session.text_embeddings.is_cached(part)]
        with self._stage("step", unet=True, encoders=encoders) as tracker, _watched(session, tracker, costs):
            tracker.hold(_of_batch(work), "activations")
            train_step(session, work)
        stepped = sum(weight.requires_grad for weight in session.network.parameters())
        seconds = tracker.work.seconds
        if self._on_card:
            seconds += stepped * card_seconds_a_tensor(request.settings.optimizer_type)
        return _Costs(tracker.work.flops, seconds, tuple(costs), stepped)

    def sample(self, width: int, height: int) -> None:
        """Take one sampling step of as many sample pictures as are made at once, with guidance."""
        model = self._session.model
        device = "cuda" if self._on_card else "cpu"
        at_once = pictures_at_once(
            cast(Any, SimpleNamespace(width=width, height=height)), cast(Any, SimpleNamespace(device=device))
        )
        pairs = 2 * at_once
        with self._stage("sample", unet=True, moments=False) as tracker, torch.no_grad(), tracker.at("a sampling step"):
            text = model.blank_conditioning(pairs)
            noisy = torch.empty(pairs, *model.latent_shape(height, width))
            sizes = torch.zeros(pairs, 6, dtype=torch.int64)
            model.predict(noisy, model.schedule.spread_times(pairs), text, sizes)

    def decode(self, width: int, height: int) -> None:
        """Decode the latents of one picture."""
        model = self._session.model
        with (
            self._stage("decode", unet=True, vae=True, moments=False) as tracker,
            torch.no_grad(),
            tracker.at("decoding a picture"),
        ):
            model.vae_decode(torch.empty(1, *model.latent_shape(height, width), dtype=model.vae.dtype))

    @contextmanager
    def _stage(
        self,
        stage: PeakStage,
        *,
        unet: bool = False,
        encoders: Iterable[str] = (),
        vae: bool = False,
        moments: bool = True,
    ) -> Iterator[Tracker]:
        """Watch a stage in which these parts are on the card; on a CPU all of them always are, but for the VAE."""
        session, model = self._session, self._session.model
        tracker = Tracker(roofline, scratch_of(self._request.policy))
        all_there = not self._on_card
        _place_stream(model, tracker, there=unet)
        tracker.hold(_tensors(model.body), "weights" if unet or all_there else AWAY)
        for part, encoder in model.encoders.items():
            tracker.hold(_tensors(encoder), "encoders" if part in encoders or all_there else AWAY)
        # The VAE that is put away is let go on a CPU.
        tracker.hold(_tensors(model.vae), "vae" if vae else AWAY)
        tracker.hold(session.network.parameters(), "lora")
        tracker.hold(_moments(session), "optimizer" if moments or all_there else AWAY)
        with self._mode.watched(tracker.see):
            yield tracker
        parts, moment = peak_of(tracker.log, rounds=self._on_card)
        reserved = reserved_of(tracker.log)
        if self._on_card:
            parts["scratch"] = parts.get("scratch", 0) + CUBLAS_BYTES
            reserved += CUBLAS_BYTES
        self.peaks.append(Peak(stage, moment, parts))
        self.reserved = max(self.reserved, reserved)


def _place_stream(model: BaseModel, tracker: Tracker, *, there: bool) -> None:
    """Let streamed blocks be where they are in a stage: in two buffers on the card, or in none."""
    stream = model.stream
    if stream is None:
        return
    stream.close()
    tracker.hold(stream.host_tensors(), AWAY)
    if there:
        stream.begin()
        tracker.hold(stream.buffers, "weights")
    cast(PredictedTransfers, stream.transfers).watch(tracker)


def make_moments(session: TrainingSession) -> None:
    """Take one step, so that the optimizer holds its moments."""
    for group in session.optimizer.param_groups:
        for weight in group["params"]:
            weight.grad = torch.empty_like(weight)
    session.optimizer.step()
    session.optimizer.zero_grad()


def _of_batch(work: StepBatches) -> list[Tensor]:
    values = (getattr(batch, each.name) for batch in work.batches for each in fields(batch))
    return [value for value in values if isinstance(value, Tensor)]


def _moments(session: TrainingSession) -> list[Tensor]:
    state = session.optimizer.optimizer.state.values()
    return [value for values in state for value in values.values() if isinstance(value, Tensor)]


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]


@contextmanager
def _watched(session: TrainingSession, tracker: Tracker, costs: list[BlockCost]) -> Iterator[None]:
    """Name the moments of a step and note what each block costs, while the block lasts."""
    hooks = []
    swappable = session.model.body_blocks()
    for name, block in session.model.blocks().items():
        hooks += _watch_block(name, block, weight_bytes(block) if name in swappable else 0, tracker, costs)
    for weight in session.network.parameters():
        if weight.requires_grad:
            hooks.append(weight.register_post_accumulate_grad_hook(_renaming(tracker)))  # type: ignore[no-untyped-call]
    inner = session.optimizer.optimizer
    hooks.append(inner.register_step_pre_hook(lambda *_: tracker.enter("the optimizer's step")))
    try:
        with tracker.at("before the first block"):
            yield
    finally:
        for hook in hooks:
            hook.remove()


def _renaming(tracker: Tracker) -> Callable[[Tensor], None]:
    def rename(weight: Tensor) -> None:
        if weight.grad is not None:
            tracker.rename([weight.grad], "gradients")

    return rename


def _watch_block(name: str, block: nn.Module, weights: int, tracker: Tracker, costs: list[BlockCost]) -> list[Any]:
    begun: list[tuple[int, Any]] = []

    def before(*_: object) -> None:
        tracker.enter(f"forward of {name}")
        begun.append((tracker.live, tracker.work.now()))

    def after(_module: object, _inputs: object, out: Any) -> None:
        live, work = begun.pop()
        output = out[0] if isinstance(out, tuple) else getattr(out, "sample", out)
        if not (isinstance(output, Tensor) and output.requires_grad):
            return
        # With gradients accumulated a block is met once for each batch.
        if name not in {cost.name for cost in costs}:
            done = tracker.work.since(work)
            saved = max(0, tracker.live - live - tracker.size_of([output]))
            costs.append(BlockCost(name, saved, done.flops, done.seconds, weights))
        output.register_hook(lambda _: tracker.enter(f"backward of {name}"))  # type: ignore[no-untyped-call]

    return [block.register_forward_pre_hook(before), block.register_forward_hook(after)]
