"""What do the lean layers save? Predicted peaks of a card beside those of a step written as it is usually written.

The naive step: LoRA layers as two products behind the frozen layer's, diffusers' own blocks, the frozen layers as torch keeps
them, all under CUDA's autocast: products and convolutions in bf16, norms and softmax in fp32. Nothing is computed; needs no card,
and of the disk only holes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from real_shapes import write_hollow
from table import Budget, Cell, Table, say
from torch import Tensor
from torch.nn import functional
from torch.utils._pytree import tree_map_only

from trainer.memory import simulate
from trainer.memory.request import BucketUse, MemoryRequest
from trainer.memory.simulate import predict
from trainer.models.stable_diffusion import model
from trainer.network.lora import LoraLayer
from trainer.settings.model import Settings
from trainer.settings.parts import Family

GIB = 2**30
# What CUDA's autocast computes in half precision and in fp32, of all that a step calls (torch: Autocast Op Reference).
_HALF = ("linear", "conv2d", "scaled_dot_product_attention")
_FULL = ("group_norm", "layer_norm", "softmax")

CASES: dict[str, tuple[Family, tuple[int, int], bool, dict[str, Any]]] = {
    "SD1.5 512², batch 3, dim 128, with encoder": ("sd1", (512, 3), True, {"network_dim": 128}),
    "  the same, checkpointed": ("sd1", (512, 3), True, {"network_dim": 128, "gradient_checkpointing": True}),
    "SDXL 1024², batch 1, dim 32, U-Net only, checkpointed": (
        "sdxl",
        (1024, 1),
        False,
        {"network_dim": 32, "network_train_unet_only": True, "gradient_checkpointing": True},
    ),
    "  the same, int8 base": (
        "sdxl",
        (1024, 1),
        False,
        {"network_dim": 32, "network_train_unet_only": True, "gradient_checkpointing": True, "int8_base": True},
    ),
    "SDXL 1024², batch 1, dim 32, both encoders to a stop, checkpointed, int8 base": (
        "sdxl",
        (1024, 1),
        True,
        {"network_dim": 32, "gradient_checkpointing": True, "int8_base": True, "text_encoder_stop": "50%"},
    ),
}


@contextmanager
def cuda_autocast() -> Iterator[None]:
    """Let torch's functions cast as autocast would on a card while the block lasts, in checkpointed blocks' second runs too."""
    with ExitStack() as closing:
        for names, dtype in ((_HALF, torch.bfloat16), (_FULL, torch.float32)):
            for name in names:
                casting = _casting(getattr(functional, name), dtype)
                closing.enter_context(mock.patch.object(functional, name, casting))
        yield


def _casting(function: Callable[..., Any], dtype: torch.dtype) -> Callable[..., Any]:
    def cast(tensor: Tensor) -> Tensor:
        return tensor.to(dtype) if tensor.is_floating_point() else tensor

    def call(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = tree_map_only(Tensor, cast, (args, kwargs))
        return function(*args, **kwargs)

    return call


def _naive_forward(layer: LoraLayer, x: Tensor) -> Tensor:
    out = layer._base_forward(x)
    target: Any = layer._target[0]
    if layer.is_conv:
        inner = functional.conv2d(x, layer.down, None, target.stride, target.padding, target.dilation)
        change = functional.conv2d(inner, layer.up)
    else:
        change = functional.linear(functional.linear(x, layer.down), layer.up)
    return out + change * (layer.alpha / layer.rank)


@contextmanager
def naive() -> Iterator[None]:
    """Let every prediction be of the naive step while the block lasts."""
    real_step = simulate.train_step

    def step(*args: Any) -> Any:
        with cuda_autocast():
            return real_step(*args)

    with (
        mock.patch.object(model, "make_lean", lambda *modules: None),
        mock.patch.object(LoraLayer, "forward", _naive_forward),
        mock.patch.object(simulate, "train_step", step),
    ):
        yield


def request(
    base: Path, family: Family, picture: tuple[int, int], varies: bool, values: dict[str, Any]
) -> MemoryRequest:
    side, batch = picture
    settings = Settings(resolution=str(side), train_batch_size=batch, max_bucket_reso=2048, **values)
    return MemoryRequest(settings, family, str(base), "", (BucketUse(side, side, 100),), varies, None, "card")


def measure(root: Path, budget: Budget) -> Sequence[Table]:
    """Return GiB of a step's predicted peak on a card, ours and naive."""
    rows: list[list[Cell]] = []
    for title, (family, picture, varies, values) in CASES.items():
        base = root.parent / f"{family}.safetensors"
        if not base.exists():
            write_hollow(base, family)
        question = request(base, family, picture, varies, values)
        ours, usual = _step_gib(question), None
        if not values.get("int8_base"):
            with naive():
                usual = _step_gib(question)
        rows.append([title, ours, usual])
        say(f"  {title}: {ours:.2f} GiB")
    columns = ("on a card, bf16", "our step, GiB", "as it is usually written, GiB")
    return [Table("predicted peaks of a step", columns, rows, "The usual way has no base in 8 bits to compare with.")]


def _step_gib(question: MemoryRequest) -> float:
    peak = predict(question).of("step")
    assert peak is not None
    return peak.bytes / GIB
