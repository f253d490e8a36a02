"""What was shown by an epoch, in words."""

from lora_tui.wording.exposures import exposed_line, exposed_lines
from trainer.dataset.exposures import EpochExposure

_SHOWN = (
    EpochExposure("folder", "3_school", 120, 360),
    EpochExposure("outfit", "frills", 80, 240),
    EpochExposure("outfit", "", 1, 3),
    EpochExposure("tag", "red\x1b[2J dress", 7, 21),
)


def test_outfits_stand_first_and_tags_last() -> None:
    assert exposed_lines(_SHOWN, 3) == [
        "shown by the end of epoch 3:",
        "outfit frills 720 · no outfit 9",
        "folder 3_school 1,080",
        "red\\x1b[2J dress 63",
    ]
    line = "shown by the end of epoch 1: outfit frills 240 · no outfit 3 · folder 3_school 360 · red\\x1b[2J dress 21"
    assert exposed_line(_SHOWN, 1) == line


def test_nothing_is_said_of_what_is_not_known_or_has_not_begun() -> None:
    assert exposed_line((), 3) == "" and exposed_lines((), 3) == []
    assert exposed_line(_SHOWN, 0) == ""
