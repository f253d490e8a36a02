import json
from collections.abc import Callable
from pathlib import Path

import pytest

from trainer.errors import WorkspaceError
from trainer.journal.bake_folder import read_bake_json, write_bake_json
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, Checkpoint, Mark, MarkKind, Order, SavedState

Queue = Callable[..., Bake]


def live_a_life(journal: Journal, queue: Queue) -> None:
    queue("hifumi", settings_toml='output_name = "hifumi"\n')
    journal.queue.claim("engine", 42, 1000.0)
    journal.results.add_checkpoint(1, Checkpoint(1, 40, "hifumi-000001.safetensors", 9, 0.1, 0.2, -0.03, 0.004, 5.0))
    journal.results.add_state(1, SavedState(40, 1, True, "state/e1", 9, 6.0, 0.5))
    journal.results.add_validation(1, 40, 0.2, -0.03, 0.004)
    journal.results.add_validation(1, 80, float("nan"), None, None)
    journal.results.add_folder_losses(1, 1, {"3_school": (0.1, 9)})
    journal.results.add_mark(1, Mark(41, 7.0, MarkKind.SET, "unet_lr=5e-5"))
    journal.orders.mark_obeyed(journal.orders.give(1, Order.SET, "unet_lr=5e-5"), "")
    journal.log.write("[red]saved \x1b[2J", bake=1, level="warning")
    journal.bakes.set_predicted_peak(1, 5 << 30, '{"parts": {"weights": 1}}')
    journal.bakes.set_peak_allocated(1, 4 << 30)


def test_a_record_without_a_prediction_is_read(journal: Journal, queue: Queue, tmp_path: Path) -> None:
    live_a_life(journal, queue)
    write_bake_json(journal, 1, tmp_path)
    listed = json.loads((tmp_path / "bake.json").read_text(encoding="utf-8"))
    for name in ("predicted_peak", "predicted_peak_parts", "measured_peak_allocated"):
        assert listed["bake"].pop(name)
    (tmp_path / "bake.json").write_text(json.dumps(listed), encoding="utf-8")
    story = read_bake_json(tmp_path)
    assert story is not None
    assert (story.bake.predicted_peak, story.bake.predicted_peak_parts) == (None, "")


def test_a_record_written_and_read_is_the_same(journal: Journal, queue: Queue, tmp_path: Path) -> None:
    live_a_life(journal, queue)
    write_bake_json(journal, 1, tmp_path)
    assert read_bake_json(tmp_path) == journal.records.read(1)


def test_a_record_added_to_a_new_journal_is_complete(journal: Journal, queue: Queue, tmp_path: Path) -> None:
    live_a_life(journal, queue)
    write_bake_json(journal, 1, tmp_path)
    listed = read_bake_json(tmp_path)
    assert listed is not None
    with Journal(tmp_path / "new.sqlite") as new:
        new.records.add(listed)
        assert new.records.read(1) == journal.records.read(1)


def test_a_parent_that_is_gone_is_left_out(journal: Journal, queue: Queue, tmp_path: Path) -> None:
    queue(), queue(parent=1)
    with Journal(tmp_path / "new.sqlite") as new:
        new.records.add(journal.records.read(2))
        assert new.bakes.read(2).parent is None


def test_the_file_is_plain_json_without_nan(journal: Journal, queue: Queue, tmp_path: Path) -> None:
    live_a_life(journal, queue)
    write_bake_json(journal, 1, tmp_path)
    listed = json.loads((tmp_path / "bake.json").read_text(encoding="utf-8"))
    assert (listed["format"], listed["bake"]["state"], listed["validations"][1]["loss"]) == (1, "starting", None)


def test_a_record_that_cannot_be_written_leaves_the_one_before(
    journal: Journal, queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_a_life(journal, queue)
    write_bake_json(journal, 1, tmp_path)
    journal.bakes.set_state(1, BakeState.DONE)

    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_room)
    with pytest.raises(WorkspaceError, match=r"bake\.json: cannot be written \(No space"):
        write_bake_json(journal, 1, tmp_path)
    listed = read_bake_json(tmp_path)
    assert listed is not None and listed.bake.state is BakeState.STARTING
    left = {path.name for path in tmp_path.iterdir() if "journal" not in path.name}
    assert left == {"bake.json", "places.json"}


def test_a_folder_without_a_record_has_none(tmp_path: Path) -> None:
    assert read_bake_json(tmp_path) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"format": 2}',
        b'{"format": 1, "bake": {"number": 1}}',
        b"[" * 100_000,
        b'{"bake": {"state": "\x1b[2J"}}',
    ],
)
def test_a_damaged_record_is_one_clear_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bake.json").write_bytes(content)
    with pytest.raises(WorkspaceError, match=r"bake\.json: is damaged") as caught:
        read_bake_json(tmp_path)
    assert "\x1b" not in caught.value.line()
    assert "\n" not in caught.value.line()


@pytest.mark.parametrize("file", ["/etc/passwd", "../0002-other/x.safetensors", "", "state/../../x", "a\0b"])
def test_files_outside_of_the_folder_are_left_out(journal: Journal, queue: Queue, tmp_path: Path, file: str) -> None:
    live_a_life(journal, queue)
    journal.results.add_state(1, SavedState(80, 2, True, file, 9, 6.0, 0.5))
    journal.results.add_checkpoint(1, Checkpoint(2, 80, file, 9, None, None, None, None, 5.0))
    write_bake_json(journal, 1, tmp_path)
    listed = read_bake_json(tmp_path)
    assert listed is not None
    assert [state.file for state in listed.states] == ["state/e1"]
    assert [saved.file for saved in listed.checkpoints] == ["hifumi-000001.safetensors"]
