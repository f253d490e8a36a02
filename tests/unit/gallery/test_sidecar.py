"""grid.json: what of a damaged one is found before anything uses it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from made_grid import made_grid

from trainer.errors import GridError
from trainer.gallery.sidecar import SIDECAR, read_sidecar


def test_a_sidecar_comes_back_as_it_was_written(tmp_path: Path) -> None:
    assert read_sidecar(tmp_path) is None
    made = made_grid(tmp_path)
    assert read_sidecar(tmp_path) == made


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("family", None, "family: None; expected a text"),
        ("cells", {}, "cells: {}; expected a list"),
        ("format", "x", "format: 'x'; expected a whole number"),
    ],
)
def test_a_wrong_value_is_named_in_our_words(tmp_path: Path, key: str, value: object, words: str) -> None:
    made_grid(tmp_path)
    table = json.loads((tmp_path / SIDECAR).read_text("utf-8"))
    (tmp_path / SIDECAR).write_text(json.dumps(table | {key: value}), "utf-8")
    with pytest.raises(GridError) as refused:
        read_sidecar(tmp_path)
    assert f"is damaged ({words})" in refused.value.line()
    del table[key]
    (tmp_path / SIDECAR).write_text(json.dumps(table)[:-9], "utf-8")
    with pytest.raises(GridError, match=r"is damaged \(not valid JSON\)"):
        read_sidecar(tmp_path)


def more_labels(table: dict[str, Any]) -> None:
    table["y"]["labels"].append("another")


def fewer_cells(table: dict[str, Any]) -> None:
    table["cells"].pop()


def a_cell_twice(table: dict[str, Any]) -> None:
    table["cells"][1] = table["cells"][0]


def a_cell_outside(table: dict[str, Any]) -> None:
    table["cells"][-1]["place"]["seed"] = 10**40


@pytest.mark.parametrize("change", [more_labels, fewer_cells, a_cell_twice, a_cell_outside])
def test_cells_that_are_not_those_of_the_axes_are_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    made_grid(tmp_path)
    table = json.loads((tmp_path / SIDECAR).read_text("utf-8"))
    change(table)
    (tmp_path / SIDECAR).write_text(json.dumps(table), "utf-8")
    with pytest.raises(GridError, match=r"grid\.json: is damaged \((\d+ pictures on axes of .* values|cells\..*)\)"):
        read_sidecar(tmp_path)
