"""Texts on pictures: broken into lines that fit, in letters that are there."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.gallery import label_font
from trainer.gallery.label_font import font_for, wrapped

FONT = font_for(["abc"], 16)


@settings(max_examples=60)
@given(st.text(max_size=200), st.integers(20, 300), st.integers(1, 6))
def test_no_line_is_wider_than_its_room_and_no_more_are_given(text: str, width: int, most: int) -> None:
    lines = wrapped(text, FONT, width, most)
    assert len(lines) <= most
    assert all(len(line) <= 1 or FONT.getlength(line) <= width for line in lines)


@settings(max_examples=40)
@given(st.text(st.characters(codec="ascii", categories=["L", "N", "Zs"]), max_size=120))
def test_a_text_with_room_keeps_all_its_letters(text: str) -> None:
    assert "".join(wrapped(text, FONT, 60, 1000)).replace(" ", "") == text.replace(" ", "")


def test_words_are_not_broken_where_they_fit() -> None:
    assert wrapped("school uniform, classroom", FONT, 130, 5) == ["school uniform,", "classroom"]


def test_text_that_does_not_fit_ends_in_an_ellipsis() -> None:
    assert wrapped("one two three four five six seven", FONT, 60, 2)[-1].endswith("…")


def test_without_fontconfig_pillows_own_font_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    label_font._file_covering.cache_clear()
    try:
        assert font_for(["abc"], 16).getlength("abc") > 0
    finally:
        label_font._file_covering.cache_clear()
