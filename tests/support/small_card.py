"""Run something on a card that seems smaller than it is.

    python small_card.py GIB ARGS…

runs lora-tui with ARGS; what torch asks the card for above GIB is refused as if the card were full.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

EIGHT_GIB_LESS_THE_DESKTOP = 7.4
"""GiB that a bake may have of a card of 8: the rest is the context's and the desktop's."""


def hold_card_to(gib: float) -> None:
    """Refuse this process more than so many GiB of its first card."""
    total = torch.cuda.get_device_properties(0).total_memory
    # Pages kept from before would count.
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(min(1.0, gib * 2**30 / total))


@contextmanager
def card_of(gib: float) -> Iterator[None]:
    """Hold the card to so many GiB while the block runs."""
    hold_card_to(gib)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()


if __name__ == "__main__":
    hold_card_to(float(sys.argv[1]))
    sys.argv = ["lora-tui", *sys.argv[2:]]
    from lora_tui.cli import main

    main()
