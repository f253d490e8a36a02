"""Values beyond the bounds that a record states are refused when it is read back."""

from typing import Annotated

import pytest

from trainer.bounds import Bounds
from trainer.typed_values import WrongValue, value_from_json


@pytest.mark.parametrize(
    ("kind", "good", "wrong", "said"),
    [
        (Annotated[int, Bounds(ge=0)], "0", "-1", "-1; expected at least 0"),
        (Annotated[float, Bounds(ge=0, le=10)] | None, "10.0", "10.5", "10.5; expected at most 10"),
        (Annotated[tuple[int, ...], Bounds(min_length=1)], "[1]", "[]", "[]; expected another value"),
    ],
)
def test_a_value_beyond_its_bounds_is_refused(kind: object, good: str, wrong: str, said: str) -> None:
    value_from_json(kind, good)
    with pytest.raises(WrongValue) as error:
        value_from_json(kind, wrong)
    assert str(error.value) == said
