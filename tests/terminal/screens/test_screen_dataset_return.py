"""Back from the Dataset screen: what was changed there is planned again, and what was not is neither planned nor read again."""

from pathlib import Path

from opened_screens import in_the_data

from lora_tui.app import LoraApp
from trainer.data_index import columns
from trainer.data_index.database import IndexFile


async def leave(app: LoraApp, pilot, until) -> None:
    await pilot.press("escape")
    await until(pilot, lambda: app.screen is app.bake_screen)


async def test_only_what_was_changed_is_planned_and_read_again(runner, until, monkeypatch) -> None:
    read: list[str] = []
    rows = IndexFile.rows
    monkeypatch.setattr(
        IndexFile, "rows", lambda self, statement, *more: read.append(statement) or rows(self, statement, *more)
    )
    async with runner.run((120, 36)) as pilot:
        app = runner.app
        await in_the_data(runner, pilot, until)
        await leave(app, pilot, until)
        read.clear()
        await in_the_data(runner, pilot, until)
        editor = app.bake_screen.editor
        asked, view = editor._question, editor.view
        await leave(app, pilot, until)
        assert editor._question == asked and editor.view is view
        assert columns.READ not in read

        await in_the_data(runner, pilot, until)
        caption: Path = app.screen.picture.caption_file
        before = caption.read_text()
        await pilot.press("2", "x")
        await until(pilot, lambda: caption.read_text() != before)
        await pilot.press("1")
        await leave(app, pilot, until)
        assert editor._question == asked + 1
        await until(pilot, lambda: editor.view is not None and editor.view is not view)
        texts = {picture.caption_file: picture.caption for picture in editor.view.planned.data.pictures}
        assert texts[caption] == caption.read_text().strip() != before.strip()
