"""Memory levers: the settings that trade time, or a little of the result, for memory, as one choice."""

import importlib.util
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal, Self

from trainer.errors import SettingsError
from trainer.memory.request import MemoryRequest
from trainer.optimizers import OptimizerSpec, leaner_form, spec_of
from trainer.settings.model import Settings
from trainer.settings.optimizers import check_arguments
from trainer.settings.parts import is_encoder, parts_of
from trainer.text import plural

EightBitBase = Literal["", "int8", "int8 matmul", "fp8"]
"""How the base's large weights are kept: "" in the type of the arithmetic, `int8 matmul` in int8 and computed in it."""

# Names of blocks that are listed; the others are counted.
_MAX_NAMES = 3


@dataclass(frozen=True)
class MemoryChoice:
    """Positions of the levers.

    Attributes:
        checkpointed: prefixes of the names of blocks that are recomputed; () for all blocks, None for none.
        micro_batch: pictures at once, None for the full batch.
        off_card: whether an encoder that does not train runs on the CPU.
        optimizer: its name.
        base: how the base's large weights are kept.
        caching: pictures the VAE encodes at once.
        swapped: blocks that lie in the computer's memory.
    """

    checkpointed: tuple[str, ...] | None
    micro_batch: int | None
    off_card: bool
    optimizer: str
    base: EightBitBase
    caching: int
    swapped: int = 0

    @classmethod
    def of(cls, request: MemoryRequest) -> Self:
        """Return the levers' positions in a request's settings; a micro-batch as large as the batch is none."""
        settings = request.settings
        names = tuple(name.strip() for name in settings.checkpointed_blocks.split(",") if name.strip())
        micro = settings.micro_batch_size
        return cls(
            checkpointed=names if settings.gradient_checkpointing else None,
            micro_batch=None if micro is None or micro >= batch_of(request) else micro,
            off_card=settings.encoder_off_card,
            optimizer=settings.optimizer_type,
            base=_base_of(settings),
            caching=settings.vae_batch_size,
            swapped=settings.blocks_to_swap,
        )

    def apply_to(self, settings: Settings) -> Settings:
        """Return `settings` with the levers in these positions; what has no effect stays unchanged."""
        blocks = settings.checkpointed_blocks if self.checkpointed is None else ", ".join(self.checkpointed)
        return Settings.model_validate(
            settings.model_dump()
            | {
                "gradient_checkpointing": self.checkpointed is not None,
                "checkpointed_blocks": blocks,
                "micro_batch_size": self.micro_batch,
                "encoder_off_card": self.off_card,
                "optimizer_type": self.optimizer,
                "int8_base": self.base in ("int8", "int8 matmul"),
                "int8_matmul": self.base == "int8 matmul",
                "fp8_base": self.base == "fp8",
                "vae_batch_size": self.caching,
                "blocks_to_swap": self.swapped,
            }
        )


@dataclass(frozen=True)
class Lever:
    """One change that saves memory.

    Attributes:
        name: short, for a column.
        words: what it does.
        changes_result: whether the LoRA comes out a little different, beyond the order of sums.
        missing: why it cannot be used here, with the way out; "" where it can.
    """

    name: str
    words: str
    changes_result: bool = False
    missing: str = ""


def batch_of(request: MemoryRequest) -> int:
    """Return the pictures of the largest batch, undivided."""
    size = request.settings.train_batch_size
    return max(min(use.pictures, use.own_batch or size) for use in request.buckets)


def fastest_exact(request: MemoryRequest) -> MemoryChoice:
    """Return the choice with every exact lever at its fastest position; optimizer, base and caching as in the settings."""
    here = MemoryChoice.of(request)
    off_card = here.off_card and not may_leave_card(request)
    return replace(here, checkpointed=None, micro_batch=None, off_card=off_card, swapped=0)


def may_swap(request: MemoryRequest) -> bool:
    """Return whether blocks can lie in the computer's memory and compute on a card."""
    return request.policy == "card" and not request.settings.torch_compile


def may_leave_card(request: MemoryRequest) -> bool:
    """Return whether an encoder that does not train still runs in every step."""
    return any(
        is_encoder(part) and part not in request.trained_parts and part not in request.cached_encoders
        for part in parts_of(request.family)
    )


def configurations(request: MemoryRequest, *, exact: bool) -> Iterator[MemoryChoice]:
    """Yield every combination of lever positions without checkpointing and swapped blocks, which are chosen for each.

    Args:
        request: with the settings in question.
        exact: leave out what changes the result.
    """
    start = fastest_exact(request)
    micros = _micro_batch_sizes(batch_of(request))
    cards = (False, True) if may_leave_card(request) else (start.off_card,)
    optimizers, bases = [start.optimizer], [start.base]
    if not exact:
        leaner = leaner_form(start.optimizer)
        if leaner is not None and not lean_optimizer_missing(request.settings, leaner):
            optimizers.append(leaner.name)
        if not start.base:
            # int8 first: it lies nearer to the base.
            bases += ["int8", "fp8"]
    for micro, off_card, optimizer, base in product(micros, cards, optimizers, bases):
        yield replace(start, micro_batch=micro, off_card=off_card, optimizer=optimizer, base=base)


def lean_optimizer_missing(settings: Settings, leaner: OptimizerSpec) -> str:
    """Return why the leaner form of the settings' optimizer cannot take its place, "" where it can."""
    try:
        check_arguments(leaner.name, settings.optimizer_options)
    except SettingsError as error:
        return f"{leaner.name} does not take these optimizer_args: {error.found}"
    if leaner.package and importlib.util.find_spec(leaner.package) is None:
        return f"{leaner.package} is not installed: pip install 'lora-tui[{leaner.extra}]'"
    return ""


def single_levers(request: MemoryRequest, swappable: int) -> Iterator[tuple[Lever, MemoryChoice]]:
    """Yield each lever with the choice that pulls it alone; checkpointing of some blocks has no such choice of its own.

    Args:
        request: with the settings in question.
        swappable: blocks that may lie in the computer's memory.
    """
    start = fastest_exact(request)
    batch = batch_of(request)
    yield Lever("checkpointing, all", "all blocks are recomputed in the backward pass"), replace(start, checkpointed=())
    if swappable and may_swap(request):
        words = f"all {swappable} blocks lie in the computer's memory and come to the GPU as they compute"
        yield Lever("blocks swapped, all", words), replace(start, swapped=swappable)
    if batch > 1:
        yield (
            Lever("micro-batches of 1", f"one picture at a time; each step still learns from all {batch}"),
            replace(start, micro_batch=1),
        )
    if may_leave_card(request):
        yield (
            Lever("encoder off GPU", "the text encoder that does not train computes on the CPU, one step ahead"),
            replace(start, off_card=True),
        )
    if (leaner := leaner_form(start.optimizer)) is not None:
        missing = lean_optimizer_missing(request.settings, leaner)
        lever = Lever(leaner.name, "the optimizer's moments in 8 bits", changes_result=True, missing=missing)
        yield lever, replace(start, optimizer=leaner.name)
    if not start.base:
        yield Lever("int8 base", "the frozen base in 8 bits", changes_result=True), replace(start, base="int8")
        words = "the frozen base in 8 bits, less exact than int8"
        yield Lever("fp8 base", words, changes_result=True), replace(start, base="fp8")
    if start.base in ("", "int8") and not request.settings.torch_compile:
        words = "the frozen base in 8 bits and its products in int8, refused where a trial finds them slower"
        yield Lever("int8 matmul", words, changes_result=True), replace(start, base="int8 matmul")
    if start.caching > 1:
        yield Lever("VAE batch of 1", "the VAE encodes one picture at a time"), replace(start, caching=1)


def _base_of(settings: Settings) -> EightBitBase:
    if settings.int8_base:
        return "int8 matmul" if settings.int8_matmul else "int8"
    return "fp8" if settings.fp8_base else ""


def changes_between(before: Settings, after: Settings) -> Mapping[str, object]:
    """Return the settings that differ, by name, with their new values."""
    names = Settings.model_fields
    return {name: getattr(after, name) for name in names if getattr(after, name) != getattr(before, name)}


def changes_result(choice: MemoryChoice, start: MemoryChoice) -> bool:
    """Return whether the LoRA comes out a little different than with `start`, beyond the order of sums."""
    return (choice.optimizer, choice.base) != (start.optimizer, start.base)


def levers_changed(choice: MemoryChoice, start: MemoryChoice) -> int:
    """Return how many levers differ from `start`."""
    return sum(getattr(choice, name) != getattr(start, name) for name in MemoryChoice.__dataclass_fields__)


def choice_text(choice: MemoryChoice) -> str:
    """Return the levers' positions in words; those that do nothing are left out."""
    words = []
    match choice.checkpointed:
        case None:
            words.append("no checkpointing")
        case ():
            words.append("checkpointing of all blocks")
        case names:
            more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
            words.append(f"checkpointing of {', '.join(names[:_MAX_NAMES])}{more}")
    if choice.swapped:
        words.append(f"{plural(choice.swapped, 'block')} swapped")
    if choice.micro_batch is not None:
        words.append(f"micro-batches of {choice.micro_batch}")
    if choice.off_card:
        words.append("encoder off GPU")
    if (optimizer := spec_of(choice.optimizer)) is not None and optimizer.leaner_form_of:
        words.append(optimizer.name)
    if choice.base:
        words.append(f"{choice.base} base")
    if choice.caching > 1:
        words.append(f"VAE batch of {choice.caching}")
    return ", ".join(words)


def has_prefix(name: str, prefixes: Iterable[str]) -> bool:
    """Return whether a block's name starts with one of `prefixes`, at a dot."""
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def shortest_prefixes(chosen: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """Return the fewest prefixes that mean exactly the chosen blocks, in their order; () where all are chosen.

    Args:
        chosen: names of blocks, at least one.
        names: of every block.
    """
    others = [name for name in names if name not in set(chosen)]
    if not others:
        return ()
    found: list[str] = []
    for name in chosen:
        if has_prefix(name, found):
            continue
        steps = name.split(".")
        tries = (".".join(steps[:count]) for count in range(1, len(steps) + 1))
        found.append(next((each for each in tries if not any(has_prefix(other, (each,)) for other in others)), name))
    return tuple(found)


def _micro_batch_sizes(batch: int) -> tuple[int | None, ...]:
    """Return the sizes that divide a batch into parts as equal as possible: for 8 None (undivided), 4, 3, 2, 1."""
    sizes = sorted({-(-batch // parts) for parts in range(2, batch + 1)}, reverse=True)
    return (None, *sizes)
