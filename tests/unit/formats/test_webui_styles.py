"""A webui's styles.csv."""

from pathlib import Path

import pytest

from trainer.errors import GridError
from trainer.formats.webui_styles import WebuiStyle, joined, read_styles_csv, with_words


def csv(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "styles.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_styles_are_read_in_their_order_with_commas_quotes_and_lines_in_them(tmp_path: Path) -> None:
    path = csv(
        tmp_path,
        '\ufeffname,prompt,negative_prompt\r\nNeg,,"lowres, ""bad"" hands\nblurry"\r\n"a, b",photo of {prompt},\r\n',
    )
    assert read_styles_csv(path) == (
        WebuiStyle("Neg", "", 'lowres, "bad" hands\nblurry'),
        WebuiStyle("a, b", "photo of {prompt}", ""),
    )


def test_dividers_and_rows_that_lack_columns_are_passed_over(tmp_path: Path) -> None:
    path = csv(tmp_path, "name,prompt,negative_prompt\n---- mine ----\n\n,words,\nA,a\nB,b,n,extra,columns\n")
    assert read_styles_csv(path) == (WebuiStyle("A", "a", ""), WebuiStyle("B", "b", "n"))


def test_comments_blanks_after_commas_and_repeated_names_are_read_as_the_webui_does(tmp_path: Path) -> None:
    path = csv(
        tmp_path,
        "\nname, prompt, negative_prompt\n# mine, not a style,\n\nA, first,\n"
        'B, "b, c", "n"\n   # indented, x,\nA, last, bad\n',
    )
    assert read_styles_csv(path) == (WebuiStyle("A", "last", "bad"), WebuiStyle("B", "b, c", "n"))


@pytest.mark.parametrize(
    "text", ["name,prompt,negative_prompt", "\ufeffname,text\r\n", "name,prompt,negative_prompt\n\n#a,b,c\n"]
)
def test_a_table_of_headers_alone_has_no_style(tmp_path: Path, text: str) -> None:
    assert read_styles_csv(csv(tmp_path, text)) == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "nothing in it"),
        ("titel,prompt\na,b\n", "the columns titel, prompt"),
        (
            'name,prompt\na,"' + "x" * 140_000,
            r"a field of more than 131,072 characters, so that a quote may be missing",
        ),
    ],
)
def test_what_is_wrong_with_a_table_is_said_in_our_words(tmp_path: Path, text: str, found: str) -> None:
    with pytest.raises(GridError, match=found):
        read_styles_csv(csv(tmp_path, text))


def test_the_column_of_2022_is_read(tmp_path: Path) -> None:
    assert read_styles_csv(csv(tmp_path, "name,text\nA,a\n")) == (WebuiStyle("A", "a", ""),)


def test_a_file_in_a_spreadsheets_letters_is_read(tmp_path: Path) -> None:
    path = csv(tmp_path, "name,prompt,negative_prompt\nA,café,\n".encode("cp1252"))
    assert read_styles_csv(path)[0].prompt == "café"


@pytest.mark.parametrize("text", ["", "prompt\na\n", "a,b\n1,2\n", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "x" * 200_000])
def test_a_file_that_is_not_a_table_of_styles_is_refused(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(GridError, match=r"styles\.csv"):
        read_styles_csv(csv(tmp_path, text))


def test_a_file_with_zero_bytes_is_no_text_and_one_with_a_mark_is_read(tmp_path: Path) -> None:
    text = "name,prompt,negative_prompt\nA{},a,n\n"
    for content in (
        text.format("\0").encode(),
        text.format("").encode("utf-16-le"),
        text.format("é\0").encode("cp1252"),
    ):
        with pytest.raises(GridError, match="is zero"):
            read_styles_csv(csv(tmp_path, content))
    assert read_styles_csv(csv(tmp_path, text.format("").encode("utf-16"))) == (WebuiStyle("A", "a", "n"),)
    assert read_styles_csv(csv(tmp_path, text.format("é").encode("cp1252"))) == (WebuiStyle("Aé", "a", "n"),)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GridError, match="No such file"):
        read_styles_csv(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("prompt", "words", "whole"),
    [
        ("cat", "8k", "cat, 8k"),
        ("cat", "photo of {prompt}, 8k", "photo of cat, 8k"),
        ("cat", "", "cat"),
        ("", "8k", "8k"),
        ("cat", "{prompt} and {prompt}", "cat and cat"),
    ],
)
def test_a_styles_words_join_the_prompt(prompt: str, words: str, whole: str) -> None:
    assert with_words(prompt, words) == whole


def test_styles_chosen_together_join_in_their_order() -> None:
    styles = [WebuiStyle("A", "a", "x"), WebuiStyle("B", "photo of {prompt}", "y")]
    assert joined(styles) == ("photo of a", "x, y")
