from collections.abc import Iterator

import pytest
import torch

from trainer.models.identify import DEMO_BASE, identify_base
from trainer.models.sd1 import SD1, load_sd1
from trainer.network.draws import generator_for
from trainer.network.injection import LoraNetwork, inject

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def demo() -> SD1:
    return load_sd1(identify_base(DEMO_BASE), device="cpu", dtype=torch.float32)


@pytest.fixture
def network(demo: SD1) -> Iterator[LoraNetwork]:
    """A network of rank 4 and alpha 2 on the demo base whose change is plainly visible."""
    network = inject(demo, 4, 2, seed=1)
    for layer in network:
        up = torch.randn(layer.up.shape, generator=generator_for(2, layer.name))
        layer.up.data.copy_(up * 0.1)
    yield network
    network.remove()
