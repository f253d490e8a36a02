"""Measures that a bake's own losses give at each saved LoRA."""

from trainer.measures.record import MeasureRecord, MeasureSource

TRAINING_LOSS = "training_loss"
VALIDATION_LOSS = "validation_loss"
VALIDATION_CHANGE = "validation_loss_change"

OF_CURVES: tuple[MeasureRecord, ...] = (
    MeasureRecord(
        key=TRAINING_LOSS,
        title="loss",
        help="Mean training loss since the LoRA saved before. From bake to bake it mostly shows which times and noise were drawn.",
        source=MeasureSource.OUTPUT,
        by_part=False,
    ),
    MeasureRecord(
        key=VALIDATION_LOSS,
        title="validation loss",
        help="Loss of the validation pictures at fixed noise and times. It says little of how far a LoRA is: its lowest point comes late.",
        source=MeasureSource.OUTPUT,
        by_part=False,
        of_held_out=True,
    ),
    MeasureRecord(
        key=VALIDATION_CHANGE,
        title="validation loss change",
        help="Change of the validation loss against the untrained base, picture by picture.",
        source=MeasureSource.OUTPUT,
        by_part=False,
        of_held_out=True,
    ),
)
"""What the journal keeps of a bake's losses (tables checkpoint and validation); they are no rows of the table measure."""
