"""Which settings are in force now? Those the bake began with, what was changed while it ran, and what roll backs did to the rates."""

from collections.abc import Sequence
from typing import Any

from trainer.errors import SettingsError
from trainer.models.kohya_names import Part
from trainer.settings.describe import field
from trainer.settings.model import Settings
from trainer.settings.toml_file import parse_settings, settings_toml, with_value

_RATES = {"learning_rate", "unet_lr", "text_encoder_lr"}


class Live:
    """The settings in force.

    Args:
        settings: at the start.
        optimizer: whose groups' peak rates follow the settings; accelerate's wrapper or the bare one.
    """

    def __init__(self, settings: Settings, optimizer: Any) -> None:
        """Begin with no change."""
        self.settings = settings
        self.rate_scale = 1.0
        self.changes = 0
        self._optimizer = optimizer
        self._waiting: list[tuple[int, str]] = []

    @property
    def toml(self) -> str:
        """The settings in force as TOML."""
        return settings_toml(self.settings)

    def restore(self, toml: str, changes: int, rate_scale: float) -> None:
        """Be where a state was."""
        self.settings = parse_settings(toml, "state")
        self.changes, self.rate_scale = changes, rate_scale
        self._set_peaks()

    def change(self, assignment: str) -> None:
        """Put `name=value` in force from the next step on.

        Raises:
            SettingsError: the setting is not live, the value is wrong, or the part has no gradients in this bake.
        """
        name, _, text = assignment.partition("=")
        name = name.strip()
        changed = with_value(self.settings, name, text)
        if not field(name).live:
            raise SettingsError(
                name, found="changed while baking", expected="a live setting", way_out="fork the bake to change it"
            )
        self._check_parts(name, changed)
        self.settings = changed
        self.changes += 1
        self._set_peaks()

    def scale_rates(self, by: float) -> None:
        """Multiply every rate by `by` from the next step on."""
        self.rate_scale *= by
        self._set_peaks()

    def await_changes(self, changes: Sequence[tuple[int, str]]) -> None:
        """Take the changes (step, `name=value`) that a bake being redone will come to; those already in force are left out."""
        self._waiting = list(changes[self.changes :])

    def replay(self, step: int) -> bool:
        """Put in force what was changed after `step` steps when they were done the first time; return whether there was anything."""
        due = [assignment for at, assignment in self._waiting if at <= step]
        self._waiting = self._waiting[len(due) :]
        for assignment in due:
            self.change(assignment)
        return bool(due)

    def _set_peaks(self) -> None:
        for group in self._optimizer.param_groups:
            group["peak"] = self._rates()[group["part"]] * self.rate_scale

    def _rates(self) -> dict[Part, float]:
        return {"unet": self.settings.unet_rate, "text_encoder": self.settings.text_encoder_rate}

    def _check_parts(self, name: str, changed: Settings) -> None:
        trained = {group["part"] for group in self._optimizer.param_groups}
        rates: dict[Part, float] = {"unet": changed.unet_rate, "text_encoder": changed.text_encoder_rate}
        for part, rate in rates.items():
            if name in _RATES and rate > 0 and part not in trained:
                raise SettingsError(
                    name,
                    found=f"a rate for the {part.replace('_', ' ')}, which this bake began without",
                    expected="a part that trains",
                    way_out="fork the bake with both rates set",
                )
        if not any(rates.values()):
            raise SettingsError(
                name, found="both rates 0", expected="a rate above 0 for one part", way_out="stop instead"
            )
