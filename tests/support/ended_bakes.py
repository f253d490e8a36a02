"""Bakes of a journal made without baking: settings, parents, curves, LoRA files."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainer.journal.journal import Journal
from trainer.journal.metrics import MetricWriter
from trainer.journal.records import BakeState, Checkpoint, NewBake
from trainer.settings.subject import resolve
from trainer.settings.toml_file import load_settings, settings_toml
from trainer.workspace import Workspace


def made_bake(
    workspace: Workspace,
    changes: Mapping[str, object],
    *,
    parent: int | None = None,
    name: str = "hifumi",
    why: str = "",
    losses: Sequence[float] = (),
    epochs: int = 0,
    state: BakeState = BakeState.DONE,
) -> int:
    """Put a bake that has ended into the journal of a demo workspace, and return its number.

    Args:
        workspace: of the demo.
        changes: its settings that differ from the workspace's file.
        parent: number of the bake it was made from.
        name, why: as in the journal.
        losses: its training loss by step.
        epochs: LoRA files it saved, 40 steps each, of a thousand bytes.
        state: how it ended.
    """
    path = workspace.root / "hifumi.toml"
    settings = resolve(load_settings(path), path).model_copy(update=dict(changes))
    with Journal(workspace.journal_path) as journal:
        new = NewBake(
            name=name,
            why=why,
            settings_toml=settings_toml(settings),
            engine="gone",
            total_steps=40 * epochs or len(losses),
            steps_per_epoch=40,
            parent=parent,
        )
        bake = journal.bakes.add(new)
        folder = workspace.root / bake.folder
        journal.bakes.set_state(bake.number, BakeState.STARTING)
        if losses:
            writer = MetricWriter(workspace.journal_path, bake.number)
            for step, loss in enumerate(losses, start=1):
                writer.put(step, {"loss": loss})
            writer.close()
        for epoch in range(1, epochs + 1):
            file = f"{name}-{epoch:06d}.safetensors"
            _write(folder / file, 1000)
            val = 0.2 - 0.01 * epoch
            journal.results.add_checkpoint(
                bake.number, Checkpoint(epoch, 40 * epoch, file, 1000, 0.1, val, val - 0.2, 0.004, time.time())
            )
        journal.bakes.set_state(bake.number, state)
    return bake.number


def _write(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"a" * size)
