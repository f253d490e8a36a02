"""Pictures that a bake is measured by: made whenever a LoRA is saved, kept of the base, and without a trace in the LoRA."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from run_bakes import bits_of_lora

import trainer.bake.loop
from trainer.bake.step import train_step
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState, Order, Stage
from trainer.measures.of_pictures import OF_PICTURES, PICTURE_SET
from trainer.settings.subject import Subject, save_subject

SUBJECT = Subject(
    trigger="hat",
    prompts={"red": "1girl, hat, red", "plain": "1girl, smile"},
    outfits={"2_red": "red", "1_blue": "blue"},
    seeds=[8],
)
NAMES = {record.key for record in OF_PICTURES} | {PICTURE_SET}


@pytest.fixture
def make_settings(make_settings: Any, tmp_path: Path) -> Any:
    """As elsewhere, of a subject with a file, unvalidated, a LoRA every second step, in few sampling steps."""
    (tmp_path / "subjects").mkdir()
    save_subject(SUBJECT, tmp_path / "subjects" / "who.toml")
    few = {
        "sample_steps": 1,
        "sample_cfg_scale": 1,
        "measure_pictures_seeds": 1,
        "max_train_steps": 4,
        "save_every_n_steps": 2,
    }
    return partial(make_settings, subject="who", validation_data_dir="", measure_weights=False, **few)


def log(runner: Any, number: int, words: str) -> list[str]:
    return [line.text for line in runner.journal.log.read(bake=number) if words in line.text]


def names(runner: Any, number: int, step: int) -> set[str]:
    return {value.name for value in runner.journal.measures.of_bake(number) if value.step == step}


@pytest.mark.parametrize(
    "changes",
    [
        {"network_dropout": 0.2, "rank_dropout": 0.1, "text_encoder_stop": "2"},
        pytest.param({"mixed_precision": "bf16", "shuffle_caption": True}, marks=pytest.mark.long),
    ],
    ids=["dropouts and a kept encoder", "bf16"],
)
def test_a_bake_measured_by_pictures_is_the_bake_without_them_bit_for_bit(
    runner: Any, make_settings: Any, changes: dict[str, object]
) -> None:
    plain = runner.bake(make_settings(**changes))
    measured = runner.bake(make_settings(measure_pictures=True, **changes))
    assert bits_of_lora(measured) == bits_of_lora(plain)
    assert runner.journal.measures.of_bake(1) == []
    assert [names(runner, 2, step) for step in (0, 2, 4)] == [NAMES, NAMES, NAMES]
    assert log(runner, 2, "of the base") == ["5 pictures of the base to compare with: 5 made, 0 found"]
    lines = log(runner, 2, "pictures after step")
    assert [line.split(":")[0] for line in lines] == ["pictures after step 2", "pictures after step 4"]
    assert all("drift " in line and "outfits seen as asked in" in line for line in lines)


def test_a_bake_taken_up_again_finds_the_bases_pictures_and_measures_the_same(runner: Any, make_settings: Any) -> None:
    settings = make_settings(measure_pictures=True, save_state_every_n_steps=2)
    runner.bake(settings)
    values = runner.journal.measures.of_bake(1)
    runner.bake_again_from(2, settings)
    assert runner.journal.measures.of_bake(1) == values
    assert log(runner, 1, "of the base")[1:] == ["5 pictures of the base to compare with: 0 made, 5 found"]


def test_a_stop_does_not_wait_for_the_pictures(
    runner: Any, make_settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train_and_stop(session: Any, work: Any) -> Any:
        if work.step == 2:
            # As another program does: the bake looks again only after another connection has written.
            with Journal(runner.journal.path) as outside:
                outside.orders.give(1, Order.STOP)
        return train_step(session, work)

    monkeypatch.setattr(trainer.bake.loop, "train_step", train_and_stop)
    settings = make_settings(measure_pictures=True)
    bake = runner.queue(settings)
    assert runner.run(bake, settings) is BakeState.STOPPED
    assert runner.journal.measures.of_bake(1) == [] == log(runner, 1, "pictures after step")


def test_prompts_that_broke_since_the_check_cost_the_pictures_and_not_the_bake(
    runner: Any, make_settings: Any, tmp_path: Path
) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text("hat --w much")
    told: list[str] = []
    settings = make_settings(measure_pictures=True, sample_prompts=str(file), max_train_steps=2)
    bake = runner.queue(settings)
    folder = runner.root / bake.folder
    assert trainer.bake.run.run_bake(bake, settings, folder, runner.journal, told.append) is BakeState.DONE
    assert any("prompts.txt" in line for line in told)
    assert runner.journal.bakes.read(1).stage is not Stage.PROBE
