"""A training session without numbers: the same modules, LoRA, optimizer and step, on tensors that hold nothing."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import MISSING, fields
from functools import partial
from typing import Any, cast

import torch
from torch import nn

from trainer.bake.batch import Batch, StepBatches
from trainer.bake.precision import Precision, fresh_accelerator
from trainer.bake.session import TrainingSession, build_session
from trainer.lean.device_path import as_on_card
from trainer.lean.quantized import kind_of
from trainer.lean.transfers import transfers_by
from trainer.memory.fake_optimizer import FakeOptimizer
from trainer.memory.fake_tensors import LightFakeMode, without_numbers
from trainer.memory.link import PredictedTransfers
from trainer.memory.request import MemoryRequest
from trainer.models.base_model import BaseModel
from trainer.models.engines import load_shapes
from trainer.models.identify import components_of, identify_base
from trainer.optimizers import DEFAULT_OPTIMIZER, spec_of
from trainer.plan.plan import Plan

_TYPES: Mapping[str, torch.dtype] = {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class KeptBase:
    """The base without numbers that was asked for last: of the questions of a fit nearly all are about the same."""

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], BaseModel] = {}

    @contextmanager
    def of(self, request: MemoryRequest, precision: Precision) -> Iterator[BaseModel]:
        """Lend the request's base while the block lasts; after an error in it, or changed, it is not lent again.

        Raises:
            ModelError: it cannot be used.
        """
        settings = request.settings
        vae_dtype = torch.float32 if settings.no_half_vae else precision.dtype
        key = (
            request.base,
            request.fingerprint,
            request.policy,
            precision.dtype,
            *components_of(settings).values(),
            settings.vae,
            vae_dtype,
            kind_of(settings),
        )
        model = self._kept.get(key)
        # Not twice, and not while another is made.
        self._kept.clear()
        if model is None:
            model = load_shapes(
                identify_base(request.base, components_of(settings)),
                dtype=precision.dtype,
                vae=settings.vae,
                vae_dtype=vae_dtype,
                quantized=kind_of(settings),
            )
            with LightFakeMode():
                for module in model.modules:
                    _materialize(module)
        tensors = _tensors(model)
        yield model
        # Streamed blocks leave their weights in other memory than they came in.
        if all(one is other for one, other in zip(tensors, _tensors(model), strict=True)):
            self._kept[key] = model


@contextmanager
def fake_session(
    request: MemoryRequest, kept: KeptBase | None = None
) -> Iterator[tuple[TrainingSession, LightFakeMode]]:
    """Yield a session of the real parts on tensors without numbers, and the mode in which everything in it runs.

    Raises:
        LoraTuiError: the base or the settings do not allow the bake.
    """
    settings, precision = request.settings, Precision(cast(Any, request.precision), _TYPES[request.precision])
    with ExitStack() as closing:
        if request.policy == "card":
            closing.enter_context(as_on_card())
            closing.enter_context(transfers_by(PredictedTransfers))
        model = closing.enter_context((kept or KeptBase()).of(request, precision))
        mode = closing.enter_context(LightFakeMode())
        model.schedule = model.schedule_for(model.usual_prediction)
        # Not every optimizer can be made here, and hardly one can step without numbers; nothing can be compiled without them.
        spec = spec_of(settings.optimizer_type)
        own = spec is not None and spec.steps_on_fake_tensors
        # Of layers that are left out now and then the most is held while none is.
        without: dict[str, Any] = {"torch_compile": False, "xformers": False, "module_dropout": 0.0}
        plain = settings.model_copy(update=without)
        made = plain if own else plain.model_copy(update={"optimizer_type": DEFAULT_OPTIMIZER, "optimizer_args": []})
        session = closing.enter_context(build_session(model, made, _plan(request), _accelerator(), precision))
        # A class named by its path that nobody has tried yet counts as the default optimizer.
        if not own and (spec is not None or request.optimizer_state is not None):
            session.optimizer.optimizer = FakeOptimizer(
                session.optimizer.optimizer.param_groups,
                settings.optimizer_type,
                settings.optimizer_options,
                on_card=request.policy == "card",
                measured=request.optimizer_state,
            )
        yield session, mode


def _tensors(model: BaseModel) -> list[torch.Tensor]:
    return [tensor for module in model.modules for tensor in (*module.parameters(), *module.buffers())]


def _materialize(module: nn.Module) -> None:
    """Replace tensors on meta by tensors without numbers that say they are on the CPU, in the same memory layout."""
    # nn.Module.to_empty cannot exchange tensors of this kind.
    for each in module.modules():
        for name, weight in each.named_parameters(recurse=False):
            each._parameters[name] = nn.Parameter(without_numbers(weight), requires_grad=False)
        for name, buffer in each.named_buffers(recurse=False):
            each._buffers[name] = without_numbers(buffer)


def _accelerator() -> Any:
    """Return an accelerator on the CPU: the process that predicts sees no card. It scales nothing, which changes no size."""
    accelerator = fresh_accelerator("no")[0]
    # In one operation for all weights, as on a card; torch goes one by one where tensors are of this kind.
    accelerator.clip_grad_norm_ = partial(nn.utils.clip_grad_norm_, foreach=True)
    return accelerator


def _plan(request: MemoryRequest) -> Plan:
    """Return as much of a plan as a step looks at."""
    nothing: Any = dict.fromkeys((each.name for each in fields(Plan) if each.default is MISSING), 0)
    return Plan(
        **{**nothing, "epochs": 1, "total_steps": 10, "steps_per_epoch": 10, "family": request.family, "stops": {}}
    )


def fake_batches(session: TrainingSession, request: MemoryRequest) -> StepBatches:
    """Return a step's work of the largest batches: one, or two where gradients are accumulated."""
    (width, height, _), pictures = request.largest, request.batch
    shape = (pictures, *session.model.latent_shape(height, width))
    captions = tuple("word" for _ in range(pictures))
    masks = request.settings.masked_loss or request.settings.alpha_mask
    batch = Batch(
        latents=torch.empty(shape),
        target_noise=torch.empty(shape),
        input_noise=torch.empty(shape),
        timesteps=session.model.schedule.spread_times(pictures),
        input_ids=session.text_embeddings.tokenize(captions),
        weights=torch.ones(pictures),
        folder_of=torch.ones(1, pictures),
        time_ids=torch.zeros(pictures, 6, dtype=torch.int64),
        masks=torch.ones(pictures, 1, *shape[2:]) if masks else None,
        captions=captions,
    )
    batches = min(2, request.settings.gradient_accumulation_steps)
    return StepBatches(step=1, epoch=1, ends_epoch=False, batches=(batch,) * batches, pictures=())
