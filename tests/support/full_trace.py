"""The prediction with every operation given to torch's FakeTensorMode, as the measure of the prediction that answers most of them itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from trainer.memory import fake_session
from trainer.memory.fake_tensors import Watcher
from trainer.memory.peak import MemoryPrediction
from trainer.memory.request import MemoryRequest
from trainer.memory.simulate import predict


class FullTrace(FakeTensorMode):  # type: ignore[no-untyped-call]
    """In place of LightFakeMode: nothing is kept from one operation to the next."""

    def __init__(self) -> None:
        super().__init__(allow_non_fake_inputs=True)

    @contextmanager
    def watched(self, watcher: Watcher) -> Iterator[None]:
        """Tell `watcher` of every operation while the block runs."""
        with _Watching(watcher):
            yield


class _Watching(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self, watcher: Watcher) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._watcher = watcher

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.prim.device.default and isinstance(args[0], FakeTensor):
            # torch's tensors are asked where they are by an operation; to ask the mode takes as long as any other.
            return args[0].fake_device
        out = func(*args, **(kwargs or {}))
        self._watcher(func, args, kwargs or {}, out, None)
        return out


def _on_the_cpu(like: Tensor) -> Tensor:
    return torch.empty_like(like, device="cpu")


def predict_by_full_trace(request: MemoryRequest) -> MemoryPrediction:
    """Return the prediction, slowly."""
    with (
        mock.patch.object(fake_session, "LightFakeMode", FullTrace),
        mock.patch.object(fake_session, "without_numbers", _on_the_cpu),
    ):
        return predict(request)
