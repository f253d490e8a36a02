"""Bakes of these sources beside those of another commit and of sd-scripts, in turns in one run."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch
from base_commit import ROOT, sources_of
from compared import Compared
from paced_runs import Taken, Trainer, bake_of, those_that_can
from sd_scripts import bake_of_scripts
from table import Budget, Cell, Table, say

LASTING = ("max_train_epochs=", "max_train_steps=200", "validation_data_dir=", "lr_warmup_steps=0", "enable_bucket=no")
"""Settings of a bake that does nothing but equal steps, and more of them than anybody measures."""

_PICTURES = 2
"""Of a base in its real size: each is encoded before the first step, and shown ten times in an epoch."""
_PICTURES_OF_THE_DEMO = 16

OURS, BASE, SCRIPTS = "ours", "BASE", "sd-scripts"
_MIB = 2**20


@dataclass(frozen=True)
class Bake:
    """A bake to compare.

    Attributes:
        name: what the table calls it.
        options: changes of the demo's settings, each as `name=value`.
        steps: to measure.
        seconds: it takes on a card, of each trainer.
        base: writes its base into a folder and returns the file; None for the demo's own. Bakes with the same one share its file.
        family: of its base.
    """

    name: str
    options: tuple[str, ...]
    steps: int
    seconds: float
    base: Callable[[Path], Path] | None = None
    family: str = "sd1"


@dataclass(frozen=True)
class _Figure:
    """A group of columns: ours, the others', and the ratios where they say something."""

    label: str
    of: Callable[[Taken], float]
    ratio: bool


_FIGURES = (
    _Figure("s/step", lambda taken: taken.median, ratio=True),
    _Figure("resident in steps, MiB", lambda taken: taken.steps_bytes / _MIB, ratio=True),
    _Figure("most before, MiB", lambda taken: taken.peak_bytes / _MIB, ratio=False),
    _Figure("first step after, s", lambda taken: taken.start, ratio=False),
    _Figure("mean loss", lambda taken: taken.loss, ratio=False),
)
_ON_A_CARD = (
    _Figure("allocated at most, MiB", lambda taken: taken.card_bytes / _MIB, ratio=True),
    _Figure("reserved at most, MiB", lambda taken: taken.card_reserved / _MIB, ratio=True),
)


def beside(title: str, bakes: Sequence[Bake], compared: Compared, budget: Budget) -> Sequence[Table]:
    """Return the trainers' steps beside each other: seconds, memory and losses.

    Args:
        title: of the tables.
        bakes: to compare, those first that matter most; of which those that are wanted are run.
        compared: with what.
        budget: how long all may take; what does not fit is not run.
    """
    names = [OURS, *([BASE] if compared.commit else []), *([SCRIPTS] if compared.scripts else [])]
    found: dict[str, dict[str, Taken | str]] = {}
    bases: dict[Callable[[Path], Path], Path] = {}
    with ExitStack() as stack:
        tree = stack.enter_context(sources_of(compared.commit)) if compared.commit else None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for number, bake in enumerate(bake for bake in bakes if compared.cases in bake.name):
            found[bake.name] = {}
            if not budget.allows(bake.seconds * len(names)):
                continue
            if bake.base is not None and bake.base not in bases:
                say(f"  writing {bake.family}")
                bases[bake.base] = bake.base(folder)
            base = bases[bake.base] if bake.base is not None else None
            trainers = _trainers(bake, base, folder / str(number), tree, compared)
            taken, failed = those_that_can(trainers, warm=2, steps=bake.steps, together=not torch.cuda.is_available())
            for error in failed.values():
                say(f"  {bake.name}: {error}")
            found[bake.name] = {**taken, **{name: _reason(name, error) for name, error in failed.items()}}
            said = ", ".join(f"{name} {each.median:.3f}" for name, each in taken.items())
            say(f"  {bake.name}, s/step: {said}")
    return [_table(title, names, found, compared)]


def _trainers(bake: Bake, base: Path | None, folder: Path, tree: Path | None, compared: Compared) -> list[Trainer]:
    """Return the trainers that take turns, each with a folder of its own."""
    options = [*LASTING, *bake.options, *([f"pretrained_model_name_or_path={base}"] if base else [])]
    pictures = _PICTURES if base else _PICTURES_OF_THE_DEMO
    ours = bake_of(ROOT, OURS, options, folder / OURS, pictures)
    found = [ours]
    if tree is not None:
        found.append(bake_of(tree, BASE, options, folder / BASE, pictures))
    if compared.scripts is not None:
        found.append(bake_of_scripts(compared.scripts, SCRIPTS, bake.family, ours, options, folder / OURS))
    return found


def _reason(name: str, error: str) -> str:
    """Return the first line of what a trainer that failed said, its name left out."""
    return error.partition("\n")[0].removeprefix(name).strip(" :")


def _table(
    title: str, names: Sequence[str], found: Mapping[str, Mapping[str, Taken | str]], compared: Compared
) -> Table:
    figures = [*_FIGURES, *(_ON_A_CARD if torch.cuda.is_available() else ())]
    columns = [title]
    for figure in figures:
        for name in names:
            columns.append(f"{figure.label}: {name}")
            if figure.ratio and name != OURS:
                columns.append(f"{figure.label}: ours ÷ {name}")
    if compared.commit:
        columns.append("losses beside BASE's")
    rows: list[list[Cell]] = [_table_row(bake, names, taken, figures, compared) for bake, taken in found.items()]
    return Table(title, columns, rows, _note(compared))


def _table_row(
    bake: str,
    names: Sequence[str],
    taken: Mapping[str, Taken | str],
    figures: Sequence[_Figure],
    compared: Compared,
) -> list[Cell]:
    """Return a bake's figures; in a trainer's first column stands why it has none."""
    row: list[Cell] = [bake]
    ours = taken.get(OURS)
    for figure in figures:
        for name in names:
            theirs = taken.get(name)
            if isinstance(theirs, Taken):
                row.append(figure.of(theirs))
            else:
                row.append(theirs if figure is figures[0] else None)
            if figure.ratio and name != OURS:
                if isinstance(theirs, Taken) and isinstance(ours, Taken):
                    row.append(figure.of(ours) / figure.of(theirs))
                else:
                    row.append(None)
    if compared.commit:
        base = taken.get(BASE)
        if isinstance(base, Taken) and isinstance(ours, Taken):
            row.append(losses_apart(ours.losses, base.losses))
        else:
            row.append(None)
    return row


def _note(compared: Compared) -> str:
    said = [
        "Whole bakes in a process each, step by step in turns, on a card one behind the other; two steps before are left out."
    ]
    if compared.commit:
        said.append(
            f"BASE is {compared.commit[:12]}, its sources with the same packages; its losses are of the same steps, and beside them "
            "stands the largest difference where they are not the same bits."
        )
    if compared.scripts:
        said.append(
            f"sd-scripts is {compared.scripts.version or 'of a folder without a commit'}, on the same settings, pictures and base; "
            "it draws other times and noise, so its losses are others."
        )
    return " ".join(said)


def losses_apart(ours: Sequence[float], base: Sequence[float]) -> str:
    """Return how far the losses of the same steps lie apart, in words."""
    apart = max(abs(one - other) for one, other in zip(ours, base, strict=True))
    return f"{apart:.1e} apart" if apart else "same bits"
