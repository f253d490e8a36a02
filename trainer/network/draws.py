"""Random number generators, one for each purpose, so that no draw depends on the draws before it."""

import hashlib

import torch


def seed_for(seed: int, *what: int | str) -> int:
    """Return a number of 63 bits that depends on `seed` and `what` alone, to seed a generator with.

    Args:
        seed: the bake's, for what is drawn.
        what: identifies the draw, for example ("noise", step, micro-batch); other names give unrelated numbers.
    """
    text = repr((seed, *what)).encode()
    # 63 bits: manual_seed takes no more without wrapping around.
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") >> 1


def generator_for(seed: int, *what: int | str) -> torch.Generator:
    """Return a CPU generator that depends on `seed` and `what` alone; see number_for."""
    return torch.Generator().manual_seed(seed_for(seed, *what))
