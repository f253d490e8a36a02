"""A demo workspace and an engine at work on it, in this process."""

import time
from collections.abc import Callable
from pathlib import Path

from safetensors.numpy import load_file
from small_base import small_base

from trainer.demo.workspace import make_demo
from trainer.engine.engine import Engine
from trainer.jobs.bakes import check, queue_bake
from trainer.jobs.preflight import PlannedBake
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState
from trainer.settings.toml_file import apply_overrides, load_settings, save_settings
from trainer.workspace import Workspace

SMALL = ("resolution=32", "max_bucket_reso=64")
"""Overrides that halve the demo's pictures: a step costs 0.1 s in place of 0.17."""

SHORT = (
    *SMALL,
    "max_train_epochs=",
    "max_train_steps=6",
    "save_every_n_epochs=",
    "train_batch_size=2",
    "validation_data_dir=",
)
"""Overrides that make a bake of six steps."""

FOUR_STEPS = (*SMALL, "max_train_epochs=", "max_train_steps=4", "train_batch_size=2", "validation_data_dir=")
"""Overrides that make a bake of four steps, which saves at each epoch's end as the demo does."""

STATED = (
    *SMALL,
    "max_train_epochs=3",
    "train_batch_size=4",
    "save_state_every_n_steps=3",
    "keep_states=epochs",
    "lr_scheduler=cosine",
    "lr_warmup_steps=2",
)
"""Overrides that make a bake of three epochs of four steps, with validation, a state at each epoch's end and every third step."""


def small_demo(folder: Path) -> Workspace:
    """Make the demo with four held-out pictures in place of sixteen, on the small base."""
    workspace = make_demo(folder)
    path = workspace.root / "hifumi.toml"
    settings = load_settings(path).model_copy(update={"pretrained_model_name_or_path": str(small_base())})
    save_settings(settings, path)
    for path in sorted((workspace.root / "validation").glob("*.png"))[4:]:
        path.unlink()
        path.with_suffix(".txt").unlink()
    return workspace


class EngineRunner:
    """An engine and the means to bake in it."""

    def __init__(self, workspace: Workspace, make_engine: Callable[[Workspace], Engine] = Engine) -> None:
        self.workspace = workspace
        self.engine = make_engine(workspace)
        self.journal = Journal(workspace.journal_path)
        self.engine.start()
        while self.engine.libraries != "ready":
            assert self.engine.alive, self.engine.libraries
            time.sleep(0.02)

    def ready(self, *overrides: str) -> PlannedBake:
        """Return the checked job of the demo with `overrides`."""
        path = self.workspace.root / "hifumi.toml"
        return check(apply_overrides(load_settings(path), overrides), path)

    def queue(self, *overrides: str) -> int:
        """Queue a bake of the demo with `overrides`; return its number."""
        return self.queue_ready(self.ready(*overrides))

    def queue_ready(self, ready: PlannedBake) -> int:
        """Queue a job; return the bake's number."""
        bake = queue_bake(self.journal, self.workspace, ready, why="", engine=self.engine.key)
        self.engine.wake()
        return bake.number

    def wait(self, number: int, until: Callable[[Bake], bool], seconds: float = 120) -> Bake:
        """Return the bake once `until` holds for it."""
        end = time.monotonic() + seconds
        while not until(bake := self.journal.bakes.read(number)):
            assert time.monotonic() < end, f"{bake}; engine: {self.engine.libraries}"
            assert self.engine.alive, self.engine.libraries
            time.sleep(0.02)
        return bake

    def bake(self, *overrides: str) -> Bake:
        """Bake and return the ended bake."""
        return self.finish(self.queue(*overrides))

    def few_repeats(self) -> None:
        """Let an epoch of the demo be four steps at batch 4."""
        (self.workspace.root / "data" / "10_hifumi_chan").rename(self.workspace.root / "data" / "1_hifumi_chan")

    def resume(self, number: int) -> Bake:
        """Take a bake up again and return it once it has ended."""
        self.journal.queue.requeue(number, self.engine.key)
        self.engine.wake()
        return self.finish(number)

    def finish(self, number: int) -> Bake:
        """Return the bake once it has ended."""
        return self.wait(number, lambda bake: not (bake.state.live or bake.state is BakeState.QUEUED))

    def folder(self, bake: Bake) -> Path:
        """Return the bake's folder."""
        return self.workspace.root / bake.folder

    def tensors(self, bake: Bake) -> dict[str, bytes]:
        """Return the bits of the bake's last LoRA by tensor name."""
        return self.tensors_in(self.folder(bake))

    def tensors_in(self, folder: Path) -> dict[str, bytes]:
        """Return the bits of the last LoRA in a bake's folder by tensor name."""
        return self.tensors_of(folder / "hifumi.safetensors")

    def tensors_of(self, path: Path) -> dict[str, bytes]:
        """Return the bits of a LoRA by tensor name."""
        return {name: tensor.tobytes() for name, tensor in load_file(path).items()}

    def log(self, bake: Bake) -> list[str]:
        """Return what the log pane shows of it."""
        return [line.text for line in self.journal.log.read(0, bake=bake.number)]

    def close(self) -> None:
        self.journal.close()
        self.engine.close(wait=30)
