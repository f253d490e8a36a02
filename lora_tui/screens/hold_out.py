"""The choice of pictures to hold out."""

from lora_tui.screens.pick import PickDialog


class HoldOutDialog(PickDialog):
    """What may be held out; dismissed with the value of the choice, which changes a setting or accepts a finding, or None."""

    ENTER_ACTS = True
