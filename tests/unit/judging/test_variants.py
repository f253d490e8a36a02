"""Which bakes a direction proposes."""

import pytest

from trainer.errors import GridError
from trainer.judging.direction import Direction
from trainer.judging.variants import Judged, variants
from trainer.settings.model import Settings
from trainer.settings.parts import label_of

RIGHT = Direction("unet", "U-Net", "right", 1.0, 4, 0.5)
JUDGED = Judged(Settings(unet_lr=2e-4, text_encoder_lr=1e-4), epochs=8, kept=(2, 4, 6, 8), epoch=8)


def over(part: str, weight: float | None = 0.5) -> Direction:
    return Direction(part, label_of(part), "over", weight, 6, 0.01)  # type: ignore[arg-type]


def under(part: str, weight: float | None = 1.5) -> Direction:
    return Direction(part, label_of(part), "under", weight, 6, 0.01)  # type: ignore[arg-type]


def test_an_encoder_that_is_over_gets_a_lower_rate_an_earlier_stop_and_a_fork_without_it() -> None:
    rate, stop, fork = variants(JUDGED, (RIGHT, over("text_encoder")))
    assert rate.overrides == ("text_encoder_lr=5e-5",)
    assert stop.overrides == ("text_encoder_stop=4ep",)
    assert (fork.fork_epoch, fork.overrides) == (4, ("text_encoder_stop=4ep",))
    assert [each.kind for each in (rate, stop, fork)] == ["rate", "stop", "fork"]
    assert "text encoder over" in rate.why


def test_a_unet_that_is_under_gets_a_higher_rate_and_more_epochs_without_the_encoder() -> None:
    rate, stop, fork = variants(
        JUDGED, (under("unet"), Direction("text_encoder", "text encoder", "right", 1.0, 4, 0.5))
    )
    assert rate.overrides == ("unet_lr=3e-4",)
    assert stop.overrides == ("max_train_epochs=12", "text_encoder_stop=8ep")
    assert (fork.fork_epoch, fork.overrides) == (8, ("max_train_epochs=12",))


def test_words_alone_change_a_rate_by_half() -> None:
    rate, *_ = variants(JUDGED, (over("unet", None), under("text_encoder", None)))
    assert rate.overrides == ("unet_lr=1e-4", "text_encoder_lr=1.5e-4")


def test_a_fork_from_the_last_epoch_has_steps_left() -> None:
    judged = Judged(JUDGED.settings, epochs=8, kept=(8,), epoch=8)
    *_, fork = variants(judged, (over("text_encoder"),))
    assert fork.overrides == ("text_encoder_stop=8ep", "max_train_epochs=11")


def test_without_a_state_there_is_no_fork() -> None:
    judged = Judged(JUDGED.settings, epochs=8, kept=(), epoch=8)
    assert [each.kind for each in variants(judged, (over("unet"),))] == ["rate", "stop"]


def test_a_part_that_did_not_train_is_not_changed() -> None:
    judged = Judged(Settings(text_encoder_lr=0), epochs=8, kept=(), epoch=8)
    with pytest.raises(GridError, match="no part was rated under or over"):
        variants(judged, (RIGHT, over("text_encoder")))


def test_no_direction_is_refused_with_the_way_out() -> None:
    with pytest.raises(GridError, match="rate some pictures first, with U or T before 1, 2 or 3"):
        variants(JUDGED, (RIGHT, Direction("text_encoder", "text encoder", "unknown", None, 0, 1.0)))
