"""Wildcards in captions."""

import random
import re
from collections.abc import Callable

import pytest

from trainer.dataset.wildcards import draw_wildcards, has_choice


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        ("plain", {"plain"}),
        ("{a|b}", {"a", "b"}),
        ("{a|b|} x", {"a x", "b x", " x"}),
        ("{a}", {"a"}),
        ("{}", {"{}"}),
        ("{a, b|c} {d}", {"a, b d", "c d"}),
        ("{{a|b}}", {"{a|b}"}),
        ("{{{a|b}}}", {"{a", "{b}"}),
        ("{a|b}}", {"{a|b}"}),
        ("{a|b", {"{a|b"}),
        ("a}|{b", {"a}|{b"}),
        ("}} {{", {"} {"}),
        ("{x{a|b}", {"x{a", "b"}),
    ],
)
def test_a_wildcard_comes_out_as_one_of_its_choices(text: str, choices: set[str]) -> None:
    assert {draw_wildcards(text, random.Random(seed)) for seed in range(60)} == choices
    assert has_choice(text) == (len(choices) > 1)


def test_without_draws_the_first_choice_is_taken() -> None:
    assert draw_wildcards("{a|b} {{c}} {d|e}", None) == "a {c} d"


def by_marks(text: str, choose: Callable[[list[str]], str]) -> str:
    """The rule itself, in steps: pairs of braces are set aside, wildcards replaced, the pairs brought back as single ones."""
    text = text.replace("{{", "\x01").replace("}}", "\x02")
    text = re.sub(r"\{([^}]+)\}", lambda match: choose(match[1].split("|")), text)
    return text.replace("\x01", "{").replace("\x02", "}")


def test_any_mixture_of_braces_comes_out_as_by_the_rule_step_by_step() -> None:
    draws = random.Random("braces")
    for _ in range(5000):
        text = "".join(draws.choice("{}{}|ab,") for _ in range(draws.randrange(14)))
        assert draw_wildcards(text, None) == by_marks(text, lambda choices: choices[0]), text
        assert draw_wildcards(text, random.Random(7)) == by_marks(text, random.Random(7).choice), text
