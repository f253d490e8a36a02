"""Comments of a prompt."""

import pytest

from trainer.prompts.comments import without_comments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1girl, smile", "1girl, smile"),
        ("# notes\n1girl", "1girl"),
        ("1girl,\n# notes\nsmile", "1girl,\nsmile"),
        ("1girl, # notes\nsmile", "1girl, \nsmile"),
        ("1girl\n# the last line", "1girl\n"),
        ("#", ""),
        ("a#b#c", "a"),
    ],
)
def test_a_comment_goes_from_its_sign_to_the_end_of_its_line(text: str, expected: str) -> None:
    assert without_comments(text) == expected
