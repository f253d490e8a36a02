"""JSON that commands print: valid for every reader."""

import json
import math

import pytest

from lora_tui.commands.exits import print_json


def refuse(word: str) -> None:
    raise AssertionError(word)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_null_wherever_it_stands(value: float, capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"loss": value, "all": [(1, value), {"steps": 0.5}], "text": "NaN"})
    assert json.loads(capsys.readouterr().out, parse_constant=refuse) == {
        "loss": None,
        "all": [[1, None], {"steps": 0.5}],
        "text": "NaN",
    }
