"""Several trainers that take their steps in turns: each runs in a process of its own, and one at a time works.

Their interpreters import this too, and may be older ones (3.10).
"""

import json
import os
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

ORDERS, REPLIES = "PACED_ORDERS", "PACED_REPLIES"
"""Environment: the file descriptors that orders come from, a line each, and that replies go to, a line of JSON each."""

_PACED = Path(__file__).with_name("paced_bake.py")
_TO_THE_FIRST_STEP = 900.0
_A_STEP = 300.0


@dataclass(frozen=True)
class Trainer:
    """A trainer and what it is to bake.

    Attributes:
        name: what the tables call it.
        python: the interpreter it runs with.
        program: a Python file, or `-m` and a module, with arguments.
        folder: where it runs.
        env: its environment.
    """

    name: str
    python: Path
    program: Sequence[str]
    folder: Path
    env: Mapping[str, str]


@dataclass
class Taken:
    """What a trainer's steps took.

    Attributes:
        seconds, losses: of each measured step.
        start: seconds from the start of the process to the end of the first step, with whatever else ran meanwhile.
        peak_bytes: the most resident memory up to there.
        steps_bytes: the most resident memory in the steps.
        card_bytes, card_reserved: on a card the most allocated and reserved in the steps; 0 without one.
    """

    start: float = 0.0
    peak_bytes: float = 0.0
    steps_bytes: float = 0.0
    card_bytes: float = 0.0
    card_reserved: float = 0.0
    seconds: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Seconds of a step."""
        return statistics.median(self.seconds)

    @property
    def loss(self) -> float:
        """Mean loss of the steps."""
        return statistics.fmean(self.losses)


class RunFailed(RuntimeError):
    """A trainer that ended before its steps were taken, or did not answer.

    Attributes:
        trainer: its name.
    """

    def __init__(self, trainer: str, what: str) -> None:
        self.trainer = trainer
        super().__init__(f"{trainer}{what}")


class _Run:
    """A trainer's process; it works between an order and its reply, and is stopped otherwise where others take turns with it."""

    def __init__(self, trainer: Trainer, *, alone: bool) -> None:
        self.trainer, self.taken = trainer, Taken()
        self._alone = alone
        self._buffer = b""
        orders, self._orders = os.pipe()
        self._replies, replies = os.pipe()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the run)
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            [str(trainer.python), str(_PACED), *trainer.program],
            cwd=trainer.folder,
            env={**trainer.env, ORDERS: str(orders), REPLIES: str(replies)},
            pass_fds=(orders, replies),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        os.close(orders)
        os.close(replies)

    def __enter__(self) -> "_Run":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for descriptor in {self._orders, self._replies} - {-1}:
            os.close(descriptor)
        self._output.close()

    def first_step(self, limit: float) -> None:
        """Wait for the end of the first step."""
        reply = self._reply(limit)
        self.taken.start = time.monotonic() - self._began
        self.taken.peak_bytes = reply["peak_bytes"]
        self._pause()

    def step(self, limit: float, *, measured: bool) -> None:
        """Let it take a step."""
        self._continue()
        os.write(self._orders, b"\n")
        reply = self._reply(limit)
        self._pause()
        if measured:
            self.taken.seconds.append(reply["seconds"])
            self.taken.losses.append(reply["loss"])

    def end(self, limit: float) -> None:
        """Let it end, and take down what memory it used."""
        self._continue()
        os.close(self._orders)
        self._orders = -1
        reply = self._reply(limit)
        self.taken.steps_bytes = reply["steps_bytes"]
        self.taken.card_bytes, self.taken.card_reserved = reply.get("card_bytes", 0.0), reply.get("card_reserved", 0.0)

    def _pause(self) -> None:
        # Threads that load batches or watch the machine would work in the turns of others.
        if not self._alone:
            self._process.send_signal(signal.SIGSTOP)

    def _continue(self) -> None:
        if not self._alone:
            self._process.send_signal(signal.SIGCONT)

    def _reply(self, limit: float) -> dict[str, float]:
        end = time.monotonic() + limit
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._replies], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise RunFailed(self.trainer.name, f": no step within {limit:.0f} s{self._said()}")
            read = os.read(self._replies, 4096)
            if not read:
                raise RunFailed(self.trainer.name, f" ended before its steps were taken{self._said()}")
            self._buffer += read
        line, _, self._buffer = self._buffer.partition(b"\n")
        reply: dict[str, float] = json.loads(line)
        return reply

    def _said(self) -> str:
        """Return the end of what it printed."""
        self._output.seek(0)
        lines = self._output.read().decode(errors="replace").replace("\r", "\n").splitlines()
        return ":\n" + "\n".join(lines[-15:]) if lines else ""


def take_turns(trainers: Sequence[Trainer], *, warm: int, steps: int, together: bool) -> dict[str, Taken]:
    """Return what the steps of each trainer took, by its name.

    Args:
        trainers: those that take turns.
        warm: steps before those that are measured.
        steps: to measure.
        together: whether all are loaded at once and take turns step by step, which a noisy processor asks for; else each has
            the machine for itself and they take turns as wholes, because a card has no room for two.

    Raises:
        RunFailed: one of them did not take its steps; with the end of what it printed.
    """
    groups = [trainers] if together else [[trainer] for trainer in trainers]
    taken: dict[str, Taken] = {}
    for group in groups:
        with ExitStack() as stack:
            runs = [stack.enter_context(_Run(trainer, alone=len(group) == 1)) for trainer in group]
            for run in runs:
                run.first_step(_TO_THE_FIRST_STEP)
            for turn in range(warm + steps):
                # Each goes first as often as it goes last.
                for run in runs if turn % 2 == 0 else reversed(runs):
                    run.step(_A_STEP, measured=turn >= warm)
            for run in runs:
                run.end(_A_STEP)
                taken[run.trainer.name] = run.taken
    return taken


def those_that_can(
    trainers: Sequence[Trainer], *, warm: int, steps: int, together: bool
) -> tuple[dict[str, Taken], dict[str, str]]:
    """Return what the steps of each took, and by name what those said that took none: the others begin again without them.

    Args:
        trainers, warm, steps, together: as for `take_turns`.
    """
    left, failed = list(trainers), dict[str, str]()
    while left:
        try:
            return take_turns(left, warm=warm, steps=steps, together=together), failed
        except RunFailed as error:
            failed[error.trainer] = str(error)
            left = [trainer for trainer in left if trainer.name != error.trainer]
    return {}, failed


def demo_of(tree: Path, folder: Path, pictures: int) -> tuple[Path, dict[str, str]]:
    """Make the demo workspace of the sources in `tree`, without held-out pictures; return it and the environment to bake in.

    Args:
        tree: sources of any commit; the packages are those of this interpreter.
        folder: where it is made, with the program's own files beside it.
        pictures: how many of the demo's it trains on; a step is the same with few, and the start shorter.
    """
    homes = {f"XDG_{kind}_HOME": str(folder / "home") for kind in ("STATE", "CACHE", "CONFIG", "DATA")}
    # A base of this size pays for every core, whatever the caller allowed itself.
    kept = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    env = {**kept, **homes, "PYTHONPATH": str(tree), "LORA_TUI_PREDICT": "off"}
    place = folder / "demo"
    folder.mkdir(parents=True)
    subprocess.run(
        [sys.executable, "-m", "lora_tui", "demo", str(place)], cwd=tree, env=env, check=True, capture_output=True
    )
    # Steps alone: a bake that has held-out pictures first measures what the base makes of them.
    subject = place / "subjects" / "hifumi.toml"
    lines = subject.read_text().splitlines(keepends=True)
    subject.write_text("".join(line for line in lines if not line.startswith("validation_data_dir")))
    for path in sorted((place / "data").glob("*/*.png"))[pictures:]:
        path.unlink()
    return place, env


def bake_of(tree: Path, name: str, options: Sequence[str], folder: Path, pictures: int) -> Trainer:
    """Return this program, from the sources in `tree`, baking the settings of its demo.

    Args:
        tree, folder, pictures: as for `demo_of`.
        name: what the tables call it.
        options: changes of the settings, each as `name=value`.
    """
    place, env = demo_of(tree, folder, pictures)
    changes = [word for option in options for word in ("--set", option)]
    program = ("-m", "lora_tui", "bake", str(place / "hifumi.toml"), *changes)
    return Trainer(name, Path(sys.executable), program, tree, env)
