"""Text in pictures: writes PNG text chunks, reads the webui's `parameters` from every kind of picture that it saves."""

import io
import os
import re
import struct
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin, features

from trainer.errors import GridError
from trainer.formats.generator_table import KEY, XMP
from trainer.regular_file import open_regular
from trainer.text import printable

# An infotext has a few thousand characters; with a script's workflow in it, some hundred thousand.
_MAX_TEXT = 4 * 2**20
# WebP and AVIF files are read completely to find their EXIF.
_MAX_BYTES = 256 * 2**20
_MAX_CHUNKS = 100_000
# All texts of a picture together.
_MAX_TEXTS = 64
_MAX_ALL_TEXTS = 4 * _MAX_TEXT
_HEADER_BYTES = 13
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_EXIF_FOLDER, _USER_COMMENT = 0x8769, 0x9286
# No other format is tried on a file from outside: some of Pillow's readers start programs.
_FORMATS = ("JPEG", "WEBP", "GIF", *(("AVIF",) if features.check("avif") else ()))
# ComfyUI's node for WebP writes `prompt:{…}` into the camera's fields, and its key for everything else.
_EXIF_TEXTS = (0x010E, 0x010F, 0x0110)
_KEYED = re.compile(r"(prompt|workflow):\s*(?=\{)", re.IGNORECASE)

# Pillow's warnings about large pictures and odd EXIF would go to stderr, across the screen.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def png_bytes(pixels: NDArray[np.uint8], texts: Mapping[str, str]) -> bytes:
    """Return a PNG of `pixels` with `texts`: as tEXt where they are ASCII, else as iTXt.

    tEXt could hold Latin-1 too, but many tools write UTF-8 into it, so that readers have to guess.

    Args:
        pixels: uint8 [height, width, 3].
        texts: key -> text; keys of 1 to 79 Latin-1 characters. Half a surrogate pair becomes `?`.
    """
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        if text.isascii():
            info.add_text(key, text)
        else:
            info.add_itxt(key, text.encode("utf-8", "replace").decode("utf-8"))
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, "PNG", pnginfo=info)
    return out.getvalue()


@dataclass(frozen=True)
class PictureTexts:
    """What is written in a picture.

    Attributes:
        texts: key -> text. A webui's infotext is under `parameters`, and so is the comment of every kind of picture but PNG.
        size: width and height in pixels; None for a text file.
    """

    texts: Mapping[str, str]
    size: tuple[int, int] | None = None


def read_texts(path: Path) -> PictureTexts:
    """Return the texts in a PNG, JPEG, WebP, AVIF or GIF, or in the .txt file that the webui can write beside it. No pixel is decoded.

    Raises:
        GridError: it cannot be read.
    """
    where = printable(str(path))
    try:
        with open_regular(path) as file:
            start = file.read(len(_SIGNATURE))
            if start == _SIGNATURE:
                return _png_texts(file)
            file.seek(0)
            return PictureTexts({KEY: _plain_text(file)}) if path.suffix.lower() == ".txt" else _picture_texts(file)
    except Image.DecompressionBombError as error:
        raise GridError(where, found="too many pixels", expected="a picture made by a webui") from error
    # Pillow's readers raise what they like on a broken file, from IndexError to struct.error.
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "the picture is incomplete"
        raise GridError(where, found=f"cannot be read ({reason})", expected="a picture made by a webui") from error


def read_parameters(path: Path) -> str:
    """Return the infotext in a picture of a webui or of ours, or in the .txt file beside one.

    Raises:
        GridError: it cannot be read, or has none.
    """
    text = read_texts(path).texts.get(KEY, "")
    if not text.strip():
        raise no_infotext(printable(str(path)))
    return text


def no_infotext(where: str) -> GridError:
    """Return the error for a picture without any text on how it was made."""
    return GridError(
        where,
        found="no infotext in it",
        expected=f"a PNG with `{KEY}`, or a JPEG, WebP, AVIF or GIF as the webui saves it",
        way_out="messengers and some sites strip it: use the file as it was saved",
    )


def _png_texts(file: BinaryIO) -> PictureTexts:
    """Return the texts of a PNG whose signature is already read, wherever they are; chunks that are too long are skipped."""
    texts: dict[str, str] = {}
    size: tuple[int, int] | None = None
    room = _MAX_ALL_TEXTS
    end = os.fstat(file.fileno()).st_size
    for _ in range(_MAX_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            break
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind == b"IEND" or file.tell() + length > end:
            break
        if kind in _TEXTS and length <= _MAX_TEXT and len(texts) < _MAX_TEXTS and room > 0:
            key, _, rest = file.read(length).partition(b"\0")
            text = texts[key.decode("latin-1")] = _chunk_text(kind, rest)
            room -= len(text)
            file.seek(4, os.SEEK_CUR)
        elif kind == b"IHDR" and length == _HEADER_BYTES:
            width, height = struct.unpack(">II", file.read(8))
            size = (width, height)
            file.seek(length - 8 + 4, os.SEEK_CUR)
        else:
            file.seek(length + 4, os.SEEK_CUR)
    return PictureTexts(texts, size)


def _chunk_text(kind: bytes, rest: bytes) -> str:
    """Return the text of a chunk, given what follows its keyword (PNG specification, third edition, section 11.3.3)."""
    if kind == b"tEXt":
        return _latin_or_utf8(rest)
    if kind == b"zTXt":
        return _unpacked(rest[1:]).decode("latin-1")
    packed, body = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[2:]
    text = body[0] if body else b""
    return (_unpacked(text) if packed else text).decode("utf-8", "replace")


def _latin_or_utf8(text: bytes) -> str:
    """Decode Latin-1, or UTF-8, which some tools write instead; real Latin-1 text is hardly ever valid UTF-8."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _unpacked(packed: bytes) -> bytes:
    """Return at most _MAX_TEXT, however much a few bytes decompress to."""
    return zlib.decompressobj().decompress(packed, _MAX_TEXT)


def _plain_text(file: BinaryIO) -> str:
    return file.read(_MAX_TEXT).decode("utf-8-sig", "replace")


def _picture_texts(file: BinaryIO) -> PictureTexts:
    if os.fstat(file.fileno()).st_size > _MAX_BYTES:
        raise ValueError("too large")
    with Image.open(file, formats=_FORMATS) as image:
        if image.format == "GIF":
            return PictureTexts({KEY: _comment_text(image.info.get("comment", b""))}, image.size)
        exif = image.getexif()
        comment = exif.get_ifd(_EXIF_FOLDER).get(_USER_COMMENT) or exif.get(_USER_COMMENT)
        texts = {KEY: _comment_text(comment or image.info.get("comment", b""))}
        for tag in _EXIF_TEXTS:
            if match := _KEYED.match(text := str(exif.get(tag, ""))[:_MAX_TEXT]):
                texts[match[1].lower()] = text[match.end() :].rstrip("\0")
        xmp = image.info.get("xmp")
        if isinstance(xmp, bytes):
            texts[XMP] = xmp[:_MAX_TEXT].decode("utf-8", "replace")
        return PictureTexts(texts, image.size)


def _comment_text(comment: object) -> str:
    """Return the text of an EXIF UserComment: 8 bytes that name the character code, then the text (EXIF 2.32, 4.6.5)."""
    if not isinstance(comment, bytes):
        return str(comment)
    comment = comment[:_MAX_TEXT]
    if comment.startswith(b"UNICODE\0"):
        return _utf16(comment[8:])
    if comment.startswith((b"ASCII\0\0\0", b"\0" * 8)):
        comment = comment[8:]
    return _latin_or_utf8(comment.rstrip(b"\0"))


def _utf16(text: bytes) -> str:
    """Decode UTF-16: big-endian in the webui, in the EXIF's byte order elsewhere; the zero bytes of ASCII letters show which."""
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        return text.decode("utf-16", "replace")
    big = text[0::2].count(0) >= text[1::2].count(0)
    return text.decode("utf-16-be" if big else "utf-16-le", "replace").rstrip("\0")
