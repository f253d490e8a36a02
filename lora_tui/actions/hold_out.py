"""What may be held out of the pictures of a planned bake, worked out in a worker thread."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from trainer.jobs.preflight import PlannedBake
    from trainer.plan.hold_out_offers import HoldOutOffer


@dataclass
class HoldOutKnown(Message):
    """What may be held out is worked out."""


class FoundOffers:
    """What may be held out of a planned bake's pictures.

    Args:
        planned: the bake.
    """

    def __init__(self, planned: "PlannedBake") -> None:
        self._planned = planned
        self.offers: tuple[HoldOutOffer, ...] = ()

    def find(self) -> Message:
        """Find the offers; takes about the time of a plan for each."""
        from trainer.plan.hold_out_offers import hold_out_offers

        planned = self._planned
        self.offers = hold_out_offers(planned.settings, planned.data, planned.plan)
        return HoldOutKnown()
