"""A ladder through the engine: a rung that fails keeps no other from its end, and is continued."""

from run_engine import SMALL, EngineRunner

from trainer.journal.records import BakeState
from trainer.ladders.queue import continue_ladder, preview_ladder, queue_ladder
from trainer.ladders.record import LadderSpec, Rung
from trainer.ladders.state import ladder_state
from trainer.settings.subject import resolve
from trainer.settings.toml_file import load_settings

TWO_STEPS = (*SMALL, "max_train_epochs=", "max_train_steps=2", "train_batch_size=2", "validation_data_dir=")


def test_a_failed_rung_stops_no_other_and_is_continued(runner: EngineRunner) -> None:
    root, path = runner.workspace.root, runner.workspace.root / "hifumi.toml"
    (root / "other").symlink_to("data")
    spec = LadderSpec(
        title="two folders and a rate",
        knobs=("train_data_dir", "unet_lr"),
        rungs=(
            Rung(label="other", overrides=(f"train_data_dir={root / 'other'}",)),
            Rung(label="as it is", is_centre=True),
            Rung(label="slow", overrides=("unet_lr=1e-5",)),
        ),
        twins=1,
    )
    settings = resolve(load_settings(path, TWO_STEPS), path)
    ready = preview_ladder(runner.journal, runner.workspace, settings, spec)
    # Gone between the order and its turn, as on a disk that is unmounted.
    (root / "other").unlink()
    number = queue_ladder(runner.journal, runner.workspace, ready, engine=runner.engine.key)
    for bake in (1, 2, 3):
        runner.finish(bake)
    state = ladder_state(runner.journal, number)
    assert {each.bake: each.state for each in state.bakes} == {
        1: BakeState.DONE,
        2: BakeState.FAILED,
        3: BakeState.DONE,
    }
    assert "other" in next(each.error for each in state.bakes if each.error)
    (root / "other").symlink_to("data")
    assert continue_ladder(runner.journal, runner.workspace, number, engine=runner.engine.key).resumed == (2,)
    runner.engine.wake()
    assert runner.finish(2).state is BakeState.DONE
    assert ladder_state(runner.journal, number).seconds_left == 0
