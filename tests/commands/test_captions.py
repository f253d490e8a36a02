"""Captions edited by commands: docs/captions.md is true, nothing is written unasked, and the history is found again."""

import json
import re
import shlex
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from captioned import captioned, contents

from trainer.demo.workspace import make_demo
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState, NewBake
from trainer.settings.subject import resolve
from trainer.settings.toml_file import load_settings, settings_toml
from trainer.workspace import Workspace, data_home, remember_workspace

LoraTui = Callable[..., "CompletedProcess[str]"]
DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "captions.md").read_text(encoding="utf-8")
PAGES = PAGE + (DOCS / "captions-tagger.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL) for line in block.splitlines()]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_demo(tmp_path / "demo")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures outside of any workspace."""
    return captioned(tmp_path / "pictures", {f"{n:02d}": f"solo, {n}" for n in range(12)})


def test_the_commands_of_the_page_run_one_after_the_other(lora_tui_here: LoraTui, workspace: Workspace) -> None:
    data = next(path for path in (workspace.root / "data").rglob("*.txt")).parent
    before = contents(data)
    printed = {}
    for line in COMMANDS:
        ran = lora_tui_here(*shlex.split(line)[1:], folder=workspace.root)
        assert ran.returncode == 0, f"{line}: {ran.stderr}"
        printed[line] = ran
        if "--dry-run" in line and line == COMMANDS[2]:
            assert contents(data) == before
    assert len(COMMANDS) == 14
    assert (
        json.loads(printed[COMMANDS[1]].stdout)["tags"]["backpack"]
        == json.loads(printed[COMMANDS[1]].stdout)["captions"]
    )
    steps = json.loads(lora_tui_here("captions", "history", "--json", folder=workspace.root).stdout)["steps"]
    assert [step["number"] for step in steps] == [1, 2, 3, 4]
    assert not any(step["undone"] or step["unfinished"] for step in steps)
    for number in (4, 3, 2, 1):
        assert lora_tui_here("captions", "undo", number, folder=workspace.root).returncode == 0
    assert contents(data) == before


def test_every_command_is_on_the_page() -> None:
    from lora_tui.commands.captions import captions

    for name in captions.commands:
        assert f"captions {name}" in PAGES or f"| `{name} " in PAGES, name
    options = {
        option
        for command in captions.commands.values()
        for each in command.params
        for option in each.opts
        if option.startswith("--")
    }
    assert {option for option in options if option not in PAGES} == set()


def test_a_diff_is_data_and_the_rest_is_talk(lora_tui_here: LoraTui, folder: Path) -> None:
    ran = lora_tui_here("captions", "rename", "solo", "alone", "--in", folder, "--dry-run")
    assert ran.stdout.splitlines()[:3] == [f"{folder}/00.txt", "- solo, 0", "+ alone, 0"]
    assert ran.stdout.count("\n") == 36
    assert ran.stderr == "rename `solo` to `alone`: 12 captions; nothing was written\n"
    plan = json.loads(lora_tui_here("captions", "add", "x", "--in", folder, "--dry-run", "--json").stdout)
    assert plan["changes"][0] == {"path": f"{folder}/00.txt", "before": "solo, 0", "after": "solo, 0, x"}
    assert (plan["words"], plan["unchanged"], plan["refused"], plan["remarks"]) == ("add `x` at the back", 0, [], [])
    assert contents(folder)["00.txt"] == b"solo, 0"


def test_more_than_a_few_are_not_written_unasked(
    lora_tui_here: LoraTui, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = lora_tui_here("captions", "rename", "solo", "alone", "--in", folder)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "12 captions would change, and nobody to ask; expected a terminal; `--yes` writes" in ran.stderr
    assert contents(folder)["00.txt"] == b"solo, 0"
    # A few are written at once.
    ran = lora_tui_here("captions", "rename", "11", "eleven", "--in", folder)
    assert ran.returncode == 0
    assert contents(folder)["11.txt"] == b"solo, eleven"

    monkeypatch.setattr("lora_tui.commands.caption_edits._somebody_there", lambda: True)
    for answer, written in ((False, b"solo, 0"), (True, b"alone, 0")):
        asked: list[str] = []
        monkeypatch.setattr("click.confirm", lambda text, answer=answer, asked=asked, **_: asked.append(text) or answer)
        ran = lora_tui_here("captions", "rename", "solo", "alone", "--in", folder)
        assert asked == ["rename `solo` to `alone`: 12 captions. Write them?"]
        assert "+ alone, 4" in ran.stderr and "alone, 5" not in ran.stderr
        assert "… and 7 more (`--dry-run` shows all)" in ran.stderr
        assert contents(folder)["00.txt"] == written


def test_pictures_without_a_workspace_have_their_history_at_home(lora_tui_here: LoraTui, folder: Path) -> None:
    before = contents(folder)
    ran = lora_tui_here("captions", "rename", "solo", "alone", "--in", folder, "--yes")
    home = data_home() / "workspace"
    assert f"`lora-tui captions undo 1 --in {home}` puts them back" in ran.stderr
    assert ran.stdout.split("  ")[0::2][:2] == ["0001", "rename `solo` to `alone`"]
    assert "rename `solo`" in lora_tui_here("captions", "history").stdout
    for where in (home, folder):
        assert lora_tui_here("captions", "undo", 1, "--in", where).returncode == 0
        assert contents(folder) == before
        assert lora_tui_here("captions", "redo", 1, "--in", where).returncode == 0
    assert "undone" in lora_tui_here("captions", "undo", 1).stdout


def test_pictures_elsewhere_have_their_history_in_the_workspace_here_or_the_last_one(
    lora_tui_here: LoraTui, folder: Path, workspace: Workspace
) -> None:
    lora_tui_here("captions", "rename", "solo", "alone", "--in", folder, "--yes", folder=workspace.root)
    assert (workspace.captions / "0001" / "backup.jsonl").is_file()
    remember_workspace(workspace)
    lora_tui_here("captions", "rename", "alone", "solo", "--in", folder, "--yes")
    assert (workspace.captions / "0002" / "backup.jsonl").is_file()


@pytest.mark.parametrize("damage", ["", "PRAGMA user_version = 99"])
def test_a_journal_that_cannot_be_read_keeps_nobody_from_editing(
    lora_tui_here: LoraTui, folder: Path, tmp_path: Path, damage: str
) -> None:
    last = Workspace(tmp_path / "last")
    last.root.mkdir()
    if not damage:
        last.journal_path.write_bytes(b"no journal at all " * 300)
    else:
        with Journal(last.journal_path), closing(sqlite3.connect(last.journal_path)) as connection:
            connection.execute(damage)
    remember_workspace(last)
    before = contents(folder)
    ran = lora_tui_here("captions", "rename", "solo", "alone", "--in", str(folder), "--yes")
    assert ran.returncode == 0, ran.stderr
    assert "whether a bake reads them is not known" in ran.stderr
    assert contents(folder) != before


def test_captions_are_chosen_by_tag_and_by_folder(lora_tui_here: LoraTui, tmp_path: Path) -> None:
    captioned(tmp_path / "set" / "2_a", {"a": "x, y", "b": "x"})
    captioned(tmp_path / "set" / "3_b", {"c": "x, y"})
    count = ("captions", "tags", "--in", tmp_path / "set", "--json")
    assert json.loads(lora_tui_here(*count).stdout)["tags"] == {"x": 3, "y": 2}
    assert json.loads(lora_tui_here(*count, "--only", "y", "--folder", "2_a").stdout)["captions"] == 1
    lora_tui_here("captions", "remove", "x", "--only", "y", "--folder", "3_b", "--in", tmp_path / "set")
    assert contents(tmp_path / "set" / "2_a") == {"a.txt": b"x, y", "b.txt": b"x"}
    assert contents(tmp_path / "set" / "3_b") == {"c.txt": b"y"}
    plain = lora_tui_here("captions", "tags", "--in", tmp_path / "set")
    assert plain.stdout.splitlines() == ["2  x", "2  y"]
    assert plain.stderr == "2 tags in 3 captions\n"


def test_one_caption_is_written_by_hand(lora_tui_here: LoraTui, folder: Path) -> None:
    (folder / "new.png").touch()
    assert lora_tui_here("captions", "write", folder / "new.png", "a, b", "--in", folder).returncode == 0
    assert contents(folder)["new.txt"] == b"a, b\n"
    ran = lora_tui_here("captions", "write", folder.parent / "other.png", "a", "--in", folder)
    assert ran.returncode == 2 and "no picture of these data" in ran.stderr


def test_what_cannot_be_written_at_all_is_an_error_and_some_is_not(lora_tui_here: LoraTui, folder: Path) -> None:
    (folder / "00.txt").write_bytes(b"\xff\xfe\xff")
    ran = lora_tui_here("captions", "rename", "solo", "alone", "--in", folder, "--yes", "--json")
    said = json.loads(ran.stdout)
    assert (said["step"]["files"], len(said["refused"])) == (11, 1)
    ran = lora_tui_here("captions", "rename", "solo", "alone", "--in", folder, "--yes")
    assert ran.returncode == 2 and "00.txt: a caption that is" in ran.stderr
    ran = lora_tui_here("captions", "tags", "--in", folder)
    assert ran.returncode == 0 and "00.txt: a caption that is" in ran.stderr


def test_several_settings_must_be_named(lora_tui_here: LoraTui, workspace: Workspace) -> None:
    (workspace.root / "other.toml").write_text((workspace.root / "hifumi.toml").read_text())
    ran = lora_tui_here("captions", "tags", folder=workspace.root)
    assert "several settings files (hifumi.toml, other.toml); expected one" in ran.stderr
    assert lora_tui_here("captions", "tags", "--in", "other.toml", folder=workspace.root).returncode == 0


def test_a_bake_that_is_running_on_the_pictures_is_named(lora_tui_here: LoraTui, workspace: Workspace) -> None:
    path = workspace.root / "hifumi.toml"
    text = settings_toml(resolve(load_settings(path), path))
    with Journal(workspace.journal_path) as journal:
        for _ in range(2):
            new = NewBake(name="hifumi", why="", settings_toml=text, engine="e", total_steps=4, steps_per_epoch=4)
            bake = journal.bakes.add(new)
        journal.bakes.set_state(bake.number, BakeState.BAKING)
    ran = lora_tui_here("captions", "add", "new", "--dry-run", folder=workspace.root)
    assert "! bake 2 is running on these pictures: it continues with the captions read at the start" in ran.stderr
    assert "running" not in lora_tui_here("captions", "rename", "zzz", "x", folder=workspace.root).stderr


def test_what_a_file_says_reaches_the_terminal_as_text_alone(lora_tui_here: LoraTui, folder: Path) -> None:
    (folder / "00.txt").write_text("solo, \x1b[2Jx")
    ran = lora_tui_here("captions", "rename", "solo", "alone", "--in", folder, "--dry-run")
    assert "\x1b" not in ran.stdout and "+ alone, \\x1b[2Jx" in ran.stdout
    assert "\x1b" not in lora_tui_here("captions", "tags", "--in", folder).stdout
