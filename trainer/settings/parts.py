"""The parts of a base that a LoRA can sit on, as the settings know them; asked of the families' records."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from trainer.families.record import Follows
from trainer.families.registry import FAMILIES, family_record, first_family, known_parts, part_record

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Record = TypeVar("_Record", bound="DataclassInstance")

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


def body_label(family: Family) -> str:
    """Return what people call the predicting part of a family, which a LoRA's first factor is of."""
    return family_record(family).parts[0].label


def encoder_label(family: Family) -> str:
    """Return what people call the text encoders of a family, which a LoRA's second factor is of; `text encoder` where it trains none."""
    encoders = family_record(family).encoders
    return encoders[0].label if encoders else "text encoder"


def in_words_of(family: Family | None, text: str) -> str:
    """Return a text in a family's words, so that one record serves all families.

    `{body}` becomes what the family calls the part that predicts, `{encoder}` its text encoder, each in capitals where its name is,
    and `{grain}` the pixels that sides of its pictures are multiples of.

    Args:
        family: whose words; those of the first family where none is known yet.
        text: any text.
    """
    if "{" not in text:
        return text
    family = family if family in FAMILIES else first_family().key
    grain = family_record(family).sampling.grain
    for name, word in {"body": body_label(family), "encoder": encoder_label(family), "grain": str(grain)}.items():
        text = text.replace(f"{{{name}}}", word).replace(f"{{{name.upper()}}}", word.upper())
    return text


def worded(record: _Record, family: Family | None, *names: str) -> _Record:
    """Return a record in whose texts, called `names`, a family's parts are named; see in_words_of."""
    texts = {name: (getattr(record, name), in_words_of(family, getattr(record, name))) for name in names}
    new: dict[str, Any] = {name: after for name, (before, after) in texts.items() if after != before}
    return replace(record, **new) if new else record


def family_with(parts: Collection[Part]) -> Family | None:
    """Return the first family that has all these parts; None without any, and where no family has."""
    return next((key for key in FAMILIES if parts and set(parts) <= set(parts_of(key))), None)


def label_of(part: Part) -> str:
    """Return a part's name for people."""
    return part_record(part).label


def is_encoder(part: Part) -> bool:
    """Return whether the part is a text encoder."""
    return part_record(part).is_encoder


def switch_of(part: Part) -> str:
    """Return the setting that must be on for the part to train, "" for none."""
    return part_record(part).switch


def metric_of(part: Part) -> str:
    """Return the metric that holds a part's rate."""
    return f"lr_{part}"


@dataclass(frozen=True)
class PartSettings:
    """Names of the settings of a part. Of each kind the part's own comes first, then the settings that hold where it is blank.

    Attributes:
        rate: peak learning rate.
        stop: when the part stops training.
        schedule: how the rate changes.
        warmup: how long the rate rises.
        loraplus_ratio: lora_up's rate as a multiple of the part's.
    """

    rate: tuple[str, ...]
    stop: tuple[str, ...]
    schedule: tuple[str, ...]
    warmup: tuple[str, ...]
    loraplus_ratio: tuple[str, ...]


_ENCODER_SCHEDULE = ("text_encoder_lr_scheduler", "lr_scheduler")
_ENCODER_WARMUP = ("text_encoder_lr_warmup_steps", "lr_warmup_steps")
_ENCODER_LORAPLUS = ("loraplus_text_encoder_lr_ratio", "loraplus_lr_ratio")

_SETTINGS: Mapping[Follows, PartSettings] = {
    "unet": PartSettings(
        rate=("unet_lr", "learning_rate"),
        stop=("unet_stop",),
        schedule=("lr_scheduler",),
        warmup=("lr_warmup_steps",),
        loraplus_ratio=("loraplus_unet_lr_ratio", "loraplus_lr_ratio"),
    ),
    "text_encoder": PartSettings(
        rate=("text_encoder_lr", "learning_rate"),
        stop=("text_encoder_stop",),
        schedule=_ENCODER_SCHEDULE,
        warmup=_ENCODER_WARMUP,
        loraplus_ratio=_ENCODER_LORAPLUS,
    ),
    "text_encoder_2": PartSettings(
        rate=("text_encoder_lr2", "text_encoder_lr", "learning_rate"),
        stop=("text_encoder_stop2", "text_encoder_stop"),
        schedule=_ENCODER_SCHEDULE,
        warmup=_ENCODER_WARMUP,
        loraplus_ratio=_ENCODER_LORAPLUS,
    ),
}


def settings_of_part(part: Part) -> PartSettings:
    """Return the names of a part's settings."""
    return _SETTINGS[part_record(part).follows]


def rate_setting(part: Part) -> str:
    """Return the setting with a part's own learning rate."""
    return settings_of_part(part).rate[0]


def stop_setting(part: Part) -> str:
    """Return the setting for when a part stops training."""
    return settings_of_part(part).stop[0]


RATE_SETTINGS = frozenset(name for names in _SETTINGS.values() for name in names.rate)
"""The settings that hold learning rates."""

STOP_SETTINGS = tuple(names.stop[0] for names in _SETTINGS.values())
"""The settings for when a part stops training."""
