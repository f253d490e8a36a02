"""Whole bakes in the test's own thread: `run_bake` without an engine around it."""

import torch
from run_bakes import runner

__all__ = ["runner"]

torch.set_num_threads(1)
