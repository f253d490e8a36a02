"""Which step on captions the keys of the Dataset screen undo, and do again, next."""

from pathlib import Path

import pytest
from captioned import captioned, contents, rename

from lora_tui.actions.dataset import redone_next, undone_next
from trainer.captions.history import CaptionHistory
from trainer.workspace import Workspace


@pytest.fixture
def history(tmp_path: Path) -> CaptionHistory:
    """Three steps, each on a caption of its own."""
    made = CaptionHistory(Workspace(tmp_path))
    folder = captioned(tmp_path / "2_x", {"a": "one", "b": "two", "c": "three"})
    for tag in ("one", "two", "three"):
        made.write(rename(folder, tag, tag.upper()))
    return made


def undo(history: CaptionHistory) -> int | None:
    step = undone_next(history.steps())
    return None if step is None else history.undo(step.number).number


def redo(history: CaptionHistory) -> int | None:
    step = redone_next(history.steps())
    return None if step is None else history.redo(step.number).number


def test_steps_are_undone_from_the_newest_and_done_again_in_their_order(history: CaptionHistory) -> None:
    assert [undo(history) for _ in range(4)] == [3, 2, 1, None]
    assert [redo(history) for _ in range(4)] == [1, 2, 3, None]


def test_what_was_undone_last_is_done_again_first(history: CaptionHistory) -> None:
    """Also where one before it was chosen from the list and undone earlier."""
    history.undo(2)
    assert undo(history) == 3
    assert redo(history) == 3
    # Behind the third, which is done, there is none: the second is still to be had from the list.
    assert redo(history) is None
    assert [undo(history), undo(history)] == [3, 1]
    assert [redo(history), redo(history), redo(history)] == [1, 3, None]


def test_after_another_edit_nothing_is_left_to_do_again(history: CaptionHistory, tmp_path: Path) -> None:
    undo(history)
    history.write(rename(tmp_path / "2_x", "three", "four"))
    assert redo(history) is None
    assert contents(tmp_path / "2_x") == {"a.txt": b"ONE", "b.txt": b"TWO", "c.txt": b"four"}


def test_where_clocks_say_nothing_the_oldest_comes_first(history: CaptionHistory) -> None:
    for _ in range(3):
        undo(history)
    for file in history.folder.glob("*/state.json"):
        file.write_text('{"standing": "undone", "left": []}')
    assert [redo(history) for _ in range(3)] == [1, 2, 3]
