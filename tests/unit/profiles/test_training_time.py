"""Minutes as the anon-1337 script turned them into steps: facts/trainers.md 1.3, "desired_training_time"."""

import pytest

from trainer.profiles.training_time import as_typed, script_sentence, script_speed, script_steps


@pytest.mark.parametrize(
    ("text", "taken", "meant"),
    [
        ("1.23it/s", 1 / 1.23, 1.23),
        ("2it/s", 0.5, 2.0),
        ("10it/s", 0.1, 10.0),
        (".5it/s", 2.0, 0.5),
        ("1.23IT/S", 1 / 1.23, 1.23),
        (r"1.23it\s", 1 / 1.23, 1.23),
        ("2s/it", 2.0, 0.5),
        ("12s/it", 12.0, 1 / 12),
        (".5s/it", 0.5, 2.0),
    ],
)
def test_these_speeds_are_read_wrong(text: str, taken: float, meant: float) -> None:
    speed = script_speed(text)
    assert (speed.taken, speed.meant) == (pytest.approx(taken), pytest.approx(meant))
    assert ("does not invert" if text.endswith("s/it") else "inverts every speed in it/s") in speed.why


# Three digits match the script's `\d+.\d+`, whose dot is any character.
@pytest.mark.parametrize(("text", "taken"), [("1.23s/it", 1 / 1.23), ("2.0s/it", 0.5), ("123s/it", 1 / 123)])
def test_only_these_are_read_right(text: str, taken: float) -> None:
    speed = script_speed(text)
    assert (speed.taken, speed.why) == (pytest.approx(taken), "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1.23it/s | 1.23s/it", "as the number 1.231.23 and fails"),
        ("", "cannot read"),
        ("1,23s/it", "cannot read"),
        ("1.23 it/s", "cannot read"),
        ("1.s/it", "cannot read"),
        ("fast", "cannot read"),
        ("0.0s/it", "divides by zero"),
        ("0it/s", "divides by zero"),
    ],
)
def test_these_stop_the_script_the_text_that_it_is_shipped_with_among_them(text: str, why: str) -> None:
    made = script_steps(text, 40)
    assert made.steps is None
    assert why in made.why


@pytest.mark.parametrize(
    ("text", "minutes", "steps"),
    [
        ("1.23it/s", 40, 1951),
        ("1.90s/it", 40, 1263),
        ("2s/it", 10, 1200),
        ("1.5s/it", 1 / 8, 5),
        ("1.25s/it", 40, 1920),
    ],
)
def test_the_steps_are_speed_times_seconds(text: str, minutes: float, steps: int) -> None:
    assert script_steps(text, minutes).steps == steps


def test_half_a_step_goes_to_the_even_number() -> None:
    assert [script_steps("0.5s/it", minutes / 240).steps for minutes in (1, 3, 5, 7)] == [0, 2, 2, 4]


def test_regularisation_doubles_the_steps_until_they_are_halved() -> None:
    assert script_steps("1.5s/it", 30, regularisation=True, halves=False).steps == 2400
    assert "doubles" in script_steps("1.5s/it", 30, regularisation=True, halves=False).why
    assert script_steps("1.5s/it", 30, regularisation=True).steps == 1200
    # 2 × 0.5 × 60 × 0.01 = 0.6 rounds to 1, and its half to the even 0.
    assert script_steps("2.0s/it", 0.01, regularisation=True).steps == 0


def test_a_number_that_no_powershell_integer_holds_is_no_step_count() -> None:
    assert script_steps("999999999999s/s", 1e9).steps is not None
    assert script_steps("9it/it", 1e9).steps is None


def test_the_speed_is_typed_as_the_progress_bar_shows_it() -> None:
    assert [as_typed(seconds) for seconds in (1.9, 0.8130081, 0.05)] == ["1.90s/it", "1.23it/s", "20.00it/s"]


def test_the_sentence_says_what_the_script_makes_of_a_fast_gpu_and_of_a_slow_one() -> None:
    assert script_sentence(40, 0.8130081) == (
        "the anon-1337 script, with 1.23it/s typed into it, would train 1,951 steps: it inverts every speed in it/s, and "
        "takes “1.23it/s” for 0.81 it/s; it counts steps alone: loading, caching, saving and samples come on top"
    )
    assert script_sentence(40, 1.9).endswith(
        "would train 1,263 steps: it counts steps alone: loading, caching, saving and samples come on top"
    )
