"""A LoRA on a tiny Anima that can draw learns what the base has not seen, as pictures held out of training show."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from learnt_anima import write_learnt, write_subject
from run_engine import EngineRunner, small_demo

from trainer.journal.records import BakeState

pytestmark = pytest.mark.long


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[EngineRunner]:
    runner = EngineRunner(small_demo(tmp_path / "demo"))
    yield runner
    runner.close()


def test_the_loss_of_held_out_pictures_falls_by_a_third(runner: EngineRunner, tmp_path: Path) -> None:
    data = tmp_path / "data"
    train, held_out = write_subject(data / "10_hifumi", (-8, -4, 0, 4, 8)), write_subject(tmp_path / "held", (-6, 2, 6))
    bake = runner.bake(
        f"pretrained_model_name_or_path={write_learnt(tmp_path / 'anima')}",
        f"train_data_dir={train.parent}",
        f"validation_data_dir={held_out}",
        *("resolution=64", "min_bucket_reso=64", "max_bucket_reso=64", "train_batch_size=4", "shuffle_caption=no"),
        *("max_train_epochs=", "max_train_steps=150", "unet_lr=5e-3", "lr_scheduler=cosine", "lr_warmup_steps=10"),
        *("network_dim=8", "network_alpha=8", "sample_every_n_epochs=", "save_every_n_epochs="),
    )
    assert bake.state is BakeState.DONE, runner.log(bake)
    rows = runner.journal.results.validations(bake.number)
    before, after = rows[0][1], rows[-1][1]
    assert after < 0.7 * before
