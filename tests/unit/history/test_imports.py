"""LoRA files from elsewhere become bakes: the files of one bake its epochs, wherever they lie."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from lora_on_disk import write_lora

from trainer.errors import LoraTuiError
from trainer.grid.first_spec import epochs_of
from trainer.history.filter import parse_filter
from trainer.history.imports import find_loras, import_loras
from trainer.history.notes import keep_note
from trainer.history.one_bake import one_bake
from trainer.history.removal import plan_deletion, remove
from trainer.journal.grid_records import CellNote
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState
from trainer.recovery.bakes import recover_bakes
from trainer.workspace import Workspace

SD_SCRIPTS = {
    "ss_output_name": "cat",
    "ss_learning_rate": "0.0001",
    "ss_unet_lr": "0.0003",
    "ss_text_encoder_lr": "5e-05",
    "ss_network_dim": "4",
    "ss_network_alpha": "2.0",
    "ss_network_module": "networks.lora",
    "ss_max_train_steps": "300",
    "ss_num_batches_per_epoch": "100",
    "ss_gradient_accumulation_steps": "1",
    "ss_training_started_at": "1700000000.5",
    "ss_session_id": "123456789",
    "ss_seed": "42",
}


def epochs(folder: Path, count: int = 3, *, without: tuple[str, ...] = (), **changes: str) -> list[Path]:
    """Write the epochs of one bake as sd-scripts does, each with other numbers in its header."""
    made = []
    for epoch in range(1, count + 1):
        texts: Mapping[str, str] = {
            **{key: text for key, text in SD_SCRIPTS.items() if key not in without},
            **changes,
            "ss_epoch": str(epoch),
            "ss_steps": str(100 * epoch),
            "ss_training_finished_at": str(1_700_000_000.5 + 60 * epoch),
            "sshs_model_hash": f"{epoch:064x}",
        }
        name = "cat.safetensors" if epoch == count else f"cat-{epoch:06d}.safetensors"
        made.append(write_lora(folder / name, metadata=texts))
    return made


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("elsewhere")


def test_the_files_of_a_session_are_one_bake_with_its_epochs(
    journal: Journal, workspace: Workspace, elsewhere: Path, read
) -> None:
    files = epochs(elsewhere)
    result = import_loras(journal, workspace, find_loras([elsewhere]))
    assert [(each.number, each.name, each.new) for each in result.bakes] == [(1, "cat", True)]
    entry = read().entries[1]
    assert (entry.imported, entry.state, entry.steps, entry.saved) == (True, BakeState.DONE, 300, 3)
    assert (entry.settings["unet_lr"], entry.settings["network_dim"], entry.seconds) == (3e-4, 4, 180)
    saved = journal.results.checkpoints(1)
    assert [(each.epoch, each.step, each.file) for each in saved] == [
        (epoch, 100 * epoch, str(files[epoch - 1])) for epoch in (3, 2, 1)
    ]


def test_files_are_neither_copied_nor_changed_and_known_by_their_hash(
    journal: Journal, workspace: Workspace, elsewhere: Path
) -> None:
    files = epochs(elsewhere)
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]
    import_loras(journal, workspace, files)
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in files] == before
    assert not list(workspace.root.rglob("*.safetensors"))
    again = import_loras(
        journal, workspace, [path.rename(path.with_name(f"other{at}.safetensors")) for at, path in enumerate(files)]
    )
    assert (again.bakes, set(again.skipped.values())) == ((), {"it is of bake 1 already"})


def test_files_without_a_session_are_grouped_by_settings_and_start(
    journal: Journal, workspace: Workspace, elsewhere: Path
) -> None:
    epochs(elsewhere / "a", without=("ss_session_id",))
    epochs(elsewhere / "b", without=("ss_session_id",), ss_training_started_at="1700009999")
    epochs(elsewhere / "c", without=("ss_session_id",), ss_unet_lr="1e-3")
    result = import_loras(journal, workspace, find_loras([elsewhere]))
    assert [len(each.files) for each in result.bakes] == [3, 3, 3]


def test_files_without_metadata_are_grouped_by_place_and_name(
    journal: Journal, workspace: Workspace, elsewhere: Path
) -> None:
    for at, name in enumerate(("x-000001", "x-000002", "x", "y")):
        write_lora(elsewhere / f"{name}.safetensors", rank=4 + at)
    result = import_loras(journal, workspace, find_loras([elsewhere]))
    assert [(each.name, [path.stem for path in each.files]) for each in result.bakes] == [
        ("x", ["x-000001", "x-000002", "x"]),
        ("y", ["y"]),
    ]
    assert [saved.step for saved in reversed(journal.results.checkpoints(1))] == [1, 2, 3]


def test_an_epoch_that_comes_later_joins_its_bake(
    journal: Journal, workspace: Workspace, elsewhere: Path, read
) -> None:
    files = epochs(elsewhere)
    import_loras(journal, workspace, files[:2])
    history = read()
    result = import_loras(journal, workspace, files)
    assert [(each.number, each.new, each.files) for each in result.bakes] == [(1, False, (files[2],))]
    assert [saved.step for saved in journal.results.checkpoints(1)] == [300, 200, 100]
    assert history.refresh()
    assert (history.entries[1].steps, history.entries[1].saved) == (300, 3)


def test_metadata_of_imported_files_can_be_searched(
    journal: Journal, workspace: Workspace, elsewhere: Path, read
) -> None:
    import_loras(journal, workspace, epochs(elsewhere))
    wanted = parse_filter("ss_seed:42 ss_network_module:lora unet_lr>1e-4 imported:yes")
    metadata = {key: journal.derived.metadata(key) for key in wanted.metadata_keys}
    assert [entry.number for entry in wanted.matching(read().newest_first(), metadata)] == [1]


def test_what_is_no_lora_is_named_and_spoils_nothing(journal: Journal, workspace: Workspace, elsewhere: Path) -> None:
    epochs(elsewhere)
    (elsewhere / "broken.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0nonsense")
    result = import_loras(journal, workspace, find_loras([elsewhere]))
    assert len(result.bakes) == 1
    assert [path.name for path in result.skipped] == ["broken.safetensors"]
    with pytest.raises(LoraTuiError, match=r"broken\.safetensors"):
        import_loras(journal, workspace, [elsewhere / "broken.safetensors"])
    for path, words in ((elsewhere / "no.safetensors", "no such file"), (elsewhere / "a.pt", "no such file")):
        with pytest.raises(LoraTuiError, match=words):
            import_loras(journal, workspace, find_loras([path]))


def test_a_pickle_is_refused_before_it_is_opened(elsewhere: Path) -> None:
    (elsewhere / "lora.pt").write_bytes(b"\x80\x04.")
    with pytest.raises(LoraTuiError, match=r"a file of kind \.pt; expected a \.safetensors file"):
        find_loras([elsewhere / "lora.pt"])


def test_files_of_own_bakes_are_left_where_they_are(
    add, journal: Journal, workspace: Workspace, elsewhere: Path
) -> None:
    number = add(epochs=1)
    inside = write_lora(
        workspace.root / "bakes/0001-hifumi/hifumi-000001.safetensors", metadata={**SD_SCRIPTS, "ss_steps": "40"}
    )
    copied = write_lora(elsewhere / "copy.safetensors", metadata={**SD_SCRIPTS, "ss_steps": "40", "ss_comment": "x"})
    result = import_loras(journal, workspace, [inside, copied])
    assert result.bakes == ()
    assert result.skipped == {
        inside: "it is in a folder of this workspace's bakes",
        copied: f"it is of bake {number} of this workspace",
    }


def test_an_imported_bake_survives_the_loss_of_the_journal(
    journal: Journal, workspace: Workspace, elsewhere: Path, tmp_path: Path
) -> None:
    files = epochs(elsewhere)
    import_loras(journal, workspace, files)
    keep_note(journal, workspace, 1, text="from Anna")
    recover_bakes(workspace, tmp_path / "new.sqlite")
    with Journal(tmp_path / "new.sqlite") as rebuilt:
        assert rebuilt.bakes.read(1).imported
        assert [saved.file for saved in rebuilt.results.checkpoints(1)] == [str(path) for path in reversed(files)]
        assert rebuilt.notes.of(1).text == "from Anna"
        assert {source.session for source in rebuilt.results.imported(1)} == {"id 123456789"}


def test_grids_find_the_epochs_of_an_imported_bake_in_and_outside_the_workspace(
    journal: Journal, workspace: Workspace, elsewhere: Path, read
) -> None:
    inside, outside = epochs(workspace.root / "loras"), epochs(elsewhere, ss_session_id="9")
    import_loras(journal, workspace, [*inside, *outside])
    assert [str(workspace.root / each.file) for each in epochs_of(journal, workspace, [1])] == [
        str(path) for path in inside
    ]
    assert [each.file for each in epochs_of(journal, workspace, [2])] == [str(path) for path in outside]
    for number in (1, 2):
        one = one_bake(read(), journal, workspace, number)
        assert len(one.present) == 3


def test_deleting_an_imported_bake_touches_no_file_elsewhere(
    journal: Journal, workspace: Workspace, elsewhere: Path
) -> None:
    files = epochs(elsewhere)
    import_loras(journal, workspace, files)
    plan = plan_deletion(journal, workspace, [1])
    assert plan.empty
    remove(journal, workspace, plan)
    assert all(path.is_file() for path in files)


def test_metadata_of_any_kind_become_a_bake_or_one_error(
    journal: Journal, workspace: Workspace, elsewhere: Path
) -> None:
    odd = {
        "ss_output_name": "../../etc/\x1b[31mcat",
        "ss_steps": "-7",
        "ss_epoch": "1e400",
        "ss_training_started_at": "yesterday",
        "ss_training_finished_at": "nan",
        "ss_unet_lr": "fast",
        "ss_session_id": "\x1b]0;x\x07" * 200,
        "ss_training_comment": "\x1b[2J" * 500,
    }
    write_lora(elsewhere / "odd-000002.safetensors", metadata=odd)
    result = import_loras(journal, workspace, find_loras([elsewhere]))
    bake = journal.bakes.read(result.bakes[0].number)
    assert bake.name == "odd"
    assert "\x1b" not in bake.why + bake.name
    assert (workspace.root / bake.folder).parent == workspace.bakes


@pytest.mark.parametrize("moment", ["-5", "1e15", "1e300", "253402300800"])
def test_a_moment_that_no_calendar_has_is_none(
    journal: Journal, workspace: Workspace, elsewhere: Path, tmp_path: Path, moment: str
) -> None:
    keys = ("ss_training_started_at", "ss_training_finished_at")
    file = write_lora(elsewhere / "a.safetensors", metadata={**SD_SCRIPTS, **dict.fromkeys(keys, moment)})
    bake = journal.bakes.read(import_loras(journal, workspace, [file]).bakes[0].number)
    assert (bake.started, bake.ended) == (None, pytest.approx(file.stat().st_mtime))
    assert journal.damage() is None
    # So it is where a journal is rebuilt from the files alone.
    write_lora(workspace.bakes / "0007-dog/dog.safetensors", metadata={"ss_steps": "3", **dict.fromkeys(keys, moment)})
    recover_bakes(workspace, tmp_path / "new.sqlite")
    with Journal(tmp_path / "new.sqlite") as made:
        assert made.bakes.read(7).started is None
        assert made.damage() is None


def test_a_text_or_a_name_that_cannot_be_kept_costs_its_own_file_alone(
    journal: Journal, workspace: Workspace, elsewhere: Path, read
) -> None:
    write_lora(elsewhere / "half.safetensors", metadata={"ss_session_id": "1", "ss_output_name": "\ud83d"})
    write_lora(elsewhere / os.fsdecode(b"caf\xe9.safetensors"), metadata={"ss_session_id": "2"})
    write_lora(elsewhere / "whole.safetensors", metadata={"ss_session_id": "3", "ss_output_name": "\U0001f600cat"})
    result = import_loras(journal, workspace, find_loras([elsewhere]))
    assert [bake.name for bake in result.bakes] == ["\U0001f600cat"]
    assert sorted(why.rpartition(":")[2].strip() for why in result.skipped.values()) == [
        "a name that is not UTF-8",
        "a text is not UTF-8",
    ]
    assert len(read().entries) == 1


def test_a_file_whose_name_cannot_be_kept_costs_no_bake_its_recovery(workspace: Workspace, tmp_path: Path) -> None:
    folder = workspace.bakes / "0007-dog"
    write_lora(folder / "dog.safetensors", metadata={"ss_steps": "3"})
    write_lora(folder / os.fsdecode(b"caf\xe9.safetensors"), metadata={"ss_steps": "9"})
    recover_bakes(workspace, tmp_path / "new.sqlite")
    with Journal(tmp_path / "new.sqlite") as made:
        assert [saved.file for saved in made.results.checkpoints(7)] == ["dog.safetensors"]


def test_verdicts_on_epochs_from_elsewhere_count_for_them(
    judge, journal: Journal, workspace: Workspace, elsewhere: Path, read
) -> None:
    inside, outside = epochs(workspace.root / "loras"), epochs(elsewhere, ss_session_id="9")
    import_loras(journal, workspace, [*inside, *outside])
    judge(inside, {(1, 5): CellNote(0, "", True)})
    judge(outside, {(2, 5): CellNote(0, "", whole="right")})
    entries = read().entries
    assert [(entries[number].best.step, entries[number].best.why) for number in (1, 2)] == [
        (100, "1 favourite"),
        (200, "1 rated right"),
    ]
