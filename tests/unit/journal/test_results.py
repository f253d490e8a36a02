from collections.abc import Callable
from math import isnan

from trainer.journal.journal import Journal
from trainer.journal.records import Bake, Checkpoint, Mark, MarkKind, SavedState

Queue = Callable[..., Bake]


def checkpoint(step: int, file: str, loss: float | None = 0.1) -> Checkpoint:
    return Checkpoint(
        epoch=step // 40,
        step=step,
        file=file,
        size=1234,
        loss=loss,
        val=None,
        val_change=-0.03,
        val_error=0.004,
        seconds=float(step),
    )


def test_checkpoints_come_newest_first_as_they_were_written(journal: Journal, queue: Queue) -> None:
    queue()
    for step in (40, 80):
        journal.results.add_checkpoint(1, checkpoint(step, f"hifumi-{step}"))
    assert journal.results.checkpoints(1) == [checkpoint(80, "hifumi-80"), checkpoint(40, "hifumi-40")]


def test_a_file_saved_again_is_listed_once(journal: Journal, queue: Queue) -> None:
    queue()
    journal.results.add_checkpoint(1, checkpoint(40, "hifumi"))
    journal.results.add_checkpoint(1, checkpoint(80, "hifumi"))
    assert [saved.step for saved in journal.results.checkpoints(1)] == [80]


def test_a_checkpoint_whose_loss_is_not_a_number_has_none(journal: Journal, queue: Queue) -> None:
    queue()
    journal.results.add_checkpoint(1, checkpoint(40, "hifumi", loss=float("nan")))
    assert journal.results.checkpoints(1)[0].loss is None


def test_validations_come_by_step_and_keep_nan(journal: Journal, queue: Queue) -> None:
    queue()
    journal.results.add_validation(1, 80, float("nan"), None, None)
    journal.results.add_validation(1, 40, 0.2, -0.01, 0.002)
    (first, loss), (second, broken) = journal.results.validations(1)
    assert (first, loss, second) == (40, 0.2, 80)
    assert isnan(broken)


def test_folder_losses_come_by_epoch_and_folder(journal: Journal, queue: Queue) -> None:
    queue()
    journal.results.add_folder_losses(1, 2, {"3_school": (0.1, 360)})
    journal.results.add_folder_losses(1, 1, {"3_school": (0.2, 360), "3_frills": (0.3, 240)})
    assert journal.results.folder_losses(1) == [
        (1, "3_frills", 0.3, 240),
        (1, "3_school", 0.2, 360),
        (2, "3_school", 0.1, 360),
    ]


def test_the_manifest_is_kept_byte_by_byte(journal: Journal, queue: Queue) -> None:
    queue()
    assert journal.results.manifest(1) is None
    journal.results.set_manifest(1, b"\x1f\x8b\x00data")
    assert journal.results.manifest(1) == b"\x1f\x8b\x00data"


def state(step: int, file: str) -> SavedState:
    return SavedState(
        step=step, epoch=step // 40, ends_epoch=step % 40 == 0, file=file, size=9, seconds=float(step), cost=0.5
    )


def test_states_come_newest_first_and_one_written_again_is_listed_once(journal: Journal, queue: Queue) -> None:
    queue()
    for one in (state(10, "state/a"), state(40, "state/b"), state(50, "state/a")):
        journal.results.add_state(1, one)
    assert journal.results.states(1) == [state(50, "state/a"), state(40, "state/b")]


def test_a_forgotten_state_is_no_longer_listed(journal: Journal, queue: Queue) -> None:
    queue()
    journal.results.add_state(1, state(10, "state/a"))
    journal.results.forget_state(1, "state/a")
    journal.results.forget_state(1, "state/a")
    assert journal.results.states(1) == []


def test_marks_come_by_step_and_those_of_one_step_as_they_came(journal: Journal, queue: Queue) -> None:
    queue()
    marks = [
        Mark(9, 3.0, MarkKind.RESUME, ""),
        Mark(4, 9.0, MarkKind.SET, "unet_lr=5e-5"),
        Mark(4, 1.0, MarkKind.ORDER, "save"),
    ]
    for mark in marks:
        journal.results.add_mark(1, mark)
    assert journal.results.marks(1) == [marks[1], marks[2], marks[0]]


def test_the_device_of_a_bake_is_kept(journal: Journal, queue: Queue) -> None:
    queue()
    journal.bakes.set_device(1, "GPU-1234")
    assert journal.bakes.read(1).device == "GPU-1234"
