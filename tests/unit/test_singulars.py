"""A number that may be 1 has its noun from `plural`, in every string that a user can meet."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_NOUNS = (
    "axes|bakes|batches|blocks|buckets|captions|cells|columns|cycles|days|epochs|errors|files|folders|grids|"
    "groups|hours|images|jobs|keys|layers|lines|LoRAs|LoRA files|minutes|modules|options|orders|parts|pictures|pixels|processes|"
    "repeats|rows|samples|seconds|settings|sheets|states|steps|tags|times|tokens|values|warnings|weights|words"
)
_COUNTED = re.compile(rf" (?:{_NOUNS})\b")

# What stands before the noun is no count, or never 1.
_NEVER_ONE = (
    "{count(bar.batches)} batches",  # asked before whether it is one
    "{picture.enlarged:.2g} times",  # above one, with a decimal
    "{found:.2f} times",  # above one, with decimals
    "{swappable} blocks",  # a base has many
    "{height} pixels",  # of a picture's size
    "{image.height} pixels",
    "{encoding.side} pixels",
    "{self.square.side} pixels",
    "{label} values",
    "{kind} weights",
    "{times:.0f} times",  # many times slower
    "{times:.1f} times",  # one has words of its own
    "{times:,.0f} times",  # ten or more
    "{found.passes} times",  # asked before whether it is one
    "{count} times",  # asked before whether it is one
    "{tried} pictures",  # at least two could not be made at once
    "{accumulated} times",  # more than one batch
    "{text} times",  # asked before whether it is one
    "{apart.times:.1f} times",  # with a decimal
    "{often} repeats",  # 0 or below
    "{len(found)} files",  # of one name, so several
    "{len(errors)} keys",  # one alone is raised as it is
    "{count} values",  # more than there are different ones
    "{count:,} values",  # too many
    "{number[:20]} repeats",  # as the folder writes it
    "{bucket.batches:,} batches",
    "{len(modules)} modules",  # `1 of 264 modules`
    "{len(layers)} layers",
    "{count} modules",
    "{cut.tokens:,} tokens",  # more than the limit
    "{len(tags):,} tags",  # one has a sentence of its own
    "{settings.max_token_length} tokens",
    "{encoder.config.vocab_size:,} tokens",
    "{UNASKED} pictures",  # many
    "{axes} values",  # `3 × 1 × 1 × 2 values`
    "{_MAX_SIDE} pixels",
    "{len(keys)} keys",  # too many
    "{columns} columns",  # of a terminal
    "{lines} lines",
    "{count(number)} batches",  # one has a sentence of its own
    "{PAIR_RULE.least_pictures} pictures",
    "{UNASKED} pictures",
    "{total:,} pictures",  # `1 of 12 pictures`
)


def counted(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and `{value} noun` of every f-string that writes a value before a plural."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr):
            continue
        for value, text in zip(node.values, node.values[1:], strict=False):
            if isinstance(value, ast.FormattedValue) and isinstance(text, ast.Constant):
                found = _COUNTED.match(str(text.value))
                if found and not (isinstance(value.value, ast.Call) and ast.unparse(value.value.func) == "plural"):
                    spec = ast.unparse(value.format_spec)[2:-1] if value.format_spec else ""
                    yield node.lineno, f"{{{ast.unparse(value.value)}{':' + spec if spec else ''}}}{found.group()}"


@pytest.mark.parametrize(
    "path", [*ROOT.glob("trainer/**/*.py"), *ROOT.glob("lora_tui/**/*.py")], ids=lambda path: path.name
)
def test_a_number_before_a_plural_is_never_one(path: Path) -> None:
    found = [(line, words) for line, words in counted(ast.parse(path.read_text("utf-8"))) if words not in _NEVER_ONE]
    assert not found, f"{path.relative_to(ROOT)}: write plural(number, noun), or say below why it is never 1: {found}"


def test_a_count_without_plural_is_found() -> None:
    tree = ast.parse("print(f\"{len(files)} files in {folder}, {plural(n, 'picture')} of {total:,} pictures\")")
    assert list(counted(tree)) == [(1, "{len(files)} files"), (1, "{total:,} pictures")]
