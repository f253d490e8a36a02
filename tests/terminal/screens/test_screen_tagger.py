"""The tagger on the Dataset screen: asked for, at work behind the screen, never twice, shown before it writes, undone."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from dataset_screen import CAPTIONS, DatasetAlone, listed, made_data, settled
from screen_alone import ScreenAlone, until_true
from textual.widgets import Input
from tiny_tagger import TAGS, write_tagger

from lora_tui.actions import tagging
from lora_tui.ports import Rights
from lora_tui.screens import tagger_orders
from lora_tui.screens.dataset_preview import EditPreviewDialog
from lora_tui.screens.tagger import TaggerDialog, TaggerWorkingDialog
from trainer.captions.history import CaptionHistory
from trainer.errors import SettingsError
from trainer.tagger import run as run_module
from trainer.tagger.record import INSTALL, TaggedRun, Tagger, TagScore
from trainer.workspace import Workspace

WIDE = (130, 30)
_PLACES = {name: place for place, (name, _) in enumerate(TAGS)}


class Says:
    """Stands in for a tagger that runs: says of every picture what its file's name has, once it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.began: list[list[str]] = []

    def __call__(
        self, tagger: Tagger, pictures: Sequence[Path], cache: object, *, show: Any, stop: Any, **_: Any
    ) -> TaggedRun:
        self.began.append([path.name for path in pictures])
        show(2, 40)
        for _ in range(2000):
            if self.go.wait(0.01):
                break
            if stop():
                return TaggedRun({}, stopped=True)
        seen = (TagScore(_PLACES["red_dress"], 0.9), TagScore(_PLACES["green_hair"], 0.4))
        return TaggedRun({path: seen for path in pictures}, {Path("x/broken.png"): "no picture"})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return made_data(tmp_path / "ws")


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Says:
    fake = Says()
    monkeypatch.setattr(run_module, "run_tagger", fake)
    monkeypatch.setattr(run_module, "check_installed", lambda: None)
    monkeypatch.setattr(tagger_orders, "SHOWN_AFTER", 0.05)
    return fake


async def asked(app: DatasetAlone, pilot: Any, folder: Path, **lines: str) -> TaggerDialog:
    """Open the dialog, and fill it in."""
    await pilot.press("t")
    await until_true(pilot, lambda: isinstance(app.screen, TaggerDialog))
    dialog = app.screen
    assert isinstance(dialog, TaggerDialog)
    for key, text in {"model": str(folder), **lines}.items():
        dialog.query_one(f"#{key}", Input).value = text
    return dialog


async def test_it_is_shown_before_it_is_written_and_undone(workspace: Workspace, tmp_path: Path, says: Says) -> None:
    app = DatasetAlone(workspace)
    folder = write_tagger(tmp_path / "wd tiny")
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await asked(app, pilot, folder, mode="add", thresholds="0.35", unwanted="green hair")
        await pilot.press("enter")
        await until_true(pilot, lambda: isinstance(app.screen, EditPreviewDialog))
        text = app.text()
        assert "Tags added by the tagger wd tiny: 5 pictures, all there are" in text
        assert "3 captions would change" in text, text
        assert "not looked at: broken.png: no picture" in text
        counts = [line.split()[-3:] for line in text.splitlines() if "red dress  " in line and "+" not in line]
        assert counts == [["3", "0", "2"]], text
        assert app.caption_of("2_school/a.png") == CAPTIONS["2_school/a.png"]
        await pilot.press("enter")
        await until_true(pilot, lambda: app.caption_of("2_school/a.png").endswith("smile, red dress"))
        assert app.caption_of("3_dress/d.png") == CAPTIONS["3_dress/d.png"]
        await settled(app, pilot)
        (step,) = CaptionHistory(workspace).steps()
        assert (step.words, step.files) == ("tags added by the tagger wd tiny", 3)
        await pilot.press("u")
        await until_true(pilot, lambda: app.caption_of("2_school/a.png") == CAPTIONS["2_school/a.png"])
        await settled(app, pilot)
        await pilot.press("t")
        await until_true(pilot, lambda: isinstance(app.screen, TaggerDialog))
        assert app.screen.typed == tagging.TaggerTyped(str(folder), "", "0.35", "", "green hair", "add")


async def test_only_missing_captions_are_written_unless_the_user_says_so(
    workspace: Workspace, tmp_path: Path, says: Says
) -> None:
    (workspace.root / "data/3_dress/e.txt").unlink()
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await asked(app, pilot, write_tagger(tmp_path / "tagger"))
        await pilot.press("enter")
        await until_true(pilot, lambda: isinstance(app.screen, EditPreviewDialog))
        await pilot.press("enter")
        await until_true(pilot, (workspace.root / "data/3_dress/e.txt").exists)
        assert app.caption_of("3_dress/e.png") == "red dress, green hair"
        await settled(app, pilot)
        await asked(app, pilot, tmp_path / "tagger")
        await pilot.press("enter")
        await until_true(pilot, lambda: "every picture has a caption" in app.notes())
    assert says.began == [["e.png"]]


async def test_marked_pictures_alone_are_looked_at(workspace: Workspace, tmp_path: Path, says: Says) -> None:
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await pilot.press("space", "space")
        await asked(app, pilot, write_tagger(tmp_path / "tagger"), mode="replace")
        assert "Tagger: 2 marked pictures" in app.text()
        await pilot.press("enter")
        await until_true(pilot, lambda: isinstance(app.screen, EditPreviewDialog))
    assert says.began == [["a.png", "b.png"]]


async def test_it_goes_on_behind_the_screen_and_is_never_started_twice(
    workspace: Workspace, tmp_path: Path, says: Says
) -> None:
    says.go.clear()
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await asked(app, pilot, write_tagger(tmp_path / "tagger"), mode="add")
        await pilot.press("enter")
        await until_true(pilot, lambda: isinstance(app.screen, TaggerWorkingDialog))
        await until_true(pilot, lambda: "looked at 2 of 40 pictures" in app.text())
        await pilot.press("b")
        await until_true(pilot, lambda: app.screen is app.data)
        await until_true(pilot, lambda: "tagger looks at 5 pictures, all there are: 2 of 40" in app.text())
        await pilot.press("down", "t")
        await until_true(pilot, lambda: isinstance(app.screen, TaggerWorkingDialog))
        await pilot.press("b")
        await until_true(pilot, lambda: app.screen is app.data)
        says.go.set()
        await until_true(pilot, lambda: "on the Dataset screen shows what would change" in app.notes())
        await until_true(pilot, lambda: "the tagger is done; t shows what would change" in app.text())
        assert app.screen is app.data
        await pilot.press("t")
        await until_true(pilot, lambda: isinstance(app.screen, EditPreviewDialog))
        await until_true(pilot, lambda: not app.data.orders.tagger.line)
    assert len(says.began) == 1


async def test_a_desk_starts_no_second_run(workspace: Workspace, says: Says) -> None:
    says.go.clear()
    desk = tagging.TaggerDesk()
    first, second = (tagging.TaggerRun(None, _Asked(), (), "nothing") for _ in range(2))  # type: ignore[arg-type]
    first._look = second._look = lambda: says.go.wait(5)  # type: ignore[method-assign]
    first.job._work = first._look
    desk.begin(first, lambda: None)
    with pytest.raises(SettingsError, match="running already"):
        desk.begin(second, lambda: None)
    says.go.set()
    assert first.job.ended.wait(5)


class _Asked:
    tagger = type("T", (), {"name": "t"})


async def test_escape_ends_it(workspace: Workspace, tmp_path: Path, says: Says) -> None:
    says.go.clear()
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await asked(app, pilot, write_tagger(tmp_path / "tagger"), mode="add")
        await pilot.press("enter")
        await until_true(pilot, lambda: isinstance(app.screen, TaggerWorkingDialog))
        await pilot.press("escape")
        await until_true(pilot, lambda: app.screen is app.data)
        await until_true(pilot, lambda: "what it has looked at is kept" in app.notes())
        await pilot.press("t")
        await until_true(pilot, lambda: isinstance(app.screen, TaggerDialog))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ({"model": ""}, "tagger: blank"),
        ({"model": "/nowhere/wd"}, "/nowhere/wd: nothing there"),
        ({"mode": "all"}, "write: all; expected one of missing, add, replace"),
        ({"thresholds": "general=2"}, "thresholds: 2; expected a number between 0 and 1"),
        ({"thresholds": "colour=0.5"}, "thresholds: colour; expected one of general, character, rating"),
        ({"categories": "artist"}, "categories: artist; expected one of general, character, rating"),
    ],
)
async def test_what_is_wrong_is_said_where_it_was_typed(
    workspace: Workspace, tmp_path: Path, says: Says, lines: dict[str, str], said: str
) -> None:
    app = DatasetAlone(workspace)
    tags = (("rating", 9), *TAGS[1:])
    from tiny_tagger import TinyTagger

    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        dialog = await asked(app, pilot, write_tagger(tmp_path / "tagger", TinyTagger(tags=tags)), **lines)
        await pilot.press("enter")
        await until_true(pilot, lambda: said in app.text())
        assert app.screen is dialog
    assert not says.began


async def test_without_onnxruntime_the_command_that_installs_it_is_named(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module.importlib.util, "find_spec", lambda name: None)
    app = DatasetAlone(workspace)
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await asked(app, pilot, write_tagger(tmp_path / "tagger"), mode="add")
        await until_true(pilot, lambda: INSTALL in app.text())
        await pilot.press("enter")
        await settled(app, pilot)
        await until_true(pilot, lambda: INSTALL in app.text())
        assert isinstance(app.screen, TaggerDialog)


async def test_the_arrows_go_from_line_to_line(tmp_path: Path) -> None:
    app = ScreenAlone(TaggerDialog("5 pictures", tagging.TaggerTyped(), lambda typed, then, fail: None))
    async with app.run_test(size=WIDE) as pilot:
        await until_true(pilot, lambda: app.focused is not None and app.focused.id == "model")
        for key, line in (("down", "tags_file"), ("down", "thresholds"), ("up", "tags_file"), ("tab", "thresholds")):
            await pilot.press(key)
            assert app.focused is not None and app.focused.id == line


async def test_who_may_not_write_gets_no_tagger(workspace: Workspace) -> None:
    app = DatasetAlone(workspace, Rights(bake=False, order=False))
    async with app.run_test(size=WIDE) as pilot:
        await listed(app, pilot)
        await pilot.press("t")
        await until_true(pilot, lambda: "read-only" in app.notes())
        assert app.screen is app.data


def test_thresholds_in_a_line() -> None:
    from trainer.tagger.typed import thresholds_in

    known = ("general", "character")
    found = thresholds_in(" general = 0.5 , character=MCUT", known, "here")
    assert (found.of("general"), found.largest_gap) == (0.5, frozenset({"character"}))
    assert thresholds_in("", known, "here").of("character") == 0.85
    assert thresholds_in("mcut", known, "here").largest_gap == frozenset(known)
    with pytest.raises(SettingsError, match="here: colour"):
        thresholds_in("colour=mcut", known, "here")
