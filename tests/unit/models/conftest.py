import pytest
import torch

from trainer.models.identify import DEMO_BASE, identify_base
from trainer.models.sd1 import SD1, load_sd1

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def demo() -> SD1:
    return load_sd1(identify_base(DEMO_BASE), device="cpu", dtype=torch.float32)
