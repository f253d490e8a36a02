"""What a grid's spec refuses, and how."""

import json

import pytest

from trainer.errors import GridError
from trainer.grid.spec import parse_spec


def refused(**fields: object) -> GridError:
    with pytest.raises(GridError) as caught:
        parse_spec(json.dumps(fields), "look.json")
    return caught.value


def test_all_unknown_fields_are_named_at_once_each_with_the_nearest_of_its_own_place() -> None:
    error = refused(
        negativ_prompt="", width="wide", loras=[{"file": "a"}, {"fil": "b"}], y={"kind": "seed", "valeus": ""}, zzz=1
    )
    assert "look.json: 4 keys that lora-tui does not know there" in error.line()
    assert set(error.details) == {
        "negativ_prompt: did you mean `negative_prompt`?",
        "loras.1.fil: did you mean `file`?",
        "y.valeus: did you mean `values`?",
        "zzz: remove it",
    }


def test_one_unknown_field_is_one_line_with_those_of_its_place() -> None:
    assert refused(z={"kind": "seed", "values": "1", "value": "a"}).line() == (
        "look.json: z.value: unknown field; expected kind, values; did you mean `values`?"
    )


def test_a_wrong_value_is_named_where_every_field_is_known() -> None:
    assert refused(width="wide", steps=0).line().startswith("look.json: steps: 0; expected")
