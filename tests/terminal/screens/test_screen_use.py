"""Taking an epoch into use from the screen."""

import json
import os
import threading
from pathlib import Path

import pytest
from fake_host import FakeHost
from lora_on_disk import write_lora
from textual.widgets import Input

from lora_tui.actions.publish import Publishing
from lora_tui.screens.use_epoch import PublishDialog, used_line
from trainer.long_work import advance
from trainer.publish.epoch import PublishResult


@pytest.fixture
def saved(runner) -> Path:
    """Two epochs of a bake, on the disk too; returns the second."""
    folder = runner.workspace.root / f"bakes/{runner.baking():04d}-hifumi"
    for epoch in (1, 2):
        write_lora(folder / f"hifumi-{epoch:06d}.safetensors")
    return folder / "hifumi-000002.safetensors"


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHost:
    host = FakeHost(tmp_path / "box")
    monkeypatch.setenv("PATH", f"{host.bin}:{os.environ['PATH']}")
    return host


async def opened(runner, pilot, until, label: str = "last") -> tuple[PublishDialog, list[PublishResult | None]]:
    """Open the dialog of an epoch, and wait until it knows of it."""
    ended: list[PublishResult | None] = []
    dialog = PublishDialog(Publishing.of_epoch(runner.workspace, 1, label), "Use the newest epoch")
    runner.app.push_screen(dialog, ended.append)
    await until(pilot, lambda: runner.app.screen is dialog)
    await until(pilot, lambda: "looking" not in str(dialog.query_one("#about").render()))
    return dialog, ended


def value(dialog: PublishDialog, key: str) -> str:
    return dialog.query_one(f"#{key}", Input).value


async def type_into(pilot, dialog: PublishDialog, key: str, text: str) -> None:
    line = dialog.query_one(f"#{key}", Input)
    line.focus()
    line.value = text
    await pilot.pause()


async def test_what_is_known_of_it_stands_there_and_enter_on_the_last_line_sends_it(
    runner, saved, until, seen, tmp_path
) -> None:
    async with runner.run() as pilot:
        dialog, ended = await opened(runner, pilot, until)
        filled = {key: value(dialog, key) for key in ("target", "name", "words", "weight")}
        assert filled == {"target": "", "name": "hifumi-b1-e2", "words": "hifumi_chan", "weight": "1"}
        assert "hifumi-000002.safetensors · with its notes; it has no picture yet" in seen(runner.app)
        await type_into(pilot, dialog, "target", str(tmp_path))
        await type_into(pilot, dialog, "weight", "0.7")
        await type_into(pilot, dialog, "negative", "lowres")
        await pilot.press("enter")
        await until(pilot, lambda: ended)
        again, _ = await opened(runner, pilot, until, "1")
        assert value(again, "target") == str(tmp_path), "the next one goes where the last one went"
    assert (tmp_path / "hifumi-b1-e2.safetensors").read_bytes() == saved.read_bytes()
    told = json.loads((tmp_path / "hifumi-b1-e2.json").read_text())
    assert (told["preferred weight"], told["negative text"]) == (0.7, "lowres")


async def test_a_taken_name_is_written_over_only_when_asked_twice(runner, saved, until, seen, tmp_path) -> None:
    (tmp_path / "mine.safetensors").write_text("mine")
    async with runner.run() as pilot:
        dialog, ended = await opened(runner, pilot, until)
        await type_into(pilot, dialog, "target", str(tmp_path))
        await type_into(pilot, dialog, "name", "mine")
        await type_into(pilot, dialog, "negative", "x")
        await pilot.press("enter")
        await until(pilot, lambda: "enter again: overwrite" in seen(runner.app))
        await type_into(pilot, dialog, "name", "other")
        assert "enter once more" not in seen(runner.app), "another name takes the question back"
        await type_into(pilot, dialog, "name", "mine")
        await type_into(pilot, dialog, "negative", "x")
        await pilot.press("enter")
        await until(pilot, lambda: "enter again" in seen(runner.app))
        assert (tmp_path / "mine.safetensors").read_text() == "mine"
        await pilot.press("enter")
        await until(pilot, lambda: ended)
    assert (tmp_path / "mine.safetensors").read_bytes() == saved.read_bytes()


async def test_a_folder_that_is_not_there_is_made_only_when_asked_twice(runner, saved, until, seen, tmp_path) -> None:
    target = tmp_path / "new" / "Lora"
    async with runner.run() as pilot:
        dialog, ended = await opened(runner, pilot, until)
        await type_into(pilot, dialog, "target", str(target))
        await type_into(pilot, dialog, "negative", "x")
        await pilot.press("enter")
        await until(pilot, lambda: "enter again: make the folder" in seen(runner.app))
        assert not target.exists()
        await pilot.press("enter")
        await until(pilot, lambda: ended)
    assert (target / "hifumi-b1-e2.safetensors").read_bytes() == saved.read_bytes()


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("target", "/nowhere", "/nowhere: no such folder"),
        ("weight", "much", "weight: much; expected a number"),
    ],
)
async def test_what_is_wrong_is_shown_and_nothing_is_sent(
    runner, saved, until, seen, tmp_path, key: str, text: str, said: str
) -> None:
    (tmp_path / "Lora").mkdir()
    async with runner.run() as pilot:
        dialog, ended = await opened(runner, pilot, until)
        await type_into(pilot, dialog, "target", str(tmp_path / "Lora"))
        await type_into(pilot, dialog, key, text)
        await type_into(pilot, dialog, "negative", "x")
        await pilot.press("enter")
        await until(pilot, lambda: said in seen(runner.app))
        assert not ended
    assert list((tmp_path / "Lora").iterdir()) == []


async def test_an_epoch_that_is_not_there_is_shown(runner, saved, until, seen) -> None:
    async with runner.run() as pilot:
        await opened(runner, pilot, until, "9")
        assert "has no epoch 9" in seen(runner.app)


async def test_on_the_screen_ssh_never_asks(runner, saved, box, until) -> None:
    async with runner.run() as pilot:
        dialog, ended = await opened(runner, pilot, until)
        await type_into(pilot, dialog, "target", "me@box:")
        await type_into(pilot, dialog, "negative", "x")
        await pilot.press("enter")
        await until(pilot, lambda: ended)
    assert all("BatchMode=yes" in call for call in box.calls)
    assert (box.home / "hifumi-b1-e2.safetensors").read_bytes() == saved.read_bytes()


async def test_how_far_it_is_stands_there_and_escape_ends_it(runner, saved, until, seen, monkeypatch) -> None:
    gate, arrived = threading.Event(), []

    def slow(self: Publishing, use: object, target: str, *, replace: bool, make_folder: bool) -> PublishResult:
        while not gate.wait(0.01):
            advance("sending to box:", 12, 74, "MB")
        arrived.append(target)
        return PublishResult("hifumi", target, ("hifumi.safetensors",), (), ())

    monkeypatch.setattr(Publishing, "send", slow)
    async with runner.run() as pilot:
        dialog, ended = await opened(runner, pilot, until)
        await type_into(pilot, dialog, "target", "box:x")
        await type_into(pilot, dialog, "negative", "x")
        await pilot.press("enter")
        await until(pilot, lambda: "sending to box: 12 of 74 MB … · esc: cancel" in seen(runner.app))
        await pilot.press("escape")
        await until(pilot, lambda: ended == [None])
        gate.set()
    assert arrived == []


def test_what_was_done_is_shown_in_a_line() -> None:
    assert used_line(PublishResult("a", "/x", ("a.json",), (), ("a.json",))) == "a is in /x, 1 file overwritten"
    assert used_line(PublishResult("a", "/x", (), ("a.json",), ())) == "a is already in /x"
