import json
import os
from pathlib import Path

import pytest

from trainer.errors import WorkspaceError
from trainer.history.history import BakeHistory
from trainer.history.notes import keep_best
from trainer.history.removal import plan_deletion, plan_epoch, plan_pruning, remove
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState, SavedState
from trainer.workspace import Workspace


def files(workspace: Workspace, number: int) -> set[str]:
    folder = workspace.root / f"bakes/{number:04d}-hifumi"
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def prune(history: BakeHistory, journal: Journal, workspace: Workspace) -> dict[str, str]:
    plan = plan_pruning(journal, workspace, list(history.entries.values()))
    remove(journal, workspace, plan)
    return {kept.file: kept.why for kept in plan.kept}


def test_a_deletion_says_what_goes_and_takes_nothing_else(add, journal: Journal, workspace: Workspace) -> None:
    number = add(epochs=2, files=True)
    (workspace.root / "bakes/0001-hifumi/settings.toml").write_text("x")
    journal.curves.add(number, "loss", [(1, 0.5)])
    plan = plan_deletion(journal, workspace, [number])
    assert (plan.goes, plan.bytes) == ("2 LoRA files and 2 training states of 1 bake", 26)
    assert files(workspace, number) > {"settings.toml"}
    assert remove(journal, workspace, plan) == 26
    assert files(workspace, number) == {"settings.toml"}
    assert journal.bakes.read(number).state is BakeState.DONE
    assert len(journal.results.checkpoints(number)) == 2
    assert journal.curves.columns(number)
    assert "2 LoRA files and 2 training states deleted by the user" in [
        line.text for line in journal.log.read(bake=number)
    ]


@pytest.mark.parametrize(
    ("state", "found"), [(None, "it is queued"), (BakeState.BAKING, "it is baking"), (BakeState.PARKED, "it is parked")]
)
def test_a_bake_that_has_not_ended_loses_nothing(
    state: BakeState | None, found: str, add, journal: Journal, workspace: Workspace
) -> None:
    number = add(epochs=1, files=True, state=state)
    with pytest.raises(WorkspaceError, match=found):
        plan_deletion(journal, workspace, [number])
    assert len(files(workspace, number)) == 2


def test_a_bake_queued_again_after_it_was_asked_for_loses_nothing(add, journal: Journal, workspace: Workspace) -> None:
    number = add(epochs=1, files=True)
    plan = plan_deletion(journal, workspace, [number])
    journal.queue.requeue(number, "e")
    assert remove(journal, workspace, plan) == 0
    assert len(files(workspace, number)) == 2


def champion(workspace: Workspace, file: Path) -> None:
    workspace.subjects.mkdir()
    text = f'champion = "{file.relative_to(workspace.root)}"\n'
    (workspace.subjects / "hifumi.toml").write_text(text)


def test_the_champion_of_a_subject_is_never_deleted(add, journal: Journal, workspace: Workspace) -> None:
    number = add(epochs=2, files=True)
    champion(workspace, workspace.root / "bakes/0001-hifumi/hifumi-000001.safetensors")
    with pytest.raises(WorkspaceError, match=r"hifumi-000001.safetensors: champion of hifumi"):
        plan_deletion(journal, workspace, [number])


def test_pruning_keeps_champion_best_and_last(add, read, journal: Journal, workspace: Workspace) -> None:
    add(epochs=5, files=True)
    champion(workspace, workspace.root / "bakes/0001-hifumi/hifumi-000001.safetensors")
    keep_best(journal, workspace, 1, 120)
    assert prune(read(), journal, workspace) == {
        "hifumi-000001.safetensors": "champion of hifumi",
        "hifumi-000003.safetensors": "best epoch",
        "hifumi-000005.safetensors": "last",
    }
    left = {name for name in files(workspace, 1) if name.startswith("hifumi")}
    assert left == {f"hifumi-00000{epoch}.safetensors" for epoch in (1, 3, 5)}
    assert len([name for name in files(workspace, 1) if name.startswith("state/")]) == 1


def test_pruning_passes_over_bakes_that_have_not_ended(add, read, journal: Journal, workspace: Workspace) -> None:
    add(epochs=3, files=True, state=BakeState.BAKING)
    assert prune(read(), journal, workspace) == {}
    assert len(files(workspace, 1)) == 6


def test_what_a_waiting_job_needs_stays(add, read, journal: Journal, workspace: Workspace) -> None:
    add(epochs=3, files=True)
    start = workspace.root / "bakes/0001-hifumi/hifumi-000001.safetensors"
    add(state=None, network_weights=str(start))
    journal.grids.add(
        name="g", spec=json.dumps({"epochs": [{"label": "2", "file": "bakes/0001-hifumi/hifumi-000002.safetensors"}]})
    )
    kept = prune(read(), journal, workspace)
    assert (kept["hifumi-000001.safetensors"], kept["hifumi-000002.safetensors"]) == (
        "bake 2 needs it",
        "grid 1 needs it",
    )
    with pytest.raises(WorkspaceError, match="needs it"):
        plan_deletion(journal, workspace, [1])


def test_a_link_is_nobodys_to_delete(add, journal: Journal, workspace: Workspace, tmp_path: Path) -> None:
    add(epochs=1, files=True)
    elsewhere = tmp_path / "mine.safetensors"
    elsewhere.write_bytes(b"mine")
    (workspace.root / "bakes/0001-hifumi/link.safetensors").symlink_to(elsewhere)
    remove(journal, workspace, plan_deletion(journal, workspace, [1]))
    assert elsewhere.read_bytes() == b"mine"
    assert files(workspace, 1) == {"link.safetensors"}


def test_files_that_the_journal_does_not_list_are_not_pruned(add, read, journal: Journal, workspace: Workspace) -> None:
    add()
    folder = workspace.root / "bakes/0001-hifumi"
    folder.mkdir(parents=True)
    (folder / "found.safetensors").write_bytes(b"x")
    assert prune(read(), journal, workspace) == {"found.safetensors": "not listed in the journal"}


def test_a_deletion_that_was_cut_short_is_in_the_journal_as_far_as_it_went(
    add, journal: Journal, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = add(epochs=3, files=True)
    for step in (40, 80, 120):
        journal.results.add_state(
            number, SavedState(step, step // 40, True, f"state/{step:08d}.safetensors", 4, 1e9, 1.0)
        )
    plan = plan_deletion(journal, workspace, [number])
    # As a process that was killed leaves it: the file is gone, its row is there.
    (workspace.root / "bakes/0001-hifumi/state/00000080.safetensors").unlink()
    unlink = Path.unlink

    def refuse_the_last(path: Path, missing_ok: bool = False) -> None:
        if path.name == "00000120.safetensors":
            raise PermissionError(1, "Operation not permitted")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse_the_last)
    with pytest.raises(WorkspaceError, match="cannot be deleted"):
        remove(journal, workspace, plan)
    assert [state.step for state in journal.results.states(number)] == [120]
    assert "3 LoRA files and 2 training states deleted by the user" in [
        line.text for line in journal.log.read(bake=number)
    ]


def with_states(workspace: Workspace, *steps: int) -> None:
    """Give the states of the first bake the names that a bake gives them."""
    for step in steps:
        (workspace.root / f"bakes/0001-hifumi/state/{step:08d}.safetensors").rename(
            workspace.root / f"bakes/0001-hifumi/state/step{step:08d}.safetensors"
        )


def test_one_epoch_goes_with_its_state_and_without_the_others(add, journal: Journal, workspace: Workspace) -> None:
    number = add(epochs=3, files=True)
    with_states(workspace, 40, 80, 120)
    plan = plan_epoch(journal, workspace, number, 80)
    assert (plan.goes, plan.bytes) == ("1 LoRA file and 1 training state of 1 bake", 13)
    assert remove(journal, workspace, plan) == 13
    assert files(workspace, number) == {
        f"{name}.safetensors" for name in ("hifumi-000001", "hifumi-000003", "state/step00000040", "state/step00000120")
    }
    # What it was stays in the journal.
    assert len(journal.results.checkpoints(number)) == 3
    with pytest.raises(WorkspaceError, match="no LoRA of step 80 in its folder"):
        plan_epoch(journal, workspace, number, 80)


def test_the_newest_state_stays_when_its_epoch_goes(add, journal: Journal, workspace: Workspace) -> None:
    number = add(epochs=2, files=True)
    with_states(workspace, 40, 80)
    newest = workspace.root / "bakes/0001-hifumi/state/step00000080.safetensors"
    os.utime(newest, (2e9, 2e9))
    plan = plan_epoch(journal, workspace, number, 80)
    assert (len(plan.loras), plan.states) == (1, ())


@pytest.mark.parametrize("state", [None, BakeState.BAKING, BakeState.PARKED])
def test_an_epoch_of_a_bake_that_has_not_ended_stays(
    state: BakeState | None, add, journal: Journal, workspace: Workspace
) -> None:
    number = add(epochs=2, files=True, state=state)
    with pytest.raises(WorkspaceError, match="expected a bake that ended"):
        plan_epoch(journal, workspace, number, 40)


def test_an_epoch_that_is_a_champion_stays(add, journal: Journal, workspace: Workspace) -> None:
    number = add(epochs=2, files=True)
    champion(workspace, workspace.root / "bakes/0001-hifumi/hifumi-000002.safetensors")
    with pytest.raises(WorkspaceError, match="champion of hifumi"):
        plan_epoch(journal, workspace, number, 80)
    assert plan_epoch(journal, workspace, number, 40).loras
