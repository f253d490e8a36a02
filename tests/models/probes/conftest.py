import torch
from run_bakes import runner

__all__ = ["runner"]

torch.set_num_threads(1)
