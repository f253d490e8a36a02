"""What axes do to a prompt."""

import pytest

from trainer.grid.prompt_changes import NotInPrompt, has_token, reordered, replaced, with_outfit, without_token

_OUTFITS = {"school": "school uniform, halo", "beach": "bikini, beach", "plain": "school uniform"}


def test_58_search_replaces_every_occurrence_inside_words_too() -> None:
    assert replaced("cat, catgirl", "no cat", "cat", "dog") == ("dog, doggirl", "no dog")


def test_a_search_finds_text_in_the_negative_prompt_only() -> None:
    assert replaced("a", "blurry", "blurry", "flat") == ("a", "flat")


def test_57_a_search_for_what_is_in_neither_is_refused() -> None:
    with pytest.raises(NotInPrompt) as told:
        replaced("a", "b", "cat", "dog")
    assert told.value.word == "cat"


def test_another_order_puts_the_words_into_each_others_places() -> None:
    assert reordered("a, cat, b, dog, c", ("dog", "cat")) == "a, dog, b, cat, c"
    assert reordered("a, cat, b, dog, c", ("cat", "dog")) == "a, cat, b, dog, c"


@pytest.mark.parametrize("words", [("cat", "bird"), ("cat", "cat"), ("catgirl", "cat"), ("cat", "")])
def test_words_that_are_missing_or_lie_in_each_other_have_no_order(words: tuple[str, ...]) -> None:
    with pytest.raises(NotInPrompt):
        reordered("a, catgirl", words)


@pytest.mark.parametrize(
    ("prompt", "without"),
    [
        ("1girl, hifumi, smile", "1girl, smile"),
        ("hifumi, smile", "smile"),
        ("smile, hifumi", "smile"),
        ("hifumi", ""),
        ("1girl, (hifumi:1.2), smile", "1girl, smile"),
        ("1girl, ((hifumi)), smile", "1girl, smile"),
        ("1girl, (hifumi, smile:1.2)", "1girl, (smile:1.2)"),
        ("((hifumi), smile)", "(smile)"),
        ("hifumi, a, hifumi", "a"),
        ("a hifumi, hifumi_alt", "a , hifumi_alt"),
    ],
)
def test_the_token_leaves_with_its_brackets_and_one_comma(prompt: str, without: str) -> None:
    assert without_token(prompt, "hifumi") == without


def test_a_token_inside_another_word_does_not_count() -> None:
    assert not has_token("hifumi_alt, xhifumi", "hifumi")
    with pytest.raises(NotInPrompt):
        without_token("hifumi_alt", "hifumi")


def test_a_token_of_signs_is_found_as_it_is() -> None:
    assert without_token("1girl, hi(fu)mi+, smile", "hi(fu)mi+") == "1girl, smile"


@pytest.mark.parametrize(
    ("prompt", "dressed"),
    [
        ("1girl, hifumi, school uniform, halo, smile", "1girl, hifumi, bikini, beach, smile"),
        ("1girl, hifumi, school uniform, backpack, halo", "1girl, hifumi, bikini, beach, backpack"),
        ("1girl, hifumi, school uniform, smile", "1girl, hifumi, bikini, beach, smile"),
        ("1girl, hifumi, smile", "1girl, hifumi, bikini, beach, smile"),
        ("1girl, (hifumi:1.1), smile", "1girl, (hifumi:1.1), bikini, beach, smile"),
        ("1girl, smile,", "1girl, smile, bikini, beach"),
        ("1girl, (school uniform, halo:1.2)", "1girl, (bikini, beach:1.2)"),
        ("", "bikini, beach"),
        ("1girl, bikini, beach", "1girl, bikini, beach"),
    ],
)
def test_an_outfit_takes_the_place_of_the_one_worn(prompt: str, dressed: str) -> None:
    assert with_outfit(prompt, "bikini, beach", _OUTFITS, "hifumi") == dressed


BOOKED = r"1girl, knight \(order of the rose\), castle"


@pytest.mark.parametrize("token", ["knight (order of the rose)", r"knight \(order of the rose\)"])
@pytest.mark.parametrize(
    ("prompt", "without"),
    [
        (BOOKED, "1girl, castle"),
        (BOOKED.replace("\\", ""), "1girl, castle"),
        (r"(knight \(order of the rose\):1.2), castle", "castle"),
        (r"knight \\\(order of the rose\\\), castle", "castle"),
    ],
)
def test_a_token_with_brackets_is_found_escaped_or_not(token: str, prompt: str, without: str) -> None:
    assert has_token(prompt, token)
    assert without_token(prompt, token) == without


@pytest.mark.parametrize("worn", ["armour (rose)", r"armour \(rose\)", r"cape, armour \(rose\)"])
def test_an_outfit_with_brackets_is_found_escaped_or_not(worn: str) -> None:
    prompt = r"1girl, armour \(rose\), hat, cape"
    dressed = with_outfit(prompt, "dress", {"a": worn}, "knight")
    assert dressed == (r"1girl, dress, hat" if "," in worn else "1girl, dress, hat, cape")
