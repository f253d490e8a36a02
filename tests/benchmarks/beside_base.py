"""Steps of these sources beside those of another commit, in turns in one run: the gate for every change of speed or memory."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from base_commit import ROOT, sources_of
from paced_runs import Taken, bake_of, take_turns
from table import Budget, Cell, Table, say

LASTING = ("max_train_epochs=", "max_train_steps=200", "validation_data_dir=", "lr_warmup_steps=0", "enable_bucket=no")
"""Settings of a bake that does nothing but equal steps, and more of them than anybody measures."""

_COLUMNS = (
    *("s/step", "at BASE", "ratio"),
    *("resident in steps, MiB", "at BASE", "ratio"),
    *("most before, MiB", "at BASE", "first step after, s", "at BASE", "losses"),
)
_ON_A_CARD = ("allocated at most, MiB", "at BASE", "ratio")
_MIB = 2**20


@dataclass(frozen=True)
class Bake:
    """A bake to compare.

    Attributes:
        name: what the table calls it.
        options: changes of the demo's settings, each as `name=value`.
        steps: to measure.
        base: writes its base into a folder and returns the file; None for the demo's own.
        key: which bakes share that file.
    """

    name: str
    options: tuple[str, ...]
    steps: int
    base: Callable[[Path], Path] | None = None
    key: str = ""


def beside_base(title: str, bakes: Sequence[Bake], commit: str, budget: Budget, seconds: float) -> Table:
    """Return both programs' steps.

    Args:
        title: of the table.
        bakes: to compare.
        commit: full hash of the other one.
        budget: how long it may take.
        seconds: that a bake of both takes on a card.
    """
    rows: list[list[Cell]] = []
    written: dict[str, Path] = {}
    card = torch.cuda.is_available()
    columns = (title, *_COLUMNS, *(_ON_A_CARD if card else ()))
    with sources_of(commit) as tree, tempfile.TemporaryDirectory() as folder:
        for number, bake in enumerate(bakes):
            if not budget.allows(seconds):
                rows.append([bake.name, *[None] * (len(columns) - 1)])
                continue
            options = [*LASTING, *bake.options]
            if bake.base is not None:
                if bake.key not in written:
                    say(f"  writing {bake.key}")
                    written[bake.key] = bake.base(Path(folder))
                options.append(f"pretrained_model_name_or_path={written[bake.key]}")
            trainers = []
            for name, sources in (("ours", ROOT), ("base", tree)):
                place = Path(folder) / f"{number}-{name}"
                place.mkdir()
                trainers.append(bake_of(sources, name, options, place))
            taken = take_turns(trainers, warm=2, steps=bake.steps, together=not card)
            ours, base = taken["ours"], taken["base"]
            say(
                f"  {bake.name}: {ours.median:.3f} s a step, at BASE {base.median:.3f}: {ours.median / base.median:.3f}"
            )
            rows.append([bake.name, *_row(ours, base), *(_memory(ours.card_bytes, base.card_bytes) if card else [])])
    note = (
        f"BASE is {commit[:12]}, its sources with the same packages; whole bakes in a process each, step by step in turns. "
        "Losses: of the measured steps, the largest difference where they are not the same bits."
    )
    return Table(title, columns, rows, note)


def _row(ours: Taken, base: Taken) -> list[Cell]:
    return [
        *(ours.median, base.median, ours.median / base.median),
        *_memory(ours.steps_bytes, base.steps_bytes),
        *(ours.peak_bytes / _MIB, base.peak_bytes / _MIB, ours.start, base.start),
        losses_apart(ours.losses, base.losses),
    ]


def _memory(ours: float, base: float) -> list[Cell]:
    return [ours / _MIB, base / _MIB, ours / base]


def losses_apart(ours: Sequence[float], base: Sequence[float]) -> str:
    """Return how far the losses of the same steps lie apart, in words."""
    apart = max(abs(one - other) for one, other in zip(ours, base, strict=True))
    return f"{apart:.1e} apart" if apart else "same bits"
