import json
import pickle
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trainer.errors import WorkspaceError
from trainer.journal.bake_folder import write_bake_json
from trainer.journal.journal import Journal
from trainer.journal.metrics import MetricWriter
from trainer.journal.records import BakeState, Checkpoint, Mark, MarkKind, NewBake, SavedState
from trainer.recovery.bakes import RecoveredBake, recover_bakes
from trainer.workspace import Workspace, make_workspace

STEPS = 120


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path / "w")


@pytest.fixture
def again(workspace: Workspace, tmp_path: Path) -> Callable[[], tuple[Journal, list[RecoveredBake]]]:
    """Makes the journal anew and opens it."""

    def again() -> tuple[Journal, list[RecoveredBake]]:
        path = tmp_path / "new.sqlite"
        found = recover_bakes(workspace, path)
        return Journal(path), found

    return again


def lora(path: Path, **metadata: str) -> None:
    header = json.dumps(
        {"__metadata__": metadata, "x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    ).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 4)


def curves(folder: Path, steps: int = STEPS) -> None:
    step = np.arange(1, steps + 1, dtype=np.float64)
    np.savez(folder / "metrics.npz", step=step, loss=1 / step, lr_unet=np.full(steps, 1e-4))


def bake(workspace: Workspace, journal: Journal, name: str = "hifumi", state: BakeState = BakeState.DONE) -> Path:
    """Bake as the engine does, without the baking."""
    made = journal.bakes.add(
        NewBake(
            name=name,
            why="first",
            settings_toml=f'output_name = "{name}"\n',
            engine="e",
            total_steps=STEPS,
            steps_per_epoch=40,
        )
    )
    journal.queue.claim("e", 42, 1000.0)
    folder = workspace.root / made.folder
    (folder / "state").mkdir(parents=True)
    number = made.number
    with MetricWriter(journal.path, number) as metrics:
        for step in range(1, STEPS + 1):
            metrics.put(step, {"loss": 1 / step, "lr_unet": 1e-4})
    curves(folder)
    for epoch in (1, 2, 3):
        file = f"{name}-{epoch:06d}.safetensors"
        lora(folder / file, ss_steps=str(40 * epoch), ss_epoch=str(epoch), ss_max_train_steps=str(STEPS))
        journal.results.add_checkpoint(
            number, Checkpoint(epoch, 40 * epoch, file, (folder / file).stat().st_size, 0.1, 0.2, -0.1, 0.01, 5.0)
        )
        journal.results.add_validation(number, 40 * epoch, 0.2, None, None)
        journal.results.add_folder_losses(number, epoch, {"3_school": (0.1, 9)})
    (folder / "state" / "e3").write_bytes(b"state")
    journal.results.add_state(number, SavedState(120, 3, True, "state/e3", 5, 6.0, 0.5))
    journal.results.add_mark(number, Mark(41, 7.0, MarkKind.SET, "unet_lr=5e-5"))
    journal.log.write("saved", bake=number)
    journal.bakes.set_predicted_peak(number, 5 << 30, '{"policy": "card"}')
    journal.bakes.set_peak_allocated(number, 4 << 30)
    journal.results.set_manifest(number, b"\x1f\x8bdata")
    (folder / "data.json.gz").write_bytes(b"\x1f\x8bdata")
    (folder / "settings.toml").write_text(f'output_name = "{name}"\n')
    journal.bakes.set_state(number, state)
    write_bake_json(journal, number, folder)
    return folder


def test_bakes_come_back_as_they_were(
    workspace: Workspace, again: Callable[[], tuple[Journal, list[RecoveredBake]]]
) -> None:
    with Journal(workspace.journal_path) as old:
        bake(workspace, old), bake(workspace, old, "school", BakeState.STOPPED)
        new, found = again()
        with new:
            for number in (1, 2):
                assert new.records.read(number) == old.records.read(number)
                assert new.curves.read(number, "loss", 40) == old.curves.read(number, "loss", 40)
                assert new.curves.last_values(number) == old.curves.last_values(number)
                assert new.results.manifest(number) == old.results.manifest(number)
            assert new.bakes.read(2) == old.bakes.read(2)
    assert [(each.folder, each.steps, each.loras, each.notes) for each in found] == [
        ("0001-hifumi", STEPS, 3, ()),
        ("0002-school", STEPS, 3, ()),
    ]


def test_a_bake_that_was_running_is_lost(
    workspace: Workspace, again: Callable[[], tuple[Journal, list[RecoveredBake]]]
) -> None:
    with Journal(workspace.journal_path) as old:
        bake(workspace, old, state=BakeState.BAKING)
    new, found = again()
    with new:
        lost = new.bakes.read(1)
    assert lost.state is BakeState.LOST
    assert lost.ended is not None and lost.error
    assert "was running: marked as lost" in found[0].notes


def test_loras_saved_after_the_record_was_written_are_found(
    workspace: Workspace, again: Callable[[], tuple[Journal, list[RecoveredBake]]]
) -> None:
    with Journal(workspace.journal_path) as old:
        folder = bake(workspace, old, state=BakeState.BAKING)
    lora(folder / "hifumi.safetensors", ss_steps="120", ss_epoch="3", ss_training_finished_at="9000.5")
    new, _ = again()
    with new:
        newest = new.results.checkpoints(1)[0]
    assert (newest.file, newest.step, newest.epoch, newest.seconds) == ("hifumi.safetensors", 120, 3, 9000.5)


def test_a_state_that_is_gone_is_not_offered(
    workspace: Workspace, again: Callable[[], tuple[Journal, list[RecoveredBake]]]
) -> None:
    with Journal(workspace.journal_path) as old:
        folder = bake(workspace, old)
    (folder / "state" / "e3").unlink()
    new, _ = again()
    with new:
        assert new.results.states(1) == []


def test_a_folder_without_a_record_is_recovered_from_its_settings_and_loras(
    workspace: Workspace, again: Callable[[], tuple[Journal, list[RecoveredBake]]]
) -> None:
    folder = workspace.bakes / "0007-frills"
    folder.mkdir()
    (folder / "settings.toml").write_text('output_name = "frills"\n')
    about = {"ss_max_train_steps": "80", "ss_num_batches_per_epoch": "80", "ss_gradient_accumulation_steps": "2"}
    about |= {"ss_training_started_at": "1000.0", "ss_training_finished_at": "2000.0"}
    lora(folder / "frills-000001.safetensors", ss_steps="40", ss_epoch="1", **about)
    lora(folder / "frills.safetensors", ss_steps="80", ss_epoch="2", **about)
    new, found = again()
    with new:
        made = new.bakes.read(7)
        assert (made.name, made.state, made.folder) == ("frills", BakeState.DONE, "bakes/0007-frills")
        assert (made.total_steps, made.steps_per_epoch) == (80, 40)
        assert (made.started, made.ended, made.settings_toml) == (1000.0, 2000.0, 'output_name = "frills"\n')
        assert [(saved.step, saved.epoch) for saved in new.results.checkpoints(7)] == [(80, 2), (40, 1)]
    assert "no bake.json" in found[0].notes


def test_an_epoch_that_was_only_begun_is_not_counted(
    workspace: Workspace, again: Callable[[], tuple[Journal, list[RecoveredBake]]]
) -> None:
    folder = workspace.bakes / "0007-frills"
    folder.mkdir()
    about = {"ss_num_batches_per_epoch": "40", "ss_max_train_steps": "70"}
    lora(folder / "frills.safetensors", ss_steps="70", ss_epoch="2", **about)
    new, _ = again()
    with new:
        assert [(saved.step, saved.epoch) for saved in new.results.checkpoints(7)] == [(70, 1)]


def test_a_bake_without_its_last_lora_is_lost(
    workspace: Workspace, again: Callable[[], tuple[Journal, list[RecoveredBake]]]
) -> None:
    folder = workspace.bakes / "0007-frills"
    folder.mkdir()
    lora(folder / "frills-000001.safetensors", ss_steps="40", ss_epoch="1", ss_max_train_steps="80")
    new, _ = again()
    with new:
        assert new.bakes.read(7).state is BakeState.LOST


def test_a_damaged_record_is_reported_and_the_files_are_read(
    workspace: Workspace, again: Callable[[], tuple[Journal, list[RecoveredBake]]]
) -> None:
    with Journal(workspace.journal_path) as old:
        folder = bake(workspace, old)
    content = (folder / "bake.json").read_bytes()
    (folder / "bake.json").write_bytes(content[: len(content) // 2])
    new, found = again()
    with new:
        assert new.bakes.read(1).state is BakeState.DONE
        assert len(new.results.checkpoints(1)) == 3
        assert len(new.curves.read(1, "loss", STEPS).steps) == STEPS
    assert "bake.json: is damaged" in found[0].notes[0]


def test_pickled_metrics_are_not_run(
    workspace: Workspace, again: Callable[[], tuple[Journal, list[RecoveredBake]]], tmp_path: Path
) -> None:
    with Journal(workspace.journal_path) as old:
        folder = bake(workspace, old)

    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "sprung",))

    np.savez(folder / "metrics.npz", step=np.array([Trap()], dtype=object), loss=np.array([1.0]))
    new, found = again()
    with new:
        assert new.curves.read(1, "loss", 10).steps == []
    assert not (tmp_path / "sprung").exists()
    assert any("metrics.npz is damaged" in note for note in found[0].notes)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(path.read_bytes()[:200]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(pickle.dumps([1])),
        lambda path: np.savez(path, loss=np.ones(3)),
        lambda path: np.savez(path, step=np.ones(2), loss=np.ones(3)),
        lambda path: np.savez(path, step=np.array([1, np.nan]), loss=np.ones(2)),
        lambda path: np.savez(path, step=np.array([[1]]), loss=np.ones(1)),
    ],
)
def test_damaged_metrics_cost_the_curves_and_not_the_bake(
    workspace: Workspace, again: Callable[[], tuple[Journal, list[RecoveredBake]]], spoil: Callable[[Path], object]
) -> None:
    with Journal(workspace.journal_path) as old:
        folder = bake(workspace, old)
    spoil(folder / "metrics.npz")
    new, found = again()
    with new:
        assert new.bakes.read(1).state is BakeState.DONE
    assert (found[0].steps, found[0].loras) == (0, 3)
    assert "metrics.npz is damaged" in found[0].notes[0]


def test_a_damaged_lora_is_reported(
    workspace: Workspace, again: Callable[[], tuple[Journal, list[RecoveredBake]]]
) -> None:
    with Journal(workspace.journal_path) as old:
        folder = bake(workspace, old)
    (folder / "stray.safetensors").write_bytes(b"no header")
    new, found = again()
    new.close()
    assert "stray.safetensors skipped" in found[0].notes[0]


def test_a_copied_folder_is_a_bake_of_its_own_number(
    workspace: Workspace, again: Callable[[], tuple[Journal, list[RecoveredBake]]]
) -> None:
    with Journal(workspace.journal_path) as old:
        folder = bake(workspace, old)
    shutil.copytree(folder, workspace.bakes / "0012-copy")
    shutil.copytree(folder, workspace.bakes / "0012-other")
    (workspace.bakes / "notes").mkdir()
    (workspace.bakes / "0013-empty").mkdir()
    new, found = again()
    with new:
        assert [(made.number, made.folder) for made in new.bakes.latest()] == [
            (12, "bakes/0012-copy"),
            (1, "bakes/0001-hifumi"),
        ]
    assert {each.folder: each.notes for each in found if each.bake is None} == {
        "0012-other": ("another folder has number 12: skipped",),
        "notes": ("not named like a bake folder: skipped",),
        "0013-empty": ("no bake.json", "no bake found in it: skipped"),
    }


def test_a_number_no_journal_could_hold_costs_only_its_bake(
    workspace: Workspace, again: Callable[[], tuple[Journal, list[RecoveredBake]]]
) -> None:
    with Journal(workspace.journal_path) as old:
        folder = bake(workspace, old)
        bake(workspace, old, "school")
    listed = json.loads((folder / "bake.json").read_text())
    listed["checkpoints"][0]["size"] = 2**70
    (folder / "bake.json").write_text(json.dumps(listed))
    new, found = again()
    with new:
        assert [made.number for made in new.bakes.latest()] == [2]
    assert found[0].bake is None


def test_a_workspace_without_bakes_gives_an_empty_journal(tmp_path: Path) -> None:
    assert recover_bakes(Workspace(tmp_path), tmp_path / "new.sqlite") == []


def test_a_file_that_is_there_is_not_written_into(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "new.sqlite").write_bytes(b"")
    with pytest.raises(WorkspaceError, match="already exists"):
        recover_bakes(workspace, tmp_path / "new.sqlite")
