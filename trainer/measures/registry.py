"""Every measure, by its key."""

from collections.abc import Mapping

from trainer.measures.of_curves import OF_CURVES
from trainer.measures.of_parts import OF_PARTS
from trainer.measures.of_pictures import OF_PICTURES
from trainer.measures.of_validation import OF_VALIDATION
from trainer.measures.of_weights import OF_WEIGHTS
from trainer.measures.record import MeasureRecord

_ALL: tuple[MeasureRecord, ...] = (*OF_CURVES, *OF_WEIGHTS, *OF_PARTS, *OF_VALIDATION, *OF_PICTURES)

MEASURES: Mapping[str, MeasureRecord] = {record.key: record for record in _ALL}
"""Key -> record, in the order in which they are shown."""

BASES = frozenset(record.basis for record in MEASURES.values() if record.basis)
"""Names of the values that only say what others were measured on; nobody shows them."""
