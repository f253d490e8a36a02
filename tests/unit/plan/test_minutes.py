"""Steps that fit into minutes: the arithmetic, and what a plan says before and after the speed is known."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planned import TWELVE, findings, plan

from trainer.errors import SettingsError
from trainer.journal.curves import MeasuredSpeed
from trainer.plan.minutes import Pace, fixed_settings, is_share, planned_steps, seconds_of, steps_that_fit
from trainer.plan.plan import plan_json, plan_line
from trainer.plan.report import report
from trainer.settings.model import Settings

# 2026-11-28, at noon wherever the test runs.
DAY = 1795867200.0
SPEED = MeasuredSpeed(1.9, steps=400, bake=7, ended=DAY, setup_seconds=55.4)


def settings(**values: object) -> Settings:
    return Settings.model_validate({"train_minutes": 40, **values})


def section(title: str, made: Any, asked: Settings) -> str:
    base = type("Base", (), {"name": "b", "family": "sd1", "markers": Markers()})()
    return "\n".join(
        line for each in report(asked, TWELVE, made, base) if each.title.startswith(title) for line in each.lines
    )


class Markers:
    prediction, zero_terminal_snr, source = "epsilon", False, "test"


def test_minutes_are_sixty_seconds_of_steps_after_the_start() -> None:
    assert steps_that_fit(40 * 60, settings(), 31, Pace(1.9)) == 1263
    assert planned_steps(settings(), 31, SPEED) == 1234
    # 0.3 is not exact in binary; no step is lost by it.
    assert steps_that_fit(0.3 * 60, settings(), 31, Pace(0.1)) == 180


def test_what_happens_between_steps_is_taken_off() -> None:
    asked = settings(validation_data_dir="/v", sample_every_n_epochs=2, sample_at_first=True, save_every_n_epochs=1)
    pace = Pace(1.0, validation=5.0, samples=20.0, lora=1.0, state=2.0, measures=7.0)
    # 100 steps are 10 epochs: the base and 10 ends validated, the start and 5 epochs sampled, 10 LoRAs written and
    # measured, and 10 states written.
    assert seconds_of(100, asked, 10, pace) == 100 + 11 * 5 + 6 * 20 + 10 * 8 + 20
    # 95 end in the middle of the tenth: it is validated, saved and sampled there all the same.
    assert seconds_of(95, asked, 10, pace) == 95 + 11 * 5 + (1 + 4 + 1) * 20 + 10 * 8 + 20


@pytest.mark.parametrize(
    "named", [{"validation_data_dir": "/v"}, {"validation_split": 0.2}, {"validation_outfit": "b"}]
)
def test_occasions_that_fall_together_are_one(named: dict[str, object]) -> None:
    asked = settings(**named, validate_every_n_steps=15, keep_states="last")
    # Steps 10, 15, 20, 30 (both), 40, 45, 50, 60 (both), and the base before them.
    assert seconds_of(60, asked, 10, Pace(0.0, validation=1.0)) == 9


@given(
    st.floats(0.01, 100_000),
    st.floats(0.001, 100),
    st.integers(1, 500),
    st.tuples(*[st.floats(0, 50)] * 5),
    st.sampled_from([None, 1, 3]),
    st.sampled_from([None, 7, 100]),
)
def test_the_steps_fit_and_one_more_would_not(
    seconds: float, step: float, epoch: int, others: tuple[float, ...], epochs: int | None, every: int | None
) -> None:
    asked = settings(
        validation_data_dir="/v", sample_every_n_epochs=epochs, save_every_n_steps=every, validate_every_n_steps=every
    )
    pace = Pace(step, *others)
    steps = steps_that_fit(seconds, asked, epoch, pace)
    assert steps >= 1
    assert steps == 1 or seconds_of(steps, asked, epoch, pace) <= seconds + 1e-6
    # The end of a bake in the middle of an epoch costs what the end of the epoch costs: a round more or less, not two.
    round_seconds = sum(others) + step
    assert seconds_of(steps + 1, asked, epoch, pace) > seconds - 2 * round_seconds


def test_too_few_minutes_are_one_step() -> None:
    assert steps_that_fit(-5, settings(), 31, Pace(1.9)) == 1
    assert steps_that_fit(10, settings(validation_data_dir="/v"), 31, Pace(1.9, validation=60)) == 1


def test_the_plan_says_what_the_minutes_come_to() -> None:
    made = plan(train_minutes=40, speed=SPEED)
    assert (made.total_steps, made.epochs, made.steps_known) == (1234, 31, True)
    assert "41 steps / epoch, 40 min → ≈ 1,234 steps (measured 1.90 s/step on 11-28)" in plan_line(made)
    lines = section("time", made, settings())
    assert "55 s of them for loading and caching, as in bake 7" in lines
    assert "goes before max_train_epochs and max_train_steps" in lines
    assert "the anon-1337 script, with 1.90s/it typed into it, would train 1,263 steps" in lines
    assert plan_json(made)["timing"]["anon_1337_script"]["steps"] == 1263  # type: ignore[index]


def test_a_speed_of_few_steps_says_too_little() -> None:
    assert not plan(train_minutes=40, speed=MeasuredSpeed(1.9, steps=4, bake=7)).steps_known


def test_without_a_speed_the_plan_speaks_of_shares() -> None:
    asked = {"train_minutes": 40, "text_encoder_stop": "50%", "lr_warmup_steps": "5%", "lora_bytes": 10**6}
    made = plan(**asked, state_bytes=10**7)
    line = plan_line(made)
    assert "41 steps / epoch, 40 min → steps from a measurement at the start" in line
    assert "text encoder stops at 50%" in line
    assert "on disk" not in line
    lines = section("time", made, settings(text_encoder_stop="50%", lr_warmup_steps="5%"))
    assert "shares of the steps to come: warm-up 5%, stop at 50%" in lines
    assert "1.23it/s as 0.81 it/s, 2s/it as 2 it/s" in lines
    rates = section("rates", made, settings(text_encoder_stop="50%", lr_warmup_steps="5%"))
    assert "after a warm-up of 5%" in rates
    assert "stops at 50%" in rates
    assert "as many as the steps to come ask for" in section("files", made, settings())
    values = plan_json(made)
    assert [values[name] for name in ("total_steps", "epochs", "saves", "warmup_steps", "stops")] == [None] * 5
    assert values["total_disk_bytes"] is None
    assert values["lora_bytes"] == 10**6


def test_no_number_that_is_not_known_stands_in_the_plan() -> None:
    made = plan(train_minutes=40, text_encoder_stop="600", lr_warmup_steps="100", lora_bytes=10**6)
    text = "\n".join(
        section(title, made, settings(text_encoder_stop="600", lr_warmup_steps="100"))
        for title in ("pictures", "time", "folders", "tags", "rates", "files")
    )
    assert not any(number in text for number in ("1,000", "1000", "25 epochs"))
    assert "stops at 600 steps" in text
    assert "after a warm-up of 100 steps" in text


@pytest.mark.parametrize(
    "changes",
    [
        {"lr_warmup_steps": "5000"},
        {"unet_stop": "9999", "text_encoder_stop": "9999"},
        {"unet_stop": "40ep", "text_encoder_stop": "500"},
        {"lr_scheduler": "warmup_stable_decay", "lr_decay_steps": "3000"},
        {"caption_dropout_every_n_epochs": 60, "caption_dropout_rate": 0.1},
    ],
)
def test_nothing_is_found_wrong_that_depends_on_the_number(changes: dict[str, object]) -> None:
    found = {finding.place for finding in findings(train_minutes=40, **changes)}
    assert not found & set(changes)


def test_parts_that_all_stop_at_a_share_stop_before_any_end() -> None:
    with pytest.raises(SettingsError, match="every part stops"):
        plan(train_minutes=40, unet_stop="50%", text_encoder_stop="90%")


def test_the_fixed_settings_give_the_plan_of_that_number() -> None:
    fixed = fixed_settings(settings(text_encoder_stop="50%"), 1234)
    assert (fixed.train_minutes, fixed.max_train_epochs, fixed.max_train_steps) == (None, None, 1234)
    assert plan(**fixed.model_dump(exclude={"train_data_dir"})).total_steps == 1234


def test_shares_are_told_from_steps_and_epochs() -> None:
    assert [is_share(text) for text in ("50%", "0.5", "600", "3ep", "0", "")] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(("value", "found"), [(0, "0"), (-3, "-3"), (100_001, "100001"), ("soon", "soon"), (True, "")])
def test_minutes_that_are_none_are_refused(value: object, found: str) -> None:
    from trainer.settings.toml_file import parse_settings

    text = f'train_minutes = "{value}"' if isinstance(value, str) else f"train_minutes = {str(value).lower()}"
    with pytest.raises(SettingsError, match="train_minutes"):
        parse_settings(text, "x.toml")
