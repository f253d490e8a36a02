"""Prints docs/errors.md: every exit code and every error of the family, in the words of trainer/errors.py."""

import ast
import inspect
from collections.abc import Iterator
from itertools import pairwise

from trainer import errors
from trainer.errors import ExitCode, LoraTuiError

_HEAD = """\
<!-- Made by `make docs` from trainer/errors.py; change it there. -->

# Errors and exit codes

An error is one line: where it is, what was found, what was expected, and the way out.

    lora-tui: hifumi.toml line 12: unet_lr: 5; expected a number from 0 to 1, or blank; the default is 1e-4

The same line stands on stderr, in the dashboard, in the journal and in the bake's `bake.log`.
Where a bake broke by something unforeseen, `bake.log` also has the traceback.
"""


def page() -> str:
    """Return the page as Markdown."""
    codes = _table(
        ("code", "name", "meaning"), ((str(code.value), code.name, _codes()[code.name]) for code in ExitCode)
    )
    kinds = _table(("error", "exit code", "when", "way out"), (_row(kind) for kind in _family()))
    return f"{_HEAD}\n## Exit codes\n\n{codes}\n## Errors\n\n{kinds}"


def _family() -> list[type[LoraTuiError]]:
    """Return every kind of error, in the order of the file."""
    return [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, LoraTuiError)][1:]


def _row(kind: type[LoraTuiError]) -> tuple[str, str, str, str]:
    when, _, way_out = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")
    return f"`{kind.__name__}`", str(kind.exit_code.value), when, way_out


def _codes() -> dict[str, str]:
    """Return what the text under each exit code says; Python itself keeps none for an attribute."""
    (body,) = [
        node.body
        for node in ast.parse(inspect.getsource(errors)).body
        if isinstance(node, ast.ClassDef) and node.name == ExitCode.__name__
    ]
    found: dict[str, str] = {}
    for name, text in pairwise(body):
        match name, text:
            case ast.Assign(targets=[ast.Name(id=code)]), ast.Expr(value=ast.Constant(value=str(words))):
                found[code] = words
    return found


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
