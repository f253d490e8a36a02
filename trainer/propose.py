"""How does a judgement become bakes? Three held drafts in the queue, each with its reason; they are changed there, or released as they are."""

import math
from collections.abc import Mapping, Sequence

from trainer.branch import check_changes, fork, kept_epochs
from trainer.foreign_text import shown
from trainer.grid.sidecar import Made
from trainer.jobs import check, queue_bake
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, CellNote
from trainer.judging.direction import Direction, directions
from trainer.judging.variants import Judged, Variant, variants
from trainer.settings.toml_file import apply_overrides, parse_settings, settings_toml
from trainer.workspace import Workspace


def propose(
    journal: Journal,
    workspace: Workspace,
    made: Made,
    notes: Mapping[str, CellNote],
    bake: int,
    *,
    epoch: int | None = None,
    engine: str = "",
) -> tuple[tuple[Direction, ...], tuple[Bake, ...]]:
    """Queue the variants that the verdicts on a grid ask for, held back, and return the directions and the new bakes.

    Args:
        journal, workspace: where everything is.
        made: the grid that was judged.
        notes: cell -> what was thought of it.
        bake: number of the bake whose epochs it shows.
        epoch: the epoch the verdicts are about; None for its last.
        engine: key of the engine that shall take them once they are released.

    Raises:
        GridError: the verdicts point nowhere.
        LoraTuiError: a variant cannot be baked; those before it are queued.
    """
    leans = directions(made, notes)
    row = journal.bake(bake)
    settings = parse_settings(row.settings_toml, f"bake {bake}")
    epochs = math.ceil(row.total_steps / max(1, row.steps_per_epoch))
    judged = Judged(settings, epochs, tuple(kept_epochs(journal, workspace, bake)), epoch or epochs)
    found = variants(judged, leans)
    return leans, tuple(_queue(journal, workspace, row, variant, engine) for variant in found)


def _queue(journal: Journal, workspace: Workspace, judged: Bake, variant: Variant, engine: str) -> Bake:
    why = shown(variant.why)
    if variant.fork_epoch is not None:
        return fork(
            journal,
            workspace,
            judged.number,
            epoch=variant.fork_epoch,
            overrides=variant.overrides,
            why=why,
            engine=engine,
            held=True,
        ).bake
    where = f"bake {judged.number}"
    settings = apply_overrides(parse_settings(judged.settings_toml, where), variant.overrides)
    ready = check(settings, workspace.root / "settings.toml")
    return queue_bake(journal, workspace, ready, why=why, engine=engine, parent=judged.number, held=True)


def change_draft(journal: Journal, workspace: Workspace, number: int, overrides: Sequence[str]) -> Bake:
    """Change settings of a bake that waits in the queue, and return it.

    Args:
        journal, workspace: where it is.
        number: the bake's.
        overrides: `name=value`; a bake that begins from another's state takes only what such a state can carry.

    Raises:
        WorkspaceError: it does not wait, or is no bake.
        LoraTuiError: a change is wrong; the bake is as it was.
    """
    bake = journal.bake(number)
    before = parse_settings(bake.settings_toml, f"bake {number}")
    after = apply_overrides(before, overrides)
    if bake.starts_from:
        check_changes(before, after)
    ready = check(after, workspace.root / "settings.toml")
    journal.change_waiting(
        number,
        settings_toml=settings_toml(ready.settings),
        total_steps=ready.plan.total_steps,
        steps_per_epoch=ready.plan.steps_per_epoch,
    )
    return journal.bake(number)
