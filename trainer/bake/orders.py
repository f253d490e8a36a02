"""What was the bake told? Orders are looked for between steps and obeyed there."""

import time
from collections.abc import Callable

from trainer.bake.report import Report
from trainer.journal.records import BakeState, Order

# While paused; a person who presses a key should not have to wait.
_LOOK_EVERY = 0.1


class Orders:
    """The open orders to one bake.

    Args:
        report: knows the journal and the bake.
    """

    def __init__(self, report: Report) -> None:
        """Look at the journal at the first call, for orders may be older than the bake's start."""
        self._report = report
        self._journal = report.journal
        self._seen: int | None = None

    def obey(self, state: BakeState, *, save: Callable[[], None], settle: Callable[[], None]) -> bool:
        """Obey what was ordered since the last call and return whether the bake shall stop. A pause is waited out in here.

        Args:
            state: what the bake is in while not paused.
            save: writes a LoRA now.
            settle: hands over every reading, before a pause.
        """
        paused = False
        while True:
            for order in self._take():
                match order:
                    case Order.STOP:
                        return True
                    case Order.SAVE:
                        save()
                    case Order.PAUSE if not paused:
                        paused = True
                        settle()
                        self._journal.set_state(self._report.number, BakeState.PAUSED)
                        self._report.say("paused; the model stays loaded")
                    case Order.GO_ON if paused:
                        paused = False
                        self._journal.set_state(self._report.number, state)
                        self._report.say("going on")
            if not paused:
                return False
            time.sleep(_LOOK_EVERY)

    def _take(self) -> list[Order]:
        # Cheap enough for every step: the number changes when another connection has written.
        version = self._journal.data_version()
        if version == self._seen:
            return []
        self._seen = version
        given = self._journal.open_orders(self._report.number)
        for order in given:
            self._journal.obeyed(order.id)
            self._report.say(f"order: {order.order}")
        return [order.order for order in given]
