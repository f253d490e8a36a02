from pathlib import Path

import pytest

from trainer.errors import WorkspaceError
from trainer.history.champions import champions, name_champion
from trainer.history.epoch_standings import EpochStanding, EpochStandings
from trainer.history.facts import make_missing
from trainer.history.notes import keep_best
from trainer.journal.grid_records import CellNote
from trainer.journal.journal import Journal
from trainer.settings.subject import load_subject
from trainer.workspace import Workspace


def standings(read: EpochStandings, journal: Journal, number: int = 1) -> dict[int, EpochStanding]:
    return read.of_bake(journal.bakes.read(number), journal.results.checkpoints(number))


def file_of(workspace: Workspace, epoch: int) -> Path:
    return workspace.root / f"bakes/0001-hifumi/hifumi-{epoch:06d}.safetensors"


def note(verdict: str, *, favourite: bool = False) -> CellNote:
    return CellNote(0, "", favourite=favourite, whole=verdict)


def test_verdicts_count_where_the_lora_made_the_picture_alone_counted_before_or_not(
    add, judge, journal: Journal, workspace: Workspace
) -> None:
    add(epochs=2, files=True)
    read = EpochStandings(journal, workspace)
    assert standings(read, journal) == {40: EpochStanding(), 80: EpochStanding()}
    # Places count from 1; the fifth row is at full weight.
    judge(
        [file_of(workspace, 1), file_of(workspace, 2)],
        {(1, 5): note("under"), (2, 5): note("right", favourite=True), (2, 2): note("over")},
    )
    found = standings(read, journal)
    assert (found[40].verdict, found[80].verdict, found[80].favourites) == ("under", "right", 1)
    assert found[80].said == {"right": 1, "favourite": 1}
    make_missing(journal, workspace)
    assert standings(read, journal) == found == standings(EpochStandings(journal, workspace), journal)
    # A verdict that is changed counts as it is now, whoever counts.
    journal.grids.set_cell_note(CellNote(1, "x1-y5-z1-s1", whole="over"))
    assert standings(read, journal)[40].verdict == "over"


def test_the_best_one_a_champion_and_a_file_that_is_gone_are_seen(add, journal: Journal, workspace: Workspace) -> None:
    add(epochs=3, files=True)
    read = EpochStandings(journal, workspace)
    standings(read, journal)
    workspace.subjects.mkdir()
    (workspace.subjects / "hifumi.toml").write_text('# mine\ntrigger = "hifumi chan"\n')
    assert name_champion(workspace, "hifumi", file_of(workspace, 2)) == ""
    keep_best(journal, workspace, 1, 120)
    file_of(workspace, 1).unlink()
    assert standings(read, journal) == {
        40: EpochStanding(there=False),
        80: EpochStanding(champion=True),
        120: EpochStanding(best=True),
    }


def test_a_champion_is_named_from_the_workspace_and_the_rest_of_the_file_stays(
    add, workspace: Workspace, tmp_path_factory
) -> None:
    add(epochs=2, files=True)
    workspace.subjects.mkdir()
    path = workspace.subjects / "hifumi.toml"
    path.write_text('# mine\ntrigger = "hifumi chan"  # as in captions\n')
    name_champion(workspace, "hifumi", file_of(workspace, 1))
    assert name_champion(workspace, "hifumi", file_of(workspace, 2)) == "bakes/0001-hifumi/hifumi-000001.safetensors"
    assert load_subject(path).champion == "bakes/0001-hifumi/hifumi-000002.safetensors"
    assert "# mine" in path.read_text() and "# as in captions" in path.read_text()
    assert list(champions(workspace)) == [(file_of(workspace, 2), "hifumi")]
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "other.safetensors"
    elsewhere.write_bytes(b"1")
    name_champion(workspace, "hifumi", elsewhere)
    assert load_subject(path).champion == str(elsewhere)


def test_a_champion_needs_a_subject_and_a_file(add, workspace: Workspace) -> None:
    add(epochs=1, files=True)
    with pytest.raises(WorkspaceError, match="no file of subject nobody"):
        name_champion(workspace, "nobody", file_of(workspace, 1))
    with pytest.raises(WorkspaceError, match="a bake without a subject"):
        name_champion(workspace, "", file_of(workspace, 1))
    workspace.subjects.mkdir()
    (workspace.subjects / "hifumi.toml").write_text("")
    with pytest.raises(WorkspaceError, match="no such file"):
        name_champion(workspace, "hifumi", file_of(workspace, 7))
