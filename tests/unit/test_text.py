from trainer.text import printable


def test_escape_codes_become_visible() -> None:
    assert printable("a\x1b[2Jb\x07") == "a\\x1b[2Jb\\x07"


def test_a_text_stays_on_one_line() -> None:
    assert printable("one\ntwo\rthree\u2028four") == "one\\x0atwo\\x0dthree\\u2028four"


def test_direction_overrides_and_undecodable_bytes_become_visible() -> None:
    assert printable("gnp.\u202eexe\udcff") == "gnp.\\u202eexe\\udcff"


def test_letters_of_all_languages_and_markup_stay() -> None:
    text = "[red]笑顔[/red] é 😀"
    assert printable(text) == text


def test_a_long_text_ends_in_an_ellipsis() -> None:
    assert printable("abcdef", limit=4) == "abc…"
    assert printable("abcd", limit=4) == "abcd"
