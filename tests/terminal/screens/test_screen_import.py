"""Settings of other trainers on the screen: the source, the report, the folders of another computer, the file that is written."""

import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from bursts import type_at_once
from screen_alone import ScreenAlone, until_true
from textual import events
from textual.widgets import Input, Static

from lora_tui.actions.exports import make_export, write_export
from lora_tui.actions.imports import Imports, ReadImport
from lora_tui.forms.draft import open_draft
from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.screens.export_report import ExportReportScreen
from lora_tui.screens.foreign_paths import ForeignPathsDialog
from lora_tui.screens.help import HelpScreen
from lora_tui.screens.import_report import ImportReportScreen
from lora_tui.screens.import_source import ImportDialog
from lora_tui.screens.pick import PickDialog
from lora_tui.screens.save_import import SaveImportDialog
from lora_tui.widgets.filter_line import FilterLine
from lora_tui.widgets.report_list import ReportList
from lora_tui.widgets.source_line import SourceLine
from trainer.errors import SettingsError
from trainer.interop.report import ImportReport, KeyReport

SIZES = [(120, 36), (80, 24)]
PASTE = "$network_dim = 32\r\n$train_data_dir = 'D:\\lora\\set'\n\n\tb x space = 1\n"


def report(*, taken: int = 30, paths: Mapping[str, str] | None = None) -> ImportReport:
    keys = [
        KeyReport(f"option_{place}", str(place), "taken", f"option_{place} = {place}", line=place)
        for place in range(taken)
    ]
    keys += [
        KeyReport("$lr_warmup_ratio", "0.05", "translated", "lr_warmup_steps = 5%", "a share of all steps", 41),
        KeyReport("$max_epochs", "[b]10[/b]", "translated", "max_train_epochs = 10", "the same under another name", 42),
        KeyReport("xformers", "True", "without effect", "", "PyTorch's own attention is as fast", 43),
        KeyReport("my_own_key", "\x1b[31mred", "unknown", "", "", 44),
    ]
    notes = ("The pictures are counted as on Windows.",)
    return ImportReport("the paste", "the legacy ps1", tuple(keys), "legacy ps script 2023-02", notes, paths or {})


class ScriptedImports:
    """Gives what a test tells it, and notes what it was asked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.given: list[str] = []
        self.folders: list[dict[str, str]] = []
        self.saved: list[str] = []
        self.error: Exception | None = None
        self.foreign: tuple[str, ...] = ()
        self.report = report()

    def read(self, given: str) -> ReadImport:
        self.given.append(given)
        if self.error is not None:
            raise self.error
        return ReadImport((), self.report, "hifumi-legacy", self.foreign, "hifumi-old")

    def remap(self, read: ReadImport, folders: Mapping[str, str]) -> ReadImport:
        for there, here in folders.items():
            if here == "/nowhere":
                raise SettingsError(there, found=f"no folder {here} here")
        self.folders.append(dict(folders))
        found = report(paths={"D:\\lora\\set": "/data/set"})
        return ReadImport(read.documents, found, read.name, (), "hifumi-old")

    def save(self, read: ReadImport, name: str) -> Path:
        if name == "taken":
            raise SettingsError("taken.toml", found="already exists", expected="a new name")
        self.saved.append(name)
        path = self.root / f"{name}.toml"
        path.write_text((self.root / "hifumi.toml").read_text())
        return path


@pytest.fixture
def scripted(tmp_path: Path) -> ScriptedImports:
    return ScriptedImports(tmp_path)


def asking(scripted: ScriptedImports) -> ScreenAlone:
    return ScreenAlone(ImportDialog(scripted.read))


def reporting(scripted: ScriptedImports) -> ScreenAlone:
    return ScreenAlone(ImportReportScreen(scripted.read(""), scripted.remap, scripted.save))


def detail(app: ScreenAlone) -> str:
    return str(app.shown.query_one("#detail", Static).content)


async def asked(runner, pilot, until) -> ImportDialog:
    await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
    await pilot.press("i")
    await until(pilot, lambda: isinstance(runner.app.screen, ImportDialog))
    return runner.app.screen


async def test_a_paste_is_read_whole_and_none_of_it_is_a_key(runner, until, monkeypatch: pytest.MonkeyPatch) -> None:
    """Marked by the terminal, right behind the key that opens the dialog; and as keys, where the terminal marks none."""
    scripted = ScriptedImports(runner.workspace.root)
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        runner.app.bake_screen.imports._sources = scripted
        type_at_once(runner.app, "i")
        runner.app.post_message(events.Paste(PASTE))
        await until(pilot, lambda: isinstance(runner.app.screen, ImportReportScreen))
        assert scripted.given == [PASTE]
        await pilot.press("escape")
        await asked(runner, pilot, until)
        type_at_once(runner.app, "$network_dim = 32\r\r$b = 1\r# x q\r")
        await until(pilot, lambda: len(scripted.given) == 2)
        assert scripted.given[1] == "$network_dim = 32\n\n$b = 1\n# x q"
        await until(pilot, lambda: isinstance(runner.app.screen, ImportReportScreen))
        # The key behind the enter of a filter is the list's.
        type_at_once(runner.app, "/option_\rjj")
        await until(pilot, lambda: "option_2 " in str(runner.app.screen.query_one("#detail", Static).content))
    assert runner.bakes() == []


async def test_a_path_is_read_at_enter_and_what_is_wrong_can_be_mended(scripted) -> None:
    scripted.error = SettingsError("/data/[i]x.json", found="no such file", expected="settings")
    app = asking(scripted)
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(events.Paste("/data/set one/x\n"))
        await until_true(pilot, lambda: app.shown.query_one(SourceLine).value)
        assert scripted.given == []
        await pilot.press("enter")
        await until_true(pilot, lambda: "[i]x.json: no such file" in " ".join(app.text().split()))
        assert app.shown.query_one(SourceLine).value == "/data/set one/x"
        scripted.error = None
        await pilot.press("y", "enter")
        await until_true(pilot, lambda: app.answers)
        assert scripted.given == ["/data/set one/x", "/data/set one/xy"]


async def test_what_is_pasted_is_shown_with_its_length(scripted) -> None:
    scripted.error = SettingsError("the paste", found="nothing that is known")
    app = asking(scripted)
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(events.Paste("\n".join(f"line [{number}]\x1b[31m" for number in range(9))))
        await until_true(pilot, lambda: "nothing that is known" in app.text())
        assert "line [3]\\x1b[31m" in app.text() and "… 5 more lines" in app.text()
        # A text without line breaks that is too long for a path.
        scripted.error = None
        whole = '{"epoch": 3, ' + '"a": 1, ' * 2000 + '"b": 2}'
        app.post_message(events.Paste(whole))
        await until_true(pilot, lambda: app.answers)
        assert scripted.given[-1] == whole


@pytest.mark.parametrize("size", SIZES)
async def test_the_report_says_what_it_is_and_every_list_can_be_reached(scripted, size) -> None:
    app = reporting(scripted)
    async with app.run_test(size=size) as pilot:
        await until_true(pilot, lambda: app.shown.query(ReportList) and detail(app))
        shown = " ".join(app.text().split())
        for words in (
            "the legacy ps1",
            "34 keys: 30 taken, 2 translated, 1 without effect, 1 unknown",
            "what it leaves open is as in legacy ps script 2023-02",
            "✓ taken 30",
        ):
            assert words in shown
        rows = app.shown.query_one(ReportList)
        assert rows.found == 35
        for key, words in (
            ("1", ("option_0 = 0", "taken: option_0 = 0")),
            ("2", ("$lr_warmup_ratio = 0.05", "line 41", "translated: lr_warmup_steps = 5%", "a share of all steps")),
            ("3", ("xformers = True", "without effect", "PyTorch's own attention")),
            ("4", ("my_own_key = \\x1b[31mred", "unknown", "line 44")),
        ):
            await pilot.press("end", key)
            assert all(word in detail(app) for word in words), key
            # At the top, as far as there is enough below it.
            assert rows._rows[rows.scroll_offset.y].head or rows.scroll_offset.y == rows.max_scroll_y
        text = app.text()
        assert "[b]10[/b]" in text and "\\x1b[31mred" in text
        moves = (
            ("home", "option_0 "),
            ("]", "$lr_warmup"),
            ("]", "xformers"),
            ("[", "$lr_warmup"),
            ("down", "$max_ep"),
        )
        names = {"]": "right_square_bracket", "[": "left_square_bracket"}
        for key, words in (*moves, ("[", "$lr_w"), ("tab", "xformers"), ("end", "The pictures"), ("k", "my_own_key")):
            await pilot.press(names.get(key, key))
            assert detail(app).find(words) in (0, 2), (key, detail(app))


async def test_a_filter_lists_what_has_a_text_anywhere(scripted) -> None:
    app = reporting(scripted)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_true(pilot, lambda: app.shown.query(ReportList) and detail(app))
        rows = app.shown.query_one(ReportList)
        await pilot.press("slash", *"SHARE of")
        await until_true(pilot, lambda: rows.found == 1)
        assert "translated  1 of 2" in app.text() and "$lr_warmup_ratio" in detail(app)
        await pilot.press("enter", "j")
        assert app.focused is rows and rows.found == 1
        await pilot.press("slash", *"xq")
        await until_true(pilot, lambda: "nothing has this text" in detail(app))
        await pilot.press("escape")
        await until_true(pilot, lambda: rows.found == 35)
        assert not app.shown.query_one(FilterLine).display
        assert app.screen is app.shown


async def test_many_keys_are_listed_at_once(scripted) -> None:
    scripted.report = report(taken=50_000)
    app = reporting(scripted)
    async with app.run_test(size=(120, 36)) as pilot:
        await until_true(pilot, lambda: app.shown.query(ReportList) and detail(app))
        start = time.process_time()
        app.shown.query_one(ReportList).filter("option_49")
        await pilot.press("end", "home", "j")
        assert time.process_time() - start < 2
        assert app.shown.query_one(ReportList).found == 1_111


async def test_it_is_saved_under_a_name(scripted) -> None:
    (scripted.root / "hifumi.toml").write_text("")
    app = reporting(scripted)
    async with app.run_test(size=(120, 36)) as pilot:
        await until_true(pilot, lambda: app.shown.query(ReportList) and detail(app))
        for key in ("s", "enter"):
            await pilot.press(key)
            await until_true(pilot, lambda: isinstance(app.screen, SaveImportDialog) and app.focused)
            assert "hifumi-legacy.toml and subjects/hifumi-old.toml" in app.text()
            await pilot.press("escape")
        await pilot.press("s")
        await until_true(pilot, lambda: isinstance(app.screen, SaveImportDialog) and app.focused)
        line = app.screen.query_one(Input)
        assert line.value == "hifumi-legacy"
        line.value = "taken"
        await pilot.press("enter")
        await until_true(pilot, lambda: "already exists" in app.text())
        line.value = "old one.toml"
        await pilot.press("enter")
        await until_true(pilot, lambda: app.answers)
        assert app.answers == [scripted.root / "old one.toml"] and scripted.saved == ["old one"]


async def test_folders_of_another_computer_are_asked_for_once(scripted) -> None:
    scripted.foreign = ("D:\\lora", "/content/drive/MyDrive")
    scripted.report = report(paths={"D:\\lora\\set": "", "/content/drive/MyDrive/x.safetensors": ""})
    app = reporting(scripted)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_true(pilot, lambda: isinstance(app.screen, ForeignPathsDialog) and app.focused)
        assert "D:\\lora" in app.text() and "/content/drive/MyDrive" in app.text()
        await pilot.press("escape")
        assert scripted.folders == [] and "m find paths" in app.text()
        await pilot.press("m")
        await until_true(pilot, lambda: isinstance(app.screen, ForeignPathsDialog) and app.focused)
        await pilot.press(*"set", "enter", "enter")
        await until_true(pilot, lambda: "✗" in app.text())
        assert isinstance(app.focused, Input) and app.focused.value == "set"
        # What cannot be found out but by looking is said in the dialog too, and nothing typed is lost.
        app.focused.value = "/nowhere"
        await pilot.press("tab", *"/mnt", "enter")
        await until_true(pilot, lambda: "no folder /nowhere here" in app.text())
        assert isinstance(app.focused, Input) and app.focused.value == "/nowhere"
        assert [line.value for line in app.screen.query(Input)] == ["/nowhere", "/mnt"]
        app.focused.value = "~/lora"
        app.screen.query(Input).last().value = ""
        await pilot.press("enter", "enter")
        await until_true(pilot, lambda: scripted.folders == [{"D:\\lora": "~/lora"}])
        await until_true(pilot, lambda: app.screen is app.shown and "m find paths" not in app.text())
        await pilot.press("end", "up")
        assert "D:\\lora\\set → /data/set" in detail(app)
        await pilot.press("m")
        assert "of this computer" in app.notes()


async def test_one_folder_is_asked_for_in_the_singular(scripted) -> None:
    scripted.foreign = ("E:\\sets",)
    app = reporting(scripted)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_true(pilot, lambda: isinstance(app.screen, ForeignPathsDialog) and app.focused)
        assert "This folder is of another computer." in app.text() and "last line" not in app.text()


async def test_a_report_that_was_closed_is_opened_again(runner, until, seen) -> None:
    """Of a paste there is no file to read again; the name proposed is one that is free by then."""
    async with runner.run((80, 24)) as pilot:
        await asked(runner, pilot, until)
        assert "last report" not in seen(runner.app)
        await pilot.press("up")
        assert isinstance(runner.app.screen, ImportDialog)
        runner.app.post_message(events.Paste("network_dim = 24\noutput_name = 'kazusa'\nmy_own = 1\n"))
        await until(pilot, lambda: isinstance(runner.app.screen, ImportReportScreen))
        await pilot.press("escape")
        (runner.workspace.root / "kazusa.toml").write_text("")
        await asked(runner, pilot, until)
        assert "last report" in seen(runner.app)
        await pilot.press("up")
        await until(pilot, lambda: isinstance(runner.app.screen, ImportReportScreen))
        assert "my_own" in seen(runner.app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(runner.app.screen, SaveImportDialog))
        assert runner.app.screen.query_one(Input).value == "kazusa-2"


@pytest.mark.parametrize("size", SIZES)
async def test_the_keys_of_a_report_can_be_asked_for(scripted, size) -> None:
    app = reporting(scripted)
    async with app.run_test(size=size) as pilot:
        await until_true(pilot, lambda: "? help" in app.text())
        await pilot.press("question_mark")
        await until_true(pilot, lambda: isinstance(app.screen, HelpScreen))
        text = " ".join(str(line.content) for line in app.screen.query(Static))
        assert "first entry of the next list" in text and "say where folders of another computer are" in text
        # Tab is a key of the list here.
        assert "next pane" not in text and "lowest validation" not in text
        await pilot.press("escape")
        assert app.screen is app.shown


async def test_a_bakes_newest_lora_is_read_back(runner, until) -> None:
    """What is unsaved is settled first; without a LoRA there is nothing to read."""
    scripted = ScriptedImports(runner.workspace.root)
    async with runner.run((120, 36)) as pilot:
        screen = runner.app.bake_screen
        await until(pilot, lambda: screen.editor.view is not None)
        screen.imports._sources = scripted
        await pilot.press("a")
        await until(pilot, lambda: any("press i" in note.message for note in runner.app._notifications))
        runner.baking()
        await until(pilot, lambda: screen.snapshot.checkpoints)
        screen.editor.typed("network_alpha", "9")
        await pilot.press("a")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        await pilot.press("s")
        await until(pilot, lambda: isinstance(runner.app.screen, ImportReportScreen))
        bake, draft = runner.bakes()[0], screen.editor.draft
        assert scripted.given == [str(runner.workspace.root / bake.folder / "hifumi-000002.safetensors")]
        before = {path: path.read_bytes() for path in runner.workspace.root.rglob("*.toml")}
        assert b"network_alpha = 9.0" in before[runner.workspace.root / "hifumi.toml"]
        await pilot.press("escape")
        await until(pilot, lambda: runner.app.screen is screen)
        assert screen.editor.draft is draft
    assert {path: path.read_bytes() for path in runner.workspace.root.rglob("*.toml")} == before


async def test_the_edited_settings_are_exported_after_their_report(runner, until, seen) -> None:
    names = ("hifumi.sd-scripts.toml", "hifumi.kohya-gui.json", "hifumi.easy-training-scripts.toml")
    async with runner.run((120, 36)) as pilot:
        screen = runner.app.bake_screen
        await until(pilot, lambda: screen.editor.view is not None)
        screen.editor.typed("network_dim", "23")
        for number, name in enumerate(names, start=1):
            await pilot.press("E")
            await until(pilot, lambda: isinstance(runner.app.screen, PickDialog))
            await pilot.press(str(number))
            await until(pilot, lambda: isinstance(runner.app.screen, ExportReportScreen))
            shown = seen(runner.app)
            assert name in shown and "✗ lost" in shown and "✓ written" in shown
            assert not (runner.workspace.root / "exports" / name).exists()
            await pilot.press("enter")
            await until(pilot, lambda: runner.app.screen is screen)
            assert "23" in (runner.workspace.root / "exports" / name).read_text()
        await until(pilot, lambda: "to run it" in seen(runner.app))
        # Not among the settings files of the workspace.
        assert [path.name for path in runner.workspace.settings_files()] == ["hifumi.toml"]
        screen.editor.typed("subject", "nobody")
        await pilot.press("E")
        await until(pilot, lambda: isinstance(runner.app.screen, PickDialog))
        await pilot.press("1")
        await until(pilot, lambda: runner.app.screen is screen and "nobody" in seen(runner.app).split("─ log")[1])


def test_a_second_export_takes_another_name(runner) -> None:
    draft = open_draft(runner.workspace.root / "hifumi.toml")
    first = make_export(runner.workspace, draft, "sd-scripts")
    write_export(first)
    second = make_export(runner.workspace, draft, "sd-scripts")
    assert second.file.name == "hifumi.sd-scripts-2.toml"
    assert {path.name for path in write_export(second)} == {
        second.file.name,
        *(path.name for path in second.exported.beside),
    }


async def test_a_pasted_command_line_becomes_settings_that_are_open(runner, until, seen) -> None:
    """With nothing scripted: the data of this workspace under the path that another computer had."""
    paste = (
        "accelerate launch train_network.py \\\n  --pretrained_model_name_or_path=demo --train_data_dir='D:\\lora\\data' \\\n"
        "  --output_name=from_afar --network_dim=24 --unet_lr=2e-3 --max_train_epochs=3 --my_own=4\n"
    )
    async with runner.run((120, 36)) as pilot:
        await asked(runner, pilot, until)
        runner.app.post_message(events.Paste(paste))
        await until(pilot, lambda: isinstance(runner.app.screen, ForeignPathsDialog))
        runner.app.screen.query_one(Input).value = str(runner.workspace.root)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(runner.app.screen, ImportReportScreen))
        await until(pilot, lambda: "translated  1" in seen(runner.app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(runner.app.screen, SaveImportDialog))
        await pilot.press("enter")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
        editor = runner.app.bake_screen.editor
        await until(pilot, lambda: editor.draft.path.name == "from_afar.toml" and editor.plan_line)
        assert (editor.draft.now.network_dim, editor.draft.now.max_train_epochs) == (24, 3)
        assert "16 pictures" in editor.plan_line
    assert "# my_own" in (runner.workspace.root / "from_afar.toml").read_text()
    assert (runner.workspace.subjects / "from_afar.toml").exists()
    # The folder is not asked for again.
    read = Imports(runner.workspace).read(paste)
    assert read.foreign == () and read.name == "from_afar-2"
