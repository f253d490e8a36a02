"""Bakes that are given minutes: the steps are measured, fixed once, and give the bits of a bake that was given that number."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_optimizers import CountsInItself, ScheduleFree
from safetensors import safe_open
from safetensors.torch import load_file

import trainer.bake.fixed_steps
import trainer.bake.loop
import trainer.bake.step_speed
from trainer.bake.step import train_step
from trainer.bake.step_speed import StepSpeed, measure_speed
from trainer.journal.bake_settings import settings_of
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, Order
from trainer.journal.state_files import states_of
from trainer.settings.toml_file import load_settings

MINUTES = 0.5
"""30 s: six steps of five seconds, which is more than one takes on any machine."""


@pytest.fixture
def five_seconds(monkeypatch: pytest.MonkeyPatch) -> list[StepSpeed]:
    """Let the clock show that a step takes five seconds and all else no time; return what was really measured."""
    measured: list[StepSpeed] = []

    def measure(*given: Any, **more: Any) -> StepSpeed | None:
        found = measure_speed(*given, **more)
        measured.extend([found] if found else [])
        return found and StepSpeed(5.0, found.steps)

    monkeypatch.setattr(trainer.bake.fixed_steps, "measure_speed", measure)
    monkeypatch.setattr(trainer.bake.fixed_steps, "_MEASURED_SHARE", 0.0)
    monkeypatch.setattr(trainer.bake.fixed_steps, "seconds_to_write_state", lambda *given: 0.0)
    monkeypatch.setattr("trainer.bake.run._clock_of", lambda began, orders: lambda: 0.0)
    return measured


def newest(runner: Any) -> Bake:
    found: Bake = runner.journal.bakes.latest()[0]
    return found


def log(runner: Any) -> list[str]:
    return [line.text for line in runner.journal.log.read(newest(runner).number)]


def tensors(folder: Path) -> dict[str, bytes]:
    """Return every tensor of the LoRA and of its newest state, but for the state's list of data."""
    files = {"lora": folder / "x.safetensors", "state": states_of(folder)[-1]}
    return {
        f"{kind}/{name}": value.numpy().tobytes()
        for kind, path in files.items()
        for name, value in load_file(path).items()
        if "manifest" not in name
    }


CASES: dict[str, dict[str, Any]] = {
    "both parts": {},
    "dropouts, shuffled captions": {
        "network_dropout": 0.3,
        "rank_dropout": 0.2,
        "shuffle_caption": True,
        "caption_tag_dropout_rate": 0.3,
        "gradient_accumulation_steps": 2,
    },
    "an encoder that never trains": {"text_encoder_lr": 0, "encoder_off_card": True, "shuffle_caption": True},
    "an optimizer that averages": {"optimizer_type": "torch.optim.ScheduleFree", "lr_scheduler": "constant"},
    "an optimizer with numbers of its own": {"optimizer_type": "torch.optim.NAdam"},
    "sample pictures": {"sample_every_n_epochs": 1, "sample_steps": 2},
    "limited weights": {"scale_weight_norms": 0.01, "optimizer_type": "Lion"},
    "an optimizer that counts in itself": {"optimizer_type": "torch.optim.CountsInItself"},
}


SLOW = set(CASES) - {"an optimizer that counts in itself"}


@pytest.mark.parametrize(
    "changes",
    [pytest.param(CASES[name], id=name, marks=[pytest.mark.long] * (name in SLOW)) for name in CASES],
)
def test_the_bits_are_those_of_a_bake_given_the_same_number(
    runner: Any,
    make_settings: Any,
    five_seconds: list[StepSpeed],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    changes: dict[str, Any],
) -> None:
    (tmp_path / "prompts.txt").write_text("1girl, red --d 3\n1girl, blue --d 4\n")
    changes = {**changes, "sample_prompts": str(tmp_path / "prompts.txt")}
    for made in (ScheduleFree, CountsInItself):
        monkeypatch.setattr(torch.optim, made.__name__, made, raising=False)
    timed = runner.bake(make_settings(train_minutes=MINUTES, **changes))
    steps = newest(runner).total_steps
    assert five_seconds[0].steps >= 2
    assert five_seconds[0].seconds > 0
    if "sample_every_n_epochs" in changes:
        assert any("sample pictures and saving" in line for line in log(runner))
    given = runner.bake(make_settings(max_train_epochs=None, max_train_steps=steps, **changes))
    assert tensors(timed) == tensors(given)
    assert newest(runner).total_steps == steps


def test_the_number_is_in_journal_settings_state_and_lora(
    runner: Any, make_settings: Any, five_seconds: list[StepSpeed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.plan.disk.free_bytes", lambda folder: 10**6)
    folder = runner.bake(make_settings(train_minutes=MINUTES, validation_data_dir="", text_encoder_stop="50%"))
    bake = newest(runner)
    assert (bake.total_steps, bake.asked_minutes, bake.expected_step_seconds) == (6, MINUTES, 5.0)
    for settings in (settings_of(runner.journal, bake), load_settings(folder / "settings.toml")):
        assert (settings.train_minutes, settings.max_train_epochs, settings.max_train_steps) == (None, None, 6)
    with safe_open(folder / "x.safetensors", "pt") as file:
        assert file.metadata()["ss_max_train_steps"] == "6"
    assert "max_train_steps = 6" in states_of(folder)[-1].read_bytes()[:200_000].decode("latin-1").replace("\\n", "\n")
    noted = [line for line in log(runner) if line.startswith("train_minutes =")]
    assert len(noted) == 1
    assert "train_minutes = 0.5 → 6 steps: 5.00 s/step, measured over" in noted[0]
    assert re.search(r"measured over (1 step, which is|\d+ steps, which are) undone", noted[0])
    assert any("steps get faster once the text encoder stops" in line for line in log(runner))
    assert any("1.0 MB free on this disk" in line for line in log(runner))
    assert any("the text encoder stopped training after step 3" in line for line in log(runner))
    # Steps of this base take far less.
    line = log(runner)[-1]
    assert "5.00 s was expected: the steps took about" in line
    assert line.endswith("less than was planned for the 0.5 min")
    assert any(line in surprise for surprise in runner.journal.digests.read(0.0).surprises)


def test_a_resumed_bake_keeps_the_number_and_the_bits(
    runner: Any, make_settings: Any, five_seconds: list[StepSpeed], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(train_minutes=MINUTES)
    whole = runner.bake(settings)
    number = newest(runner).number

    def train_and_stop(session: Any, work: Any) -> Any:
        result = train_step(session, work)
        if work.step == 3:
            with Journal(runner.journal.path) as other:
                other.orders.give(other.bakes.latest()[0].number, Order.STOP)
        return result

    # The first bake's speed would be taken.
    monkeypatch.setattr(trainer.bake.fixed_steps, "measured_speed", lambda *given: None)
    with monkeypatch.context() as patch:
        patch.setattr(trainer.bake.loop, "train_step", train_and_stop)
        bake = runner.queue(settings)
        assert runner.run(bake, settings) is BakeState.STOPPED
    stopped = runner.journal.bakes.read(bake.number)
    assert stopped.total_steps == runner.journal.bakes.read(number).total_steps

    def never(*given: Any, **more: Any) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr(trainer.bake.fixed_steps, "measure_speed", never)
    runner.journal.queue.requeue(bake.number, "test")
    again = runner.journal.queue.claim("test", 1, 0.0)
    assert runner.run(again, settings_of(runner.journal, again)) is BakeState.DONE
    assert tensors(runner.root / bake.folder) == tensors(whole)
    assert len(five_seconds) == 2


def test_a_bake_like_one_before_takes_its_speed(
    runner: Any, make_settings: Any, five_seconds: list[StepSpeed], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(train_minutes=MINUTES)
    first = runner.queue(settings)
    runner.journal.curves.add(first.number, "seconds_per_step", [(step, 7.5) for step in range(1, 20)])
    runner.journal.bakes.set_state(first.number, BakeState.DONE)
    runner.bake(settings)
    assert five_seconds == []
    assert newest(runner).expected_step_seconds == 7.5
    assert any(f"7.50 s/step, measured by bake {first.number}" in line for line in log(runner))


def test_a_bake_stopped_while_it_is_measured_ends_before_its_first_step(
    runner: Any, make_settings: Any, five_seconds: list[StepSpeed], monkeypatch: pytest.MonkeyPatch
) -> None:
    def train_and_stop(session: Any, work: Any) -> Any:
        with Journal(runner.journal.path) as other:
            other.orders.give(other.bakes.latest()[0].number, Order.STOP)
        return train_step(session, work)

    monkeypatch.setattr(trainer.bake.step_speed, "train_step", train_and_stop)
    settings = make_settings(train_minutes=MINUTES)
    bake = runner.queue(settings)
    assert runner.run(bake, settings) is BakeState.STOPPED
    ended = newest(runner)
    assert (ended.asked_minutes, runner.journal.results.states(bake.number)) == (None, [])
    assert settings_of(runner.journal, ended).train_minutes == MINUTES
