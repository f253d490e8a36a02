"""Which pictures the screen has, and what it asks for."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lora_tui.pictures import picture_cache as module
from lora_tui.pictures.picture_cache import UNREADABLE, Pictures, Pixels, Want, fitted

SIDE = st.integers(1, 4096)


def want(name: str, side: int = 2) -> Want:
    return Want(Path(name), side, side)


def pixels(side: int = 2) -> Pixels:
    return Pixels(side, side, bytes(side * side * 3))


@given(SIDE, SIDE, st.integers(1, 300), st.integers(2, 300))
def test_a_picture_is_never_larger_than_its_room_and_always_of_whole_lines(w: int, h: int, across: int, down: int):
    width, height = fitted(w, h, across, down)
    assert 1 <= width <= across
    assert 2 <= height <= down
    assert height % 2 == 0


@given(st.integers(64, 2048), st.integers(64, 2048))
def test_a_picture_keeps_its_proportion_within_a_line(w: int, h: int) -> None:
    width, height = fitted(w, h, 200, 200)
    scale = min(200 / w, 200 / h)
    assert abs(width - w * scale) <= 1
    assert abs(height - h * scale) <= 1 or height == 2


def test_only_what_is_not_here_is_asked_for() -> None:
    wishes = []
    pictures = Pictures(lambda who, wants: wishes.append((who, wants)))
    pictures.keep({want("a.png"): pixels()})
    pictures.want("sheet", [want("a.png"), want("b.png")])
    assert wishes == [("sheet", (want("b.png"),))]


def test_a_broken_file_is_not_asked_for_again() -> None:
    wishes = []
    pictures = Pictures(lambda who, wants: wishes.append(wants))
    pictures.keep({want("a.png"): UNREADABLE})
    pictures.want("sheet", [want("a.png")])
    assert wishes == [()]
    assert pictures.find(want("a.png")) is UNREADABLE


def test_watchers_hear_of_what_came_until_they_leave() -> None:
    heard = []
    pictures = Pictures(lambda who, wants: None)
    pictures.watch(heard.append)
    pictures.keep({want("a.png"): pixels()})
    pictures.unwatch(heard.append)
    pictures.keep({want("b.png"): pixels()})
    assert heard == [frozenset({want("a.png")})]


def test_what_was_not_shown_for_longest_is_dropped_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 2 * len(pixels().data))
    pictures = Pictures(lambda who, wants: None)
    for name in ("a.png", "b.png"):
        pictures.keep({want(name): pixels()})
    pictures.find(want("a.png"))
    pictures.keep({want("c.png"): pixels()})
    assert [pictures.find(want(name)) is not None for name in ("a.png", "b.png", "c.png")] == [True, False, True]
