"""Arguments of `make bench` that name nothing that could be measured."""

from importlib import import_module
from types import ModuleType

import pytest

ABLE = ("steps", "real")


@pytest.fixture
def compared() -> ModuleType:
    return import_module("compared")


@pytest.mark.parametrize(
    ("base", "cases", "parts", "said"),
    [
        ("", "bf16", ("real",), "CASES=bf16: chooses among what is compared; name a commit with BASE="),
        ("HEAD", "", ("real", "ui"), "BASE=HEAD: ui cannot be compared; ONLY can be steps, real"),
        ("nosuch", "", ("real",), "BASE=nosuch: no such commit in "),
    ],
)
def test_a_wrong_argument_is_one_line(compared: ModuleType, base: str, cases: str, parts: list[str], said: str) -> None:
    with pytest.raises(compared.BadArgument) as refused:
        compared.compared_with(base, cases, parts, ABLE)
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


def test_a_commit_is_known_by_its_whole_hash(compared: ModuleType) -> None:
    found = compared.compared_with("HEAD", "bf16", ("steps",), ABLE)
    assert len(found.commit) == 40
    assert found.cases == "bf16"
    assert compared.compared_with("", "", ("ui",), ABLE) == compared.Compared()
