"""The parts of a base that a LoRA can sit on, as the settings know them; asked of the families' records."""

from trainer.families.record import Follows
from trainer.families.registry import family_record, known_parts, part_record

Part = str
"""Key of a part: `unet`, `text_encoder`, `text_encoder_2`, or what another family's record calls its own."""

Family = str
"""Key of a family of bases; see families.registry."""


def all_parts() -> tuple[Part, ...]:
    """Return the parts of all families, the predicting ones of the first family first."""
    return known_parts()


def parts_of(family: Family) -> tuple[Part, ...]:
    """Return the parts of a family, the predicting one first."""
    return tuple(part.key for part in family_record(family).parts)


def body_of(family: Family) -> Part:
    """Return the part of a family that predicts."""
    return family_record(family).parts[0].key


def label_of(part: Part) -> str:
    """Return what a part is called where people read."""
    return part_record(part).label


def is_encoder(part: Part) -> bool:
    """Return whether the part is a text encoder."""
    return part_record(part).is_encoder


def metric_of(part: Part) -> str:
    """Return the metric that holds a part's rate."""
    return f"lr_{part}"


def stop_setting(part: Part) -> str:
    """Return the setting that says when a part stops training."""
    return _STOPS[part_record(part).follows]


_STOPS: dict[Follows, str] = {
    "unet": "unet_stop",
    "text_encoder": "text_encoder_stop",
    "text_encoder_2": "text_encoder_stop2",
}

STOP_SETTINGS = tuple(_STOPS.values())
"""The settings that say when a part stops training."""
