"""Live settings of a running bake: those in force, the parts that still train, and the changes that stop one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trainer.errors import SettingsError
from trainer.journal.records import Bake, Mark, MarkKind
from trainer.settings.model import Settings
from trainer.settings.parts import STOP_SETTINGS, Part, all_parts, is_encoder, metric_of, stop_setting
from trainer.settings.toml_file import with_value

NOW = "now"
"""What a stop is set to so that the part stops after the current step."""

# A stop at the very end; blank would follow the first encoder's.
_NEVER = "100%"


@dataclass(frozen=True)
class PossibleStop:
    """One thing that may be stopped by the user.

    Attributes:
        parts: what stops.
        changes: the orders `name=value` that stop it, to be given in this order.
    """

    parts: tuple[Part, ...]
    changes: tuple[str, ...]


def change_setting(settings: Settings, name: str, text: str) -> Settings:
    """Return `settings` with `text` in place of `name`, as a running bake may be ordered; `now` leaves a stop as it is.

    Raises:
        SettingsError: the value is wrong; its `where` is `name`.
    """
    if name in STOP_SETTINGS and text.strip().casefold() == NOW:
        return settings
    return with_value(settings, name, text)


def in_force(settings: Settings, marks: Sequence[Mark]) -> Settings:
    """Return `settings` with what was changed while baking; a change this version cannot read is left out."""
    for mark in marks:
        name, equals, text = mark.text.partition("=")
        if mark.kind is not MarkKind.SET or not equals:
            continue
        if text.strip().casefold() == NOW:
            text = str(max(1, mark.step))
        try:
            settings = change_setting(settings, name.strip(), text)
        except SettingsError:
            continue
    return settings


def training_parts(settings: Settings, bake: Bake, last: Mapping[str, tuple[int, float]]) -> tuple[Part, ...]:
    """Return the parts that train at the step the bake is at.

    Args:
        settings: in force now.
        bake: the running bake.
        last: metric -> (step, value); a part that the bake has no layers on has no rate there.
    """

    def stopped(part: Part) -> bool:
        stop = _stop_step(settings, bake, part)
        return stop is not None and bake.stage_done >= stop

    return tuple(part for part in all_parts() if metric_of(part) in last and settings.rate(part) and not stopped(part))


def possible_stops(settings: Settings, bake: Bake, still: Sequence[Part]) -> Iterator[PossibleStop]:
    """Yield what may be stopped of the parts that still train, such that one of them trains to the end.

    Args:
        settings: in force now.
        bake: the running bake.
        still: the parts that train.
    """
    encoders = tuple(part for part in still if is_encoder(part))
    wanted = [encoders] if len(encoders) > 1 else []
    wanted += [(part,) for part in (*encoders, *(part for part in still if not is_encoder(part)))]
    for parts in wanted:
        if any(_stop_step(settings, bake, part) is None for part in still if part not in parts):
            yield PossibleStop(parts, tuple(_changes(settings, parts, encoders)))


def _stop_step(settings: Settings, bake: Bake, part: Part) -> int | None:
    return settings.stop_step(part, total=bake.total_steps, steps_per_epoch=max(1, bake.steps_per_epoch))


def _changes(settings: Settings, parts: tuple[Part, ...], encoders: tuple[Part, ...]) -> Iterator[str]:
    if parts == ("text_encoder",) and len(encoders) > 1 and not settings.text_encoder_stop2:
        # The second one follows the first; on its own it stops when it would have stopped.
        yield f"{stop_setting('text_encoder_2')}={settings.text_encoder_stop or _NEVER}"
    for part in parts:
        follows = part == "text_encoder_2" and "text_encoder" in parts and not settings.text_encoder_stop2
        if not follows:
            yield f"{stop_setting(part)}={NOW}"
