"""The page of errors says what the program says."""

from pathlib import Path

import pytest
from errors_page import page

from trainer.errors import ExitCode

ROOT = Path(__file__).parents[2]


def test_the_page_in_docs_is_the_one_the_errors_make() -> None:
    assert (ROOT / "docs" / "errors.md").read_text("utf-8") == page(), "run `make docs`"


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_has_its_meaning(code: ExitCode) -> None:
    assert f"| {code.value} | {code.name} | " in page()


def test_every_error_has_a_way_out() -> None:
    rows = [line for line in page().split("## Errors", 1)[1].splitlines() if line.startswith("| `")]
    assert len(rows) == 12
    assert [row for row in rows if not all(cell.strip() for cell in row.strip("|").split("|"))] == []
