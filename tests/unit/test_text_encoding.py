"""Text files from outside: what is read, and what is refused with a command that helps."""

import re
import shutil
import subprocess

import pytest

from trainer.text_encoding import UndecodableText, decode_text, encoded_text

WORDS = "hero, café, 笑顔 🎀\nsecond"


def refusal(content: bytes) -> UndecodableText:
    with pytest.raises(UndecodableText) as caught:
        decode_text(content)
    return caught.value


def helped(content: bytes) -> str:
    """Return the text after each command that the refusal names was run on it."""
    commands = re.findall("`([^`]+)`", refusal(content).way_out)
    assert commands
    for command in commands:
        if shutil.which(command.split()[0]) is None:
            pytest.skip(f"no {command.split()[0]} here")
        content = subprocess.run(["bash", "-c", command], input=content, capture_output=True, check=True).stdout
    return decode_text(content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_read_with_its_mark_and_utf8_without(encoding: str) -> None:
    assert decode_text(WORDS.encode(encoding)) == WORDS


def test_a_mark_that_was_written_twice_is_no_letter() -> None:
    assert decode_text("\ufeffcastle".encode("utf-8-sig")) == decode_text("\ufeffcastle".encode("utf-16")) == "castle"


@pytest.mark.parametrize("mark", ["fffe", "feff"])
def test_the_mark_decides_the_order_of_bytes(mark: str) -> None:
    encoding = "utf-16-le" if mark == "fffe" else "utf-16-be"
    assert decode_text(bytes.fromhex(mark) + WORDS.encode(encoding)) == WORDS


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("utf-16-le", "UTF-16LE"), ("utf-16-be", "UTF-16BE"), ("utf-32-le", "UTF-32LE"), ("utf-32-be", "UTF-32BE")],
)
@pytest.mark.parametrize("words", ["knight, red cape", "騎士, 赤いマント\r\n", "a"])
def test_wide_text_without_a_mark_is_named_and_the_command_reads_it(encoding: str, name: str, words: str) -> None:
    content = words.encode(encoding)
    assert refusal(content).found.startswith(f"{name} without a byte order mark (byte ")
    assert helped(content) == words


@pytest.mark.parametrize(
    ("words", "encoding", "title"),
    [
        ("1girl, 笑顔", "cp932", "Shift-JIS"),
        ("セーラー服, 青い空, ひふみ", "cp932", "Shift-JIS"),
        ("セーラー服, 青い空, ひふみ", "euc-jp", "EUC-JP"),
        ("소녀, 파란 하늘", "cp949", "EUC-KR"),
        ("女孩, 蓝色的天空, 校服", "gb18030", "GB18030"),
        ("女孩, 藍色的天空, 校服", "big5", "Big5"),
        ("девушка, синее небо", "cp1251", "CP1251"),
        ("grün, Ärger, SCHÖN", "cp1252", "CP1252"),
        ("it’s a “hat”", "cp1252", "CP1252"),
        ("naïve café", "latin-1", "CP1252"),
    ],
)
def test_older_encodings_are_recognized_and_the_command_reads_them(words: str, encoding: str, title: str) -> None:
    content = words.encode(encoding)
    assert refusal(content).found.endswith(f"probably {title}")
    assert helped(content) == words


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_another_text_is_written_in_the_encoding_of_the_first(encoding: str) -> None:
    read = encoded_text(WORDS.encode(encoding))
    assert read.text == WORDS
    assert read.encoded("other, 女の子") == "other, 女の子".encode(encoding)
    assert encoded_text(b"\xef\xbb\xbf\xef\xbb\xbfx").encoded("y") == b"\xef\xbb\xbf\xef\xbb\xbfy"


def test_bytes_of_no_encoding_still_get_a_command_that_runs() -> None:
    assert helped(b"a \x81 \x8d \xff,").startswith("a ")


def test_zero_bytes_in_plain_text_are_named_and_the_command_removes_them() -> None:
    content = b"hero, \0smile\n"
    assert refusal(content).found == "not text: byte 6 is zero"
    assert helped(content) == "hero, smile\n"


def test_wide_text_that_was_converted_wrongly_can_be_brought_back() -> None:
    wrong = WORDS.splitlines()[0][:10].encode("utf-16").decode("cp1252").encode("utf-8")
    assert "UTF-16 converted as if it were CP1252" in refusal(wrong).found
    assert helped(wrong) == WORDS[:10]


def test_a_mark_in_front_of_other_text_is_named() -> None:
    assert refusal(b"\xff\xfea").found == "marked as UTF-16LE but not UTF-16LE (byte 2)"
    assert "zero character" in refusal("a\0".encode("utf-16")).found
