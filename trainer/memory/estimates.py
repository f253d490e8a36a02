"""Estimates of other choices from predictions that are known, to find the choices worth a prediction of their own."""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from trainer.memory.levers import MemoryChoice, batch_of, has_prefix, shortest_prefixes
from trainer.memory.link_speed import LINK_BYTES_A_SECOND
from trainer.memory.peak import BlockCost, MemoryPrediction, Peak
from trainer.memory.request import MemoryRequest
from trainer.optimizers import card_seconds_a_tensor
from trainer.plan.optimizer_bytes import optimizer_bytes
from trainer.settings.amounts import SWAP_BUFFERS
from trainer.settings.parts import is_encoder

# What a choice adds to a step's predicted seconds, as shares of them: every kernel launched once more and a sum of gradients for
# each further micro-batch; weights dequantized; a step that may wait for what the CPU encodes.
_SHARE_PER_MICRO_BATCH = 0.1
_EIGHT_BIT_SHARE = 0.06
OFF_CARD_SHARE = 0.05
"""Share of a step that an encoder on the CPU is counted as: how fast that CPU is, is unknown."""

# Beside the large weights in 8 bits stay their factors, norms, biases and small layers.
_SMALL_WEIGHTS = 0.03
# Blocks are chosen for a little less than the limit, so that their prediction need not be exact to the byte.
_TARGET_SHARE = 0.995
# Inputs and outputs of the layers that most of a LoRA sits on; a ratio of two optimizers' bytes needs no more than these.
_TYPICAL_WIDTHS = (320, 640, 768, 1280)


@dataclass(frozen=True)
class Estimate:
    """Bytes and seconds of a step, estimated and not predicted."""

    bytes: int
    seconds: float


def seconds_of(choice: MemoryChoice, prediction: MemoryPrediction) -> float:
    """Return a predicted step's seconds as choices are compared by."""
    return prediction.seconds * (1 + OFF_CARD_SHARE * choice.off_card)


class Estimates:
    """Estimates of choices from the plain one's prediction, corrected by the nearest choice whose prediction is known.

    Args:
        request: the bake.
        start: the plain choice.
        prediction: of it.
    """

    def __init__(self, request: MemoryRequest, start: MemoryChoice, prediction: MemoryPrediction) -> None:
        self._request = request
        self._start = start
        self._prediction = prediction
        self._ratio = prediction.reserved / prediction.peak.bytes
        # Falling: those that swapping takes first are about the largest.
        self._swappable = sorted((block.weights for block in prediction.blocks if block.weights), reverse=True)
        self._shares: dict[int | None, float] = {}
        self._moments: dict[str, float] = {}
        # By choice: predicted less estimated bytes, and predicted ÷ estimated seconds.
        self._errors: dict[MemoryChoice, tuple[int, float]] = {}
        self.learn(start, prediction)

    def learn(self, choice: MemoryChoice, prediction: MemoryPrediction) -> None:
        """Correct later estimates by the prediction of a choice."""
        judged = self._estimated(choice)
        error = prediction.reserved - judged.bytes
        self._errors[choice] = error, seconds_of(choice, prediction) / judged.seconds

    def of(self, choice: MemoryChoice) -> Estimate:
        """Return the estimate of a choice."""
        judged, (error, slower) = self._estimated(choice), self._error_near(choice)
        return Estimate(max(0, judged.bytes + error), judged.seconds * slower)

    def with_blocks_for(self, choice: MemoryChoice, limit: int) -> MemoryChoice | None:
        """Return the choice with those blocks checkpointed that free most per second, until it fits; None where none do.

        Args:
            choice: the other levers.
            limit: bytes.
        """
        blocks = self._blocks(choice)
        if not blocks:
            return None
        error = self._error_near(replace(choice, checkpointed=(blocks[0].name,)))[0]
        aim = int((limit * _TARGET_SHARE - error) / self._ratio)
        chosen = blocks_to_checkpoint(blocks, aim - self._beside_blocks(choice))
        if not chosen:
            return None
        return replace(choice, checkpointed=shortest_prefixes(chosen, [block.name for block in blocks]))

    def with_swap_for(self, choice: MemoryChoice, limit: int) -> MemoryChoice | None:
        """Return the choice with as few blocks in the computer's memory as let it fit, all where no number does; None where it frees nothing.

        Args:
            choice: the other levers.
            limit: bytes.
        """
        # From the first behind the buffers, which stay on the card, a block frees something.
        counts = range(SWAP_BUFFERS + 1, len(self._swappable) + 1)
        if not counts:
            return None
        target = limit * _TARGET_SHARE
        enough = bisect_left(counts, True, key=lambda count: self.of(replace(choice, swapped=count)).bytes <= target)
        swapped = replace(choice, swapped=counts[min(enough, len(counts) - 1)])
        return swapped if self._swapped_bytes(swapped) > 0 else None

    @property
    def swappable(self) -> int:
        """How many blocks may lie in the computer's memory."""
        return len(self._swappable)

    def _estimated(self, choice: MemoryChoice) -> Estimate:
        peaks = [self._step_bytes(choice), *(self._other_stage_bytes(peak, choice) for peak in self._prediction.peaks)]
        return Estimate(int(max(peaks) * self._ratio), self._seconds(choice))

    def _error_near(self, choice: MemoryChoice) -> tuple[int, float]:
        """Return the error of the known choice that differs least, the latest of several."""

        def distance(known: MemoryChoice) -> int:
            others = ("micro_batch", "off_card", "optimizer", "base", "caching")
            differ = [name for name in others if getattr(known, name) != getattr(choice, name)]
            differ += ["swapped"] * (bool(known.swapped) != bool(choice.swapped))
            return abs(_checkpointing_level(known) - _checkpointing_level(choice)) + len(differ)

        return self._errors[min(reversed(self._errors), key=distance)]

    def _step_bytes(self, choice: MemoryChoice) -> int:
        blocks = self._blocks(choice)
        kept = choice.checkpointed
        twice = {block.name for block in blocks if kept is not None and (not kept or has_prefix(block.name, kept))}
        return self._beside_blocks(choice) + max_held_bytes(blocks, twice)

    def _beside_blocks(self, choice: MemoryChoice) -> int:
        """Return the bytes of a step that no checkpointing frees: weights and all, and the activations outside of blocks."""
        step = self._prediction.of("step")
        if step is None:
            return 0
        parts = dict(step.parts)
        if choice.micro_batch is not None:
            # While the next part of a batch runs, the gradients of those before it are there.
            parts["gradients"] = max(parts.get("gradients", 0), parts.get("lora", 0))
        activations = parts.pop("activations", 0) * self._pixel_share(choice)
        freed = self._swapped_bytes(choice)
        between = max(0.0, activations - sum(block.saved for block in self._blocks(choice)))
        return int(between - freed + sum(amount * self._part_factor(name, choice) for name, amount in parts.items()))

    def _swapped_bytes(self, choice: MemoryChoice) -> int:
        """Return the bytes that the choice's swapped blocks free: their weights, less the buffers that they come into."""
        if not choice.swapped:
            return 0
        weights = self._swappable[: choice.swapped]
        return int((sum(weights) - SWAP_BUFFERS * weights[0]) * self._part_factor("weights", choice))

    def _other_stage_bytes(self, peak: Peak, choice: MemoryChoice) -> int:
        if peak.stage == "step":
            return 0
        at_once = choice.caching / self._start.caching if peak.stage == "cache" else 1.0
        return int(
            sum(
                amount * (at_once if name == "activations" else self._part_factor(name, choice))
                for name, amount in peak.parts.items()
            )
        )

    def _part_factor(self, name: str, choice: MemoryChoice) -> float:
        """Return how many times the plain choice's bytes a part takes."""
        start = self._start
        if name == "optimizer":
            return self._optimizer_factor(choice)
        factor = 1.0
        if name in ("weights", "encoders") and choice.base and not start.base:
            factor = (0.25 if self._prediction.precision == "no" else 0.5) + _SMALL_WEIGHTS
        if name == "encoders" and choice.off_card and not start.off_card:
            encoders = [part for part in self._request.trained_parts if is_encoder(part)]
            factor *= 0.5 if encoders else 0.0
        return factor

    def _optimizer_factor(self, choice: MemoryChoice) -> float:
        if choice.optimizer not in self._moments:
            rank, options = self._request.settings.network_dim, self._request.settings.optimizer_options
            shapes = [shape for width in _TYPICAL_WIDTHS for shape in ((rank, width), (width, rank))]
            kept = [optimizer_bytes(name, shapes, options) for name in (choice.optimizer, self._start.optimizer)]
            self._moments[choice.optimizer] = kept[0] / kept[1] if kept[0] and kept[1] else 1.0
        return self._moments[choice.optimizer]

    def _blocks(self, choice: MemoryChoice) -> list[BlockCost]:
        """Return the blocks as they are at the choice's micro-batch; the seconds are those of the whole batch."""
        share = self._pixel_share(choice)
        return [replace(block, saved=int(block.saved * share)) for block in self._prediction.blocks if block.saved > 0]

    def _pixel_share(self, choice: MemoryChoice) -> float:
        """Return the pixels that pass through at once, as a share of the plain choice's."""
        if choice.micro_batch not in self._shares:
            settings = self._request.settings

            def pixels(one: MemoryChoice) -> int:
                width, height, pictures = self._request.with_settings(one.apply_to(settings)).largest
                return width * height * pictures

            self._shares[choice.micro_batch] = pixels(choice) / pixels(self._start)
        return self._shares[choice.micro_batch]

    def _seconds(self, choice: MemoryChoice) -> float:
        seconds = self._prediction.seconds
        kept = choice.checkpointed
        if kept is not None:
            seconds += sum(
                block.seconds for block in self._prediction.blocks if not kept or has_prefix(block.name, kept)
            )
        batch = batch_of(self._request)
        parts = -(-batch // (choice.micro_batch or batch))
        seconds *= 1 + _SHARE_PER_MICRO_BATCH * (parts - 1)
        # What products in int8 gain is for a trial to find out.
        dequantizes = choice.base in ("int8", "fp8") and not self._start.base
        seconds *= 1 + _EIGHT_BIT_SHARE * dequantizes
        if self._prediction.policy == "card":
            prices = [card_seconds_a_tensor(one.optimizer) for one in (choice, self._start)]
            seconds += (prices[0] - prices[1]) * self._prediction.stepped
        # Every micro-batch fetches all of them forward and backward, each while the blocks before it compute.
        swapped = sum(self._swappable[: choice.swapped]) * self._part_factor("weights", choice)
        seconds = max(seconds, 2 * parts * swapped / LINK_BYTES_A_SECOND)
        return seconds * (1 + OFF_CARD_SHARE * choice.off_card)


def max_held_bytes(blocks: Sequence[BlockCost], recomputed: Collection[str]) -> int:
    """Return the most bytes that blocks hold at one time of the backward pass.

    It goes from the last block to the first. During a block's backward pass, what the blocks before it keep is held, and its own:
    kept or recomputed. So checkpointing only the last blocks frees nothing.

    Args:
        blocks: in the order of the forward pass.
        twice: names of those that are checkpointed.
    """
    kept = most = 0
    for block in blocks:
        most = max(most, kept + block.saved)
        if block.name not in recomputed:
            kept += block.saved
    return most


def blocks_to_checkpoint(blocks: Sequence[BlockCost], room: int) -> list[str] | None:
    """Return the blocks to checkpoint so that all hold no more than `room`, in the order given; None where that is too little.

    Those that free most per second are chosen first; then those that turn out unnecessary are dropped, the slowest first.

    Args:
        blocks: in the order of the forward pass.
        room: bytes.
    """
    twice: set[str] = set()
    for block in sorted(blocks, key=lambda block: block.seconds / block.saved):
        if max_held_bytes(blocks, twice) <= room:
            break
        twice.add(block.name)
    if max_held_bytes(blocks, twice) > room:
        return None
    for block in sorted(blocks, key=lambda block: -block.seconds):
        if block.name in twice and max_held_bytes(blocks, twice - {block.name}) <= room:
            twice.discard(block.name)
    return [block.name for block in blocks if block.name in twice]


def _checkpointing_level(choice: MemoryChoice) -> int:
    """Return 0 without checkpointing, 1 for some blocks, 2 for all."""
    return 0 if choice.checkpointed is None else 2 if not choice.checkpointed else 1
