"""What pictures say of bakes of the demo whose rates were set to overdo it and to fall short."""

import pytest

from trainer.journal.journal import Journal
from trainer.journal.measure_records import MeasuredValue

FEW = ("max_train_epochs=2", "measure_pictures=yes", "measure_pictures_most=10")
"""80 steps, a LoRA after each 40; ten pictures of each."""


def values(learned, *overrides: str) -> dict[tuple[str, int], MeasuredValue]:
    """Bake the demo with overrides; return (measure, step) -> value over all pictures."""
    bake = learned(*FEW, *overrides)
    with Journal(bake.folder.parents[1] / "journal.sqlite") as journal:
        measured = journal.measures.of_bake(int(bake.folder.name[:4]))
    return {(value.name, value.step): value for value in measured if not value.scope}


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_drift_rises_with_the_rate_and_static_shows_at_ten_times_the_demos_alone(learned) -> None:
    slow, usual, fast = values(learned, "unet_lr=2e-4"), values(learned), values(learned, "unet_lr=2e-2")
    for drift in ("drift", "drift_pixels"):
        # Later the text encoder moves the slow one's pictures as far as the U-Net moves the others'.
        assert slow[drift, 40].value < usual[drift, 40].value < fast[drift, 40].value
        assert 0 == usual[drift, 0].value < usual[drift, 40].value
        assert fast[drift, 80].low > usual[drift, 80].high
    assert (slow["static", 80].value, usual["static", 80].value) == (0, 0)
    assert fast["static", 80].value > 0.5
    assert fast["high_frequency", 80].low > 1.5 > usual["high_frequency", 80].high
