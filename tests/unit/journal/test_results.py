from collections.abc import Callable
from math import isnan

from trainer.journal.journal import Journal
from trainer.journal.records import Bake, Checkpoint

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
        journal.add_checkpoint(1, checkpoint(step, f"hifumi-{step}"))
    assert journal.checkpoints(1) == [checkpoint(80, "hifumi-80"), checkpoint(40, "hifumi-40")]


def test_a_file_saved_again_is_listed_once(journal: Journal, queue: Queue) -> None:
    queue()
    journal.add_checkpoint(1, checkpoint(40, "hifumi"))
    journal.add_checkpoint(1, checkpoint(80, "hifumi"))
    assert [saved.step for saved in journal.checkpoints(1)] == [80]


def test_a_checkpoint_whose_loss_is_not_a_number_has_none(journal: Journal, queue: Queue) -> None:
    queue()
    journal.add_checkpoint(1, checkpoint(40, "hifumi", loss=float("nan")))
    assert journal.checkpoints(1)[0].loss is None


def test_validations_come_by_step_and_keep_nan(journal: Journal, queue: Queue) -> None:
    queue()
    journal.add_validation(1, 80, float("nan"), None, None)
    journal.add_validation(1, 40, 0.2, -0.01, 0.002)
    (first, loss), (second, broken) = journal.validations(1)
    assert (first, loss, second) == (40, 0.2, 80)
    assert isnan(broken)


def test_folder_losses_come_by_epoch_and_folder(journal: Journal, queue: Queue) -> None:
    queue()
    journal.add_folder_losses(1, 2, {"3_school": (0.1, 360)})
    journal.add_folder_losses(1, 1, {"3_school": (0.2, 360), "3_frills": (0.3, 240)})
    assert journal.folder_losses(1) == [(1, "3_frills", 0.3, 240), (1, "3_school", 0.2, 360), (2, "3_school", 0.1, 360)]


def test_the_manifest_is_kept_byte_by_byte(journal: Journal, queue: Queue) -> None:
    queue()
    assert journal.manifest(1) is None
    journal.set_manifest(1, b"\x1f\x8b\x00data")
    assert journal.manifest(1) == b"\x1f\x8b\x00data"
