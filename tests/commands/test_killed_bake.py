"""A bake whose process is killed, again and again, ends with the LoRA of one that never was."""

import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from preloaded import Program
from run_engine import SMALL, EngineRunner, small_demo
from safetensors.numpy import load_file
from small_base import small_base

from trainer.formats.safetensors_header import read_header
from trainer.grid.spec import GridSpec
from trainer.jobs.grids import check_grid, order_grid
from trainer.journal.grid_records import Grid, GridState
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState
from trainer.journal.state_files import states_of
from trainer.workspace import Workspace

PROGRAM = Path(__file__).parents[1] / "support" / "killed_bake.py"
METRICS = ("loss", "grad_norm", "lr_unet", "lr_text_encoder")


class Oven:
    """A demo workspace in which bakes are killed."""

    def __init__(self, root: Path, *options: str) -> None:
        self.root = small_demo(root).root
        # Whole epochs of eight steps at batch 4.
        (self.root / "data" / "10_hifumi_chan").rename(self.root / "data" / "2_hifumi_chan")
        self.options = options
        self.times = root / "steps.txt"

    def command(self, when: str) -> list[str]:
        """Return the command that begins the bake, or takes it up again."""
        begun = (self.root / "bakes" / "0001-hifumi").exists()
        begin = ["bake", "hifumi.toml", *self.options]
        return [sys.executable, str(PROGRAM), when, *(["resume", "1"] if begun else begin)]

    def start(self, when: str = "never") -> Program:
        """Begin the bake, or take it up again."""
        self.begun = len(self.done())
        env = {**os.environ, "STEP_TIMES": str(self.times)}
        return Program(self.command(when), cwd=self.root, env=env)

    def run(self, when: str) -> int:
        """Run it until it ends and return the exit code."""
        process = self.start(when)
        self.told, _ = process.communicate(timeout=300)
        return process.returncode

    def run_with_grid(self, when: str) -> int:
        """Run it until it ends, with a grid ordered once it steps; return the exit code."""
        process = self.start(when)
        with Journal(Workspace(self.root).journal_path) as journal:
            self.await_step(process)
            order_grid(journal, Workspace(self.root), check_grid(GRID, journal, Workspace(self.root)), 1)
            self.told, _ = process.communicate(timeout=300)
        return process.returncode

    def await_step(self, process: Program, count: int = 1) -> None:
        """Wait until a process has done so many steps."""
        while len(self.done()) < self.begun + count:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)

    def resume_grid(self, number: int) -> Grid:
        """Make the rest of a grid and return what the journal says of it."""
        command = [sys.executable, "-m", "lora_tui", "grid", "--resume", str(number)]
        process = Program(command, cwd=self.root, env=dict(os.environ))
        told, _ = process.communicate(timeout=300)
        assert process.returncode == 0, told
        with Journal(Workspace(self.root).journal_path) as journal:
            return journal.grids.read(number)

    def lora(self) -> dict[str, bytes]:
        """Return the bits of the last LoRA by tensor name."""
        path = self.root / "bakes" / "0001-hifumi" / "hifumi.safetensors"
        return {name: tensor.tobytes() for name, tensor in load_file(path).items()}

    def curves(self) -> dict[str, tuple[list[int], list[float]]]:
        """Return steps and values of every metric that does not depend on the clock."""
        with Journal(Workspace(self.root).journal_path) as journal:
            found = {name: journal.curves.read(1, name, 10_000) for name in METRICS}
        return {name: (curve.steps, curve.mean) for name, curve in found.items()}

    def check_whole(self) -> None:
        """See that a kill left the journal and every file whole."""
        connection = sqlite3.connect(Workspace(self.root).journal_path)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
        for path in self.root.glob("bakes/**/*.safetensors"):
            if not path.name.startswith("."):
                read_header(path)

    def seconds_missing(self) -> float:
        """Return how much of the time before the last kill the journal has no numbers of."""
        with Journal(Workspace(self.root).journal_path) as journal:
            steps = set(journal.curves.read(1, "loss", 10_000).steps)
        done = self.done()[self.begun :]
        missing = [at for step, at in done if step not in steps]
        return done[-1][1] - missing[0] if missing else 0.0

    def done(self) -> list[tuple[int, float]]:
        """Return (step, epoch seconds) of every step that any of its processes did."""
        if not self.times.exists():
            return []
        return [(int(line.split()[0]), float(line.split()[1])) for line in self.times.read_text().splitlines()]


GRID = GridSpec.model_validate(
    {
        "base": str(small_base()),
        "prompt": "1girl, smile",
        "seeds": "1,2",
        "steps": 2,
        "width": 64,
        "height": 64,
        "batch_size": 1,
        "x": {"kind": "cfg_scale", "values": "1,4,7"},
    }
)
"""Six pictures of the base alone, which is there before any LoRA is."""

SHORT = (*SMALL, "max_train_epochs=2", "save_state_every_n_steps=5", "lr_scheduler=cosine")


def options(settings: Iterable[str]) -> list[str]:
    """Return the command line's options for some settings."""
    return [part for setting in settings for part in ("--set", setting)]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Oven:
    """The same bake in one go, by an engine in this process."""
    oven = Oven(tmp_path_factory.mktemp("plain") / "demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        engine = EngineRunner(Workspace(oven.root))
        assert engine.bake(*SHORT).state is BakeState.DONE
        engine.close()
    return oven


def test_kills_at_a_step_in_a_resume_a_state_a_lora_and_a_grid_change_nothing(tmp_path, uninterrupted: Oven) -> None:
    oven = Oven(tmp_path / "demo", *options(SHORT))
    for when in ("step:7", "resume:0", "resume:1", "state:2", "picture:3", "lora:1"):
        run = oven.run_with_grid if when.startswith("picture") else oven.run
        assert run(when) == -signal.SIGKILL, oven.told
        oven.check_whole()
        with Journal(Workspace(oven.root).journal_path) as journal:
            journal.bakes.mark_lost()
            assert journal.bakes.read(1).state is BakeState.LOST
    assert oven.run("never") == 0, oven.told
    assert oven.lora() == uninterrupted.lora()
    curves = oven.curves()
    assert curves["loss"][0] == list(range(1, 17))
    assert curves == uninterrupted.curves()
    assert len(states_of(oven.root / "bakes" / "0001-hifumi")) == 1
    grid = oven.resume_grid(1)
    assert (grid.state, grid.done) == (GridState.DONE, 6)
    assert len(list((oven.root / grid.folder).glob("x*.png"))) == 6
    assert not [path for path in oven.root.rglob(".*.part") if path.is_file()]


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_twenty_kills_at_random_moments_change_nothing(tmp_path, capsys) -> None:
    long = options(["max_train_epochs=25", "save_state_every_n_steps=5", "lr_scheduler=cosine"])
    plain = Oven(tmp_path / "plain", *long)
    assert plain.run("never") == 0, plain.told
    oven = Oven(tmp_path / "demo", *long)
    chance = random.Random(7)
    missing = []
    # With one state there is something to resume from.
    assert oven.run("state:2") == -signal.SIGKILL, oven.told
    for kill in range(20):
        if kill % 5 == 4:
            assert oven.run(("state:1", "lora:1")[kill % 2]) == -signal.SIGKILL, oven.told
        else:
            process = oven.start()
            oven.await_step(process)
            time.sleep(chance.uniform(0.0, 2.5))
            process.kill()
            process.communicate()
        oven.check_whole()
        missing.append(oven.seconds_missing())
        if kill in (9, 15):
            for when in ("resume:0", "resume:1"):
                assert oven.run(when) == -signal.SIGKILL, oven.told
                oven.check_whole()
            assert oven.run_with_grid(f"picture:{kill % 5 + 1}") == -signal.SIGKILL, oven.told
            oven.check_whole()
    assert oven.run("never") == 0, oven.told
    assert oven.lora() == plain.lora()
    assert oven.curves() == plain.curves()
    with capsys.disabled():
        print(f"\nnumbers missing before a kill, seconds: median {sorted(missing)[10]:.2f}, most {max(missing):.2f}")
    shutil.rmtree(oven.root)
