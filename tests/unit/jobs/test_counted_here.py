"""Lengths that the program proposes for a bake that behaves like another trainer."""

from bake_rows import bake_row

from trainer.jobs.fork import counted_here
from trainer.settings.model import Settings


def test_epochs_of_our_own_screens_are_steps_where_the_trainer_would_count_others() -> None:
    bake = bake_row(steps_per_epoch=31)
    like = Settings(behave_like="legacy ps script 2023-02", max_train_epochs=None, max_train_steps=200)
    asked = ("max_train_epochs=8", "unet_stop=3ep")
    assert counted_here(like, bake, asked) == ("max_train_steps=248", "unet_stop=3ep")
    assert counted_here(Settings(max_train_epochs=None), bake, asked) == asked
    # A trainer whose epochs are ours keeps them, and so does its bake.
    assert counted_here(Settings(behave_like="anon-1337 2023-02", max_train_epochs=5), bake, asked) == asked
