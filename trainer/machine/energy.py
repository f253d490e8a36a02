"""Energy that a GPU takes during a bake: from the GPU's own counter where it has one, else from readings of its power."""

from dataclasses import dataclass
from math import isfinite

from trainer.config_tables import config_file, config_table
from trainer.errors import SettingsError
from trainer.machine.readings import CardReading, MachineReading
from trainer.text import printable

COUNTER = "counter"
"""The GPU counts its energy itself."""

POWER = "power"
"""Its power was read every few seconds, and summed up over the time."""

JOULES_PER_KWH = 3.6e6

# Between two readings further apart the computer slept, and nobody knows the power of that time.
_LONGEST_GAP_SECONDS = 60.0
_MAX_CURRENCY = 12
_WORDS = {COUNTER: "by its own counter", POWER: "from readings of its power"}


@dataclass(frozen=True)
class EnergyTaken:
    """What a GPU took since the reading before.

    Attributes:
        joules: the energy.
        by: `COUNTER` or `POWER`.
    """

    joules: float
    by: str


class EnergyCount:
    """Tells from readings of the machine what one GPU took between each two of them.

    Args:
        device: key of the GPU (`trainer.machine.card_lock.device_key`). A part of a divided GPU has no energy of its own, and a CPU
            is not read: nothing is counted then.
    """

    def __init__(self, device: str) -> None:
        self._uuid = f"GPU-{device}"
        self._last: tuple[float, CardReading] | None = None

    def add(self, reading: MachineReading) -> EnergyTaken | None:
        """Take the next reading; return what was taken since the last one, None where that is not known."""
        card = next((card for card in reading.cards if card.uuid == self._uuid), None)
        if card is None:
            return None
        before, self._last = self._last, (reading.seconds, card)
        if before is None:
            return None
        seconds, earlier = reading.seconds - before[0], before[1]
        if earlier.energy is not None and card.energy is not None and card.energy >= earlier.energy:
            return EnergyTaken(card.energy - earlier.energy, COUNTER)
        # A counter that fell was started again with its driver.
        powers = [power for power in (earlier.power, card.power) if power is not None]
        if not powers or not 0 < seconds <= _LONGEST_GAP_SECONDS:
            return None
        return EnergyTaken(seconds * sum(powers) / len(powers), POWER)


@dataclass(frozen=True)
class EnergyPrice:
    """What a kilowatt-hour costs where the user bakes.

    Attributes:
        per_kwh: in the currency, above 0.
        currency: as the user writes it: `EUR`, `¥`.
    """

    per_kwh: float
    currency: str


def energy_price() -> EnergyPrice | None:
    """Return the price that the user named in the configuration file; None where none is, for there is no price that holds everywhere.

    Raises:
        SettingsError: the file, or what it says of the price, is wrong.
    """
    table = config_table("energy")
    if not table:
        return None
    where = f"{printable(str(config_file()))} [energy]"
    for name in table:
        if name not in ("price_per_kwh", "currency"):
            raise SettingsError(where, found=printable(name, 40), expected="price_per_kwh and currency")
    price, currency = table.get("price_per_kwh"), table.get("currency")
    if not isinstance(price, int | float) or isinstance(price, bool) or not (isfinite(price) and price > 0):
        raise SettingsError(f"{where} price_per_kwh", found=printable(str(price), 40), expected="a price above 0")
    known = isinstance(currency, str) and 0 < len(currency.strip()) <= _MAX_CURRENCY
    if not known or printable(str(currency)) != currency:
        raise SettingsError(
            f"{where} currency", found=printable(str(currency), 40), expected="the currency of the price, such as EUR"
        )
    return EnergyPrice(float(price), str(currency).strip())


def energy_words(joules: float | None, by: str, price: EnergyPrice | None) -> str:
    """Return the energy of a bake in words, with its cost where a price is named; "" where nothing was counted.

    `0.42 kWh by the GPU alone (by its own counter), 0.13 EUR at 0.3 EUR per kWh`
    """
    if joules is None:
        return ""
    how = _WORDS.get(by, "")
    words = f"{_kwh(joules)} by the GPU alone{f' ({how})' if how else ''}"
    if price is None:
        return words
    cost = joules / JOULES_PER_KWH * price.per_kwh
    currency = printable(price.currency)
    return f"{words}, {_rounded(cost)} {currency} at {price.per_kwh:g} {currency} per kWh"


def energy_text(joules: float | None, by: str) -> str:
    """Return `energy_words` with the price of the configuration file; where that is wrong, with what is wrong in place of the cost."""
    if joules is None:
        return ""
    try:
        price = energy_price()
    except SettingsError as error:
        return f"{energy_words(joules, by, None)}; its cost is not known: {error.line()}"
    return energy_words(joules, by, price)


def _kwh(joules: float) -> str:
    """Return an energy with the unit that reads best: `0.42 kWh`, `3.1 Wh`."""
    hours = joules / 3600
    return f"{_rounded(hours)} Wh" if hours < 100 else f"{_rounded(hours / 1000)} kWh"


def _rounded(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value >= 0.1 or value == 0 else f"{value:.2g}"
