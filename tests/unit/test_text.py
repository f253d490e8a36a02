import pytest

from trainer.text import listed, numbered, path_fault, printable, shortened


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


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("bakes/0001/" + "é" * 128 + ".safetensors", "a name of 268 bytes, and a file system takes 255"),
        ("a/" * 2048, "a path of 4,096 bytes, and the system takes 4,095"),
        ("x" * 255 + "/" + "é" * 127, ""),
        ("\ud800", ""),
        ("", ""),
    ],
)
def test_a_path_that_no_file_can_have_is_described(path: str, fault: str) -> None:
    assert path_fault(path) == fault


def test_a_long_text_loses_its_middle() -> None:
    assert shortened("/a/very/long/path/file.toml", 15) == "/a/very…le.toml"
    assert [len(shortened("x" * 50, limit)) for limit in range(1, 60)] == [min(limit, 50) for limit in range(1, 60)]


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (["a", "b"], "a, b"), (["a, big", "b"], "a, big; b"), (["b", "c", "d, e"], "b; c; d, e")],
)
def test_names_with_commas_are_listed_with_semicolons(names: list[str], text: str) -> None:
    assert listed(names) == text


def test_things_are_named_by_their_numbers() -> None:
    assert numbered("bake", []) == ""
    assert numbered("bake", [7]) == "bake 7"
    assert numbered("ladder", (7, 12)) == "ladders 7, 12"
