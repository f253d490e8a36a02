"""How long does a grid take beside diffusers' own pipeline, and beside another commit of this program? In turns, in one run.

This program makes each grid by its command, in a process of its own, so that any commit that has the command can be measured; the
journal says what the sampling took, reading LoRAs and encoding prompts included and the base's loading left out.
"""

import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from base_commit import ROOT, sources_of
from compared import Compared
from PIL import Image
from real_shapes import write_real
from safetensors.torch import save_file
from table import Budget, Cell, Table, say

from trainer.families.registry import family_record
from trainer.models.engines import load_shapes
from trainer.models.identify import identify_base
from trainer.network.injection import targets
from trainer.settings.subject import DEMO_BASE

_PIPELINE = Path(__file__).with_name("pipeline_grid.py")
_LIMIT = 900.0


@dataclass(frozen=True)
class Case:
    """A grid to measure.

    Attributes:
        name: what the table calls it.
        side: pixels of a picture.
        rank: of its LoRAs.
        epochs: how many LoRA files.
        weights: of each.
        prompts: each with every seed.
        seeds: how many.
        rounds: how often each program makes it, with other seeds every time.
        threads: of each program; 0 for its own choice.
        base: writes the base into a folder; None for the demo's.
    """

    name: str
    side: int
    rank: int
    epochs: int
    weights: tuple[float, ...]
    prompts: tuple[str, ...]
    seeds: int
    rounds: int
    threads: int
    base: Callable[[Path], Path] | None = None


_GIRLS = ("1girl, halo, school uniform, smile, outdoors", "1girl, blue hair, short hair, green dress, smile, city")
_MORE = ("1girl, red dress, long hair, smile", "1girl, hat, backpack, outdoors")
CASES = (
    Case("the demo, 64², one thread", 64, 8, 2, (0.5, 1.0), _GIRLS, 4, 3, 1),
    Case(
        *("SD1.5 in its real size, 256²", 256, 32, 1, (1.0,), (*_GIRLS, *_MORE), 1, 1, 0),
        lambda folder: write_real(folder / "sd1.safetensors", "sd1"),
    ),
)


@dataclass
class _Program:
    """Something that makes grids.

    Attributes:
        name: what the tables call it.
        command: takes the spec's path behind it.
        env: its environment.
        folder: where it runs, and a workspace of its own where it has one.
        workspace: where its journal is; None for diffusers.
        seconds: a picture, of each round.
        pictures: of the last round.
    """

    name: str
    command: Sequence[str]
    env: dict[str, str]
    folder: Path
    workspace: Path | None = None
    seconds: list[float] = field(default_factory=list)
    pictures: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)

    def make(self, spec: Path, number: int) -> None:
        """Make a grid, the `number`-th of this program."""
        ran = subprocess.run(
            [*self.command, str(spec)],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=_LIMIT,
            check=False,
        )
        if ran.returncode:
            raise RuntimeError(f"{self.name}: {ran.stdout[-500:]}{ran.stderr[-1500:]}")
        if self.workspace is None:
            found = json.loads(ran.stdout.splitlines()[-1])
            self.seconds.append(found["seconds"] / found["pictures"])
            return
        with sqlite3.connect(self.workspace / "journal.sqlite") as journal:
            journal.row_factory = sqlite3.Row
            row = journal.execute("SELECT * FROM grid WHERE number = ?", (number,)).fetchone()
        # As they were called before 2026-11-24.
        old = "sampled" not in row.keys()  # noqa: SIM118 (a row without it is asked for values)
        seconds, sampled, folder = (
            row[name] for name in ("seconds" if old else "sampling_seconds", "made" if old else "sampled", "folder")
        )
        self.seconds.append(seconds / sampled)
        files = sorted((self.workspace / folder).glob("x*.png"))
        self.pictures = {file.name: np.asarray(Image.open(file).convert("RGB")).astype(int) for file in files}


def measure(root: Path, budget: Budget) -> Sequence[Table]:
    """Return the seconds of a picture, ours and diffusers'."""
    return [_table(None, "", budget)]


def measure_beside(compared: Compared, budget: Budget) -> Sequence[Table]:
    """Return the same beside those of another commit."""
    return [_table(compared.commit, compared.cases, budget)]


def _table(commit: str | None, cases: str, budget: Budget) -> Table:
    rows: list[list[Cell]] = []
    columns = ("grids, ten steps of DDIM with guidance", "pictures", "s/picture", "diffusers", "ratio")
    if commit is not None:
        columns += ("at BASE", "ratio", "pictures apart, of 255")
    with ExitStack() as stack:
        tree = None if commit is None else stack.enter_context(sources_of(commit))
        for number, case in enumerate(case for case in CASES if cases in case.name):
            if not budget.allows(120):
                rows.append([case.name, *[None] * (len(columns) - 1)])
                continue
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            ours, theirs, *base = programs = _programs(case, folder, tree)
            say(f"  {case.name}: files")
            spec = _spec(case, folder)
            for turn in range(case.rounds):
                seeds = ",".join(str(100 * turn + seed) for seed in range(1, case.seeds + 1))
                path = folder / f"{number}-{turn}.json"
                path.write_text(json.dumps({**spec, "name": f"round {turn}", "seeds": seeds}))
                for program in programs if turn % 2 == 0 else reversed(programs):
                    program.make(path, turn + 1)
                    say(f"  {case.name}, {program.name}: {program.seconds[-1]:.3f} s a picture")
            row: list[Cell] = [case.name, case.epochs * len(case.weights) * len(case.prompts) * case.seeds]
            row += [_median(ours), _median(theirs), _median(ours) / _median(theirs)]
            for other in base:
                row += [_median(other), _median(ours) / _median(other), _apart(ours, other)]
            rows.append(row)
    beside = "" if commit is None else f" BASE is {commit[:12]}, its sources with the same packages."
    note = (
        "Whole grids in turns, median of the rounds; sampling, decoding, LoRA files and prompts count, the base's loading does not. "
        f"diffusers' StableDiffusionPipeline with its own LoRA loader, four pictures a batch.{beside}"
    )
    return Table("grids", columns, rows, note)


def _median(program: _Program) -> float:
    return statistics.median(program.seconds)


def _apart(ours: _Program, other: _Program) -> str:
    if ours.pictures.keys() != other.pictures.keys() or not ours.pictures:
        return "other pictures"
    apart = [np.abs(picture - other.pictures[name]) for name, picture in ours.pictures.items()]
    most, share = max(int(each.max()) for each in apart), float(np.mean([(each > 0).mean() for each in apart]))
    return f"at most {most}, {100 * share:.2g} % of the numbers" if most else "same bits"


def _programs(case: Case, folder: Path, tree: Path | None) -> list[_Program]:
    """Return this program, diffusers and the other commit, the first and the last with a workspace of their own."""
    kept = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    if case.threads:
        kept["OMP_NUM_THREADS"] = str(case.threads)
    programs = [
        _of_ours("ours", ROOT, folder / "ours", kept),
        _Program("diffusers", (sys.executable, str(_PIPELINE)), {**kept, "PYTHONPATH": str(ROOT)}, ROOT),
    ]
    return programs if tree is None else [*programs, _of_ours("base", tree, folder / "base", kept)]


def _of_ours(name: str, tree: Path, folder: Path, kept: dict[str, str]) -> _Program:
    homes = {f"XDG_{kind}_HOME": str(folder / "home") for kind in ("STATE", "CACHE", "CONFIG", "DATA")}
    env = {**kept, **homes, "PYTHONPATH": str(tree)}
    workspace = folder / "demo"
    program = (sys.executable, "-m", "lora_tui")
    subprocess.run([*program, "demo", str(workspace)], cwd=tree, env=env, check=True, capture_output=True)
    return _Program(name, (*program, "grid", "--in", str(workspace)), env, tree, workspace)


def _spec(case: Case, folder: Path) -> dict[str, Any]:
    base = DEMO_BASE if case.base is None else str(case.base(folder))
    epochs = [
        {
            "label": str(number),
            "file": str(_write_lora(folder / f"x-{number:06d}.safetensors", base, case.rank, number)),
        }
        for number in range(1, case.epochs + 1)
    ]
    return {
        "base": base,
        "prediction": "epsilon",
        "prompt": case.prompts[0],
        "steps": 10,
        "cfg_scale": 7.0,
        "sampler": "DDIM",
        "width": case.side,
        "height": case.side,
        "precision": "fp32",
        "loras": [{"file": epochs[0]["file"]}],
        "epochs": epochs,
        "x": {"kind": "weight", "values": ",".join(f"{weight:g}" for weight in case.weights)},
        "y": {"kind": "epoch", "values": f"1-{case.epochs}" if case.epochs > 1 else "1"},
        "z": {"kind": "prompt", "values": ",".join(f'"{prompt}"' for prompt in case.prompts)},
    }


def _write_lora(path: Path, base: str, rank: int, seed: int) -> Path:
    """Write a LoRA of U-Net and encoder whose change is plain to see and small beside the base."""
    model = load_shapes(identify_base(base), dtype=torch.float32)
    generator = torch.Generator().manual_seed(seed)
    tensors: dict[str, torch.Tensor] = {}
    for part in (record.key for record in family_record(model.family).parts):
        for name, target in targets(model, part).items():
            outputs, inputs, *kernel = target.weight.shape
            down = torch.randn((rank, inputs, *kernel), generator=generator) * inputs**-0.5
            up = torch.randn((outputs, rank, *(1 for _ in kernel)), generator=generator) * 0.1 * rank**-0.5
            tensors |= {f"{name}.lora_down.weight": down.half(), f"{name}.lora_up.weight": up.half()}
            tensors[f"{name}.alpha"] = torch.tensor(float(rank))
    save_file(tensors, path)
    return path
