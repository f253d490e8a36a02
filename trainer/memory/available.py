"""Memory that a bake could have now: of the card, less what others hold there; without a card, of the computer."""

from dataclasses import dataclass

from trainer.machine.readings import CardReading, HostReading, MachineReading
from trainer.memory.peak import MemoryPrediction, Policy

CONTEXT_BYTES = 450 << 20
"""What CUDA's context and its libraries' code take of a card outside torch's count; 300 to 600 MiB by card and driver."""

DEFAULT_LIMIT = int(7.4 * 1024**3)
"""Bytes for a bake on the card that most have: 8 GiB less context and desktop."""


@dataclass(frozen=True)
class AvailableMemory:
    """The memory there is for a bake, in bytes.

    Attributes:
        policy: of a card, or of the computer.
        total: of the card or the computer.
        others: held by other programs; on a computer by all.
        context: kept back for CUDA's context.
    """

    policy: Policy
    total: int
    others: int
    context: int = 0

    @property
    def free(self) -> int:
        """What is left for a bake. What this process holds on the card counts as free: its context is reserved anyway, and the base it keeps is the bake's."""
        return max(0, self.total - self.others - self.context)


def available_memory(reading: MachineReading | None) -> AvailableMemory | None:
    """Return the memory free on the first card, or in the computer where there is no card; None where it is unknown."""
    if reading is None:
        return None
    return _on_card(reading.cards[0]) if reading.cards else _in_computer(reading.host)


def fits(prediction: MemoryPrediction, room: AvailableMemory) -> bool:
    """Return whether what the allocator takes fits into the room."""
    return prediction.reserved <= room.free


def _on_card(card: CardReading) -> AvailableMemory | None:
    if card.memory_total is None or card.memory_used is None:
        return None
    # Where the driver does not say what is ours, all that is used counts as others'.
    others = max(0, card.memory_used - (card.memory_ours or 0))
    return AvailableMemory("card", card.memory_total, others, CONTEXT_BYTES)


def _in_computer(host: HostReading) -> AvailableMemory | None:
    if host.memory_total is None or host.memory_used is None:
        return None
    return AvailableMemory("cpu", host.memory_total, host.memory_used)
