"""A LoRA cut to the leading singular directions of each module."""

import torch
from torch import Tensor

from trainer.models.lora_header import ALPHA, DOWN, UP
from trainer.network.lora_content import LoraFile


def by_weight(file: LoraFile) -> LoraFile:
    """Return the same change with each module's rank put in order, the direction that changes most first.

    With up = Q_u R_u, downᵀ = Q_d R_d and R_u R_dᵀ = U Σ Vᵀ the product is (Q_u U) Σ (Q_d V)ᵀ, which is its singular value
    decomposition at the cost of the rank instead of the layer's size; the root of Σ goes into either side. Alpha over rank
    stays, whatever the file's alpha is.

    Args:
        file: of any ranks; 3x3 convolutions count as matrices [outputs, inputs · 9].
    """
    tensors: dict[str, Tensor] = {}
    for module in file.modules:
        down, up = file.tensors[module + DOWN], file.tensors[module + UP]
        left, upper = torch.linalg.qr(up.flatten(1).float())
        right, lower = torch.linalg.qr(down.flatten(1).float().mT)
        turned, sizes, back = torch.linalg.svd(upper @ lower.mT, full_matrices=False)
        roots = sizes.sqrt()
        rank = len(sizes)
        tensors[module + UP] = (left @ turned * roots).reshape(up.shape[0], rank, *up.shape[2:])
        tensors[module + DOWN] = (roots[:, None] * (back @ right.mT)).reshape(rank, *down.shape[1:])
        tensors[module + ALPHA] = torch.tensor(file.alpha(module) / file.rank(module) * rank)
    return LoraFile(file.path, tensors, file.metadata)


def kept(file: LoraFile, ordered: LoraFile, rank: int) -> LoraFile:
    """Return `file` with at most `rank` directions of each module; a module that has no more stays as it is.

    Args:
        file: as read.
        ordered: by_weight of it.
        rank: 1 or more.
    """
    tensors: dict[str, Tensor] = {}
    for module in file.modules:
        if rank >= file.rank(module):
            tensors |= {key: file.tensors[key] for key in (module + DOWN, module + UP)}
            tensors[module + ALPHA] = torch.tensor(file.alpha(module))
            continue
        # Less than `rank` where the layer itself is narrower.
        left = min(rank, ordered.rank(module))
        tensors[module + DOWN] = ordered.tensors[module + DOWN][:left]
        tensors[module + UP] = ordered.tensors[module + UP][:, :left]
        tensors[module + ALPHA] = torch.tensor(ordered.alpha(module) / ordered.rank(module) * left)
    return LoraFile(file.path, tensors, file.metadata)
