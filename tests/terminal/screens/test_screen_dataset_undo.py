"""What the Dataset screen says where a step on captions cannot be taken back."""

from pathlib import Path

from dataset_screen import CAPTIONS, DatasetAlone, listed, made_data, settled
from screen_alone import until_true

FIRST = "2_school/a.png"


async def test_a_step_whose_caption_was_changed_since_is_not_called_undone(tmp_path: Path) -> None:
    workspace = made_data(tmp_path / "ws")
    app = DatasetAlone(workspace)
    async with app.run_test(size=(130, 26)) as pilot:
        await listed(app, pilot)
        await pilot.press("2", "x")
        await until_true(pilot, lambda: app.caption_of(FIRST) != CAPTIONS[FIRST])
        await settled(app, pilot)
        (workspace.root / "data" / FIRST).with_suffix(".txt").write_text("typed, elsewhere")
        await pilot.press("u")
        await until_true(pilot, lambda: "nothing of it could be undone" in app.notes())
        assert "a.txt (it was changed since)" in app.notes()
        assert app.caption_of(FIRST) == "typed, elsewhere"
