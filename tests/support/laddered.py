"""The demo with few pictures, ladders in it, and their bakes as they stand once they ended; without torch."""

from pathlib import Path

from lora_on_disk import write_lora

from trainer.dataset.manifest import manifest_bytes, manifest_of
from trainer.demo.workspace import make_demo
from trainer.jobs.bakes import check, queue_bake
from trainer.jobs.same_content import listed_models, models_now
from trainer.journal.bake_settings import settings_of
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, Checkpoint
from trainer.ladders.build import ladder_of_knob
from trainer.ladders.queue import preview_ladder, queue_ladder
from trainer.ladders.record import LadderState
from trainer.ladders.state import ladder_state
from trainer.ladders.to_queue import LadderToQueue
from trainer.settings.model import Settings
from trainer.settings.subject import resolve
from trainer.settings.toml_file import load_settings

SHORT = ("max_train_epochs=2", "seed=7")


class Laddered:
    """A workspace of three pictures whose bakes end when the test says so.

    Args:
        root: an empty folder.
        overrides: `name=value` on the demo's settings.
    """

    def __init__(self, root: Path, *overrides: str) -> None:
        self.workspace = make_demo(root)
        for picture in sorted((root / "data").rglob("*.png"))[3:]:
            picture.unlink()
            picture.with_suffix(".txt").unlink()
        self.journal = Journal(self.workspace.journal_path)
        self.overrides = (*SHORT, *overrides)

    @property
    def path(self) -> Path:
        """The settings file."""
        return self.workspace.root / "hifumi.toml"

    def settings(self, *overrides: str) -> Settings:
        """Return the settings that ladders start from."""
        return resolve(load_settings(self.path, (*self.overrides, *overrides)), self.path)

    def bake(self, *overrides: str) -> Bake:
        """Queue a bake outside of any ladder."""
        ready = check(self.settings(*overrides), self.path)
        return queue_bake(self.journal, self.workspace, ready, why="", engine="x")

    def began(self, number: int) -> None:
        """Note what a bake stands on, as it does when it starts."""
        settings = settings_of(self.journal, self.journal.bakes.read(number))
        ready = check(settings, self.path)
        manifest = manifest_of(ready.data, ready.validation, listed_models(models_now(settings) or {}))
        self.journal.results.set_manifest(number, manifest_bytes(manifest))
        self.journal.bakes.set_device(number, "cpu")
        self.journal.bakes.set_state(number, BakeState.BAKING)

    def end(self, *numbers: int, state: BakeState = BakeState.DONE) -> None:
        """Let bakes end; those that are done leave a LoRA."""
        for number in numbers:
            self.began(number)
            if state is BakeState.DONE:
                folder = self.workspace.root / self.journal.bakes.read(number).folder
                folder.mkdir(parents=True, exist_ok=True)
                lora = write_lora(folder / "hifumi.safetensors")
                saved = Checkpoint(2, 30, lora.name, lora.stat().st_size, 0.1, None, None, None, 1e9)
                self.journal.results.add_checkpoint(number, saved)
            self.journal.bakes.set_state(number, state, "" if state is BakeState.DONE else "the GPU fell off")

    def preview(self, knob: str = "unet_lr", rungs: str = "0.1,1,10", *, twins: int = 2) -> LadderToQueue:
        """Return a ladder of typed rungs, not queued yet."""
        settings = self.settings()
        spec = ladder_of_knob(settings, knob, rungs.split(","), twins=twins)
        return preview_ladder(self.journal, self.workspace, settings, spec)

    def queue(self, ladder: LadderToQueue, *, held: bool = False) -> LadderState:
        """Queue a ladder and return it as it stands."""
        number = queue_ladder(self.journal, self.workspace, ladder, engine="x", held=held)
        return ladder_state(self.journal, number)

    def state(self, number: int = 1) -> LadderState:
        """Return a ladder as it stands."""
        return ladder_state(self.journal, number)

    def bakes_of(self, number: int = 1) -> dict[str, list[int | None]]:
        """Return the bakes of each rung of a ladder by its name."""
        state = self.state(number)
        return {rung.label: [each.bake for each in state.of_rung(place)] for place, rung in enumerate(state.spec.rungs)}
