"""The steps in view and the cursor: moved, zoomed, panned and followed, always inside of what there is."""

from random import Random

import pytest

from lora_tui.plots.curve_window import FEWEST_STEPS, CurveWindow

COLUMNS = 100


def whole(highest: int = 1000, lowest: int = 0, recorded: int | None = None) -> CurveWindow:
    return CurveWindow().grown(lowest, highest, highest if recorded is None else recorded)


def test_at_first_everything_is_in_view() -> None:
    window = whole()
    assert (window.first, window.last, window.shows_all) == (0, 1000, True)


def test_the_cursor_moves_by_columns_and_zoomed_in_by_steps() -> None:
    window = whole().at(500)
    assert window.moved(1, COLUMNS).cursor == 510
    assert window.moved(-10, COLUMNS).cursor == 400
    close = window.zoomed(1).zoomed(1).zoomed(1).zoomed(1)
    assert close.moved(1, COLUMNS).cursor == 501


def test_the_cursor_stays_inside_and_takes_the_view_with_it() -> None:
    window = whole().at(500).zoomed(1).zoomed(1)
    assert (window.first, window.last) == (375, 625)
    beyond = window.moved(60, COLUMNS)
    assert beyond.cursor == 680 and (beyond.first, beyond.last) == (430, 680)
    assert whole().at(10**9).cursor == 1000
    assert whole().at(-5).cursor == 0


def test_zooming_keeps_the_cursor_where_it_is_on_the_screen() -> None:
    window = whole().at(200)
    for _ in range(3):
        before = window.cell_of(window.cursor, COLUMNS)
        window = window.zoomed(1)
        assert abs(window.cell_of(window.cursor, COLUMNS) - before) <= 1
    assert window.last - window.first == 125


def test_zooming_ends_at_single_steps_and_at_everything() -> None:
    window = whole().at(333)
    for _ in range(20):
        window = window.zoomed(1)
    assert window.last - window.first == FEWEST_STEPS
    assert window.first <= 333 <= window.last
    for _ in range(20):
        window = window.zoomed(-1)
    assert window.shows_all


def test_panning_moves_half_a_view_and_keeps_the_cursor_in_it() -> None:
    window = whole().at(500).zoomed(1).panned(1)
    assert (window.first, window.last) == (500, 1000)
    assert window.panned(1).last == 1000
    left = window.panned(-1).panned(-1)
    assert (left.first, left.last, left.cursor) == (0, 500, 500)


def test_a_region_is_zoomed_to_from_either_end() -> None:
    one = whole().at(300).turned_region()
    assert one.begun == 300
    for other in (one.at(100), whole().at(100).turned_region().at(300)):
        zoomed = other.turned_region()
        assert (zoomed.first, zoomed.last, zoomed.begun) == (100, 300, None)
    # Of one step it is no region.
    assert one.turned_region() == whole().at(300)


def test_all_of_a_bake_that_grows_stays_in_view() -> None:
    window = whole(100).grown(0, 250, 250)
    assert (window.first, window.last) == (0, 250)


def test_a_view_of_some_steps_stays_while_the_bake_grows() -> None:
    window = whole(100).at(50).zoomed(1)
    grown = window.grown(0, 250, 250)
    assert (grown.first, grown.last, grown.cursor) == (window.first, window.last, 50)


def test_following_keeps_the_last_step_in_view_and_moves_it_rarely() -> None:
    window = whole(1000, recorded=400).at(400).zoomed(1).zoomed(1).zoomed(1).turned_follow()
    moves = 0
    for step in range(400, 900):
        now = window.grown(0, 1000, step)
        moves += (now.first, now.last) != (window.first, window.last)
        window = now
        assert window.cursor == step and window.first <= step <= window.last
    assert 1 <= moves <= 10


def test_any_own_move_ends_following() -> None:
    window = whole(recorded=400).turned_follow()
    assert window.follows and window.cursor == 400
    for moved in (window.moved(-1, COLUMNS), window.at(10), window.panned(-1), window.turned_follow()):
        assert not moved.follows
    assert window.zoomed(1).follows


def test_a_bake_that_was_rewound_leaves_the_cursor_inside() -> None:
    window = whole(500).at(480).zoomed(1)
    now = window.grown(0, 300, 300)
    assert now.cursor <= 300 and now.last <= 300 and now.first >= 0


@pytest.mark.parametrize("span", [1, 2, 50, 10**6])
def test_the_steps_of_a_column_are_those_that_have_it(span: int) -> None:
    window = whole(span)
    for step in {0, span // 3, span}:
        first, last = window.stretch(step, COLUMNS)
        cell = window.cell_of(step, COLUMNS)
        assert first <= step <= last
        assert window.cell_of(first, COLUMNS) == window.cell_of(last, COLUMNS) == cell
        assert first == 0 or window.cell_of(first - 1, COLUMNS) != cell
        assert last == span or window.cell_of(last + 1, COLUMNS) != cell


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_done_the_view_stays_inside_of_what_there_is(seed: int) -> None:
    random = Random(seed)
    window = whole(random.choice([1, 2, 7, 1000, 10**6]))
    for _ in range(300):
        doing = random.randrange(9)
        if doing == 0:
            window = window.moved(random.randint(-30, 30), random.randint(1, 200))
        elif doing == 1:
            window = window.zoomed(random.choice([-1, 1]))
        elif doing == 2:
            window = window.panned(random.choice([-1, 1]))
        elif doing == 3:
            window = window.at(random.randint(-10, 2 * 10**6))
        elif doing == 4:
            window = window.turned_region()
        elif doing == 5:
            window = window.turned_follow()
        elif doing == 6:
            window = window.all()
        else:
            highest = max(1, window.highest + random.randint(-50, 50))
            window = window.grown(0, highest, random.randint(0, highest))
        assert 0 <= window.first < window.last <= window.highest
        assert window.first <= window.cursor <= window.last or not window.follows
        assert 0 <= window.cursor <= window.highest
