import pytest

from trainer.errors import (
    BakeFailed,
    DeviceError,
    ExitCode,
    LoraTuiError,
    SettingsError,
    as_bake_failure,
)
from trainer.text import MAX_MESSAGE


def test_a_line_says_where_what_was_expected_and_the_way_out() -> None:
    error = SettingsError("unet_lr", found="'fast'", expected="a number from 0 to 1", way_out="1e-4 is a good start")
    assert error.line() == "unet_lr: 'fast'; expected a number from 0 to 1; 1e-4 is a good start"


def test_a_foreign_error_becomes_a_failed_bake_that_names_its_stage() -> None:
    error = as_bake_failure("cache", RuntimeError("two\nlines"))
    assert isinstance(error, BakeFailed)
    assert error.line().startswith("stage cache: RuntimeError: two lines; ")


def test_a_member_of_the_family_stays_itself() -> None:
    error = DeviceError("xformers", found="no card")
    assert as_bake_failure("load", error) is error


@pytest.mark.parametrize(
    ("kind", "code"),
    [(LoraTuiError, 2), (SettingsError, 2), (DeviceError, 4), (BakeFailed, 1)],
)
def test_each_kind_has_its_exit_code(kind: type[LoraTuiError], code: int) -> None:
    assert kind("x", found="y").exit_code == code


def test_signals_exit_as_shells_count_them() -> None:
    assert (ExitCode.INTERRUPTED, ExitCode.TERMINATED) == (128 + 2, 128 + 15)


LONG = "begin" + "x" * 5000 + "end"


@pytest.mark.parametrize(
    "long", [("where",), ("found",), ("expected",), ("found", "expected"), ("where", "found", "expected")]
)
def test_a_long_value_is_shortened_and_the_way_out_is_whole(long: tuple[str, ...]) -> None:
    texts = {"where": "a.toml", "found": "nothing", "expected": "a number"} | dict.fromkeys(long, LONG)
    line = LoraTuiError(texts["where"], found=texts["found"], expected=texts["expected"], way_out="do this").line()
    assert 400 < len(line) <= MAX_MESSAGE - len("lora-tui: ")
    assert line.endswith("; do this")
    assert line.count("begin") == line.count("end") == len(long)
    assert all(texts[name] in line for name in texts if name not in long)


def test_signs_that_are_made_visible_count_as_they_are_shown() -> None:
    error = SettingsError("\x1b" * 300, found="\x00" * 300, way_out="\x07" * 300, details=["\x1b" * 300])
    assert len(error.line()) <= MAX_MESSAGE
    assert len(error.details[0]) <= MAX_MESSAGE
    assert not set(error.line() + error.details[0]) & set("\x00\x07\x1b")


def test_a_foreign_errors_long_text_is_shortened() -> None:
    line = as_bake_failure("load", RuntimeError(LONG)).line()
    assert len(line) <= MAX_MESSAGE
    assert line.endswith("the traceback is in bake.log; what was saved before is complete")
