"""Labels of complete prompts: what differs, and never two prompts under one label."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.grid.prompt_labels import NOTHING_MORE, prompt_labels, shared_tags


@pytest.mark.parametrize(
    ("prompts", "labels"),
    [
        (["girl, harbour, night", "girl, forest, night"], ["harbour", "forest"]),
        (["girl, red coat, boots, rain", "girl, blue coat, rain"], ["red coat, boots", "blue coat"]),
        (["girl, rain", "girl, rain, umbrella"], [NOTHING_MORE, "umbrella"]),
        (["(girl, smile:1.2), rain", "(girl, frown:1.2), rain"], ["(girl, smile:1.2)", "(girl, frown:1.2)"]),
        (["girl,\nharbour", "girl , forest"], ["harbour", "forest"]),
        (
            [
                "an old photograph of a lighthouse at the end of the pier",
                "an old photograph of a tram at the end of the pier",
            ],
            ["lighthouse", "tram"],
        ),
        (["only one, of it"], ["only one, of it"]),
        (["twice", "twice"], ["twice", "twice"]),
        (["girl, hat", "girl, coat", "girl, hat"], ["hat", "coat", "hat"]),
        # The order alone differs: no tag tells them apart.
        (["girl, hat, coat", "girl, coat, hat"], ["girl, hat, coat", "girl, coat, hat"]),
        (["", "lowres"], [NOTHING_MORE, "lowres"]),
    ],
)
def test_a_prompt_is_labelled_by_what_differs(prompts: list[str], labels: list[str]) -> None:
    assert list(prompt_labels(prompts)) == labels


@given(st.lists(st.text("ab ,()\\\n", max_size=12), min_size=1, max_size=4))
def test_different_prompts_never_share_a_label_and_equal_ones_do(prompts: list[str]) -> None:
    labels = prompt_labels(prompts)
    assert len(labels) == len(prompts)
    for one, label in zip(prompts, labels, strict=True):
        for other, its_label in zip(prompts, labels, strict=True):
            assert (one == other) == (label == its_label)


def test_what_all_prompts_have_is_what_their_labels_leave_out() -> None:
    assert shared_tags(["girl, harbour, night", "night, girl, forest"]) == "girl, night"
    assert shared_tags(["harbour", "forest"]) == shared_tags([]) == ""
