"""A bake from the first key to the last on a real terminal, at both sizes, by keys alone."""

from pathlib import Path

import pytest
from pseudo_terminal import Terminal
from run_engine import small_demo

from trainer.journal.journal import Journal
from trainer.journal.records import BakeState
from trainer.settings.toml_file import load_settings, save_settings


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """A demo whose bake is two epochs of eight steps."""
    root = small_demo(tmp_path / "demo").root
    (root / "data" / "10_hifumi_chan").rename(root / "data" / "2_hifumi_chan")
    path = root / "hifumi.toml"
    save_settings(load_settings(path).model_copy(update={"max_train_epochs": 2}), path)
    return root


def _edit(terminal: Terminal, name: str, value: str) -> None:
    """Find a setting by its name, give it another value, and wait until it shows."""
    terminal.press("/")
    terminal.wait_for("find a setting")
    terminal.press(name, "enter")
    terminal.wait_for(f"─ {name} · ", "b bake")
    terminal.press("enter")
    terminal.wait_for("enter keep")
    # As a person does it: look whether the keys arrived, before enter.
    terminal.pump(0.5)
    terminal.press("backspace", *value)
    terminal.wait_for(f" {value} ")
    terminal.press("enter")
    terminal.wait_for(f" {value} ", "b bake")


def _start(terminal: Terminal) -> None:
    """Bake, without a why, and wait until it is at work."""
    terminal.press("b")
    terminal.wait_for("note for this bake")
    terminal.press("enter")
    terminal.wait_for("● baking", seconds=90)


@pytest.mark.parametrize(("columns", "lines"), [(120, 36), pytest.param(80, 24, marks=pytest.mark.long)])
def test_edit_bake_pause_continue_stop_and_quit_by_keys(open_terminal, demo: Path, columns: int, lines: int) -> None:
    terminal = open_terminal(columns=columns, lines=lines, folder=demo)
    terminal.wait_for("b bake", "steps ×")
    # A rate is found, changed and shown as changed.
    _edit(terminal, "unet_lr", "1e-3")
    # Long enough that pause and stop find it at work.
    _edit(terminal, "max_train_epochs", "50")
    terminal.wait_for("= 400")
    terminal.press("b")
    terminal.wait_for("note for this bake")
    terminal.press("t", "e", "s", "t", "enter")
    terminal.wait_for("● baking", seconds=90)
    terminal.press("space")
    terminal.wait_for("◌ paused", seconds=60)
    terminal.press("space")
    terminal.wait_for("● baking", seconds=60)
    terminal.press("x")
    terminal.wait_for("Stop bake")
    terminal.press("s")
    terminal.wait_for("■ stopped", seconds=60)
    terminal.press("ctrl+q")
    assert terminal.wait_exit(30) == 0
    with Journal(demo / "journal.sqlite") as journal:
        bake = journal.bakes.read(1)
        assert (bake.state, bake.why) == (BakeState.STOPPED, "test")
        assert "unet_lr = 1e-3" in bake.settings_toml
        assert len(journal.results.checkpoints(1)) >= 1


def test_a_whole_bake_lists_its_epochs_and_leaves_their_files(open_terminal, demo: Path) -> None:
    terminal = open_terminal(folder=demo)
    terminal.wait_for("b bake", "steps ×")
    terminal.press("b")
    terminal.wait_for("note for this bake")
    terminal.press("enter")
    terminal.wait_for("hifumi-000001", "✓ done", seconds=120)
    terminal.press("ctrl+q")
    assert terminal.wait_exit(30) == 0
    assert {path.name for path in demo.glob("bakes/*/*.safetensors")} == {
        "hifumi-000001.safetensors",
        "hifumi.safetensors",
    }


def test_quit_while_baking_may_stop_and_save(open_terminal, demo: Path) -> None:
    terminal = open_terminal(folder=demo)
    terminal.wait_for("b bake", "steps ×")
    _edit(terminal, "max_train_epochs", "50")
    _start(terminal)
    terminal.press("ctrl+q")
    terminal.wait_for("is running")
    terminal.press("s")
    assert terminal.wait_exit(60) == 0
    with Journal(demo / "journal.sqlite") as journal:
        assert journal.bakes.read(1).state is BakeState.STOPPED
        assert journal.results.checkpoints(1)


@pytest.mark.long
def test_quit_while_baking_may_continue_without_the_screen(open_terminal, demo: Path) -> None:
    terminal = open_terminal(folder=demo)
    terminal.wait_for("b bake", "steps ×")
    _start(terminal)
    terminal.press("ctrl+q")
    terminal.wait_for("is running")
    terminal.press("g")
    assert terminal.wait_exit(120) == 0
    assert "✓ bake 1 done: 2 LoRA files" in terminal.raw.decode(errors="replace")


def test_sigterm_saves_gives_the_terminal_back_and_exits_143(open_terminal, demo: Path) -> None:
    terminal = open_terminal(folder=demo)
    terminal.wait_for("b bake", "steps ×")
    _edit(terminal, "max_train_epochs", "50")
    _start(terminal)
    terminal.process.terminate()
    assert terminal.wait_exit(60) == 143
    assert terminal.raw.count(b"\x1b[?1049h") == terminal.raw.count(b"\x1b[?1049l") == 1
    with Journal(demo / "journal.sqlite") as journal:
        assert journal.bakes.read(1).state is BakeState.STOPPED
        assert journal.results.checkpoints(1)
