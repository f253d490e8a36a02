import ast
import io
import re
from functools import cache
from pathlib import Path

import pytest
from rich.cells import cell_len

import lora_tui
import trainer
from lora_tui.terminal.encoding import ASCII_VARIABLE, REPLACE_SIGNS, REPLACEMENTS, encode, encoding_of, shown_encoding


def _texts(tree: ast.AST) -> set[str]:
    """Return all strings of a module but its docstrings."""
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
    }


_ESCAPED = re.compile(r"\\[uUNx]")


@cache
def _is_sign(sign: str) -> bool:
    """Return whether a character is printed as a sign: letters, wide signs and those of Latin 1 tell texts of others apart."""
    return ord(sign) > 0xFF and sign.isprintable() and not sign.isalpha() and cell_len(sign) == 1


@cache
def _own_signs() -> frozenset[str]:
    files = [path for package in (lora_tui, trainer) for path in Path(str(package.__file__)).parent.rglob("*.py")]
    found: set[str] = set()
    for path in files:
        source = path.read_text(encoding="utf-8")
        # One that only has signs that are known already need not be taken apart.
        if path.name != "encoding.py" and (_ESCAPED.search(source) or set(filter(_is_sign, source)) - found):
            found |= {sign for text in _texts(ast.parse(source)) for sign in text if _is_sign(sign)}
    return frozenset(found)


def test_every_sign_of_our_own_has_one_in_ascii() -> None:
    signs = _own_signs()
    assert {"…", "→", "▇", "✓"} <= signs
    assert {sign for sign in signs if "?" in encode(sign, "ascii").decode()} == set()


def test_a_replacement_takes_the_cells_of_what_it_replaces() -> None:
    for text in (*REPLACEMENTS, *_own_signs(), "画像", "ｈ", "ア", "⢇⠀", "─│┼╰", "é", "ß"):
        assert cell_len(encode(text, "ascii").decode()) == cell_len(text), text


@pytest.mark.parametrize(
    ("text", "encoding", "sent"),
    [
        ("3 → 4 …", "iso8859-15", b"3 > 4 ."),
        ("Größe × 2", "iso8859-1", "Größe × 2".encode("iso8859-1")),
        ("Größe", "ascii", b"Gro?e"),
        ("画像 ✓", "koi8-r", b"???? v"),
        ("画像", "euc-jp", "画像".encode("euc-jp")),
        ("a\u0301", "ascii", b"a"),
        ("name\udce4", "utf-8", b"name?"),
        ("▇▇▁ 45 %", "cp437", b"##_ 45 %"),
    ],
)
def test_what_the_encoding_has_is_kept_and_the_rest_replaced(text: str, encoding: str, sent: bytes) -> None:
    assert encode(text, encoding) == sent


def test_a_stream_replaces_too() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="latin-1", errors=REPLACE_SIGNS)
    stream.write("wait…\n")
    stream.flush()
    assert raw.getvalue() == b"wait.\n"
    assert encoding_of(stream) == "latin-1"
    assert encoding_of(io.StringIO()) == encoding_of(None) == "utf-8"


class _Screen(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("asked", "shown"), [("1", "ascii"), ("yes", "ascii"), ("0", "utf-8"), ("", "utf-8"), ("False", "utf-8")]
)
def test_ascii_is_asked_for_by_a_variable_and_meant_for_terminals(
    monkeypatch, tmp_path: Path, asked: str, shown: str
) -> None:
    monkeypatch.setenv(ASCII_VARIABLE, asked)
    assert shown_encoding(_Screen()) == shown
    # A file is read by programs, which want every name as it is.
    with open(tmp_path / "out.json", "w", encoding="utf-8") as file:
        assert shown_encoding(file) == "utf-8"
