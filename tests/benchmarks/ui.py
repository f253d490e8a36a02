"""What does the screen cost the bake, and how soon does a key echo while it bakes?

One bake with the screen at 1 Hz, one at 2 Hz and one without a screen take turns: two are stopped while the third is measured.
"""

import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pseudo_terminal import Terminal
from table import Budget, Cell, Table, figures, say
from threads import Share, share_of
from watched import at_home_in, bake_long, echo_figures, echoes, on_a_terminal, start_bake, typist

from trainer.demo.workspace import make_demo
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState, Stage

PAIRS = 5
SECONDS = 12.0
SETTLE = 2.0
KEYS = 120
# More than anybody will measure: no bake may end meanwhile.
EPOCHS = 400
OFF = "no screen"


def measure(root: Path, budget: Budget) -> Sequence[Table]:
    """Return the bake's share of its thread's time with the screen on and off, and seconds from key to echo."""
    with ExitStack() as closing:
        bakes: dict[str, tuple[Path, subprocess.Popen[bytes], Terminal | None]] = {}
        for name, seconds in (("screen at 1 Hz", "1.0"), ("screen at 2 Hz", "0.5"), (OFF, "")):
            own = make_demo(root.parent / name.replace(" ", "-")).root
            bake_long(own, EPOCHS)
            terminal: Terminal | None = None
            if seconds:
                terminal = closing.enter_context(on_a_terminal(own, "screen_rate.py", seconds, "demo", str(own)))
                start_bake(terminal)
                process = terminal.process
            else:
                process = closing.enter_context(_headless(own))
            bakes[name] = (own, process, terminal)
            process.send_signal(signal.SIGSTOP)
        rounds = _take_turns(bakes)
        _, process, terminal = bakes["screen at 2 Hz"]
        process.send_signal(signal.SIGCONT)
        if terminal is None:
            raise AssertionError("the screen at 2 Hz has a terminal")
        terminal.pump(SETTLE)
        keys = echoes(terminal, typist(KEYS))
    return [_shares(rounds), figures("keys while the demo bakes, screen at 2 Hz", echo_figures(keys, aim=0.1))]


@contextmanager
def _headless(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Bake in a process without a screen, that has begun its steps."""
    with (root.parent / "said.txt").open("wb") as said:
        command = [sys.executable, "-m", "lora_tui", "bake", str(root / "hifumi.toml")]
        process = subprocess.Popen(
            command, cwd=root, env=at_home_in(root), stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        try:
            end = time.monotonic() + 180
            while _steps(root) < 3:
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError((root.parent / "said.txt").read_text())
                time.sleep(0.5)
            yield process
        finally:
            process.kill()
            process.wait()


def _steps(root: Path) -> int:
    """Return how many steps the workspace's first bake has done."""
    with Journal(root / "journal.sqlite") as journal:
        bakes = [bake for bake in journal.bakes.latest() if bake.state is BakeState.BAKING]
        return int(bakes[0].stage_done or 0) if bakes and bakes[0].stage is Stage.STEP else 0


def _take_turns(
    bakes: dict[str, tuple[Path, subprocess.Popen[bytes], Terminal | None]],
) -> dict[str, list[tuple[Share, float]]]:
    """Return each bake's shares and steps a second, turn by turn."""
    rounds: dict[str, list[tuple[Share, float]]] = {name: [] for name in bakes}
    for turn in range(PAIRS):
        # The other way round each time, so that a drift of the machine meets all alike.
        for name in list(bakes) if turn % 2 else reversed(list(bakes)):
            root, process, terminal = bakes[name]
            wait = terminal.pump if terminal else time.sleep
            process.send_signal(signal.SIGCONT)
            wait(SETTLE)
            steps, began = _steps(root), time.monotonic()
            share = share_of(process.pid, lambda wait=wait: wait(SECONDS))
            rounds[name].append((share, (_steps(root) - steps) / (time.monotonic() - began)))
            process.send_signal(signal.SIGSTOP)
            say(f"  {name}: {100 * share.engine:.1f} % of the engine's time, others {100 * share.others:.1f} %")
    return rounds


def _shares(rounds: dict[str, list[tuple[Share, float]]]) -> Table:
    off = [speed for _, speed in rounds[OFF]]
    rows: list[list[Cell]] = []
    for name, turns in rounds.items():
        engine = [100 * share.engine for share, _ in turns]
        others = [100 * share.others for share, _ in turns]
        speeds = [speed / without for (_, speed), without in zip(turns, off, strict=True) if without]
        rows.append(
            [
                name,
                statistics.median(engine),
                min(engine),
                max(engine),
                statistics.median(others),
                statistics.median(speeds) if speeds else None,
            ]
        )
    columns = (
        "bake of the demo with",
        "engine: CPU ÷ (CPU + blocked), %, median",
        "least",
        "most",
        "other threads, % of a core",
        "steps a second, of those without a screen",
    )
    note = f"{PAIRS} turns of {SECONDS:.0f} s each, alternating; aims: 96 % at 1 Hz, 93 % at 2 Hz."
    return Table("what the screen costs the bake", columns, rows, note)
