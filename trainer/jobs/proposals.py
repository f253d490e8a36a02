"""Bakes proposed from verdicts: variants held in the queue, each with its reason, to be changed there or released."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainer.errors import GridError
from trainer.gallery.sidecar import MadeGrid
from trainer.jobs.bakes import check, known_steps, measured_speed, planned_seconds, queue_bake
from trainer.jobs.fork import check_changes, counted_here, fork, kept_epochs
from trainer.journal.bake_settings import settings_of
from trainer.journal.grid_records import CellNote
from trainer.journal.journal import Journal
from trainer.journal.records import Bake
from trainer.judging.direction import Direction, directions
from trainer.judging.variants import Judged, Variant, variants
from trainer.settings.kept import kept_toml
from trainer.settings.toml_file import apply_overrides
from trainer.text import printable
from trainer.workspace import Workspace

_BAKE_FOLDER = re.compile(r"(\d{4,9})-")


@dataclass(frozen=True)
class Proposals:
    """What the verdicts on a grid led to.

    Attributes:
        bake: number of the bake that was judged.
        leans: which way each part's verdicts point.
        drafts: the new bakes, held in the queue.
    """

    bake: int
    directions: tuple[Direction, ...]
    held_bakes: tuple[Bake, ...]


def queue_proposals(
    journal: Journal, workspace: Workspace, made: MadeGrid, notes: Mapping[str, CellNote], *, engine: str = ""
) -> Proposals:
    """Queue the variants that the verdicts on a grid suggest, held back.

    The bake they start from is the one that most judged pictures are of; where all of them are of one of its epochs, the
    verdicts are about that epoch, else about its last.

    Args:
        journal, workspace: where everything is.
        made: the grid that was judged.
        notes: cell -> the user's note on it.
        engine: key of the engine that is to run them once they are released.

    Raises:
        GridError: the verdicts show no direction, or no judged picture is of a bake of this workspace.
        LoraTuiError: a variant cannot be baked; those before it are queued.
    """
    leans = directions(made, notes)
    number, epoch = judged_bake(journal, workspace, made, notes)
    row = journal.bakes.read(number)
    settings = settings_of(journal, row)
    epochs = math.ceil(row.total_steps / max(1, row.steps_per_epoch))
    judged = Judged(settings, epochs, tuple(kept_epochs(journal, workspace, number)), epoch or epochs)
    found = variants(judged, leans)
    return Proposals(number, leans, tuple(queue_variant(journal, workspace, row, variant, engine) for variant in found))


def judged_bake(
    journal: Journal, workspace: Workspace, made: MadeGrid, notes: Mapping[str, CellNote]
) -> tuple[int, int | None]:
    """Return the bake that was judged, and its epoch if only one was.

    Raises:
        GridError: no judged picture is of a bake of this workspace.
    """
    files = Counter(
        cell.recipe.loras[0].path
        for cell in made.cells
        if cell.recipe.loras and (note := notes.get(cell.place.name)) is not None and _has_verdict(note)
    )
    if not files:
        # No picture with a LoRA was rated: the variants have their own error for that.
        files = Counter(cell.recipe.loras[0].path for cell in made.cells if cell.recipe.loras)
    bakes: Counter[int] = Counter()
    epochs: dict[int, set[int]] = defaultdict(set)
    for path, count in files.items():
        named = _BAKE_FOLDER.match(path.parent.name)
        if named is None or path.parent.parent != workspace.bakes:
            continue
        number = int(named[1])
        bakes[number] += count
        epochs[number] |= {saved.epoch for saved in journal.results.checkpoints(number) if saved.file == path.name}
    if not bakes:
        raise GridError(
            "proposals",
            found="no rated picture is from a bake of this workspace",
            expected="a grid over the epochs of a bake",
        )
    number = bakes.most_common(1)[0][0]
    return number, next(iter(epochs[number])) if len(epochs[number]) == 1 else None


def _has_verdict(note: CellNote) -> bool:
    return note.favourite or bool(note.unet or note.text_encoder)


def queue_variant(journal: Journal, workspace: Workspace, judged: Bake, variant: Variant, engine: str) -> Bake:
    """Queue a variant of a bake, held back, and return it.

    Raises:
        LoraTuiError: it cannot be baked.
    """
    why, before = printable(variant.why), settings_of(journal, judged)
    overrides = counted_here(before, judged, variant.overrides)
    if variant.fork_epoch is not None:
        return fork(
            journal,
            workspace,
            judged.number,
            epoch=variant.fork_epoch,
            overrides=overrides,
            why=why,
            engine=engine,
            held=True,
        ).bake
    ready = check(apply_overrides(before, overrides), workspace.root / "settings.toml")
    return queue_bake(journal, workspace, ready, why=why, engine=engine, parent=judged.number, held=True)


def change_held_bake(journal: Journal, workspace: Workspace, number: int, overrides: Sequence[str]) -> Bake:
    """Change settings of a bake that waits in the queue, and return it.

    Args:
        journal, workspace: where it is.
        number: the bake's.
        overrides: `name=value`; a bake that starts from another's state takes only what may change at a state.

    Raises:
        WorkspaceError: it does not wait, or is not a bake.
        LoraTuiError: a change is wrong; the bake stays as it was.
    """
    bake = journal.bakes.read(number)
    before = settings_of(journal, bake)
    after = apply_overrides(before, overrides)
    if bake.starts_from:
        check_changes(before, after)
    ready = check(after, workspace.root / "settings.toml", measured_speed(journal, after))
    journal.queue.change(
        number,
        # Its note would speak of what it no longer has.
        why="; ".join(filter(None, (bake.why, f"then {', '.join(overrides)}"))),
        settings_toml=kept_toml(ready.as_asked, journal.paths),
        total_steps=known_steps(ready.plan),
        steps_per_epoch=ready.plan.steps_per_epoch,
        planned_seconds=planned_seconds(journal, ready),
    )
    return journal.bakes.read(number)
