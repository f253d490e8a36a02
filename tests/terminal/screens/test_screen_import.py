"""Settings of other trainers on the screen: the source, the report, the folders of another computer, the file that is written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.widgets import Input, Static

from lora_tui.actions.exports import make_export, write_export
from lora_tui.actions.imports import Imports, ReadImport
from lora_tui.forms.draft import open_draft
from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.screens.export_report import ExportReportScreen
from lora_tui.screens.foreign_paths import ForeignPathsDialog
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
def imports(runner, monkeypatch: pytest.MonkeyPatch) -> ScriptedImports:
    scripted = ScriptedImports(runner.workspace.root)
    mount = type(runner.app.bake_screen).on_mount

    def on_mount(screen: Any) -> None:
        mount(screen)
        screen.imports._sources = scripted

    monkeypatch.setattr(type(runner.app.bake_screen), "on_mount", on_mount)
    return scripted


async def asked(runner, pilot, until) -> ImportDialog:
    await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
    await pilot.press("i")
    await until(pilot, lambda: isinstance(runner.app.screen, ImportDialog))
    return runner.app.screen


async def reported(runner, pilot, until) -> ImportReportScreen:
    await asked(runner, pilot, until)
    runner.app.post_message(events.Paste(PASTE))
    await until(pilot, lambda: isinstance(runner.app.screen, ImportReportScreen))
    return runner.app.screen


def detail(screen: ImportReportScreen) -> str:
    return str(screen.query_one("#detail", Static).content)


async def test_a_paste_of_several_lines_is_read_whole_and_none_of_it_is_a_key(runner, until, imports) -> None:
    async with runner.run((120, 36)) as pilot:
        await reported(runner, pilot, until)
        assert imports.given == [PASTE]
    assert runner.bakes() == []


async def test_a_paste_right_behind_the_key_reaches_the_dialog(runner, until, imports) -> None:
    from bursts import type_at_once

    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        type_at_once(runner.app, "i")
        runner.app.post_message(events.Paste(PASTE))
        await until(pilot, lambda: imports.given == [PASTE])


async def test_lines_that_a_terminal_sends_as_keys_are_one_paste(runner, until, imports) -> None:
    from bursts import type_at_once

    async with runner.run((120, 36)) as pilot:
        await asked(runner, pilot, until)
        type_at_once(runner.app, "$network_dim = 32\r\r$b = 1\r# x q\r")
        await until(pilot, lambda: imports.given)
        assert imports.given == ["$network_dim = 32\n\n$b = 1\n# x q"]
    assert runner.bakes() == []


@pytest.mark.parametrize("pasted", [True, False])
async def test_a_path_is_read_at_enter(runner, until, imports, pasted) -> None:
    async with runner.run((120, 36)) as pilot:
        dialog = await asked(runner, pilot, until)
        if pasted:
            runner.app.post_message(events.Paste("/data/set one/config.json\n"))
            await until(pilot, lambda: dialog.query_one(SourceLine).value)
        else:
            await pilot.press(*"/data/config.json")
        assert imports.given == []
        await pilot.press("enter")
        await until(pilot, lambda: imports.given)
        assert imports.given == ["/data/set one/config.json" if pasted else "/data/config.json"]


async def test_what_cannot_be_read_is_said_in_one_line_and_can_be_mended(runner, until, seen, imports) -> None:
    imports.error = SettingsError("/data/[i]x.json", found="no such file", expected="settings")
    async with runner.run((80, 24)) as pilot:
        dialog = await asked(runner, pilot, until)
        await pilot.press(*"/data/x", "enter")
        await until(pilot, lambda: "[i]x.json: no such file" in " ".join(seen(runner.app).split()))
        assert dialog.query_one(SourceLine).value == "/data/x"
        imports.error = None
        await pilot.press("y", "enter")
        await until(pilot, lambda: isinstance(runner.app.screen, ImportReportScreen))
        assert imports.given == ["/data/x", "/data/xy"]


@pytest.mark.parametrize("size", SIZES)
async def test_the_report_says_what_it_is_and_counts_every_key(runner, until, seen, imports, size) -> None:
    async with runner.run(size) as pilot:
        screen = await reported(runner, pilot, until)
        shown = " ".join(seen(runner.app).split())
        for words in (
            "the legacy ps1",
            "34 keys: 30 taken, 2 translated, 1 without effect, 1 unknown",
            "what it leaves open is as in legacy ps script 2023-02",
            "✓ taken 30",
            "option_0 = 0",
        ):
            assert words in shown
        assert screen.query_one(ReportList).found == 35


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("1", ("option_0 = 0", "taken: option_0 = 0")),
        ("2", ("$lr_warmup_ratio = 0.05", "line 41", "translated: lr_warmup_steps = 5%", "a share of all steps")),
        ("3", ("xformers = True", "without effect", "PyTorch's own attention")),
        ("4", ("my_own_key = \\x1b[31mred", "unknown", "line 44")),
    ],
)
async def test_a_number_brings_its_list_to_the_top(runner, until, imports, size, key, words) -> None:
    async with runner.run(size) as pilot:
        screen = await reported(runner, pilot, until)
        await pilot.press("end", key)
        assert all(word in detail(screen) for word in words)
        rows, top = screen.query_one(ReportList), screen.query_one(ReportList).scroll_offset.y
        # At the top, as far as there is enough below it.
        assert rows._rows[top].head or top == rows.max_scroll_y


async def test_brackets_go_from_list_to_list_and_arrows_through_all(runner, until, imports) -> None:
    async with runner.run((80, 24)) as pilot:
        screen = await reported(runner, pilot, until)
        for key, words in (
            ("]", "$lr_warmup"),
            ("]", "xformers"),
            ("[", "$lr_warmup"),
            ("down", "$max_epochs"),
            ("[", "$lr_w"),
        ):
            await pilot.press({"]": "right_square_bracket", "[": "left_square_bracket"}.get(key, key))
            assert detail(screen).find(words) == 2, (key, detail(screen))
        await pilot.press("end")
        assert "counted as on Windows" in detail(screen)
        await pilot.press("k")
        assert "my_own_key" in detail(screen)
        await pilot.press("home")
        assert "option_0 " in detail(screen)


async def test_a_filter_lists_what_has_a_text_anywhere(runner, until, seen, imports) -> None:
    async with runner.run((80, 24)) as pilot:
        screen = await reported(runner, pilot, until)
        await pilot.press("slash", *"SHARE of")
        await until(pilot, lambda: screen.query_one(ReportList).found == 1)
        assert "translated  1 of 2" in seen(runner.app) and "$lr_warmup_ratio" in detail(screen)
        await pilot.press("enter", "j")
        assert isinstance(runner.app.focused, ReportList) and screen.query_one(ReportList).found == 1
        await pilot.press("slash", *"xq")
        await until(pilot, lambda: "nothing has this text" in detail(screen))
        await pilot.press("escape")
        await until(pilot, lambda: screen.query_one(ReportList).found == 35)
        assert not screen.query_one(FilterLine).display
        assert runner.app.screen is screen


async def test_the_key_behind_a_filter_s_enter_is_the_list_s(runner, until, imports) -> None:
    from bursts import type_at_once

    async with runner.run((80, 24)) as pilot:
        screen = await reported(runner, pilot, until)
        type_at_once(runner.app, "/option_\rjj")
        await until(pilot, lambda: "option_2 " in detail(screen))


async def test_markup_and_codes_of_the_source_are_text(runner, until, seen, imports) -> None:
    async with runner.run((120, 36)) as pilot:
        await reported(runner, pilot, until)
        await pilot.press("4")
        shown = seen(runner.app)
        assert "[b]10[/b]" in shown and "\\x1b[31mred" in shown


async def test_it_is_saved_under_a_name_and_opened(runner, until, seen, imports) -> None:
    async with runner.run((120, 36)) as pilot:
        await reported(runner, pilot, until)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(runner.app.screen, SaveImportDialog))
        assert "hifumi-legacy.toml and subjects/hifumi-old.toml" in seen(runner.app)
        line = runner.app.screen.query_one(Input)
        assert line.value == "hifumi-legacy"
        line.value = "taken"
        await pilot.press("enter")
        await until(pilot, lambda: "already exists" in seen(runner.app))
        line.value = "old one.toml"
        await pilot.press("enter")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
        await until(pilot, lambda: runner.app.bake_screen.editor.draft.path.name == "old one.toml")
    assert imports.saved == ["old one"]


async def test_escape_leaves_everything_as_it_was(runner, until, imports) -> None:
    before = {path: path.read_bytes() for path in runner.workspace.root.rglob("*.toml")}
    async with runner.run((120, 36)) as pilot:
        await reported(runner, pilot, until)
        draft = runner.app.bake_screen.editor.draft
        await pilot.press("s")
        await until(pilot, lambda: isinstance(runner.app.screen, SaveImportDialog))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(runner.app.screen, ImportReportScreen))
        await pilot.press("escape")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
        assert runner.app.bake_screen.editor.draft is draft
    assert {path: path.read_bytes() for path in runner.workspace.root.rglob("*.toml")} == before


async def test_folders_of_another_computer_are_asked_for_once(runner, until, seen, imports) -> None:
    imports.foreign = ("D:\\lora", "/content/drive/MyDrive")
    imports.report = report(paths={"D:\\lora\\set": "", "/content/drive/MyDrive/x.safetensors": ""})
    async with runner.run((80, 24)) as pilot:
        await asked(runner, pilot, until)
        runner.app.post_message(events.Paste(PASTE))
        await until(pilot, lambda: isinstance(runner.app.screen, ForeignPathsDialog))
        shown = seen(runner.app)
        assert "D:\\lora" in shown and "/content/drive/MyDrive" in shown
        await pilot.press(*"set", "enter", "enter")
        await until(pilot, lambda: "✗" in seen(runner.app))
        assert isinstance(runner.app.focused, Input) and runner.app.focused.value == "set"
        runner.app.focused.value = "~/lora"
        await pilot.press("enter", "enter")
        await until(pilot, lambda: isinstance(runner.app.screen, ImportReportScreen))
        await until(pilot, lambda: imports.folders == [{"D:\\lora": "~/lora"}])
        await pilot.press("end", "up")
        await until(pilot, lambda: "D:\\lora\\set → /data/set" in detail(runner.app.screen))
        await pilot.press("m")
        await until(pilot, lambda: any("of this computer" in note.message for note in runner.app._notifications))


async def test_folders_may_be_left_and_asked_for_again(runner, until, seen, imports) -> None:
    imports.foreign = ("E:\\",)
    imports.report = report(paths={"E:\\set": ""})
    async with runner.run((80, 24)) as pilot:
        await asked(runner, pilot, until)
        runner.app.post_message(events.Paste(PASTE))
        await until(pilot, lambda: isinstance(runner.app.screen, ForeignPathsDialog))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(runner.app.screen, ImportReportScreen))
        assert "m: find paths" in seen(runner.app)
        await pilot.press("m")
        await until(pilot, lambda: isinstance(runner.app.screen, ForeignPathsDialog))
    assert imports.folders == []


async def test_unsaved_edits_are_settled_first(runner, until, imports) -> None:
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        runner.app.bake_screen.editor.typed("network_alpha", "9")
        await pilot.press("i")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        await pilot.press("s")
        await until(pilot, lambda: isinstance(runner.app.screen, ImportDialog))
    assert "network_alpha = 9.0" in (runner.workspace.root / "hifumi.toml").read_text()


async def test_a_bakes_newest_lora_is_read_back(runner, until, imports) -> None:
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.snapshot.checkpoints)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(runner.app.screen, ImportReportScreen))
        bake = runner.bakes()[0]
        assert imports.given == [str(runner.workspace.root / bake.folder / "hifumi-000002.safetensors")]


async def test_without_a_lora_there_is_nothing_to_bake_again(runner, until, imports) -> None:
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        await pilot.press("a")
        await until(pilot, lambda: any("press i" in note.message for note in runner.app._notifications))
    assert imports.given == []


async def test_many_keys_are_listed_at_once(runner, until, imports) -> None:
    import time

    imports.report = report(taken=100_000)
    async with runner.run((120, 36)) as pilot:
        screen = await reported(runner, pilot, until)
        start = time.process_time()
        screen.query_one(ReportList).filter("option_99")
        await pilot.press("end", "home", "j")
        assert time.process_time() - start < 2
        assert screen.query_one(ReportList).found == 1_111 + 0


EXPORTED = [("1", "hifumi.sd-scripts.toml"), ("2", "hifumi.kohya-gui.json"), ("3", "hifumi.easy-training-scripts.toml")]


@pytest.mark.parametrize(("key", "name"), EXPORTED)
async def test_the_edited_settings_are_exported_after_their_report(runner, until, seen, key, name) -> None:
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        runner.app.bake_screen.editor.typed("network_dim", "23")
        await pilot.press("E")
        await until(pilot, lambda: isinstance(runner.app.screen, PickDialog))
        await pilot.press(key)
        await until(pilot, lambda: isinstance(runner.app.screen, ExportReportScreen))
        shown = seen(runner.app)
        assert name in shown and "✗ lost" in shown and "✓ written" in shown
        assert not (runner.workspace.root / "exports").exists()
        await pilot.press("enter")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
        await until(pilot, lambda: "to run it" in seen(runner.app))
    written = runner.workspace.root / "exports" / name
    assert "23" in written.read_text()
    # Not among the settings files of the workspace.
    assert [path.name for path in runner.workspace.settings_files()] == ["hifumi.toml"]


async def test_a_second_export_takes_another_name(runner, until) -> None:
    draft = open_draft(runner.workspace.root / "hifumi.toml")
    first = make_export(runner.workspace, draft, "sd-scripts")
    write_export(first)
    second = make_export(runner.workspace, draft, "sd-scripts")
    assert second.file.name == "hifumi.sd-scripts-2.toml"
    assert {path.name for path in write_export(second)} == {second.file.name, second.data_set.name}


async def test_settings_that_cannot_be_exported_say_why(runner, until, seen) -> None:
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        runner.app.bake_screen.editor.typed("subject", "nobody")
        await pilot.press("E")
        await until(pilot, lambda: isinstance(runner.app.screen, PickDialog))
        await pilot.press("1")
        await until(
            pilot,
            lambda: runner.app.screen is runner.app.bake_screen and "nobody" in seen(runner.app).split("─ log")[1],
        )


async def test_a_pasted_command_line_becomes_settings_that_are_open(runner, until, seen) -> None:
    """With nothing scripted: the data of this workspace under the path that another computer had."""
    paste = (
        "accelerate launch train_network.py \\\n  --pretrained_model_name_or_path=demo --train_data_dir='D:\\lora\\data' \\\n"
        "  --output_name=from_afar --network_dim=24 --unet_lr=2e-3 --resolution=64 --max_train_epochs=3 --my_own=4\n"
    )
    async with runner.run((120, 36)) as pilot:
        await asked(runner, pilot, until)
        runner.app.post_message(events.Paste(paste))
        await until(pilot, lambda: isinstance(runner.app.screen, ForeignPathsDialog))
        await pilot.press(*str(runner.workspace.root), "enter")
        await until(pilot, lambda: isinstance(runner.app.screen, ImportReportScreen))
        await until(pilot, lambda: "where it is on this computer" in seen(runner.app))
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
