import pytest

from trainer.errors import (
    BakeFailed,
    DeviceError,
    ExitCode,
    LoraTuiError,
    SettingsError,
    as_bake_failure,
)


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
