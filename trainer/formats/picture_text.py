"""How does a picture carry text? A PNG's text chunks written; the webui's `parameters` read out of any kind of picture it saves."""

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
"""What the webui calls its infotext in a PNG."""

# An infotext has a few thousand characters; with the workflow of a script in it, some hundred thousand.
_MAX_TEXT = 4 * 2**20
# WebP and AVIF are read whole to find their EXIF.
_MAX_BYTES = 256 * 2**20
_MAX_CHUNKS = 100_000
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_EXIF_FOLDER, _USER_COMMENT = 0x8769, 0x9286
# Nothing else is tried on a foreign file: some of Pillow's other readers start programs.
_FORMATS = ("JPEG", "WEBP", "GIF", *(("AVIF",) if features.check("avif") else ()))
# Other programs' keys in a PNG: they hold a workflow or a table of their own, no infotext.
_OTHERS = {
    "prompt": "ComfyUI",
    "workflow": "ComfyUI",
    "invokeai_metadata": "InvokeAI",
    "sd-metadata": "InvokeAI",
    "Comment": "NovelAI or another program",
}
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, OverflowError, KeyError, TypeError)

# Pillow's remarks about large pictures and odd EXIF would go to stderr, across the screen.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def png_bytes(pixels: NDArray[np.uint8], texts: Mapping[str, str]) -> bytes:
    """Return a PNG of `pixels` that carries `texts`: as tEXt where ASCII has all their letters, else as iTXt.

    tEXt could hold Latin-1 too, but so many tools write UTF-8 into it that readers have to guess.

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
    """Return the infotext in a PNG, JPEG, WebP, AVIF or GIF, or in the .txt file the webui can write beside it. No pixel is unpacked.

    Raises:
        GridError: it cannot be read, or holds no infotext; names the program that made the picture where it is known.
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
                        found = f"no infotext in it, but {program}'s own notes"
            else:
                file.seek(0)
                text = _plain_text(file) if path.suffix.lower() == ".txt" else _picture_text(file)
    except Image.DecompressionBombError as error:
        raise GridError(where, found="a picture of too many pixels", expected="one a webui made") from error
    except _BROKEN as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "no whole picture"
        raise GridError(where, found=f"cannot be read ({reason})", expected="a picture a webui made") from error
    if not text.strip():
        raise GridError(
            where,
            found=found,
            expected=f"a PNG with `{KEY}`, or a JPEG, WebP, AVIF or GIF as the webui saves it",
            way_out="messengers and some sites strip it: take the file as it was saved",
        )
    return text


def _png_texts(file: BinaryIO) -> dict[str, str]:
    """Return the texts of a PNG whose signature is read, wherever they stand in it; what is too long to be one is passed over."""
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
    """Return the text of a chunk from behind its keyword (PNG specification, third edition, section 11.3.3)."""
    if kind == b"tEXt":
        return _latin_or_utf8(rest)
    if kind == b"zTXt":
        return _unpacked(rest[1:]).decode("latin-1")
    packed, body = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[2:]
    text = body[0] if body else b""
    return (_unpacked(text) if packed else text).decode("utf-8", "replace")


def _latin_or_utf8(text: bytes) -> str:
    """Some tools write UTF-8 where only Latin-1 may stand; Latin-1 that happens to be UTF-8 beyond ASCII is no text anybody types."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _unpacked(packed: bytes) -> bytes:
    """Return no more than _MAX_TEXT, whatever a few bytes claim to unpack to."""
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
    """The webui writes it big-endian, others as the EXIF's own numbers stand; most letters of an infotext tell which by their zero byte."""
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        return text.decode("utf-16", "replace")
    big = text[0::2].count(0) >= text[1::2].count(0)
    return text.decode("utf-16-be" if big else "utf-16-le", "replace").rstrip("\0")
