"""Mutators: valid contents of a file made wrong in ways that know its form, drawn from a seeded generator."""

import gzip
import json
import random
import re
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from odd_values import ODD_JSON, ODD_SETTINGS, ODD_TEXTS

Mutator = Callable[[bytes, random.Random], bytes]
"""Makes other contents of valid ones."""

_EDGES = (0, 1, -1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)
_TOKEN = re.compile(r'"[^"\n]*"|[\w.+-]+|\s+|.', re.DOTALL)
_MAX_NESTED = 3000


def mutated(content: bytes, mutators: tuple[Mutator, ...], rng: random.Random) -> bytes:
    """Return `content` after one to four changes: most by `mutators`, every fourth by one that knows bytes alone."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        mutator = of_bytes if rng.random() < 0.25 else rng.choice(mutators)
        try:
            content = mutator(content, rng)
        except Exception:  # an earlier change left nothing of that form
            content = of_bytes(content, rng)
    return content


def of_bytes(content: bytes, rng: random.Random) -> bytes:
    """Change some bytes, whatever they mean."""
    first, last = sorted(rng.randrange(len(content) + 1) for _ in range(2))
    last = min(last, first + rng.choice((1, 4, 64, 4096)))
    before, piece, behind = content[:first], content[first:last], content[last:]
    match rng.randrange(8):
        case 0:
            changed = content[: rng.choice((0, 1, 7, 8, 12, first))]
        case 1:
            changed = before + behind
        case 2:
            changed = content[:last] + piece * rng.choice((1, 3, 200)) + behind
        case 3:
            changed = before + rng.randbytes(rng.choice((1, 4, 100))) + behind
        case 4:
            number = _edge(rng)
            changed = before + number + content[first + len(number) :]
        case 5:
            changed = before + _encoded(rng.choice(ODD_TEXTS)) + behind
        case 6:
            changed = content + rng.choice((b"\0", b"\n", content[:64], rng.randbytes(1000)))
        case _:
            flipped = bytearray(content)
            for _ in range(rng.choice((1, 8)) if flipped else 0):
                flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
            changed = bytes(flipped)
    return changed


def _edge(rng: random.Random) -> bytes:
    size = rng.choice((1, 2, 4, 8))
    number = (rng.choice(_EDGES) % 2 ** (8 * size)).to_bytes(size, "little")
    return number if rng.random() < 0.5 else number[::-1]


def of_text(content: bytes, rng: random.Random) -> bytes:
    """Change words and lines of a text."""
    text = content.decode("utf-8", "surrogateescape")
    if rng.random() < 0.1:
        encoding = rng.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "cp932", "cp1252"))
        return text.encode(encoding, "replace")
    if rng.random() < 0.35:
        lines = text.splitlines(keepends=True) or [""]
        place, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        match rng.randrange(4):
            case 0:
                del lines[place]
            case 1:
                lines.insert(other, lines[place])
            case 2:
                lines[place], lines[other] = lines[other], lines[place]
            case _:
                lines[place : place + 1] = [lines[place].rstrip("\n")] * rng.choice((2, 300))
        return _encoded("".join(lines))
    tokens = _TOKEN.findall(text) or [""]
    place = rng.randrange(len(tokens))
    odd = rng.choice(ODD_TEXTS)
    match rng.randrange(4):
        case 0:
            tokens[place] = odd
        case 1:
            tokens.insert(place, odd)
        case 2:
            tokens[place] = tokens[rng.randrange(len(tokens))]
        case _:
            tokens[place] = f'"{odd}"'
    return _encoded("".join(tokens))


def of_toml(content: bytes, rng: random.Random) -> bytes:
    """Give a key of a TOML file another value, or another name."""
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    keyed = [place for place, line in enumerate(lines) if "=" in line]
    if not keyed or rng.random() < 0.25:
        return of_text(content, rng)
    place = rng.choice(keyed)
    key, _, value = lines[place].partition("=")
    match rng.randrange(6):
        case 0:
            lines[place] = f"{lines[rng.choice(keyed)].partition('=')[0]}={value}"
        case 1:
            lines[place] = f"{key.strip()}.{rng.choice(('a', key.strip()))} ={value}"
        case 2:
            lines.insert(rng.randrange(len(lines) + 1), rng.choice(("[data]", "[[data]]", "[a.b.c]", "[", "]" * 3)))
        case 3:
            depth = rng.choice((3, _MAX_NESTED))
            lines[place] = f"{key}= {'[' * depth}{value}{']' * depth}"
        case _:
            lines[place] = f"{key}= {rng.choice(ODD_SETTINGS)}"
    return _encoded("\n".join(lines))


_ODD_YAML = (
    "&a [*a]",
    "*a",
    "!!python/object/apply:os.getcwd []",
    "!!binary aGk=",
    "{a: {b: [1, {c: 2}]}}",
    "[[[[1]]]]",
    "|\n  text\n  more",
    "? a : b",
    "1e-4",
    "0x1F",
    "2026-02-30",
    "~",
    "'",
    '"',
)


def of_yaml(content: bytes, rng: random.Random) -> bytes:
    """Give a key of a YAML file another value, another name or another depth."""
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    keyed = [place for place, line in enumerate(lines) if ":" in line]
    if not keyed or rng.random() < 0.25:
        return of_text(content, rng)
    place = rng.choice(keyed)
    key, _, value = lines[place].partition(":")
    match rng.randrange(6):
        case 0:
            lines[place] = f"{lines[rng.choice(keyed)].partition(':')[0]}:{value}"
        case 1:
            lines[place] = " " * rng.randrange(8) + lines[place].lstrip()
        case 2:
            depth = rng.choice((3, _MAX_NESTED))
            lines[place] = f"{key}: {'[' * depth}{value}{']' * depth}"
        case 3:
            lines.insert(
                rng.randrange(len(lines) + 1), rng.choice(("---", "...", "%YAML 1.1", "- ", "<<: *a", "\t a: 1"))
            )
        case _:
            lines[place] = f"{key}: {rng.choice((*_ODD_YAML, *ODD_SETTINGS))}"
    return _encoded("\n".join(lines))


_ODD_SHELL = (
    "$(Get-Date)",
    "`date`",
    "$a$a$a",
    "${a}",
    "%A%",
    '"',
    "'",
    "`",
    "@(",
    "<#",
    "#>",
    "{",
    "}",
    "--",
    "--a=",
    "$null",
    "[int]5",
    '"a" + "b"',
    "; rm",
    "@echo off",
    "#!/bin/bash",
    "<# Config end #>",
)


def of_script(content: bytes, rng: random.Random) -> bytes:
    """Change a word, a value or a line of a script."""
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    place = rng.randrange(len(lines))
    words = lines[place].split(" ")
    at = rng.randrange(len(words))
    match rng.randrange(6):
        case 0:
            return of_text(content, rng)
        case 1:
            words.insert(at, rng.choice(_ODD_SHELL))
        case 2:
            words[at] = rng.choice((*_ODD_SHELL, *ODD_SETTINGS))
        case 3:
            words[at] = words[at].replace("=", rng.choice(("==", " = ", "", "+=")))
        case 4:
            lines.insert(rng.randrange(len(lines) + 1), rng.choice(_ODD_SHELL))
        case _:
            words = ["$a", "=", f'"{rng.choice(("$a$a", "$b", "x" * 900))}"']
    lines[place] = " ".join(words)
    return _encoded("\n".join(lines))


def of_json(content: bytes, rng: random.Random) -> bytes:
    """Give a place of a JSON file another value, or another name."""
    return json_text(changed_tree(json.loads(content), rng), rng)


def of_packed_json(content: bytes, rng: random.Random) -> bytes:
    """Do so in JSON packed by gzip."""
    return gzip.compress(of_json(gzip.decompress(content), rng), mtime=0)


def json_text(tree: Any, rng: random.Random) -> bytes:
    """Return `tree` as JSON, now and then nested deeper than anything is."""
    text = json.dumps(tree, ensure_ascii=rng.random() < 0.5)
    if rng.random() < 0.03:
        depth = rng.choice((100, _MAX_NESTED, 60_000))
        text = "[" * depth + text + "]" * depth
    return _encoded(text)


def changed_tree(tree: Any, rng: random.Random) -> Any:
    """Return `tree` with one of its values changed, removed, renamed, doubled or moved."""
    places = list(_places(tree))
    if not places:
        return rng.choice(ODD_JSON)
    holder, key = rng.choice(places)
    other_holder, other_key = rng.choice(places)
    match rng.randrange(8):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[rng.choice(ODD_TEXTS)] = holder.pop(key)
        case 1:
            holder.insert(key, holder[key])
        case 2:
            holder[key] = [holder[key]] * rng.choice((1, 2, 500))
        case 3:
            holder[key] = {str(key): holder[key]}
        case 4:
            holder[key] = json.loads(json.dumps(other_holder[other_key]))
        case _:
            holder[key] = rng.choice(ODD_JSON)
    return tree


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(tree, dict | list):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield tree, key
            yield from _places(value)


def of_safetensors(content: bytes, rng: random.Random) -> bytes:
    """Change the header of a safetensors file, whose claimed length then mostly fits."""
    length = int.from_bytes(content[:8], "little")
    header, body = json.loads(content[8 : 8 + length]), content[8 + length :]
    names = [name for name in header if name != "__metadata__"]
    match rng.randrange(7):
        case 0 if names:
            entry = header[rng.choice(names)]
            start, end = entry["data_offsets"]
            by = rng.choice((-end, -8, -1, 1, 8, end, 2**40, 2**63))
            entry["data_offsets"] = rng.choice(([start + by, end + by], [start, end + by], [end, start], [0, end]))
        case 1 if names:
            entry = header[rng.choice(names)]
            entry["shape"] = rng.choice(([], [0], [1], [2**31, 2**31], [2**63], entry["shape"][::-1], [1] * 9, [-1]))
        case 2 if names:
            header[rng.choice(names)]["dtype"] = rng.choice(
                ("F32", "F16", "BF16", "I64", "F8_E4M3", "F4", "BOOL", "X9")
            )
        case 3 if names:
            # Every claim fits: the same bytes in another form, so that only the reader behind can refuse it.
            entry = header[rng.choice(names)]
            numbers = [side for side in entry["shape"] if side != 1]
            entry["shape"] = rng.choice(([*numbers, 1], [1, *numbers], [*numbers, 1, 1], numbers[::-1]))
        case 4 if len(names) > 1:
            one, other = rng.sample(names, 2)
            header[one], header[other] = header[other], header[one]
        case 5 if names:
            name = rng.choice(names)
            end = rng.choice(("", ".lora_mid.weight", ".hada_w1_a", ".dora_scale", ".alpha", "\x1b[2J", "." * 300))
            header[name.rpartition(".")[0] + end] = header.pop(name)
        case _:
            header = changed_tree(header, rng)
    text = json_text(header, rng)
    claimed = len(text) if rng.random() < 0.95 else rng.choice((0, len(text) - 1, len(text) + 1, 2**40, 2**64 - 1))
    return claimed.to_bytes(8, "little") + text + body


def of_safetensors_body(content: bytes, rng: random.Random) -> bytes:
    """Change the numbers of a safetensors file and leave its header as it is."""
    start = 8 + int.from_bytes(content[:8], "little")
    body = bytearray(content[start:])
    match rng.randrange(4):
        case 0:
            return content[: start + rng.randrange(len(body) + 1)]
        case 1:
            return content + rng.randbytes(rng.choice((1, 8, 5000)))
        case 2:
            # NaN or infinity in every type of numbers.
            fill = rng.choice((b"\xff", b"\x00\x7c", b"\x80\x7f", b"\x00"))
            first = rng.randrange(len(body) + 1) // 2 * 2
            size = rng.choice((2, 64, len(body)))
            body[first : first + size] = (fill * size)[: len(body[first : first + size])]
            return content[:start] + bytes(body)
        case _:
            return content[:start] + of_bytes(bytes(body), rng)


def of_metadata(key: str) -> Mutator:
    """Return a mutator of the JSON under `key` in the metadata of a safetensors file."""

    def mutate(content: bytes, rng: random.Random) -> bytes:
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + length])
        tree = changed_tree(json.loads(header["__metadata__"][key]), rng)
        header["__metadata__"][key] = json_text(tree, rng).decode("utf-8", "replace")
        text = json.dumps(header).encode()
        return len(text).to_bytes(8, "little") + text + content[8 + length :]

    return mutate


def of_png(content: bytes, rng: random.Random) -> bytes:
    """Change a chunk of a PNG; its sum then mostly fits."""
    chunks = list(_chunks(content))
    place = rng.randrange(len(chunks))
    kind, data = chunks[place]
    match rng.randrange(8):
        case 0:
            del chunks[place]
        case 1:
            chunks.insert(rng.randrange(len(chunks)), (kind, data))
        case 2:
            chunks[place] = (rng.choice((b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"iCCP", b"acTL", b"PLTE", b"tRNS")), data)
        case 3:
            number = rng.choice(_EDGES) % 2**32
            at = rng.choice((0, 4))
            chunks[0] = (chunks[0][0], chunks[0][1][:at] + number.to_bytes(4, "big") + chunks[0][1][at + 4 :])
        case 4:
            packed = zlib.compress(rng.choice((b"a", b"\0", b"<lora:x:1>")) * rng.choice((10, 100_000, 3_000_000)))
            chunks.insert(1, (b"zTXt", b"parameters\0\0" + packed))
        case 5:
            chunks.insert(1, (b"iTXt", b"parameters\0\0\0\0\0" + _encoded(rng.choice(ODD_TEXTS))))
        case _:
            chunks[place] = (kind, of_bytes(data, rng))
    wrong = rng.random() < 0.1
    return content[:8] + b"".join(_chunk(kind, data, wrong=wrong) for kind, data in chunks)


def of_png_text(content: bytes, rng: random.Random) -> bytes:
    """Change the text in a PNG's first text chunk: words, or values where it is JSON."""
    chunks = list(_chunks(content))
    place = next((place for place, (kind, _) in enumerate(chunks) if kind in (b"tEXt", b"iTXt")), None)
    if place is None:
        return of_png(content, rng)
    kind, data = chunks[place]
    key, _, text = data.partition(b"\0")
    front = b"" if kind == b"tEXt" else text[:4]
    text = text[len(front) :]
    text = of_json(text, rng) if text.startswith(b"{") and rng.random() < 0.7 else of_text(text, rng)
    chunks[place] = (b"iTXt", key + b"\0" + (front or b"\0\0\0\0") + text)
    return content[:8] + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 8
    while place + 12 <= len(content):
        length = int.from_bytes(content[place : place + 4], "big")
        yield content[place + 4 : place + 8], content[place + 8 : place + 8 + length]
        place += 12 + length
    if place == 8:
        raise ValueError("no chunk is left")


def _chunk(kind: bytes, data: bytes, *, wrong: bool = False) -> bytes:
    check = zlib.crc32(kind + data) ^ wrong
    return len(data).to_bytes(4, "big") + kind + data + check.to_bytes(4, "big")


def of_sqlite(content: bytes, rng: random.Random) -> bytes:
    """Change rows and tables of a SQLite file."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(content)
        for _ in range(rng.choice((1, 2, 5))):
            _change_row(connection, rng)
        connection.commit()
        return connection.serialize()
    finally:
        connection.close()


def of_rows(table: str) -> Mutator:
    """Return a mutator of one table's rows."""

    def mutate(content: bytes, rng: random.Random) -> bytes:
        connection = sqlite3.connect(":memory:")
        try:
            connection.deserialize(content)
            _set_value(connection, table, rng)
            connection.commit()
            return connection.serialize()
        finally:
            connection.close()

    return mutate


def _change_row(connection: sqlite3.Connection, rng: random.Random) -> None:
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    filled = [name for name in names if connection.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone()]
    table = rng.choice(filled)
    match rng.randrange(20):
        case 0:
            connection.execute(f'DELETE FROM "{table}"')
        case 1:
            connection.execute(f'DROP TABLE "{rng.choice(names)}"')
        case 2:
            connection.execute(f"PRAGMA {rng.choice(('user_version', 'application_id'))} = {rng.choice((0, -1, 99))}")
        case 3:
            columns = _columns(connection, table)
            connection.execute(
                f'ALTER TABLE "{table}" RENAME COLUMN "{rng.choice(columns)}" TO "{rng.choice(columns)}x"'
            )
        case _:
            _set_value(connection, table, rng)


def _set_value(connection: sqlite3.Connection, table: str, rng: random.Random) -> None:
    column = rng.choice(_columns(connection, table))
    rows = [row[0] for row in connection.execute(f'SELECT rowid FROM "{table}"')]
    values: list[object] = [value for value in ODD_JSON if isinstance(value, str | float | None)]
    values += [0, -1, 2**31, 2**63 - 1, -(2**63), b"\x00\xff", b"blob", "[" * 5000, '{"a":', "stap", "done ", "QUEUED"]
    value = rng.choice(values)
    if isinstance(value, str):
        value = value.encode("utf-8", "replace").decode()
    connection.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (value, rng.choice(rows)))


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
