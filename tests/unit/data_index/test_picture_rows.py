"""What a row takes from a caption."""

from hypothesis import given
from hypothesis import strategies as st

from trainer.captions.tags import tags_of
from trainer.data_index.picture_rows import caption_tags
from trainer.dataset.records import CaptionRules

RULES = st.builds(
    CaptionRules,
    wildcards=st.booleans(),
    keep_separator=st.sampled_from(["", "|||"]),
    secondary_separator=st.sampled_from(["", ";;;"]),
)


@given(
    st.lists(
        st.sampled_from(
            [
                *[",", "(a:1.2)", "[x]", "{b|c}", "\\(", ":(", "|||", ";;;", "\n", "tag", "a_b", "é", "´", "…"],
                " ",
                ",",
                ", ",
            ]
        )
    ),
    RULES,
)
def test_tags_are_those_of_captions(parts: list[str], rules: CaptionRules) -> None:
    text = "".join(parts)
    assert list(caption_tags(text, rules)) == list(tags_of(text, rules))
    assert list(caption_tags(text, CaptionRules())) == list(tags_of(text))
