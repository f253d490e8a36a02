"""Compiled blocks: those that repeat (of a U-Net the layers of its attentions), each kind once for all of one width.

A kind's kernels take the weights as arguments and the picture's size as numbers, so that one compilation serves every layer of the
kind, every bucket and every bake on the base; only what a LoRA changes of the arithmetic (its rank, which layers train) is compiled
again. Passes without gradients, such as samples, compute as without it: theirs would be further sizes and modes.

Not compiled are a U-Net's resnets, whose convolutions torch compiles again for every size of picture on a CPU and no faster (demo base in
fp32, a step in multiples of the plain one: attentions compiled 0.95, resnets too 1.01), and encoders' layers, which fall into many
small graphs.
"""

import re
import shutil
from collections.abc import Callable, Hashable, Iterable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn

from trainer.errors import SettingsError
from trainer.lean.forward_wrapper import ForwardWrapper
from trainer.text import printable

_WAY_OUT = "set torch_compile = false"
# Their kernels are kept for the next bake in this process.
_compiled_by_kind: dict[Hashable, Callable[..., Any]] = {}


def check_compiler(device: torch.device) -> None:
    """Check that torch can compile for `device`: a C++ compiler is installed, and Triton for a card.

    Raises:
        SettingsError: something is missing.
    """
    from torch._inductor import config  # noqa: PLC0415  # takes a second, for those alone who compile
    from torch.utils._triton import has_triton  # noqa: PLC0415

    # What torch looks for: CXX, or g++; None in its list stands for one of its own.
    asked = config.cpp.cxx if isinstance(config.cpp.cxx, list | tuple) else (config.cpp.cxx,)
    compilers = [name for name in asked if name]
    if not any(shutil.which(name) for name in compilers):
        raise SettingsError(
            "torch_compile",
            found=f"on, but there is no C++ compiler ({printable(', '.join(compilers))})",
            expected="g++, or what the variable CXX names",
            way_out=f"install g++, or {_WAY_OUT}",
        )
    if device.type == "cuda" and not has_triton():
        raise SettingsError(
            "torch_compile",
            found="on, but Triton, which compiles for the GPU, is missing or does not support it",
            way_out=_WAY_OUT,
        )


def compile_blocks(blocks: Iterable[nn.Module]) -> None:
    """Let blocks run compiled where there are gradients; `forward_wrapper.unwrap` undoes it.

    They are compiled in the first step that meets them. Call check_compiler before.

    Args:
        blocks: whose inputs are [batch, …, channels], or tuples of [tokens, …].
    """
    from torch.fx.experimental import _config as shapes  # noqa: PLC0415

    # Two sizes that are equal in the first step, as tokens of a picture and of a text, need not be in the next.
    shapes.use_duck_shape = False
    for block in blocks:
        CompiledBlock(block).attach()


class CompiledBlock(ForwardWrapper):
    """A block that runs compiled where there are gradients."""

    def __init__(self, block: nn.Module) -> None:
        """Find the block's kind."""
        super().__init__(block)
        self._compiled = _compiled_forward(block)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the block.

        Raises:
            SettingsError: it cannot be compiled.
        """
        if not torch.is_grad_enabled():
            return self.inner(*args, **kwargs)
        for value in (*args, *kwargs.values()):
            # Of a tuple, such as the turns of places, all share the tokens.
            for tensor in value if isinstance(value, tuple) else (value,):
                if isinstance(tensor, Tensor):
                    _mark_dynamic_sizes(tensor)
        return _without_broken_library(lambda: self._compiled(self.block, *args, **kwargs))


def _mark_dynamic_sizes(tensor: Tensor) -> None:
    """Mark the sizes of an input, [batch, tokens, channels], that change from call to call: all but the channels."""
    for dimension in range(tensor.dim() - 1):
        # A size of 1 has kernels of its own nevertheless.
        torch._dynamo.maybe_mark_dynamic(tensor, dimension)


def _compiled_forward(block: nn.Module) -> Callable[..., Any]:
    """Return the compiled forward that a block shares with all of its class and shapes."""
    forward: Any = type(block).forward
    kind = (forward, tuple((name, tensor.shape) for name, tensor in _tensors(block)))
    if kind not in _compiled_by_kind:
        # A function of its own for each kind: torch remembers sizes and counts compilations by a function's code and name.
        code = forward.__code__.replace(co_name=f"{type(block).__name__}_{len(_compiled_by_kind)}")
        own = FunctionType(code, forward.__globals__, code.co_name, forward.__defaults__, forward.__closure__)
        own.__kwdefaults__ = forward.__kwdefaults__
        _compiled_by_kind[kind] = torch.compile(own)
    return _compiled_by_kind[kind]


def _tensors(block: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from block.named_parameters()
    yield from block.named_buffers()


def _without_broken_library(compute: Callable[[], Any]) -> Any:
    """Return the result of `compute`. If a half-written library of an earlier process breaks it, delete that and try once more."""
    from torch._dynamo.exc import TorchDynamoException  # noqa: PLC0415

    try:
        return compute()
    except TorchDynamoException as error:
        broken = _broken_library(error)
        if broken is None:
            raise _cannot_compile(error) from error
        broken.unlink(missing_ok=True)
    try:
        return compute()
    except TorchDynamoException as error:
        raise _cannot_compile(error) from error


def _broken_library(error: BaseException | None) -> Path | None:
    """Return the library among torch's kept kernels that cannot be loaded, if that is what an error came of.

    torch lets the compiler write them straight into their place, so that a killed process leaves part of one.
    """
    while error is not None:
        found = re.match(r"(/.*\.so): ", str(error)) if isinstance(error, ImportError | OSError) else None
        if found is not None:
            return Path(found[1])
        error = getattr(error, "inner_exception", None) or error.__cause__ or error.__context__
    return None


def _cannot_compile(error: BaseException) -> SettingsError:
    reason = " ".join(str(error).split())
    return SettingsError(
        "torch_compile", found=f"the blocks cannot be compiled: {printable(reason, 300)}", way_out=_WAY_OUT
    )
