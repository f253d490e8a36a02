"""What an edit changes of a caption, in two lines."""

import pytest

from lora_tui.wording.caption_diff import DiffPart, caption_diff


def text(parts: tuple[DiffPart, ...]) -> str:
    """Return a line with what differs in braces."""
    return "".join(f"{{{part.text}}}" if part.changes else part.text for part in parts)


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("a, b, c", "a, x, c", ("a,{ b}, c", "a,{ x}, c")),
        ("a, b", "a", ("a{, b}", "a")),
        (None, "a, b\n", ("", "{a, b}")),
        ("one line\nanother", "one line\nother", ("one line⏎{another}", "one line⏎{other}")),
    ],
)
def test_only_what_differs_is_marked(before, after, lines) -> None:
    first, second = caption_diff(before, after)
    assert (text(first), text(second)) == lines


def test_of_a_long_caption_what_stays_is_left_out() -> None:
    tags = [f"tag {number}" for number in range(60)]
    changed = [*tags[:30], "new", *tags[31:]]
    first, second = (text(line) for line in caption_diff(", ".join(tags), ", ".join(changed)))
    assert "{ tag 30}" in first and "{ new}" in second
    assert first.startswith("…") and first.endswith("…") and "tag 29" in first and "tag 31" in first
    assert "tag 5," not in first and len(first) < 80


def test_signs_of_a_caption_are_never_codes() -> None:
    first, _ = caption_diff("a\x1b[31m, b", "b")
    assert "\x1b" not in text(first)
