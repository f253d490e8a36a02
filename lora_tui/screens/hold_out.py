"""The choice of pictures to hold out."""

from lora_tui.screens.pick import PickDialog


class HoldOutDialog(PickDialog):
    """What may be held out; dismissed with the value of the choice, which changes a setting or accepts a finding, or None."""

    ENTER_ACTS = True

    def acts_on(self, key: str) -> bool:
        """Return whether `key` takes a choice: enter, or its digit."""
        return super().acts_on(key) or key.isdecimal()
