"""What users read is plain English: none of the words that the project once had to itself is in a string they can meet."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Each pattern with the plain way of putting it.
WORDS = {
    r"mend(s|ed|ing)?": "fix, repair",
    r"anew": "again, from scratch",
    r"shall": "should, will",
    r"(?<!there )is no(?! longer)": "is not a",
    r"there (is|are) none": "none found, missing",
    r"besides": "also",
    r"told": "name who reports it",
    r"said": "says, from",
    r"on the desk": "as edited",
    r"showings": "times shown, exposures",
    r"(take|takes|took|taken|taking) (it |bake [^ ]+ |them )?up": "resume",
    r"(go|goes|going|gone|went) on": "continue, resume",
    r"(begin|begins|began|begun|beginning)": "start",
    r"all the same": "nevertheless, or nothing",
    r"at the (most|least)": "at most, at least",
    r"so many": "name the number",
    r"at work": "running",
    r"let(s|ting)? go": "unload, free, remove",
    r"mine": "name whose",
    r"put(s|ting)? down": "write, load",
    r"wish(es|ed)?": "setting, request",
    r"at large": "general",
    r"in line": "queued",
    r"look(s|ing)? on": "read-only",
    r"otherwise than": "differently from",
    r"the mean while|meanwhile": "since then",
    r"ready-made": "preset",
    # `--fake-card` and `encoder_off_card` are names.
    r"(?<![-_])cards?(?![-_])": "GPU",
    r"branch(es|ed|ing)?": "fork",
}
_PATTERN = re.compile("|".join(rf"\b(?:{word})\b" for word in WORDS), re.IGNORECASE)

# Code, style sheets and queries, no sentences.
_NOT_PROSE = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|PRAGMA|WITH|BEGIN|COMMIT|DROP|ATTACH)\b")
_NOT_PROSE_NAMES = ("DEFAULT_CSS", "CSS", "__all__")


def visible_strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of every string that a user can meet; of an f-string with `…` for what is filled in."""
    skipped = {id(node) for node in _never_shown(tree)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.JoinedStr):
            text = "".join(_text(part) for part in node.values)
            if not _NOT_PROSE.match(text):
                yield node.lineno, text
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_prose(node.value):
            yield node.lineno, node.value


def _is_prose(text: str) -> bool:
    return " " in text.strip() and not _NOT_PROSE.match(text)


def _text(part: ast.expr) -> str:
    return part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "…"


def _never_shown(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        match node:
            case ast.Module() | ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                if not _is_command(node) and node.body and isinstance(node.body[0], ast.Expr):
                    yield from ast.walk(node.body[0])
                # A string of its own behind a field or a constant is its docstring.
                for statement in node.body[1:]:
                    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                        yield statement.value
            case ast.Dict():
                yield from (key for key in node.keys if key is not None)
            case ast.Subscript():
                yield from ast.walk(node.slice)
            case ast.Assign() | ast.AnnAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any(isinstance(target, ast.Name) and target.id in _NOT_PROSE_NAMES for target in targets):
                    yield from ast.walk(node.value) if node.value else ()
            case ast.JoinedStr():
                # The parts are read as one text; what is filled in may hold strings of its own.
                yield from (part for part in node.values if isinstance(part, ast.Constant))


def _is_command(node: ast.AST) -> bool:
    """Return whether click shows the node's docstring: it is decorated with `command` or `group`."""
    decorators = getattr(node, "decorator_list", [])
    names = (ast.unparse(each.func if isinstance(each, ast.Call) else each) for each in decorators)
    return any(name.rpartition(".")[2] in ("command", "group") for name in names)


def faults(path: Path) -> list[str]:
    """Return `file:line: word: text` for each string of a file that has a word of the list."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        f"{path.relative_to(ROOT)}:{line}: `{found[0]}`: {' '.join(text.split())}"
        for line, text in visible_strings(tree)
        if (found := _PATTERN.search(text))
    ]


def _files(room: str) -> list[Path]:
    path = ROOT / room
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _rooms() -> list[str]:
    """Return every folder and file directly below the two packages."""
    inside = [path for package in ("trainer", "lora_tui") for path in (ROOT / package).iterdir()]
    rooms = [path for path in inside if path.suffix == ".py" or (path / "__init__.py").is_file()]
    return sorted(str(path.relative_to(ROOT)) for path in rooms)


@pytest.mark.parametrize("room", _rooms())
def test_a_room_speaks_plain_english(room: str) -> None:
    assert [line for path in _files(room) for line in faults(path)] == []


@pytest.mark.parametrize(
    "page",
    ["README.md", "CHANGELOG.md", *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md")))],
)
def test_a_page_is_in_plain_english(page: str) -> None:
    lines = (re.sub(r"`[^`]*`", "", line) for line in (ROOT / page).read_text(encoding="utf-8").splitlines())
    assert [f"{page}:{number}: {line}" for number, line in enumerate(lines, 1) if _PATTERN.search(line)] == []


def test_help_errors_and_filled_in_texts_are_read_and_names_are_not() -> None:
    source = """
'''Mend the module.'''
@click.command()
def fix():
    '''Mend the journal.'''
    table["told me"], {"said so": f"{x} is no {y}"}
    raise Error("x", found="there is none", key="said")
def quiet():
    '''Told to nobody.'''
"""
    found = [text for _, text in visible_strings(ast.parse(source)) if _PATTERN.search(text)]
    assert sorted(found) == ["Mend the journal.", "there is none", "… is no …"]
