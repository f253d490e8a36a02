"""Texts in pictures: ours as PNG, and those of any webui in every kind of file it saves."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin, features

from trainer.errors import GridError
from trainer.formats.picture_text import png_bytes, read_parameters

PIXELS = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
TEXT = "cat, 猫\nNegative prompt: dog é\nSteps: 20, Sampler: Euler a, Seed: 1"
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(*chunks: bytes) -> bytes:
    """A PNG whose pixels come before `chunks`."""
    whole = png_bytes(PIXELS, {})
    end = whole.index(b"IEND") - 4
    return whole[:end] + b"".join(chunks) + whole[end:]


def user_comment(kind: str, comment: bytes) -> bytes:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = comment
    out = io.BytesIO()
    Image.fromarray(PIXELS).save(out, kind, exif=exif.tobytes())
    return out.getvalue()


def read(tmp_path: Path, content: bytes, name: str = "picture") -> str:
    path = tmp_path / name
    path.write_bytes(content)
    return read_parameters(path)


def test_a_png_holds_the_pixels_and_the_texts() -> None:
    with Image.open(io.BytesIO(png_bytes(PIXELS, {"parameters": TEXT, "more": "plain"}))) as image:
        assert np.array_equal(np.asarray(image), PIXELS)
        assert image.info == {"parameters": TEXT, "more": "plain"}


def test_ascii_is_written_as_text_every_reader_knows_and_the_rest_as_itxt() -> None:
    whole = png_bytes(PIXELS, {"parameters": "cat", "more": "é"})
    assert b"tEXtparameters\0cat" in whole
    assert b"iTXtmore\0" in whole


def test_half_a_letter_does_not_lose_a_picture(tmp_path: Path) -> None:
    assert read(tmp_path, png_bytes(PIXELS, {"parameters": "cat \ud800"})) == "cat ?"


@given(st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"])).filter(str.strip))
def test_every_text_comes_back_from_a_png(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    assert read(tmp_path_factory.getbasetemp(), png_bytes(PIXELS, {"parameters": text})) == text


@pytest.mark.parametrize(
    "body",
    [
        chunk(b"tEXt", b"parameters\0" + "café".encode("latin-1")),
        chunk(b"tEXt", b"parameters\0" + "café".encode()),
        chunk(b"zTXt", b"parameters\0\0" + zlib.compress("café".encode("latin-1"))),
        chunk(b"iTXt", b"parameters\0\0\0\0\0" + "café".encode()),
        chunk(b"iTXt", b"parameters\0\1\0en\0x\0" + zlib.compress("café".encode())),
    ],
)
def test_every_kind_of_text_chunk_is_read_also_behind_the_pixels(tmp_path: Path, body: bytes) -> None:
    assert read(tmp_path, png_with(body)) == "café"


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", pytest.param("AVIF", marks=pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF"))])  # fmt: skip
@pytest.mark.parametrize(
    "encode",
    [
        lambda text: b"UNICODE\0" + text.encode("utf-16-be"),
        lambda text: b"UNICODE\0" + text.encode("utf-16-le"),
        lambda text: b"UNICODE\0" + text.encode("utf-16"),
        lambda text: b"\0" * 8 + text.encode(),
        lambda text: text.encode(),
    ],
    ids=["big-endian as the webui", "little-endian", "with its mark", "undefined", "bare"],
)
def test_the_user_comment_of_other_kinds_is_read(tmp_path: Path, kind: str, encode: Callable[[str], bytes]) -> None:
    assert read(tmp_path, user_comment(kind, encode(TEXT))) == TEXT


def test_the_comment_of_a_gif_is_read(tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.fromarray(PIXELS).save(out, "GIF", comment=TEXT.encode())
    assert read(tmp_path, out.getvalue()) == TEXT


def test_the_text_file_beside_a_picture_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbf" + TEXT.encode(), "picture.txt") == TEXT


def test_a_picture_without_text_is_refused_with_the_way_out(tmp_path: Path) -> None:
    for content in (png_bytes(PIXELS, {}), user_comment("JPEG", b"")):
        with pytest.raises(GridError, match=r"no infotext in it.*use the file as it was saved"):
            read(tmp_path, content)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GridError, match="No such file"):
        read_parameters(tmp_path / "none.png")


def test_a_picture_of_another_kind_is_not_tried(tmp_path: Path) -> None:
    with pytest.raises(GridError, match="cannot be read"):
        read(tmp_path, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n")


def test_a_text_that_unpacks_to_gigabytes_is_cut(tmp_path: Path) -> None:
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(b"a" * 2**20) for _ in range(64)) + packer.flush()
    assert len(read(tmp_path, png_with(chunk(b"zTXt", b"parameters\0\0" + bomb)))) == 4 * 2**20


def test_a_text_too_long_to_be_one_is_passed_over(tmp_path: Path) -> None:
    long = chunk(b"tEXt", b"parameters\0" + b"a" * (5 * 2**20))
    with pytest.raises(GridError, match="no infotext"):
        read(tmp_path, png_with(long))


def test_huge_claimed_sizes_cost_nothing(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0)
    text = chunk(b"tEXt", b"parameters\0cat")
    assert read(tmp_path, SIGNATURE + chunk(b"IHDR", header) + text) == "cat"
    with pytest.raises(GridError, match="no infotext"):
        read(tmp_path, SIGNATURE + struct.pack(">I", 2**31 - 1) + b"tEXtparameters\0cat")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_cut_off_or_garbled_picture_is_refused_or_read(tmp_path: Path, kind: str) -> None:
    if kind == "PNG":
        whole = png_bytes(PIXELS, {"parameters": TEXT})
    elif kind == "GIF":
        out = io.BytesIO()
        Image.fromarray(PIXELS).save(out, "GIF", comment=TEXT.encode())
        whole = out.getvalue()
    else:
        whole = user_comment(kind, b"UNICODE\0" + TEXT.encode("utf-16-be"))
    refused = 0
    for at in range(0, len(whole), 3):
        for broken in (whole[:at], whole[:at] + b"\xff" + whole[at + 1 :]):
            try:
                read(tmp_path, broken)
            except GridError:
                refused += 1
    assert refused


def test_what_pillow_writes_by_itself_is_read(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", TEXT, zip=True)
    out = io.BytesIO()
    Image.fromarray(PIXELS).save(out, "PNG", pnginfo=info)
    assert read(tmp_path, out.getvalue()) == TEXT
