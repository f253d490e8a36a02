from collections.abc import Callable
from subprocess import CompletedProcess

from trainer.journal.journal import Journal
from trainer.journal.processes import this_process
from trainer.journal.records import BakeState, NewBake
from trainer.workspace import Workspace

LoraTui = Callable[..., "CompletedProcess[str]"]


def test_a_journal_that_was_deleted_is_made_again_from_the_bakes(
    lora_tui: LoraTui, lora_tui_here: LoraTui, demo: Workspace, short: list[str]
) -> None:
    baked = lora_tui("bake", demo.root / "hifumi.toml", *short, "--why", "first")
    assert baked.returncode == 0, baked.stderr
    with Journal(demo.journal_path) as journal:
        before = (
            journal.bakes.read(1),
            journal.results.checkpoints(1),
            journal.curves.read(1, "loss", 40),
            journal.results.manifest(1),
        )
    demo.journal_path.unlink()

    made = lora_tui("journal", "rebuild", demo.root)
    assert (made.returncode, made.stderr) == (0, "")
    assert "0001-hifumi  done  4 steps  1 LoRA file" in made.stdout
    with Journal(demo.journal_path) as journal:
        assert (
            journal.bakes.read(1),
            journal.results.checkpoints(1),
            journal.curves.read(1, "loss", 40),
            journal.results.manifest(1),
        ) == before
    assert "hifumi" in lora_tui_here("status", demo.root).stdout


def test_a_damaged_journal_is_kept_beside_the_new_one(lora_tui_here: LoraTui, demo: Workspace) -> None:
    demo.journal_path.write_bytes(b"no database at all")
    made = lora_tui_here("journal", "rebuild", folder=demo.root)
    assert made.returncode == 0, made.stderr
    assert "journal.sqlite.before-rebuild" in made.stdout
    assert (demo.root / "journal.sqlite.before-rebuild").read_bytes() == b"no database at all"
    assert lora_tui_here("status", demo.root).returncode == 0


def test_a_journal_in_use_is_left_alone(lora_tui_here: LoraTui, demo: Workspace) -> None:
    with Journal(demo.journal_path) as journal:
        journal.bakes.add(NewBake(name="x", why="", settings_toml="", engine="e", total_steps=1, steps_per_epoch=1))
        journal.queue.claim("e", *this_process())
        refused = lora_tui_here("journal", "rebuild", demo.root)
        assert refused.returncode == 2
        assert "in use by bake 1" in refused.stderr
        assert journal.bakes.read(1).state is BakeState.STARTING
    assert not list(demo.root.glob("*rebuild*"))


def test_a_folder_without_bakes_is_one_clear_line(lora_tui_here: LoraTui) -> None:
    refused = lora_tui_here("journal", "rebuild", ".")
    assert refused.returncode == 2
    assert "no workspace here" in refused.stderr
