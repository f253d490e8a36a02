"""Doneness as lines of text: counts in the singular, and what a single epoch says."""

from dataclasses import replace

from made_bakes import floors, measured, saved_epochs

from trainer.doneness.place import place
from trainer.doneness.record import SavedEpoch
from trainer.doneness.words import lines, shown_text, shown_words
from trainer.measures.of_validation import HELD_OUT_CHANGE
from trainer.measures.of_weights import DELTA_SHARE


def test_a_picture_shown_once_is_shown_once() -> None:
    epoch = SavedEpoch(10, 1)
    assert shown_words(epoch) == ""
    assert shown_words(replace(epoch, exposures=(1, 1))) == "each picture shown once"
    assert shown_words(replace(epoch, exposures=(1, 3))) == "each picture shown 1–3 times"
    assert shown_text(replace(epoch, exposures=(1200, 1200))) == "1,200"


def test_a_bake_of_one_epoch_is_a_table_of_one_column() -> None:
    values = [*measured(HELD_OUT_CHANGE, (-0.1,)), *measured(DELTA_SHARE.key, (0.01,), part="unet")]
    noise = floors({HELD_OUT_CHANGE: 0.01, DELTA_SHARE.key: 0.01})
    found = lines(place(1, saved_epochs(1), values, ("unet",), noise))
    assert found[0].split() == ["epoch", "1"]
    # It fell to the end, so that nobody knows how far it would fall.
    assert found[2].split() == ["U-Net", "f"]


def test_an_epoch_between_two_is_named_by_its_step() -> None:
    epochs = [SavedEpoch(100, 1), SavedEpoch(150, 1, ends_epoch=False), SavedEpoch(200, 2)]
    values = measured(HELD_OUT_CHANGE, (-0.1, -0.1, -0.1), steps=50)
    found = lines(place(1, epochs, values, ("unet",), floors({HELD_OUT_CHANGE: 0.01})))
    assert found[0].split() == ["epoch", "1", "s150", "2"]
