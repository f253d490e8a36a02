"""The energy of a bake: counted by the GPU, else summed up from its power; and its cost where the user names a price."""

from pathlib import Path

import pytest

from trainer.errors import SettingsError
from trainer.journal.journal import Journal
from trainer.journal.records import NewBake
from trainer.machine.energy import EnergyCount, EnergyPrice, EnergyTaken, energy_price, energy_text, energy_words
from trainer.machine.readings import CardReading, HostReading, MachineReading

KEY = "3f2a0d10-1111-2222-3333-444455556666"


def reading(seconds: float, power: float | None = None, energy: float | None = None, key: str = KEY) -> MachineReading:
    others = CardReading(0, "another", power=900.0, uuid="GPU-0", energy=seconds * 1e6)
    card = CardReading(1, "RTX", power=power, uuid=f"GPU-{key}", energy=energy)
    return MachineReading(seconds, (others, card), "", HostReading())


def test_the_counter_of_the_bakes_own_gpu_is_taken() -> None:
    count = EnergyCount(KEY)
    assert count.add(reading(0, 100, 5000.0)) is None
    assert count.add(reading(5, 100, 5750.0)) == EnergyTaken(750.0, "counter")
    # However long the computer slept, the counter knows.
    assert count.add(reading(90_000, 100, 6000.0)) == EnergyTaken(250.0, "counter")


def test_without_a_counter_power_is_summed_up_over_the_time() -> None:
    count = EnergyCount(KEY)
    count.add(reading(0, 100))
    assert count.add(reading(5, 200)) == EnergyTaken(750.0, "power")
    # One reading is better than none.
    assert count.add(reading(10, None)) == EnergyTaken(1000.0, "power")
    assert count.add(reading(15, None)) is None


def test_a_gap_is_no_time_of_which_the_power_is_known() -> None:
    count = EnergyCount(KEY)
    count.add(reading(0, 100))
    assert count.add(reading(7200, 100)) is None
    assert count.add(reading(7205, 100)) == EnergyTaken(500.0, "power")
    assert count.add(reading(7200, 100)) is None


def test_a_counter_that_fell_was_started_again() -> None:
    count = EnergyCount(KEY)
    count.add(reading(0, 100, 9000.0))
    assert count.add(reading(5, 100, 10.0)) == EnergyTaken(500.0, "power")
    assert count.add(reading(10, 100, 60.0)) == EnergyTaken(50.0, "counter")


@pytest.mark.parametrize("device", ["cpu", "", "MIG-9"])
def test_what_is_no_whole_gpu_has_no_energy(device: str) -> None:
    count = EnergyCount(device)
    assert [count.add(reading(second, 100, second * 100.0)) for second in (0, 5, 10)] == [None, None, None]


def test_it_is_added_up_over_attempts_and_says_the_less_exact_way(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.bakes.add(NewBake(name="x", settings_toml="", engine="e", total_steps=4, steps_per_epoch=2))
        assert journal.bakes.read(1).energy_joules is None
        journal.bakes.add_energy(1, 100.0, "counter")
        journal.bakes.add_energy(1, 50.0, "counter")
        assert (journal.bakes.read(1).energy_joules, journal.bakes.read(1).energy_by) == (150.0, "counter")
        journal.bakes.add_energy(1, 1.0, "power")
        journal.bakes.add_energy(1, 1.0, "counter")
        assert (journal.bakes.read(1).energy_joules, journal.bakes.read(1).energy_by) == (152.0, "power")


def test_the_words_say_that_it_is_the_gpu_alone_and_cost_nothing_without_a_price() -> None:
    assert energy_words(None, "", EnergyPrice(0.3, "EUR")) == ""
    assert energy_words(1.5e6, "counter", None) == "0.42 kWh by the GPU alone (by its own counter)"
    words = energy_words(3.6e6, "power", EnergyPrice(0.31, "EUR"))
    assert words == "1.00 kWh by the GPU alone (from readings of its power), 0.31 EUR at 0.31 EUR per kWh"
    assert energy_words(7200.0, "power", EnergyPrice(30, "¥")).startswith("2.00 Wh")
    assert "0.06 ¥" in energy_words(7200.0, "power", EnergyPrice(30, "¥"))


def write_config(home: Path, text: str) -> None:
    (home / "config" / "lora-tui").mkdir(parents=True)
    (home / "config" / "lora-tui" / "config.toml").write_text(text)


def test_the_price_is_the_users_and_there_is_no_other(own_home: Path) -> None:
    assert energy_price() is None
    write_config(own_home, 'mouse = false\n[energy]\nprice_per_kwh = 0.29\ncurrency = " CHF "\n[keys]\n')
    assert energy_price() == EnergyPrice(0.29, "CHF")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[energy]\nprice_per_kwh = 0\ncurrency = 'EUR'", "price_per_kwh: 0; expected a price above 0"),
        ("[energy]\nprice_per_kwh = true\ncurrency = 'EUR'", "price_per_kwh: True; expected a price above 0"),
        ("[energy]\nprice_per_kwh = nan\ncurrency = 'EUR'", "expected a price above 0"),
        ("[energy]\nprice_per_kwh = 1", "currency: None; expected the currency"),
        ('[energy]\nprice_per_kwh = 1\ncurrency = "\\u001b"', "expected the currency"),
        ("[energy]\nprize = 1", "prize; expected price_per_kwh and currency"),
        ("energy = 3", "energy is not a table"),
        ("[energy", "config.toml"),
    ],
)
def test_a_wrong_price_is_named_and_hides_no_energy(own_home: Path, text: str, what: str) -> None:
    write_config(own_home, text)
    with pytest.raises(SettingsError) as refused:
        energy_price()
    assert what in refused.value.line()
    assert energy_text(1.5e6, "counter").startswith(
        "0.42 kWh by the GPU alone (by its own counter); its cost is not known: "
    )
