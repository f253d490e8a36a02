"""Text in pictures: writes PNG text chunks, reads the webui's `parameters` from every kind of picture that it saves."""

import io
import os
import struct
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin, features

from trainer.errors import GridError
from trainer.text import printable

KEY = "parameters"
"""The webui's key for its infotext in a PNG."""

# An infotext has a few thousand characters; with a script's workflow in it, some hundred thousand.
_MAX_TEXT = 4 * 2**20
# WebP and AVIF files are read completely to find their EXIF.
_MAX_BYTES = 256 * 2**20
_MAX_CHUNKS = 100_000
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_EXIF_FOLDER, _USER_COMMENT = 0x8769, 0x9286
# No other format is tried on a file from outside: some of Pillow's readers start programs.
_FORMATS = ("JPEG", "WEBP", "GIF", *(("AVIF",) if features.check("avif") else ()))
# Other programs' keys in a PNG: they hold a workflow or their own table, not an infotext.
_OTHERS = {
    "prompt": "ComfyUI",
    "workflow": "ComfyUI",
    "invokeai_metadata": "InvokeAI",
    "sd-metadata": "InvokeAI",
    "Comment": "NovelAI or another program",
}
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, OverflowError, KeyError, TypeError)

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


def read_parameters(path: Path) -> str:
    """Return the infotext in a PNG, JPEG, WebP, AVIF or GIF, or in the .txt file that the webui can write beside it. No pixel is decoded.

    Raises:
        GridError: it cannot be read, or has no infotext; names the program that made the picture where that is known.
    """
    where = printable(str(path))
    found = "no infotext in it"
    try:
        with path.open("rb") as file:
            start = file.read(len(_SIGNATURE))
            if start == _SIGNATURE:
                texts = _png_texts(file)
                text = texts.get(KEY, "")
                for key, program in _OTHERS.items():
                    if key in texts:
                        found = f"no infotext in it, but {program}'s metadata"
            else:
                file.seek(0)
                text = _plain_text(file) if path.suffix.lower() == ".txt" else _picture_text(file)
    except Image.DecompressionBombError as error:
        raise GridError(where, found="too many pixels", expected="a picture made by a webui") from error
    except _BROKEN as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "the picture is incomplete"
        raise GridError(where, found=f"cannot be read ({reason})", expected="a picture made by a webui") from error
    if not text.strip():
        raise GridError(
            where,
            found=found,
            expected=f"a PNG with `{KEY}`, or a JPEG, WebP, AVIF or GIF as the webui saves it",
            way_out="messengers and some sites strip it: use the file as it was saved",
        )
    return text


def _png_texts(file: BinaryIO) -> dict[str, str]:
    """Return the texts of a PNG whose signature is already read, wherever they are; chunks that are too long are skipped."""
    texts: dict[str, str] = {}
    size = os.fstat(file.fileno()).st_size
    for _ in range(_MAX_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            break
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind == b"IEND" or file.tell() + length > size:
            break
        if kind in _TEXTS and length <= _MAX_TEXT:
            key, _, rest = file.read(length).partition(b"\0")
            name = key.decode("latin-1")
            if name == KEY or name in _OTHERS:
                texts[name] = _chunk_text(kind, rest) if name == KEY else ""
            file.seek(4, os.SEEK_CUR)
        else:
            file.seek(length + 4, os.SEEK_CUR)
    return texts


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


def _picture_text(file: BinaryIO) -> str:
    if os.fstat(file.fileno()).st_size > _MAX_BYTES:
        raise ValueError("too large")
    with Image.open(file, formats=_FORMATS) as image:
        if image.format == "GIF":
            return _comment_text(image.info.get("comment", b""))
        exif = image.getexif()
        comment = exif.get_ifd(_EXIF_FOLDER).get(_USER_COMMENT) or exif.get(_USER_COMMENT)
        return _comment_text(comment or image.info.get("comment", b""))


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
