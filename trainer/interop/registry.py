"""Every format of other trainers that is read or written."""

from trainer.interop.record import TrainerFormat

FORMATS: tuple[TrainerFormat, ...] = ()
"""The formats, the more particular ones first: the first that recognises a document reads it."""
