"""Encodings of text files from outside: a byte order mark is followed, everything else must be UTF-8 without zero bytes."""

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

# UTF-32's mark begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "UTF-8"),
    (codecs.BOM_UTF32_LE, "UTF-32LE"),
    (codecs.BOM_UTF32_BE, "UTF-32BE"),
    (codecs.BOM_UTF16_LE, "UTF-16LE"),
    (codecs.BOM_UTF16_BE, "UTF-16BE"),
)
_WIDE = ("UTF-32LE", "UTF-32BE", "UTF-16LE", "UTF-16BE")


class UndecodableText(ValueError):
    """Text in an encoding that is not read.

    Attributes:
        found: what it is, to be read behind "is", with the first byte that shows it.
        way_out: a command that makes UTF-8 of it.
    """

    def __init__(self, found: str, way_out: str) -> None:
        self.found = found
        self.way_out = way_out
        super().__init__(f"{found}; {way_out}")


@dataclass(frozen=True)
class EncodedText:
    """A text with what it takes to write another one in the same encoding.

    Attributes:
        text: without a byte order mark.
        mark: the bytes before it: its byte order mark, or none.
        encoding: name of its encoding.
    """

    text: str
    mark: bytes = b""
    encoding: str = "UTF-8"

    def encoded(self, text: str) -> bytes:
        """Return another text as the bytes of this file.

        Raises:
            UnicodeEncodeError: half of a surrogate pair is in it.
        """
        return self.mark + text.encode(self.encoding)


def decode_text(content: bytes) -> str:
    """Return the text of a file without its byte order mark.

    Raises:
        UndecodableText: it is in no Unicode encoding, in UTF-16 or UTF-32 without a mark, or has zero bytes, which no text has.
    """
    return encoded_text(content).text


def encoded_text(content: bytes) -> EncodedText:
    """Return the text of a file and its encoding.

    Raises:
        UndecodableText: as decode_text.
    """
    mark, encoding = next((marked for marked in _MARKS if content.startswith(marked[0])), (b"", "UTF-8"))
    try:
        marked = content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise _undecodable(content, len(mark) + error.start, encoding) from None
    if "\0" not in marked:
        # Programs that append to a file write the mark again.
        text = marked.lstrip("\ufeff")
        return EncodedText(text, mark + marked[: len(marked) - len(text)].encode(encoding), encoding)
    if encoding in _WIDE:
        raise UndecodableText("not text: it has a zero character", "remove it in the program that wrote it")
    raise _zero_bytes(content, marked)


def _undecodable(content: bytes, place: int, encoding: str) -> UndecodableText:
    if encoding in _WIDE:
        return UndecodableText(
            f"marked as {encoding} but not {encoding} (byte {place})",
            "save it again as UTF-8 in the program that wrote it",
        )
    if wide := _wide_encoding(content):
        return UndecodableText(f"{wide} without a byte order mark (byte {content.index(0)} is zero)", _by_iconv(wide))
    seems = _legacy_encoding(content)
    return UndecodableText(f"not UTF-8 text (byte {place}), probably {seems.title}", _by_iconv(seems.name))


def _zero_bytes(content: bytes, text: str) -> UndecodableText:
    place = content.index(0)
    if _was_utf16(text):
        return UndecodableText(
            f"UTF-16 converted as if it were CP1252 (byte {place} is zero)",
            "convert the original, or this one with `iconv -f UTF-8 -t CP1252` and then `iconv -f UTF-16 -t UTF-8`",
        )
    # What reads as UTF-8 too is plain, and every other byte of plain text in UTF-16 is zero.
    name = _wide_encoding(content) if 3 * content.count(0) >= len(content) else None
    if name:
        return UndecodableText(f"{name} without a byte order mark (byte {place} is zero)", _by_iconv(name))
    return UndecodableText(f"not text: byte {place} is zero", r"remove it, for example with `tr -d '\000'`")


def _by_iconv(name: str) -> str:
    return f"save it as UTF-8, for example with `iconv -f {name} -t UTF-8`"


def _wide_encoding(content: bytes) -> str | None:
    """Return which of UTF-16 and UTF-32 `content` is; only text with zero bytes is taken for it, as every comma gives one."""
    if 0 not in content:
        return None
    readable = {name: letters for name in _WIDE if (letters := _ascii_share(content, name)) is not None}
    return max(readable, key=lambda name: readable[name], default=None)


def _ascii_share(content: bytes, name: str) -> float | None:
    """Return the share of ASCII in `content` read in this encoding, None where it is no text in it.

    With the bytes of each character swapped, Latin letters become Chinese ones: the reading with more ASCII is right.
    """
    try:
        text = content.decode(name)
    except UnicodeDecodeError:
        return None
    if not text or not all(sign.isprintable() or sign in "\t\r\n\u3000\u00a0\ufeff" for sign in text):
        return None
    return sum(sign.isascii() for sign in text) / len(text)


def _was_utf16(text: str) -> bool:
    try:
        text.encode("cp1252").decode("utf-16")
    except UnicodeError:
        return False
    return text.startswith(("ÿþ", "þÿ"))


# Two-byte encodings of East Asia overlap: what decides is how many of the characters are ones that a text of that language uses.
# Compiled where they are needed: the text of nearly every file is UTF-8.
_KANA = "[\u3001-\u3002\u300c-\u300f\u3040-\u30ff]"
_HAN = "[\u4e00-\u9fff]"
_CYRILLIC = "(?<![A-Za-z])[\u0401\u0404\u0406\u0407\u0410-\u0451\u0454\u0456\u0457]{2}"
_LATIN = "(?<=[A-Za-z])[\u00c0-\u00ff]|[\u00c0-\u00ff](?=[A-Za-z])|[\u2013-\u2026\u00a1-\u00bf]"


@dataclass(frozen=True)
class _Legacy:
    """An encoding from before Unicode: its name for iconv, what people call it, and how much of a text looks right in it."""

    name: str
    title: str
    fitting: Callable[[str], float]


def _matches(*weighted: tuple[str, float]) -> Callable[[str], float]:
    return lambda text: sum(each * len("".join(re.findall(pattern, text))) for pattern, each in weighted)


def _common(codec: str, leads: range, trails: range) -> Callable[[str], float]:
    """Return how many characters of a text lie where `codec` has the common ones."""

    def fitting(text: str) -> float:
        encoded = [sign.encode(codec) for sign in text if not sign.isascii()]
        return sum(len(sign) == 2 and sign[0] in leads and sign[1] in trails for sign in encoded)

    return fitting


# Of equal ones the first counts. ISO-8859-1 takes every byte, so that there is always an answer.
_LEGACY = (
    _Legacy("CP932", "Shift-JIS", _matches((_KANA, 1.0), (_HAN, 0.8))),
    _Legacy("EUC-JP", "EUC-JP", _matches((_KANA, 1.1), (_HAN, 0.2))),
    _Legacy("CP949", "EUC-KR", _common("cp949", range(0xB0, 0xC9), range(0xA1, 0xFF))),
    _Legacy("GB18030", "GB18030", _common("gb18030", range(0xB0, 0xD8), range(0xA1, 0xFF))),
    _Legacy("BIG5", "Big5", lambda text: 0.85 * _common("big5", range(0xA4, 0xC7), range(0x40, 0xFF))(text)),
    _Legacy("CP1251", "CP1251", _matches((_CYRILLIC, 0.95))),
    _Legacy("CP1252", "CP1252", _matches((_LATIN, 0.9))),
    _Legacy("ISO-8859-1", "ISO-8859-1", lambda text: 0.0),
)


def _legacy_encoding(content: bytes) -> _Legacy:
    """Return the encoding that makes the most of text which is not Unicode."""
    return max(_readings(content), key=lambda reading: reading[1])[0]


def _readings(content: bytes) -> Iterator[tuple[_Legacy, float]]:
    """Yield each encoding that can read `content`, with the share of its characters beyond ASCII that look right."""
    for encoding in _LEGACY:
        try:
            text = content.decode(encoding.name)
        except UnicodeDecodeError:
            continue
        beyond = sum(not sign.isascii() for sign in text) or 1
        yield encoding, encoding.fitting(text) / beyond
