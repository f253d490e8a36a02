"""The training session: the loaded base, the LoRA on it and the optimizer, taken apart at the end."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from trainer.bake.averaged_weights import averaged_weights
from trainer.bake.micro_batches import MicroBatches
from trainer.bake.optimizer import make_optimizer
from trainer.bake.optimizer_trial import try_optimizer
from trainer.bake.precision import Precision, check_xformers, fresh_accelerator
from trainer.bake.ranks.ranks import Ranks
from trainer.bake.text_embeddings import TextEmbeddings
from trainer.bake.trained_parts import TrainedParts
from trainer.errors import SettingsError
from trainer.jobs.preflight import PlannedBake
from trainer.jobs.same_content import check_still
from trainer.lean.compiled import check_compiler
from trainer.lean.compute_options import ComputeOptions
from trainer.lean.eight_bit import int8_layers, int8_shapes
from trainer.lean.int8_product import int8_time
from trainer.lean.quantized import kind_of
from trainer.models.base_cache import WantedBase, acquire_base
from trainer.models.base_model import BaseModel
from trainer.models.identify import Base, weight_shapes
from trainer.models.memory_layout import tuned
from trainer.models.model_content import ModelContent
from trainer.network.injection import LayerRules, LoraNetwork, inject, module_names
from trainer.network.lora_file import network_like_file, warm_start
from trainer.plan.plan import Plan
from trainer.settings.model import Settings
from trainer.settings.parts import parts_of
from trainer.settings.random_numbers import RandomSource

# Less may be the trial's own noise, and a bake that is resumed must not be refused for that.
_SLOWER = 1.1

_NOT_PINNED = (
    "blocks_to_swap: the system does not let the base's blocks be locked in memory, so that each step waits for their copies: "
    "fewer blocks, or more memory, would be faster"
)


@dataclass(frozen=True)
class TrainingSession:
    """What a training step works with.

    Attributes:
        settings, plan: of the bake.
        accelerator: accelerate's: backward with its scaler, clipping, device.
        precision: the one in force.
        model: the frozen base.
        network: the LoRA, attached to it.
        optimizer: over the trained parts, wrapped by the accelerator.
        text_embeddings: of the captions.
        trained_parts: which parts train.
        notes: warnings about the file that the LoRA starts from, and about what is slower than it could be.
        micro_batches: how many pictures pass through the model at once.
        models: content of what was loaded, by the setting that names it; empty where nothing was.
        ranks: the other processes that train the same LoRA; None where this one trains alone.
    """

    settings: Settings
    plan: Plan
    accelerator: Any
    precision: Precision
    model: BaseModel
    network: LoraNetwork
    optimizer: Any
    text_embeddings: TextEmbeddings
    trained_parts: TrainedParts
    notes: tuple[str, ...]
    micro_batches: MicroBatches
    models: Mapping[str, ModelContent] = field(default_factory=dict)
    ranks: Ranks | None = None

    @contextmanager
    def averaged_weights(self) -> Iterator[None]:
        """Let the LoRA be the one to be used while the block lasts, where the optimizer trains at other weights (schedule-free)."""
        with averaged_weights(self.optimizer.optimizer):
            yield

    @property
    def predicted_at_once(self) -> int:
        """How many pictures pass through the model at once where nothing is learned from them."""
        return self.micro_batches.size or self.settings.train_batch_size

    def contents(self) -> dict[str, ModelContent]:
        """Return the content of each loaded model by its path as the settings have it."""
        return {str(getattr(self.settings, name)): content for name, content in self.models.items()}

    @contextmanager
    def base_alone(self) -> Iterator[None]:
        """Let the base compute as if it had no LoRA while the block lasts."""
        with self.without_lora(), self.text_embeddings.bypassed():
            yield

    @contextmanager
    def without_lora(self) -> Iterator[None]:
        """Let the LoRA change nothing while the block lasts; cached embeddings of captions still have its effect."""
        before = {part: self.network.strength(part) for part in self.network.parts}
        for part in before:
            self.network.set_strength(part, 0.0)
        try:
            yield
        finally:
            for part, strength in before.items():
                self.network.set_strength(part, strength)


@contextmanager
def open_session(
    settings: Settings,
    planned: PlannedBake,
    models: Mapping[str, ModelContent] | None = None,
    ranks: Ranks | None = None,
) -> Iterator[TrainingSession]:
    """Load the base, put the LoRA on it, and take both apart when the block ends.

    Args:
        settings, planned: of the bake.
        models: content of what the settings name, by setting, taken before; None where it does not matter.
        ranks: the other processes that train the same LoRA; None where this one trains alone.

    Raises:
        SettingsError, DeviceError, ModelError: the machine or the base cannot do what the settings ask, or a model was replaced
            since its content was taken.
    """
    accelerator, precision = fresh_accelerator(settings.mixed_precision)
    if settings.xformers:
        check_xformers(accelerator.device)
    if settings.torch_compile:
        check_compiler(accelerator.device)
    try_optimizer(settings, planned.base.family, weight_shapes(planned.base, settings), accelerator.device)
    try:
        with (
            acquire_base_for(planned.base, settings, accelerator.device, precision) as model,
            tuned(model.body),
            build_session(model, settings, planned.plan, accelerator, precision, ranks) as session,
        ):
            # Taken again after all was read: what was read in between is that content.
            check_still(models or {}, settings)
            yield replace(session, models=models or {})
    finally:
        accelerator.free_memory()


@contextmanager
def build_session(
    model: BaseModel,
    settings: Settings,
    plan: Plan,
    accelerator: Any,
    precision: Precision,
    ranks: Ranks | None = None,
) -> Iterator[TrainingSession]:
    """Put the LoRA and the optimizer on a loaded base, and take them off when the block ends.

    Args:
        model: without a LoRA.
        settings, plan: of the bake.
        accelerator: accelerate's, or what stands in for it: `device`, `scaler`, `prepare`, `backward`, `clip_grad_norm_`.
        precision: the one in force.
        ranks: the other processes that train the same LoRA; None where this one trains alone.

    Raises:
        SettingsError, ModelError: the base cannot do what the settings ask.
    """
    if settings.int8_matmul and not model.stays:
        _try_int8_products(model, precision)
    model.set_compute_options(ComputeOptions.of(settings))
    model.stream_blocks(settings.blocks_to_swap)
    network, notes = _network(model, settings)
    if model.stream is not None and not model.stream.transfers.pinned:
        notes += (_NOT_PINNED,)
    # It was made where the base is kept; it trains where the base will compute.
    network.move_to(model.device)
    try:
        # Placed already; accelerate would put its empty state into it by load_state_dict, which not every class survives.
        made = make_optimizer(network, settings, model.family)
        optimizer = accelerator.prepare(made, device_placement=[False])
        texts = TextEmbeddings(
            model,
            network,
            clip_skip=settings.clip_skip,
            max_token_length=int(settings.max_token_length),
            off_card=settings.encoder_off_card,
        )
        yield TrainingSession(
            settings=settings,
            plan=plan,
            accelerator=accelerator,
            precision=precision,
            model=model,
            network=network,
            optimizer=optimizer,
            text_embeddings=texts,
            trained_parts=TrainedParts(network, optimizer, texts),
            notes=notes,
            micro_batches=MicroBatches(settings.micro_batch_size, ranks.share if ranks is not None else None),
            ranks=ranks,
        )
    finally:
        network.remove()
        model.stream_blocks(0)
        model.set_compute_options(ComputeOptions())


def _try_int8_products(model: BaseModel, precision: Precision) -> None:
    """Refuse products in int8 that are slower than the usual ones on this machine."""
    shapes = int8_shapes(int8_layers(model.body, *model.encoders.values()))
    found = int8_time(shapes, precision.dtype, model.device)
    if found > _SLOWER:
        raise SettingsError(
            "int8_matmul",
            found=f"on, but the base's products take {found:.2f} times as long in int8 as in {precision.name} on this machine",
            way_out="set int8_matmul = false",
        )


def _network(model: BaseModel, settings: Settings) -> tuple[LoraNetwork, tuple[str, ...]]:
    """Return the LoRA as the bake starts with it, and warnings about the file it starts from."""
    rules = LayerRules.of(settings)
    parts = [part for part in parts_of(model.family) if settings.has_layers(part)]
    if settings.network_weights and settings.dim_from_weights:
        return network_like_file(model, Path(settings.network_weights), rules, parts), ()
    names = module_names(model) if settings.network_weights else None
    network = inject(model, rules, settings.seed_of(RandomSource.INIT), parts)
    if not settings.network_weights:
        return network, ()
    try:
        return network, tuple(warm_start(network, Path(settings.network_weights), names))
    except Exception:
        network.remove()
        raise


def acquire_base_for(
    base: Base, settings: Settings, device: torch.device, precision: Precision
) -> AbstractContextManager[BaseModel]:
    """Lend the base, without a LoRA and with its parts off the card, while the block lasts.

    Args:
        base: which.
        settings: the VAE, and the form of the weights.
        device: where it computes.
        precision: of the arithmetic.

    Raises:
        ModelError: it cannot be loaded.
    """
    return acquire_base(
        WantedBase(
            base,
            device,
            precision.dtype,
            vae=settings.vae,
            vae_dtype=torch.float32 if settings.no_half_vae else precision.dtype,
            quantized=kind_of(settings),
        )
    )
