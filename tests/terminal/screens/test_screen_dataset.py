"""The Dataset screen: what it shows of pictures, captions, tags and buckets, at every size."""

import threading
import time
from pathlib import Path

import pytest
from dataset_screen import (
    CAPTIONS,
    NARROW,
    SMALL,
    TINY,
    WIDE,
    DatasetAlone,
    as_onlooker,
    listed,
    made_data,
    settings_of,
    settled,
    with_name,
)
from PIL import Image
from screen_alone import until_true
from textual.message import Message
from textual.widgets import Static

from lora_tui.screens.dataset_panes import VIEWS
from lora_tui.screens.help import HelpScreen
from lora_tui.screens.pick import PickDialog
from lora_tui.widgets.placed_picture import PlacedPicture
from lora_tui.workers import dataset_refresher
from lora_tui.workers.dataset_refresher import DatasetRefresher, Refreshed
from lora_tui.workers.dataset_source import DatasetSource
from trainer.data_index.index import DataIndex
from trainer.jobs import data_index
from trainer.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return made_data(tmp_path / "ws")


@pytest.mark.parametrize("size", [WIDE, pytest.param((120, 36), marks=pytest.mark.long)])
async def test_pictures_caption_tags_and_buckets_stand_beside_each_other(workspace, size) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=size) as pilot:
        await listed(app, pilot)
        assert app.names() == list(CAPTIONS)
        await until_true(pilot, lambda: "batches in an epoch" in app.text())
        text = app.text()
        assert "5 pictures" in text and "▸" in text
        row = next(line for line in text.splitlines() if "3_dress/d.png" in line)
        assert "128×32" in row and "×3" in row
        assert "school uniform" in text and "ragged:" in text
        assert app.tags()["hifumi"] == 5 and app.tags()["backpack"] == 3
        assert all(len(line) <= size[0] for line in text.splitlines())
        # Shown 2 times in each of 10 epochs.
        assert "shown 20 times in 10 epochs" in str(app.data.query_one("#facts", Static).content)


@pytest.mark.parametrize("size", [NARROW, pytest.param(SMALL, marks=pytest.mark.long), TINY])
async def test_where_there_is_no_room_panes_are_tabs(workspace, size) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=size) as pilot:
        await listed(app, pilot)
        assert "a.png" in app.text() and "▸1 pictures" in app.text()
        seen = {}
        for number, view in enumerate(VIEWS, start=1):
            await pilot.press(str(number))
            await pilot.pause()
            seen[view] = app.text()
            assert all(len(line) <= size[0] for line in seen[view].splitlines())
        assert "hifumi" in seen["caption"] and "school" in seen["tags"] and "64×64" in seen["buckets"]
        await pilot.press("v")
        assert app.data.panes.view == "pictures"
        await pilot.press("enter")
        assert app.data.panes.view == "caption"
        await pilot.press("escape")
        assert app.data.panes.view == "pictures"


async def test_what_the_bucket_cuts_off_is_said_and_framed(workspace) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        app.data.picture_list.go_to(with_name(app, "3_dress/d.png"))
        view = app.data.query_one(PlacedPicture)
        await until_true(pilot, lambda: view._placed is not None and view._placed.path.name == "d.png")
        # 256×64 shrinks to 128×32.
        assert view._placed.kept is None and "256×64 → 128×32" in app.text()
        app.data.picture_list.go_to(with_name(app, "2_school/c.png"))
        await until_true(pilot, lambda: view._placed.path.name == "c.png")
        # 96×64 goes into a bucket of another shape.
        assert view._placed.kept is not None and "cut off" in app.text()
        await until_true(pilot, lambda: view._drawn and view._source)
        left, top, right, bottom = view._placed.kept
        assert (right - left) * (bottom - top) < 96 * 64
        dark, light = sum(view._drawn.data), sum(view._source.data)
        assert dark < light


async def test_only_rows_in_view_are_asked_for_of_a_hundred_thousand(workspace, monkeypatch) -> None:
    """The index has rows without files; nobody looks at the folders meanwhile."""
    with DataIndex(workspace) as index:
        index.refresh(settings_of(workspace.root))
    many_rows(workspace, 100_000)
    monkeypatch.setattr(DatasetRefresher, "put", lambda self, source: 0)
    asked: list[int] = []
    original = DataIndex.pictures
    monkeypatch.setattr(DataIndex, "pictures", lambda self, ids: asked.append(len(ids)) or original(self, ids))
    app = DatasetAlone(workspace)
    began = time.monotonic()
    async with app.run_test(size=WIDE) as pilot:
        await until_true(pilot, lambda: len(app.data.picture_list.ids) == 100_000 and app.data.picture is not None)
        opened = time.monotonic() - began
        await pilot.press("end")
        await until_true(pilot, lambda: "099999" in app.text())
        for _ in range(10):
            await pilot.press("pageup")
        await pilot.press("home")
        await until_true(pilot, lambda: app.data.reader.idle)
        rows = app.data.picture_list
        await until_true(pilot, lambda: rows.place == 0 and all(rows.known(each) for each in rows._in_view()))
    assert max(asked) < 400 and sum(asked) < 10_000
    # The machine's speed is another's; a list that is read whole takes many times as long.
    assert opened < 30


def many_rows(workspace: Workspace, number: int) -> None:
    """Put rows of so many pictures into the index, each a copy of the first but for its name."""
    import sqlite3

    with sqlite3.connect(workspace.root / "cache" / "data-index.sqlite") as connection:
        for table, changed in (("file", {"path": "n"}), ("picture", {"file": "n", "name": "n", "place": "n"})):
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            first = connection.execute(f"SELECT min(id) FROM {table}").fetchone()[0]
            values = {column: column for column in columns} | {"id": "n"} | changed
            if table == "file":
                values["path"] = "CAST('/gone/' || printf('%06d', n) || '.png' AS BLOB)"
            else:
                values["name"] = "CAST('2_school/' || printf('%06d', n) || '.png' AS BLOB)"
            connection.execute(f"CREATE TEMP TABLE one AS SELECT * FROM {table} WHERE id = {first}")
            connection.execute(f"DELETE FROM {table}")
            connection.execute(
                f"""
                WITH RECURSIVE count(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM count WHERE n < {number - 1})
                INSERT INTO {table} ({", ".join(f'"{column}"' for column in columns)})
                SELECT {", ".join(values[column] if column in ("id", *changed) else f'"{column}"' for column in columns)}
                FROM count, one
                """
            )
            connection.execute("DROP TABLE one")
        connection.execute("UPDATE meta SET value = value + 1")


async def test_what_is_known_is_listed_before_the_folders_are_looked_at(workspace, monkeypatch) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
    app, put, shown = DatasetAlone(workspace), DatasetRefresher.put, []

    def noted(self: DatasetRefresher, source: DatasetSource) -> int:
        shown.append(len(app.data.picture_list.ids))
        return put(self, source)

    monkeypatch.setattr(DatasetRefresher, "put", noted)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
    assert shown == [5]


def test_a_look_waits_for_that_of_a_screen_that_was_left(workspace, monkeypatch) -> None:
    # Reading the base's tokenizer would take as long as the wait below.
    monkeypatch.setattr(data_index, "tokens_of_base", lambda settings: None)
    posted: list[Message] = []
    refresher = DatasetRefresher(workspace, posted.append)
    refresher.start()
    with DataIndex(workspace) as index, dataset_refresher._ONE_LOOK:
        began, go = threading.Event(), threading.Event()

        def show(*_: object) -> None:
            began.set()
            go.wait(10)

        settings = settings_of(workspace.root)
        before = threading.Thread(target=lambda: index.refresh(settings, show=show))
        before.start()
        assert began.wait(10)
        refresher.put(DatasetSource(workspace.root / "hifumi.toml", settings, None))
        time.sleep(0.5)
        go.set()
        before.join()
    end = time.monotonic() + 10
    while not any(isinstance(each, Refreshed) for each in posted):
        assert time.monotonic() < end
        time.sleep(0.01)
    (ended,) = (each for each in posted if isinstance(each, Refreshed))
    assert ended.result is not None and not ended.result.elsewhere and ended.number == 1
    refresher.stop()


async def test_the_filter_lists_what_passes_and_says_where_it_is_wrong(workspace) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await pilot.press("slash", *"-tag:backpack", "enter")
        await until_true(pilot, lambda: app.names() == ["3_dress/d.png", "3_dress/e.png"])
        assert "2 of 5 pictures" in app.text()
        await pilot.press("slash", *" smell:x", "enter")
        await until_true(pilot, lambda: "no key `smell`" in app.text())
        assert len(app.names()) == 2
        await pilot.press("escape")
        await until_true(pilot, lambda: len(app.names()) == 5)
        await pilot.press("slash", *"nothing like it", "enter")
        await until_true(pilot, lambda: "no picture passes the filter" in app.text())
        await pilot.press("escape", "escape")
        await until_true(pilot, lambda: app.answers == [None])


@pytest.mark.long
async def test_the_list_is_sorted_as_one_chooses_and_turned_round(workspace) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        for turned in (False, True):
            await pilot.press("s")
            await until_true(pilot, lambda: isinstance(app.screen, PickDialog))
            place = next(at for at, choice in enumerate(app.screen._choices) if choice.value == "repeats")
            await pilot.press(str(place + 1))
            await until_true(pilot, lambda: app.screen is app.data)
            await settled(app, pilot)
            repeats = [app.data.picture_list.known(each).repeats for each in app.data.picture_list.ids]
            assert repeats == sorted(repeats, reverse=turned)
        assert "by repeats" in app.text()


async def test_the_table_of_tags_is_found_in_sorted_and_filters_the_pictures(workspace) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await pilot.press("3", "slash", *"dress", "enter")
        assert list(app.tags()) == ["red dress"]
        await pilot.press("enter")
        await until_true(pilot, lambda: len(app.names()) == 2 and len(app.data.picture_list.ids) == 2)
        await pilot.press("minus")
        await until_true(pilot, lambda: len(app.data.picture_list.ids) == 3)
        await pilot.press("escape")
        await settled(app, pilot)
        await until_true(pilot, lambda: len(app.tags()) == 5 and app.data.panes.tags.found_by == "")
        await pilot.press("s")
        assert list(app.tags()) == sorted(app.tags())
        await pilot.press("s")
        assert list(app.tags().values()) == sorted(app.tags().values(), reverse=True)


async def test_masks_are_shown_by_a_key(workspace) -> None:
    root = workspace.root
    for name in CAPTIONS:
        path = root / "masks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        size = Image.open(root / "data" / name).size
        mask = Image.new("L", size)
        mask.paste(255, (0, 0, size[0] // 2, size[1]))
        mask.save(path)
    app = DatasetAlone(workspace, masked_loss=True, conditioning_data_dir=str(root / "masks"))
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        view = app.data.query_one(PlacedPicture)
        await until_true(pilot, lambda: view._source)
        before = view._source
        assert "masked" in app.text() and "mask shown" not in app.text()
        await pilot.press("M")
        await until_true(pilot, lambda: view._source and view._source != before and "mask shown" in app.text())
        masked = view._source
        row = masked.width * 3
        half = masked.width // 2 * 3
        assert (
            masked.data[: half - 3] == before.data[: half - 3]
            and masked.data[half + 3 : row] != before.data[half + 3 : row]
        )
        await pilot.press("M")
        await until_true(pilot, lambda: view._source == before)


async def test_a_picture_without_its_mask_is_marked_and_hides_no_other(workspace) -> None:
    root = workspace.root
    for name in list(CAPTIONS)[1:]:
        path = root / "masks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", Image.open(root / "data" / name).size, 255).save(path)
    app = DatasetAlone(workspace, masked_loss=True, conditioning_data_dir=str(root / "masks"))
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        row = next(line for line in app.text().splitlines() if "2_school/a.png" in line and "─" not in line)
        assert "✗" in row and "unusable" in row
        assert "no mask of this name in" in app.text()


@pytest.mark.long
async def test_small_pictures_stand_in_the_list_where_one_wants_them(workspace) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await pilot.press("i")
        await until_true(pilot, lambda: app.data.picture_list.has_thumbnails and app.text().count("▀") > 40)
        assert app.data.picture_list.virtual_size.height == 5 * 5 + 1
        before = app.data.picture_list.place
        await pilot.press("down", "down")
        assert app.data.picture_list.place == before + 2
        await pilot.press("i")
        assert app.data.picture_list.virtual_size.height == 5 + 1 and app.data.picture_list.place == before + 2


async def test_a_file_that_is_no_picture_is_marked_and_can_be_looked_at(workspace) -> None:
    (workspace.root / "data/2_school/b.png").write_bytes(b"\x89PNG no picture")
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        row = next(line for line in app.text().splitlines() if "2_school/b.png" in line and "─" not in line)
        assert "✗" in row and "unusable" in row
        app.data.picture_list.go_to(with_name(app, "2_school/b.png"))
        await until_true(pilot, lambda: "cannot be read" in app.text())


@pytest.mark.long
async def test_folders_that_are_gone_are_one_line(workspace) -> None:
    app = DatasetAlone(workspace, train_data_dir=str(workspace.root / "nowhere"))
    async with app.run_test(size=WIDE) as pilot:
        await until_true(pilot, lambda: "nowhere" in app.text() and "✗" in app.text())
        assert "no pictures could be looked at" in app.text()
        for key in (
            "down",
            "enter",
            "space",
            "x",
            "r",
            "a",
            "e",
            "D",
            "f",
            "o",
            "M",
            "R",
            "i",
            "3",
            "r",
            "enter",
            "4",
            "j",
            "1",
        ):
            await pilot.press(key)
            await settled(app, pilot)
            while app.screen is not app.data:
                await pilot.press("escape")
                await pilot.pause()
        await pilot.press("escape", "escape", "q")
        await until_true(pilot, lambda: app.answers == [None])


@pytest.mark.long
async def test_the_help_has_the_keys_of_the_pane(workspace) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await pilot.press("3", "question_mark")
        await until_true(pilot, lambda: isinstance(app.screen, HelpScreen))
        assert "find a tag" in app.text() and "list only pictures with this tag" in app.text()


async def test_an_onlooker_sees_everything_and_changes_nothing(workspace) -> None:
    app = DatasetAlone(workspace, as_onlooker())
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        before = {path: path.read_bytes() for path in sorted((workspace.root / "data").rglob("*")) if path.is_file()}
        for key in (
            "x",
            "o",
            "e",
            "u",
            "ctrl+r",
            "R",
            "ctrl+s",
            "2",
            "r",
            "a",
            "x",
            "greater_than_sign",
            "F",
            "3",
            "r",
            "x",
            "a",
            "F",
        ):
            await pilot.press(key)
            await settled(app, pilot)
            if key not in "23":
                assert app.screen is app.data, key
        assert app.notes().count("read-only") >= 10
        await pilot.press("D", "f")
        await settled(app, pilot)
        await until_true(pilot, lambda: app.screen is not app.data)
        assert app.open.now == app.open.saved
        after = {path: path.read_bytes() for path in sorted((workspace.root / "data").rglob("*")) if path.is_file()}
        assert after == before and not (workspace.root / "captions").exists()
