"""Every format of other trainers that is read or written."""

from trainer.interop.record import TrainerFormat
from trainer.interop.trainers import sd_scripts

FORMATS: tuple[TrainerFormat, ...] = (
    sd_scripts.COMMAND,
    sd_scripts.CONFIG,
)
"""The formats, the more particular ones first: the first that recognises a document reads it."""
