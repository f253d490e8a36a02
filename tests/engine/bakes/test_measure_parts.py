"""A bake that measures what each part does: the LoRA is the same bit for bit, and the journal has who carries."""

from pathlib import Path
from typing import Any

import pytest
from run_bakes import bits_of_lora

import trainer.bake.loop
from trainer.bake.step import train_step
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState, Order
from trainer.measures.carried import CARRIED_BY, Carrier, carried, carried_by_step
from trainer.measures.of_parts import OF_PARTS, OUTPUT_SHARE
from trainer.probes.parts import PartsProbe


def changes(**more: object) -> dict[str, object]:
    return {"validation_data_dir": "", "max_train_steps": 4, "save_every_n_steps": 2, "text_encoder_stop": "3"} | more


def test_the_lora_is_the_same_bit_for_bit_with_dropouts_and_a_stopped_encoder(
    runner: Any, make_settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "subjects").mkdir()
    (tmp_path / "subjects" / "she.toml").write_text('[outfits]\nsummer = "hat, 1girl"\n"1_blue" = "blue dress"\n')
    settings = changes(network_dropout=0.2, subject="she", mixed_precision="no")
    plain = bits_of_lora(runner.bake(make_settings(**settings)))
    with_measures = bits_of_lora(runner.bake(make_settings(**settings, measure_parts=True)))
    assert with_measures == plain
    names = [record.key for record in OF_PARTS]
    assert runner.journal.measures.of_bake(1, names) == []
    values = runner.journal.measures.of_bake(2, names)
    assert {value.step for value in values} == {2, 4}
    assert {value.name for value in values} == {record.key for record in OF_PARTS}
    assert {value.scope for value in values} == {"", "folder 1_blue", "folder 2_red", "outfit 1_blue", "outfit summer"}
    assert {value.count for value in values if value.scope == "outfit summer"} == {3}
    assert set(carried_by_step(runner.journal.measures.of_bake(2, CARRIED_BY))) == {2, 4}


@pytest.mark.parametrize(
    ("rates", "who"),
    [
        ({"unet_lr": 1e-6, "text_encoder_lr": 5e-3}, Carrier.ENCODERS),
        ({"unet_lr": 5e-3, "text_encoder_lr": 1e-6}, Carrier.REST),
    ],
)
def test_who_carries_is_told_in_a_bake_built_to_be_so(
    runner: Any, make_settings: Any, rates: dict[str, float], who: Carrier
) -> None:
    settings = changes(**rates, measure_parts=True, text_encoder_stop="", save_every_n_steps=None, max_train_steps=2)
    runner.bake(make_settings(**settings))
    found = carried(runner.journal.measures.of_bake(1, CARRIED_BY), 2)
    assert found is not None and found.carrier is who, found
    assert f"after step 2: {found.words}" in [line.text for line in runner.journal.log.read(bake=1)]


def test_a_lora_that_changes_less_than_bf16_rounds_off_is_carried_by_nobody(runner: Any, make_settings: Any) -> None:
    """At these rates the U-Net carries 95 %, as the same bake in fp32 shows; in bf16 rounding would share it alike."""
    rates = {"unet_lr": 2e-4, "text_encoder_lr": 1e-5, "max_train_steps": 2, "measure_parts": True}
    for precision in ("no", "bf16"):
        runner.bake(make_settings(**changes(**rates, text_encoder_stop="", mixed_precision=precision)))
    exact, rounded = (runner.journal.measures.of_bake(bake, [record.key for record in OF_PARTS]) for bake in (1, 2))
    found = carried(exact, 2)
    assert found is not None and found.carrier is Carrier.REST
    assert carried(rounded, 2) is None
    assert {value.value for value in rounded if value.name == OUTPUT_SHARE} == {None}
    lines = [line.text for line in runner.journal.log.read(bake=2)]
    assert "after step 2: who carries is not known, the LoRA changes hardly more than rounding does" in lines


def order(runner: Any, what: Order) -> None:
    """Give the newest bake an order, as another process does."""
    with Journal(runner.journal.path) as other:
        other.orders.give(other.bakes.latest()[0].number, what)


def test_what_a_stop_cut_short_is_measured_once_the_bake_is_taken_up_again(
    runner: Any, make_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first LoRA's probe is whole, the second one's is stopped."""
    settings = make_settings(**changes(measure_parts=True, max_train_steps=6))
    whole = bits_of_lora(runner.bake(settings))
    names = [record.key for record in OF_PARTS]
    expected = runner.journal.measures.of_bake(1, names)
    bake = runner.queue(settings)
    measure = PartsProbe.measure

    def stopped(self: PartsProbe, step: int, progress: Any, stop: Any) -> Any:
        if step == 4:
            order(runner, Order.STOP)
        return measure(self, step, progress, stop)

    monkeypatch.setattr(PartsProbe, "measure", stopped)
    assert runner.run(bake, settings) is BakeState.STOPPED
    assert runner.journal.measures.steps(2, "output_alone") == {2}
    monkeypatch.undo()
    assert runner.take_up_again(bake.number, settings) is BakeState.DONE
    assert runner.journal.measures.of_bake(2, names) == expected
    assert bits_of_lora(runner.root / bake.folder) == whole


def test_a_lora_that_was_asked_for_between_two_epochs_is_measured_too(
    runner: Any, make_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(**changes(measure_parts=True))
    bake = runner.queue(settings)

    def train_and_save(session: Any, work: Any) -> Any:
        if work.step == 3:
            order(runner, Order.SAVE)
        return train_step(session, work)

    monkeypatch.setattr(trainer.bake.loop, "train_step", train_and_save)
    assert runner.run(bake, settings) is BakeState.DONE
    assert runner.journal.measures.steps(1, "output_alone") == {2, 3, 4}
