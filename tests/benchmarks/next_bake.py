"""How long does the next bake wait for its first step, where one engine bakes two on a base in its real size?

Pictures are small, and so is all that depends on them; what is left is what a bake does to start. Of two bakes that differ in a rate,
as the rungs of a ladder.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from base_commit import ROOT, sources_of
from beside import BASE, LASTING, OURS
from compared import Compared
from paced_runs import demo_of
from ready_steps import REAL
from real import write_random
from table import Budget, Cell, Table

_PROGRAM = Path(__file__).with_name("two_bakes.py")
_OPTIONS = (
    *(*LASTING, *REAL, "max_train_steps=1", "resolution=64", "max_bucket_reso=64", "train_batch_size=1"),
    *("network_dim=32", "network_alpha=16"),
)
_ROUNDS = 2


def measure(root: Path, budget: Budget) -> Sequence[Table]:
    """Return the seconds between two bakes of one engine."""
    return measure_beside(Compared(), budget)


def measure_beside(compared: Compared, budget: Budget) -> Sequence[Table]:
    """Return the same, beside another commit's: each in turn, the best of the rounds."""
    names = [OURS, *([BASE] if compared.commit else [])]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        trees = {OURS: ROOT}
        if compared.commit:
            trees[BASE] = stack.enter_context(sources_of(compared.commit))
        base = write_random("sd1", folder)
        found = [
            {name: _seconds(trees[name], folder / f"{turn}-{name}", base) for name in names}
            for turn in range(_ROUNDS)
            if budget.allows(60 * len(names))
        ]
    best = {name: min(each[name] for each in found) for name in names} if found else {}
    ratio = [best[OURS] / best[BASE]] if BASE in best else []
    rows: list[list[Cell]] = [["SD1.5 in its real size, bf16", *(best.get(name) for name in names), *ratio]]
    columns = (
        "SD1.5 in its real size, bf16",
        *(f"s, {name}" for name in names),
        *(["ratio"] if compared.commit else []),
    )
    note = (
        "From the end of a bake to the first step of the next one, which has another rate; the best of two. Aim: 2 s."
    )
    return [Table("the next bake's first step", columns, rows, note)]


def _seconds(tree: Path, folder: Path, base: Path) -> float:
    place, env = demo_of(tree, folder, 2)
    options = (*_OPTIONS, "mixed_precision=bf16", f"pretrained_model_name_or_path={base}")
    ran = subprocess.run(
        [sys.executable, str(_PROGRAM), str(place), *options],
        cwd=tree,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise RuntimeError(ran.stderr[-2000:])
    return float(json.loads(ran.stdout.splitlines()[-1])["seconds"])
