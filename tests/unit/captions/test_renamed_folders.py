"""Steps on captions in folders that are called otherwise since."""

from pathlib import Path

import pytest
from captioned import captioned, contents, planned

from trainer.captions.history import CaptionHistory
from trainer.captions.record import TagEdit
from trainer.workspace import Workspace


@pytest.mark.parametrize(("name", "later"), [("2_knight", "5_knight"), ("knight", "3_knight"), ("4_knight", "knight")])
@pytest.mark.parametrize("inner", ["", "2_shield"])
def test_a_step_is_undone_in_a_folder_that_has_other_repeats_since(
    tmp_path: Path, name: str, later: str, inner: str
) -> None:
    history, above = CaptionHistory(Workspace(tmp_path)), tmp_path / "data"
    folder = captioned(above / name / inner, {"a": "solo, x", "b": None})
    captioned(above / "2_knights", {"a": "alone, x"})
    history.write(planned(folder, TagEdit("add", ("new",)), words="10 words"))
    (above / name).rename(above / later)
    now = above / later / inner
    step = history.undo(1)
    assert (step.undone, step.left) == (True, ())
    assert contents(now) == {"a.txt": b"solo, x"}
    history.redo(1)
    assert sorted(contents(now)) == ["a.txt", "b.txt"]
    # Of two that may be meant none is.
    (above / "9_knight").mkdir()
    (above / later).rename(above / "8_knight")
    assert {each.why for each in history.undo(1).left} == {"its folder is not there any more"}
