"""What stands on the screen when the program opens."""

from pathlib import Path

from trainer.journal.journal import Journal
from trainer.workspace import Workspace, make_workspace


async def test_the_settings_of_the_workspace_are_opened_and_planned(kitchen, until, seen) -> None:
    async with kitchen.run() as pilot:
        await until(pilot, lambda: "16 pictures ×10 → 160 / epoch" in seen(kitchen.app))
        assert "hifumi.toml" in seen(kitchen.app)
        assert "default repeats" in seen(kitchen.app)


async def test_engine_and_sampler_are_started_after_the_first_frame(kitchen, until) -> None:
    frames = []
    start = kitchen.engine.start
    kitchen.engine.start = lambda: (frames.append(kitchen.app._dom_ready), start())
    async with kitchen.run() as pilot:
        await until(pilot, lambda: kitchen.engine.started)
    assert frames == [True]
    assert kitchen.sampler.started


async def test_card_ssh_and_clock_stand_in_the_title(kitchen, until, seen, monkeypatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22")
    async with kitchen.run() as pilot:
        await until(pilot, lambda: "3070 Ti · ssh · 22:13" in seen(kitchen.app))


async def test_an_empty_workspace_says_how_to_begin(make_kitchen, tmp_path: Path, until, seen) -> None:
    workspace = make_workspace(tmp_path / "new")
    Journal(workspace.journal_path).close()
    kitchen = make_kitchen(workspace)
    async with kitchen.run() as pilot:
        await until(pilot, lambda: "n  create a subject" in seen(kitchen.app))


async def test_broken_settings_are_one_line_and_no_crash(kitchen, until, seen) -> None:
    (kitchen.workspace.root / "hifumi.toml").write_text("unet_rl = 3\n", encoding="utf-8")
    async with kitchen.run() as pilot:
        await until(pilot, lambda: "hifumi.toml cannot be used" in seen(kitchen.app))
        assert "did you mean `unet_lr`?" in " ".join(seen(kitchen.app).split())


async def test_a_journal_that_is_none_is_said_in_the_log(make_kitchen, tmp_path: Path, until, seen) -> None:
    root = tmp_path / "odd"
    root.mkdir()
    (root / "journal.sqlite").write_text("this is no database", encoding="utf-8")
    kitchen = make_kitchen(Workspace(root))
    async with kitchen.run((120, 36)) as pilot:
        await until(pilot, lambda: "not a lora-tui journal" in seen(kitchen.app))


async def test_what_is_being_loaded_is_said_until_it_is_ready(kitchen, until, seen) -> None:
    kitchen.engine.start = lambda: setattr(kitchen.engine, "libraries", "loading libraries 1/4: torch")
    async with kitchen.run() as pilot:
        await until(pilot, lambda: "loading libraries 1/4: torch" in seen(kitchen.app))
        kitchen.engine.libraries = "ready"
        await until(pilot, lambda: "loading" not in seen(kitchen.app))


async def test_an_engine_that_cannot_start_is_an_error_in_the_log(kitchen, until, seen) -> None:
    kitchen.engine.start = lambda: setattr(kitchen.engine, "libraries", "engine stopped: ImportError: no torch")
    async with kitchen.run((120, 36)) as pilot:
        await until(pilot, lambda: "✗ engine stopped: ImportError: no torch" in seen(kitchen.app))
