"""What stands on the screen when the program opens."""

from pathlib import Path

from lora_tui.app import LoraApp
from trainer.journal.journal import Journal
from trainer.workspace import Workspace, make_workspace


async def test_the_settings_of_the_workspace_are_opened_and_planned(runner, until, seen) -> None:
    async with runner.run() as pilot:
        await until(pilot, lambda: "16 pictures ×10 → 160 / epoch" in seen(runner.app))
        assert "hifumi.toml" in seen(runner.app)
        assert "training pictures" in seen(runner.app)


async def test_engine_and_sampler_are_started_after_the_first_frame(runner, until) -> None:
    frames = []
    start = runner.engine.start
    runner.engine.start = lambda: (frames.append(runner.app._dom_ready), start())
    async with runner.run() as pilot:
        await until(pilot, lambda: runner.engine.started)
    assert frames == [True]
    assert runner.sampler.started


async def test_whoever_waits_for_the_first_frame_is_told_before_anything_is_started(runner, until) -> None:
    told = []
    runner.app = LoraApp(
        runner.workspace,
        runner.engine,
        runner.sampler,
        started=lambda: told.append((runner.app._dom_ready, runner.engine.started)),
    )
    async with runner.run() as pilot:
        await until(pilot, lambda: runner.engine.started)
    assert told == [(True, False)]


async def test_card_ssh_and_clock_stand_in_the_title(runner, until, seen, monkeypatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22")
    async with runner.run() as pilot:
        await until(pilot, lambda: "3070 Ti · ssh · 22:13" in seen(runner.app))


async def test_an_empty_workspace_says_how_to_start(make_runner, tmp_path: Path, until, seen) -> None:
    workspace = make_workspace(tmp_path / "new")
    Journal(workspace.journal_path).close()
    runner = make_runner(workspace)
    async with runner.run() as pilot:
        await until(pilot, lambda: "n  create a subject" in seen(runner.app))


async def test_broken_settings_are_one_line_and_no_crash(runner, until, seen) -> None:
    (runner.workspace.root / "hifumi.toml").write_text("unet_rl = 3\n", encoding="utf-8")
    async with runner.run() as pilot:
        await until(pilot, lambda: "hifumi.toml cannot be used" in seen(runner.app))
        assert "did you mean `unet_lr`?" in " ".join(seen(runner.app).split())


async def test_a_file_that_is_not_a_journal_is_shown_in_the_log(make_runner, tmp_path: Path, until, seen) -> None:
    root = tmp_path / "odd"
    root.mkdir()
    (root / "journal.sqlite").write_text("this is no database", encoding="utf-8")
    runner = make_runner(Workspace(root))
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: "not a lora-tui journal" in seen(runner.app))


async def test_what_is_being_loaded_is_shown_until_it_is_ready(runner, until, seen) -> None:
    runner.engine.start = lambda: setattr(runner.engine, "libraries", "loading libraries 1/4: torch")
    async with runner.run() as pilot:
        await until(pilot, lambda: "loading libraries 1/4: torch" in seen(runner.app))
        runner.engine.libraries = "ready"
        await until(pilot, lambda: "loading" not in seen(runner.app))


async def test_an_engine_that_cannot_start_is_an_error_in_the_log(runner, until, seen) -> None:
    runner.engine.start = lambda: setattr(runner.engine, "libraries", "engine stopped: ImportError: no torch")
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: "✗ engine stopped: ImportError: no torch" in seen(runner.app))
