"""What the keys of the Dataset screen do: captions edited, undone and done again, pictures left out, repeats, findings, pairs."""

import shutil
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from dataset_screen import CAPTIONS, DatasetAlone, listed, made_data, settled, with_name
from PIL import Image
from screen_alone import until_true
from textual.widgets import Input, OptionList

from lora_tui.actions.long_job import run_long
from lora_tui.screens.dataset_findings import DataFindingsDialog
from lora_tui.screens.dataset_operation import OperationDialog
from lora_tui.screens.dataset_orders import RepeatsDialog
from lora_tui.screens.dataset_pairs import PairsScreen
from lora_tui.screens.dataset_preview import EditPreviewDialog
from lora_tui.screens.pick import PickDialog
from lora_tui.screens.working import WorkingDialog
from lora_tui.terminal import text_editor
from lora_tui.terminal.text_editor import EditorEnd
from lora_tui.workers.dataset_refresher import Refreshed
from trainer.captions.history import CaptionHistory
from trainer.data_index.record import IndexRefresh
from trainer.settings.toml_file import load_settings
from trainer.workspace import Workspace

FIRST = "2_school/a.png"
# As small as the panes stand beside each other with what is looked for: pictures are drawn anew with every edit.
WIDE = (130, 26)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return made_data(tmp_path / "ws")


EDITS = {
    "rename": (("right", "enter", "ctrl+u", *"serafuku", "enter"), "hifumi, serafuku, backpack, smile"),
    "rename to several": (
        ("end", "r", "ctrl+u", *"grin, teeth", "enter"),
        "hifumi, school uniform, backpack, grin, teeth",
    ),
    "add": (("a", *"solo", "enter"), "hifumi, solo, school uniform, backpack, smile"),
    "delete": (("right", "right", "x"), "hifumi, school uniform, smile"),
    "left": (("end", "shift+left"), "hifumi, school uniform, smile, backpack"),
    "right": (("greater_than_sign",), "school uniform, hifumi, backpack, smile"),
    "front": (("end", "F"), "smile, hifumi, school uniform, backpack"),
}


# Behind others of their kind, which are tried at once.
_QUICK = ("rename", "right")


def tried(names: Iterable[str]) -> list[Any]:
    return [name if name in _QUICK else pytest.param(name, marks=pytest.mark.long) for name in names]


@pytest.mark.parametrize("name", tried(EDITS))
async def test_a_caption_is_edited_tag_by_tag_and_undone(workspace, name: str) -> None:
    keys, wanted = EDITS[name]
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        assert not app.data.files_changed
        await pilot.press("2", *keys)
        await until_true(pilot, lambda: app.caption_of(FIRST) == wanted)
        assert app.data.files_changed
        await until_true(pilot, lambda: ", ".join(app.data.panes.caption.tags) == wanted)
        await settled(app, pilot)
        await until_true(pilot, lambda: app.tags() == counts(app))
        await pilot.press("u")
        await until_true(pilot, lambda: app.caption_of(FIRST) == CAPTIONS[FIRST])
        await settled(app, pilot)
        await until_true(pilot, lambda: ", ".join(app.data.panes.caption.tags) == CAPTIONS[FIRST])
        await pilot.press("ctrl+r")
        await until_true(pilot, lambda: app.caption_of(FIRST) == wanted)
        others = [each for each in CAPTIONS if each != FIRST]
        assert [app.caption_of(each) for each in others] == [CAPTIONS[each] for each in others]


def counts(app: DatasetAlone) -> dict[str, int]:
    """Return how many captions have each tag, from the files."""
    found: dict[str, int] = {}
    for name in CAPTIONS:
        for tag in app.caption_of(name).split(", "):
            found[tag] = found.get(tag, 0) + 1
    return found


async def test_several_edits_one_after_the_other_each_build_on_the_last(workspace) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await pilot.press("2", "x")
        await until_true(pilot, lambda: app.caption_of(FIRST) == "school uniform, backpack, smile")
        await settled(app, pilot)
        await pilot.press("x")
        await until_true(pilot, lambda: app.caption_of(FIRST) == "backpack, smile")
        await settled(app, pilot)
        await pilot.press("u")
        await until_true(pilot, lambda: app.caption_of(FIRST) == "school uniform, backpack, smile")
        assert len(CaptionHistory(workspace).steps()) == 2


async def test_a_caption_that_another_program_changed_is_not_overwritten(workspace) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        path = (workspace.root / "data" / FIRST).with_suffix(".txt")
        path.write_text("typed elsewhere, just now")
        await pilot.press("2", "x")
        await until_true(pilot, lambda: "changed by another program" in app.notes())
        assert path.read_text() == "typed elsewhere, just now"


@pytest.mark.parametrize("typed", ["rename", "add"])
async def test_what_is_typed_goes_where_the_line_was_opened(workspace, typed: str) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await pilot.press("2", "right", {"rename": "r", "add": "a"}[typed], "ctrl+u", *"serafuku")
        here = app.data.picture_list.current_id
        # As where a look at the folders finds it gone, or that it passes the filter no more.
        app.data.picture_list.show([each for each in app.data.picture_list.ids if each != here], "")
        await until_true(pilot, lambda: app.data.picture is not None and app.data.picture.id != here)
        other = app.data.picture.name
        await pilot.press("enter")
        after = {
            "rename": "hifumi, serafuku, backpack, smile",
            "add": "hifumi, school uniform, serafuku, backpack, smile",
        }
        await until_true(pilot, lambda: app.caption_of(FIRST) == after[typed])
        await settled(app, pilot)
        assert app.caption_of(other) == CAPTIONS[other]


async def test_an_older_look_at_the_folders_takes_nothing_back(workspace) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        app.data.refresher.stop()
        app.data._look_at_folders()
        wanted = app.data._look
        app.data._written[with_name(app, FIRST)] = ("typed",)
        app.data.post_message(Refreshed(wanted - 1, IndexRefresh(5)))
        await pilot.pause()
        app.data.picture_list.read_again()
        await until_true(pilot, lambda: app.data.reader.idle)
        await pilot.pause()
        assert app.data.is_looking and with_name(app, FIRST) in app.data._written
        app.data.post_message(Refreshed(wanted, IndexRefresh(5)))
        await until_true(pilot, lambda: not app.data.is_looking and not app.data._written)


@pytest.mark.long
async def test_a_picture_without_a_caption_gets_one(workspace) -> None:
    path = (workspace.root / "data" / FIRST).with_suffix(".txt")
    path.unlink()
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        assert "no caption file: school stands in" in app.text()
        await pilot.press("2", "a", *"hifumi, smile", "enter")
        await until_true(pilot, path.exists)
        assert path.read_text().rstrip("\n") == "hifumi, smile"
        await settled(app, pilot)
        await pilot.press("u")
        await until_true(pilot, lambda: not path.exists())


async def test_the_whole_caption_is_edited_in_the_users_editor(workspace, monkeypatch) -> None:
    seen: list[str] = []

    async def edit(app, path: Path) -> EditorEnd:
        seen.append(path.read_text())
        path.write_text("1girl, on a bridge\nsecond line\n")
        return EditorEnd("nano", 0, 9.0)

    monkeypatch.setenv("EDITOR", "true")
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setattr(text_editor, "edit_file", edit)
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await pilot.press("e")
        await until_true(pilot, lambda: app.caption_of(FIRST) == "1girl, on a bridge\nsecond line")
        assert seen[0].rstrip("\n") == CAPTIONS[FIRST]
        await settled(app, pilot)
        await until_true(pilot, lambda: app.data.panes.caption.tags == ("1girl", "on a bridge"))
        await pilot.press("u")
        await until_true(pilot, lambda: app.caption_of(FIRST) == CAPTIONS[FIRST])


async def test_without_an_editor_that_is_said(workspace, monkeypatch) -> None:
    for name in text_editor.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await pilot.press("e")
        await until_true(pilot, lambda: "EDITOR" in app.notes())


def row_of(app: DatasetAlone, name: str = FIRST) -> str:
    """Return the line of a picture in the list."""
    return next((line for line in app.text().splitlines() if name in line and "─" not in line), "")


async def preview(app: DatasetAlone, pilot) -> str:
    """Let the app run until an edit is shown; return what stands there."""
    await until_true(pilot, lambda: isinstance(app.screen, EditPreviewDialog))
    return app.text()


async def test_a_tag_is_renamed_everywhere_after_a_look_at_what_changes(workspace) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await pilot.press("3", "slash", *"backpack", "enter", "r")
        await until_true(pilot, lambda: isinstance(app.screen, OperationDialog))
        assert app.screen.query_one("#tags", Input).value == "backpack"
        await pilot.press(*"satchel", "enter")
        text = await preview(app, pilot)
        assert "3 captions would change, 2 would stay as they are" in text
        assert (
            "− hifumi, school uniform, backpack, smile" in text and "+ hifumi, school uniform, satchel, smile" in text
        )
        assert app.caption_of(FIRST) == CAPTIONS[FIRST]
        await pilot.press("escape")
        await until_true(pilot, lambda: app.screen is app.data)
        assert not CaptionHistory(workspace).steps()
        await pilot.press("r")
        await until_true(pilot, lambda: isinstance(app.screen, OperationDialog))
        await pilot.press(*"satchel", "enter")
        await preview(app, pilot)
        await pilot.press("enter")
        await until_true(pilot, lambda: "satchel" in app.caption_of("2_school/c.png"))
        await settled(app, pilot)
        await pilot.press("escape")
        await until_true(pilot, lambda: app.tags() == counts(app) and "satchel" in app.tags())
        await pilot.press("u")
        await until_true(pilot, lambda: app.caption_of("2_school/c.png") == CAPTIONS["2_school/c.png"])


async def test_marked_tags_are_removed_from_marked_pictures_alone(workspace) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        # The first picture and the fourth.
        await pilot.press("1", "space", "down", "down", "space")
        assert "2 marked" in app.text()
        await pilot.press("3", "space", "slash", *"smile", "enter", "space", "x")
        text = await preview(app, pilot)
        assert "2 marked pictures" in text and "2 captions would change" in text
        await pilot.press("enter")
        await until_true(pilot, lambda: app.caption_of(FIRST) == "school uniform, backpack")
        assert app.caption_of("3_dress/d.png") == "red dress"
        assert app.caption_of("2_school/b.png") == CAPTIONS["2_school/b.png"]


@pytest.mark.long
async def test_only_pictures_that_are_listed_are_edited(workspace) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await pilot.press("slash", *"folder:3_dress", "enter")
        await until_true(pilot, lambda: len(app.data.picture_list.ids) == 2)
        await settled(app, pilot)
        await pilot.press("3", "a")
        await until_true(pilot, lambda: isinstance(app.screen, OperationDialog))
        await pilot.press(*"solo", "tab", "ctrl+u", *"front", "enter")
        text = await preview(app, pilot)
        assert "2 pictures listed" in text
        await pilot.press("enter")
        await until_true(pilot, lambda: app.caption_of("3_dress/e.png") == "solo, hifumi, red dress")
        assert app.caption_of(FIRST) == CAPTIONS[FIRST]


OPERATIONS = {
    "spaces": ((), "hifumi, school uniform, backpack, long hair"),
    "front": (("backpack",), "backpack, hifumi, school uniform, long_hair"),
    "replace": ((r"\bback(\w+)", r"\1back"), "hifumi, school uniform, packback, long_hair"),
    "reorder": (("alphabet", "long_hair"), "backpack, hifumi, long_hair, school uniform"),
}


@pytest.mark.parametrize("key", tried(OPERATIONS))
async def test_every_kind_of_operation_is_offered_and_shown_first(workspace, key: str) -> None:
    typed, wanted = OPERATIONS[key]
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await pilot.press("o")
        await until_true(pilot, lambda: isinstance(app.screen, PickDialog))
        place = next(at for at, choice in enumerate(app.screen._choices) if choice.value == key)
        app.screen.query_one(OptionList).highlighted = place
        await pilot.press("enter")
        if typed:
            await until_true(pilot, lambda: isinstance(app.screen, OperationDialog))
            for line, text in zip(app.screen.query(Input), typed, strict=True):
                line.value = text
            await pilot.press("enter")
        await preview(app, pilot)
        await pilot.press("enter")
        await until_true(pilot, lambda: app.caption_of("2_school/c.png") == wanted)


@pytest.mark.long
async def test_a_wrong_pattern_is_said_where_it_is_typed(workspace) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await pilot.press("o")
        await until_true(pilot, lambda: isinstance(app.screen, PickDialog))
        place = next(at for at, choice in enumerate(app.screen._choices) if choice.value == "replace")
        app.screen.query_one(OptionList).highlighted = place
        await pilot.press("enter")
        await until_true(pilot, lambda: isinstance(app.screen, OperationDialog))
        await pilot.press(*"(unclosed", "enter")
        await until_true(pilot, lambda: "at character 10" in app.text())
        assert isinstance(app.screen, OperationDialog)
        await pilot.press("escape")
        assert not CaptionHistory(workspace).steps()


async def test_pictures_are_left_out_by_a_setting_and_taken_in_again(workspace) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await pilot.press("x")
        await until_true(pilot, lambda: app.open.now.exclude_pictures == [FIRST])
        await settled(app, pilot)
        await until_true(pilot, lambda: "−" in row_of(app) and "left out of the bake" in app.text())
        assert "hifumi.toml *" in app.text()
        # The form has asked for its plan already.
        assert not app.data.files_changed
        await pilot.press("down", "space", "space")
        await pilot.press("x")
        await until_true(pilot, lambda: len(app.open.now.exclude_pictures) == 3)
        await settled(app, pilot)
        await pilot.press("ctrl+s")
        assert load_settings(app.open.path).exclude_pictures == [FIRST, "2_school/b.png", "2_school/c.png"]
        await pilot.press("x")
        await until_true(pilot, lambda: app.open.now.exclude_pictures == [FIRST])


@pytest.mark.long
async def test_repeats_are_set_in_the_settings_or_in_the_folders_name_which_is_undone(workspace) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await ask_repeats(app, pilot, "1", "7")
        await until_true(pilot, lambda: app.open.now.num_repeats == ["2_school=7"])
        await settled(app, pilot)
        await until_true(pilot, lambda: "×7" in row_of(app))
        assert not app.data.files_changed
        app.open.change({"num_repeats": []})
        await ask_repeats(app, pilot, "2", "5")
        await until_true(pilot, (workspace.root / "data/5_school/a.png").exists)
        await until_true(pilot, lambda: "5_school/a.png" in app.text())
        assert app.data.files_changed
        await settled(app, pilot)
        await pilot.press("R")
        await until_true(pilot, lambda: isinstance(app.screen, PickDialog))
        assert "5_school back to 2_school" in app.text()
        await pilot.press("3")
        await until_true(pilot, (workspace.root / "data" / FIRST).exists)
        await until_true(pilot, lambda: FIRST in app.text())


async def ask_repeats(app: DatasetAlone, pilot, choice: str, number: str) -> None:
    await pilot.press("R")
    await until_true(pilot, lambda: isinstance(app.screen, PickDialog))
    await pilot.press(choice)
    await until_true(pilot, lambda: isinstance(app.screen, RepeatsDialog))
    # A name holds no 0.
    await until_true(pilot, lambda: ("leaves the folder out" in app.text()) == (choice == "1"))
    await pilot.press(*number, "enter")
    await until_true(pilot, lambda: app.screen is app.data)
    await settled(app, pilot)


async def test_near_duplicates_stand_beside_each_other_and_one_is_left_out(workspace) -> None:
    # The same picture once more, as another kind and in another folder.
    picture = workspace.root / "data/3_dress/f.jpg"
    Image.open(workspace.root / "data" / FIRST).convert("RGB").save(picture, quality=95)
    picture.with_suffix(".txt").write_text("hifumi")
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot, 6)
        await pilot.press("D")
        await until_true(pilot, lambda: isinstance(app.screen, PairsScreen))
        await until_true(pilot, lambda: "pair 1 of 1" in app.text() and app.text().count("▀") > 200)
        assert FIRST in app.text() and "3_dress/f.jpg" in app.text()
        await pilot.press("2")
        await until_true(pilot, lambda: app.open.now.exclude_pictures == ["3_dress/f.jpg"])
        await until_true(pilot, lambda: "left out of the bake" in app.text())
        await pilot.press("2", "n", "p")
        await until_true(pilot, lambda: app.open.now.exclude_pictures == [])
        await pilot.press("escape")
        await until_true(pilot, lambda: app.screen is app.data)


@pytest.mark.long
async def test_without_near_duplicates_that_is_said(workspace) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await pilot.press("D")
        await until_true(pilot, lambda: "no pictures are nearly the same" in app.notes())


async def test_findings_list_their_pictures_and_mend_captions(workspace) -> None:
    for number in range(6):
        name = f"2_school/more{number}"
        shutil.copy(workspace.root / "data/2_school/b.png", workspace.root / f"data/{name}.png")
        (workspace.root / f"data/{name}.txt").write_text("hifumi, school uniform, backpack, long hair")
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot, len(CAPTIONS) + 6)
        await pilot.press("f")
        await until_true(pilot, lambda: isinstance(app.screen, DataFindingsDialog))
        titles = [finding.title for finding in app.screen._findings]
        place = next(at for at, title in enumerate(titles) if "`long_hair`" in title and "differs" in title)
        assert any("nearly the same" in title for title in titles)
        app.screen.query_one(OptionList).highlighted = place
        await until_true(pilot, lambda: "corrected by: rename `long_hair` to `long hair`" in app.text())
        await pilot.press("enter")
        await preview(app, pilot)
        await pilot.press("enter")
        await until_true(pilot, lambda: "long hair" in app.caption_of("2_school/c.png"))
        await settled(app, pilot)
        app.screen.query_one(OptionList).highlighted = next(
            at for at, title in enumerate(titles) if "nearly the same" in title
        )
        await until_true(pilot, lambda: "D shows them beside each other" in app.text())
        await pilot.press("space")
        await until_true(pilot, lambda: app.screen is app.data)
        await until_true(pilot, lambda: len(app.data.picture_list.ids) == 7)


async def test_a_long_job_shows_how_far_it_is_and_is_cancelled(workspace) -> None:
    app = DatasetAlone(workspace)
    ended: list[str] = []
    began = threading.Event()

    def job(show, stop) -> str:
        show("counting sheep", 3, 10)
        began.set()
        while not stop():
            threading.Event().wait(0.01)
        return "stopped"

    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        run_long(app.data, "Count", job, ended.append, lambda error: ended.append(error.line()))
        await until_true(pilot, lambda: isinstance(app.screen, WorkingDialog) and began.is_set())
        await until_true(pilot, lambda: "counting sheep 3 of 10" in app.text())
        await pilot.press("escape")
        await until_true(pilot, lambda: ended == ["stopped"] and app.screen is app.data)


async def test_what_goes_wrong_in_a_job_is_one_line(workspace) -> None:
    app = DatasetAlone(workspace)
    said: list[str] = []

    def job(show, stop) -> str:
        raise OSError(28, "No space left on device")

    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        run_long(app.data, "Write", job, lambda result: None, lambda error: said.append(error.line()))
        await until_true(pilot, lambda: said)
        assert "space" in said[0].lower() and app.screen is app.data
