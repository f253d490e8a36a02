"""Prompts in pieces of one weight, as ComfyUI and the webui's forks read them for Anima."""

from collections.abc import Sequence
from itertools import groupby

import torch
from torch import Tensor

from trainer.prompts.attention import Break, PromptPiece, parse


def pieces(prompt: str) -> list[PromptPiece]:
    """Return a prompt's text in pieces, neighbours of different weights; a BREAK is a space, for nothing comes in chunks."""
    found: list[PromptPiece] = []
    for each in parse(prompt):
        weight = found[-1].weight if found else 1.0
        found.append(PromptPiece(" ", weight) if isinstance(each, Break) else each)
    runs = groupby(found, key=lambda piece: piece.weight)
    return [PromptPiece("".join(piece.text for piece in run), weight) for weight, run in runs]


def weighted(rows: Tensor, of_piece: Sequence[int], weights: Sequence[float]) -> Tensor:
    """Return the conditioner's rows, each multiplied by the weight of the piece that its token is from.

    There is no return to the mean that the rows had, as with CLIP, and what ends the text keeps its weight of 1.

    Args:
        rows: [tokens, width].
        of_piece: the number of each token's piece, -1 for none.
        weights: of the pieces.
    """
    if all(weight == 1 for weight in weights):
        return rows
    factors = torch.tensor([*weights, 1.0])[torch.tensor(of_piece)]
    return (rows.float() * factors.to(rows.device)[:, None]).to(rows.dtype)
