"""Every optimizer and every schedule bakes, and goes on exactly where it was stopped."""

from collections.abc import Iterable
from typing import Any

import pytest
import torch
from foreign_optimizers import SUPPORTED
from run_engine import EngineRunner, small_demo

from trainer.journal.records import BakeState
from trainer.journal.state_files import read_state_header, states_of

FIVE = (
    "max_train_epochs=",
    "max_train_steps=5",
    "save_every_n_epochs=",
    "save_state_every_n_steps=1",
    "keep_states=9",
    "train_batch_size=1",
    "validation_data_dir=",
    "lr_warmup_steps=0",
)
OPTIMIZERS = {
    "AdamW": (),
    "AdamW with LoRA+": ("loraplus_lr_ratio=4",),
    "Adafactor": ("optimizer_type=Adafactor",),
    "Lion": ("optimizer_type=Lion",),
    "SGDNesterov": ("optimizer_type=SGDNesterov", "unet_lr=0.1", "text_encoder_lr=0.1"),
    "Prodigy": ("optimizer_type=Prodigy", "unet_lr=1", "text_encoder_lr=1"),
    "a class by its path": ("optimizer_type=torch.optim.NAdam",),
}
SCHEDULES = {
    "constant": (),
    "constant_with_warmup": ("lr_warmup_steps=2",),
    "linear": (),
    "cosine": (),
    "cosine_with_restarts": ("lr_scheduler_num_cycles=2",),
    "cosine_with_min_lr": ("lr_scheduler_min_lr_ratio=0.1",),
    "polynomial": ("lr_scheduler_power=2",),
    "inverse_sqrt": ("lr_warmup_steps=1",),
    "warmup_stable_decay": ("lr_decay_steps=2",),
    "piecewise_constant": ("lr_scheduler_args=step_rules=1:2,0.5:4,0.1",),
    "rex": (),
}


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        runner = EngineRunner(small_demo(tmp_path_factory.mktemp("optimizers") / "demo"))
        runner.few_repeats()
        yield runner
        runner.close()


def bakes_and_goes_on(runner, *overrides: str) -> None:
    """Bake five steps; forget those after the third; take the bake up again: it must come to the same bits."""
    whole = runner.bake(*FIVE, *overrides)
    assert whole.state is BakeState.DONE, whole.error
    kept, curve = runner.tensors(whole), runner.journal.curves.read(whole.number, "lr_unet", 100)
    assert any(any(bits) for name, bits in kept.items() if name.endswith("lora_up.weight"))
    for path in states_of(runner.folder(whole)):
        if read_state_header(path).step > 3:
            path.unlink()
    runner.journal.bakes.set_state(whole.number, BakeState.LOST)
    again = runner.resume(whole.number)
    assert runner.tensors(again) == kept
    assert runner.journal.curves.read(whole.number, "lr_unet", 100) == curve


def _few_always(names: Iterable[str], always: set[str]) -> list[Any]:
    """Return the names as parameters; the others only where there is time."""
    return [pytest.param(name, marks=() if name in always else pytest.mark.long) for name in names]


@pytest.mark.parametrize("name", _few_always(OPTIMIZERS, {"Prodigy"}))
def test_the_optimizer_bakes_and_resumes(runner, name: str) -> None:
    bakes_and_goes_on(runner, *OPTIMIZERS[name], "lr_scheduler=constant")


@pytest.mark.parametrize("name", _few_always((kind.__name__ for kind in SUPPORTED), {"KeepsNested", "ScheduleFree"}))
def test_whatever_an_optimizer_keeps_and_wherever_it_resumes(
    runner, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    kind = next(kind for kind in SUPPORTED if kind.__name__ == name)
    monkeypatch.setattr(torch.optim, name, kind, raising=False)
    # Its process would not find a class that only this one has; the bake itself tries it all the same.
    monkeypatch.setattr("trainer.jobs.bakes.try_optimizer_of", lambda settings, base: None)
    bakes_and_goes_on(runner, f"optimizer_type=torch.optim.{name}", "lr_scheduler=constant", "loraplus_lr_ratio=4")


@pytest.mark.parametrize("name", _few_always(SCHEDULES, {"warmup_stable_decay"}))
def test_the_schedule_bakes_and_resumes(runner, name: str) -> None:
    bakes_and_goes_on(runner, f"lr_scheduler={name}", *SCHEDULES[name])
