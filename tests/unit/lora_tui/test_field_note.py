"""The note under the form."""

import pytest

from lora_tui.widgets.field_note import field_facts
from trainer.settings.describe import field


def note(name: str) -> str:
    return "\n".join(line.plain for line in field_facts(field(name), 200))


def test_a_note_says_what_may_stand_there_and_what_for() -> None:
    assert note("network_dim") == (f"a whole number from 1 to 1024 · default: 32 rank\n{field('network_dim').help}")


def test_a_setting_that_may_change_while_baking_says_so() -> None:
    assert note("unet_lr").splitlines()[0].endswith(" · live")
    assert "live" not in note("network_dim")


@pytest.mark.parametrize(
    ("name", "words"),
    [("xformers", "nearly, not bit for bit"), ("mixed_precision", "bit for bit on a CPU")],
)
def test_a_setting_that_touches_an_exact_resume_says_how(name: str, words: str) -> None:
    assert "Exact resume: " in note(name)
    assert words in note(name)
    assert "Exact resume" not in note("gradient_checkpointing")
