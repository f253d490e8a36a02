"""LoRA tags of a prompt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.errors import GridError
from trainer.prompts.lora_tags import Tag, split_tags, tag_name, tag_text


@pytest.mark.parametrize(
    ("text", "text_encoder", "unet", "rank"),
    [
        ("<lora:a>", 1, 1, None),
        ("<lora:a:0.7>", 0.7, 0.7, None),
        ("<lora:a:0.5:0.8>", 0.5, 0.8, None),
        ("<lora:a:unet=0.8>", 1, 0.8, None),
        ("<lora:a:te=0:unet=1>", 0, 1, None),
        ("<lora:a:1:te=0>", 0, 0, None),
        ("<lora:a:1:1:8>", 1, 1, 8),
        ("<lora:a:dyn=8>", 1, 1, 8),
        ("<lora:a:unet=0.8:0.5>", 0.5, 0.8, None),
        ("<lora:a:0.1:0.2:te=-1.5>", -1.5, 0.2, None),
        ("<lora: a : 0.5 : .8 >", 0.5, 0.8, None),
        ("<lyco:a:0.5>", 0.5, 0.5, None),
    ],
)
def test_a_tag_is_read_as_in_the_webui(text: str, text_encoder: float, unet: float, rank: int | None) -> None:
    assert split_tags(text) == ("", (Tag("a", text_encoder, unet, rank),))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<lora:a:x>", "x in <lora:a:x>"),
        ("<lora:a:0.5:>", "nothing in <lora:a:0.5:>"),
        ("<lora:a:>", "nothing in <lora:a:>"),
        ("<lora:a:nan>", "nan in"),
        ("<lora:a:1:inf>", "inf in"),
        ("<lora:a:0,5>", "0,5 in"),
        ("<lora:a:unet=>", "nothing in"),
        ("<lora:a:1:1:0>", "rank 0 in"),
        ("<lora:a:dyn=2.5>", "rank 2.5 in"),
        ("<lora:a:1:1:8:1>", "has 4 numbers"),
        ("<lora:a:lbw=IN02>", "lbw= in"),
        ("<lora:>", "has no name"),
        ("<lora: :1>", "has no name"),
        ("<lora:te=0:a>", "has no name"),
        ("<lora:a:1", "is not closed"),
        ("<lora:a:1\n, smile>", "is not closed"),
        ("<lora:a <b:1>", "is not closed"),
        ("<hypernet:a:1>", "is a hypernetwork"),
    ],
)
def test_a_tag_that_the_webui_would_leave_out_is_refused(text: str, told: str) -> None:
    with pytest.raises(GridError) as refused:
        split_tags(f"1girl, {text}")
    assert str(refused.value).startswith("LoRA tag: ") and told in str(refused.value)


def test_only_the_tags_are_removed_from_the_prompt() -> None:
    rest, tags = split_tags("1girl, <lora:a-000003:0.8>, (smile:1.2) <lora:b v2.0:0:1>")
    assert rest == "1girl, , (smile:1.2) "
    assert tags == (Tag("a-000003", 0.8, 0.8), Tag("b v2.0", 0, 1))


def test_the_same_tag_twice_asks_twice() -> None:
    assert split_tags("<lora:a:0.5><lora:a:0.5>")[1] == (Tag("a", 0.5, 0.5),) * 2


def test_a_tag_in_a_comment_asks_for_nothing() -> None:
    assert split_tags("1girl\n# <lora:a:1> and <lora:b\n, smile # <lora:c:1>") == ("1girl\n, smile ", ())


def test_other_angle_brackets_are_text() -> None:
    assert split_tags("<3, a<b, <o>") == ("<3, a<b, <o>", ())


def test_a_refused_tag_carries_no_terminal_codes() -> None:
    with pytest.raises(GridError) as refused:
        split_tags("<lora:\x1b]0;x\x07:y>")
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize(
    ("text_encoder", "unet", "text"),
    [(1, 1, "<lora:a:1:1>"), (0.5, 0, "<lora:a:0.5:0>"), (-1.25, 0.1, "<lora:a:-1.25:0.1>")],
)
def test_a_tag_is_written_with_both_weights(text_encoder: float, unet: float, text: str) -> None:
    assert tag_text("a", text_encoder, unet) == text


def test_characters_that_would_end_a_tag_are_replaced_in_a_name() -> None:
    assert tag_name('a:b=c>d, "e"\n#1') == "a_b_c_d_ _e___1"
    assert tag_name("") == "_"


_weights = st.floats(allow_nan=False, allow_infinity=False)


@given(st.text(), _weights, _weights)
def test_what_is_written_reads_back_the_same(name: str, text_encoder: float, unet: float) -> None:
    rest, tags = split_tags(f"1girl{tag_text(name, text_encoder, unet)}, smile")
    assert (rest, tags) == ("1girl, smile", (Tag(tag_name(name), text_encoder, unet),))
