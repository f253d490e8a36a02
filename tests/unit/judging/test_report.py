"""What the verdicts on a grid say, as lines."""

from pathlib import Path

from made_grid import made_grid

from trainer.journal.grid_records import CellNote
from trainer.judging.report import report


def test_ticks_verdicts_and_favourites_are_reported_by_axis(tmp_path: Path) -> None:
    made = made_grid(tmp_path, shape=(2, 1, 1, 2))
    notes = {
        "x1-y1-z1-s1": CellNote(1, "x1-y1-z1-s1", ticks={"straps": True}, whole="under"),
        "x1-y1-z1-s2": CellNote(1, "x1-y1-z1-s2", ticks={"straps": True}, text_encoder="over"),
        "x2-y1-z1-s1": CellNote(1, "x2-y1-z1-s1", ticks={"straps": False}, favourite=True),
    }
    sections = {section.title: section.lines for section in report(made, notes, ("halo", "straps"))}
    assert list(sections) == ["straps", "verdicts by Epoch", "verdicts by Seed", "direction"]
    assert sections["straps"][0] == "by Epoch   1: 2/2 (34–100 %)   2: 0/1 (0–79 %)   2/2 → 0/1 (may be chance)"
    assert sections["verdicts by Epoch"] == ("1: under 1 · encoder over 1", "2: ★ 1")
    assert sections["direction"][1].startswith("text encoder over; rated under ×0, right ×0, over ×1")


def test_what_nobody_judged_is_not_reported(tmp_path: Path) -> None:
    assert report(made_grid(tmp_path), {}, ("halo",)) == ()
