"""How the bakes of a workspace stand: one line each, or JSON."""

from dataclasses import asdict

from lora_tui.figures import loss
from lora_tui.signs import state_sign
from trainer.foreign_text import shown
from trainer.journal.journal import Journal
from trainer.journal.records import Bake
from trainer.workspace import Workspace


def bake_line(bake: Bake, journal: Journal) -> str:
    """Return one line: sign, number, name, state, step, last loss, files, and why or the error."""
    values = journal.last_values(bake.number)
    step = int(values["loss"][0]) if "loss" in values else 0
    parts = [
        f"{state_sign(bake.state).mark} {bake.number:04d} {shown(bake.name)}",
        str(bake.state),
        f"step {step}/{bake.total_steps}",
    ]
    if "loss" in values:
        parts.append(f"loss {loss(values['loss'][1])}")
    checkpoints = journal.checkpoints(bake.number)
    if checkpoints and checkpoints[0].val is not None:
        parts.append(f"val {loss(checkpoints[0].val)}")
    parts.append(f"{len(checkpoints)} LoRA files")
    if bake.error or bake.why:
        parts.append(shown(bake.error or bake.why))
    return "  ".join(parts)


def bakes_json(workspace: Workspace, journal: Journal) -> dict[str, object]:
    """Return the workspace and its bakes, newest first, as plain values."""
    return {
        "workspace": str(workspace.root),
        "bakes": [
            {
                **asdict(bake),
                "state": str(bake.state),
                "last": {
                    name: {"step": step, "value": value}
                    for name, (step, value) in journal.last_values(bake.number).items()
                },
                "checkpoints": [asdict(checkpoint) for checkpoint in journal.checkpoints(bake.number)],
            }
            for bake in journal.bakes()
        ],
    }
