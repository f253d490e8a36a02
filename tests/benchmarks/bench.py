"""Measure what the user waits for: the first frame, keys while libraries load, the steps of the demo bake, and its grids.

    make bench            a table
    python tests/benchmarks/bench.py --json

Machines differ and are noisy: figures of one run are compared with each other, medians are quoted.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import torch
from encoder_stop import measure_encoder_stop
from grid_order import measure_grid_order
from pseudo_terminal import Terminal

from trainer.bake.feeding import Feed
from trainer.bake.ground import survey
from trainer.bake.latents import encoded
from trainer.bake.step import train_step
from trainer.bake.workbench import workbench
from trainer.demo.workspace import make_demo
from trainer.jobs import check
from trainer.settings.toml_file import apply_overrides, load_settings, save_settings

ROUNDS = 5
STEPS = 20
TERMINAL_SECONDS = 20.0
WATCH = Path(__file__).parents[1] / "support" / "first_frame.py"
Figures = dict[str, dict[str, float]]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = make_demo(Path(folder) / "demo").root
        figures = {
            "start": measure_start(root),
            "keys": measure_keys(root),
            "steps": measure_steps(root),
            "terminals": measure_terminals(root),
            "grid": measure_grid_order(root),
            "text encoder on SD1.5 in its real size": measure_encoder_stop(root),
        }
    figures["machine"] = {"cores": float(os.cpu_count() or 0), "cards": float(torch.cuda.device_count())}
    if "--json" in sys.argv:
        print(json.dumps(figures, indent=2))
        return
    for title, values in figures.items():
        print(title)
        for name, value in values.items():
            print(f"  {name:58s} {value:8.3f}")


@contextmanager
def _app(root: Path, mark: Path):
    env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    terminal = Terminal([sys.executable, str(WATCH), str(mark), "demo", str(root)], 120, 36, root, env)
    try:
        yield terminal
    finally:
        terminal.close()


def measure_start(root: Path) -> dict[str, float]:
    """Return seconds from process start to the first frame, and from there to the first touch of torch."""
    frames, touches = [], []
    for number in range(ROUNDS + 1):
        mark = root.parent / f"mark{number}"
        with _app(root, mark) as terminal:
            while "settings" not in terminal.screen():
                terminal.pump(0.005)
            seen = time.monotonic()
            while not mark.exists():
                terminal.pump(0.01)
        # The first round warms the disk's cache.
        if number:
            frames.append(seen - terminal.started)
            touches.append(float(mark.read_text()) - seen)
    return {
        "first frame, seconds after process start (median of 5)": statistics.median(frames),
        "torch first looked for, seconds after that frame": statistics.median(touches),
    }


def measure_keys(root: Path) -> dict[str, float]:
    """Return seconds from a key to its echo in a text field, from the first frame until all libraries are there."""
    echoes = []
    with _app(root, root.parent / "keys") as terminal:
        terminal.wait_for("b bake", "steps ×")
        terminal.press("/")
        terminal.wait_for("find a setting")
        typed = ""
        while "loading libraries" in terminal.screen() and len(typed) < 200:
            typed = "" if len(typed) > 12 else typed
            typed += "abcdefghijklm"[len(typed)]
            if len(typed) == 1:
                terminal.press("\x15")
            echoes.append(_echo(terminal, typed))
    echoes.sort()
    return {
        "keys pressed while libraries load": float(len(echoes)),
        "echo, seconds, median": statistics.median(echoes),
        "echo, seconds, slowest": echoes[-1],
    }


def _echo(terminal: Terminal, typed: str) -> float:
    sent = time.monotonic()
    os.write(terminal.fileno(), typed[-1].encode())
    while typed not in terminal.screen():
        terminal.pump(0.002)
        if time.monotonic() - sent > 10:
            raise SystemExit(f"no echo of {typed!r}; screen:\n{terminal.screen()}")
    return time.monotonic() - sent


VARIANTS: dict[str, tuple[tuple[str, ...], int, torch.memory_format | None]] = {
    "as shipped": ((), 0, None),
    "channels last": ((), 0, torch.channels_last),
    "two threads": ((), 2, None),
    "bf16": (("mixed_precision=bf16",), 0, None),
    "gradient checkpointing": (("gradient_checkpointing=yes",), 0, None),
}


def measure_steps(root: Path) -> dict[str, float]:
    """Return seconds a step of the demo bake and, in the same run, how other choices compare with it."""
    figures: dict[str, float] = {}
    for name, (overrides, threads, layout) in VARIANTS.items():
        seconds = _seconds_per_step(root, overrides, threads, layout)
        if not figures:
            figures["demo bake, seconds a step (median)"] = seconds
            shipped = seconds
        else:
            figures[f"  {name}, as a multiple of that"] = seconds / shipped
    return figures


def _seconds_per_step(
    root: Path, overrides: tuple[str, ...], threads: int, layout: torch.memory_format | None
) -> float:
    path = root / "hifumi.toml"
    settings = check(apply_overrides(load_settings(path), overrides), path).settings
    ground = survey(settings)
    times = []
    with workbench(settings, ground) as bench:
        if layout is not None:
            bench.model.unet.to(memory_format=layout)
        if threads:
            torch.set_num_threads(threads)
        latents = dict(encoded(bench.model, ground.data.pictures, ground.plan.placements, 8))
        cuda = bench.model.device.type == "cuda"
        wait: Callable[[], None] = torch.cuda.synchronize if cuda else lambda: None
        with Feed(bench, ground.data, latents, pin=cuda) as feed:
            for work in feed:
                wait()
                started = time.perf_counter()
                train_step(bench, work)
                wait()
                times.append(time.perf_counter() - started)
                if len(times) == STEPS:
                    break
    return statistics.median(times[3:])


def measure_terminals(root: Path) -> dict[str, float]:
    """Return how the engine and the rest of the process fare on a good terminal, one that nobody reads, and none at all."""
    path = root / "hifumi.toml"
    save_settings(load_settings(path).model_copy(update={"max_train_epochs": 100}), path)
    figures: dict[str, float] = {}
    with _app(root, root.parent / "terminals") as terminal:
        terminal.wait_for("b bake", "steps ×", seconds=60)
        terminal.press("b")
        terminal.wait_for("why")
        terminal.press("enter")
        terminal.wait_for("it/s", seconds=120)
        for name, wait in (("healthy", terminal.pump), ("stalled", time.sleep), ("gone", time.sleep)):
            if name == "gone":
                terminal.hang_up()
                # Closing the screen is no part of going on without one.
                time.sleep(5)
            before, began = _tasks(terminal.process.pid), time.monotonic()
            wait(TERMINAL_SECONDS)
            blocked, others = _shares(before, _tasks(terminal.process.pid), time.monotonic() - began)
            figures[f"{name}: engine blocked, share of the time"] = blocked
            figures[f"{name}: CPU of the process besides the engine, of one core"] = others
    return figures


def _tasks(pid: int) -> dict[int, tuple[float, float]]:
    """Return (seconds on a core, seconds waiting for one) of each thread."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        running, waiting, _ = (task / "schedstat").read_text().split()
        found[int(task.name)] = (int(running) / 1e9, int(waiting) / 1e9)
    return found


def _shares(
    before: dict[int, tuple[float, float]], after: dict[int, tuple[float, float]], wall: float
) -> tuple[float, float]:
    """Return the engine's blocked share and the CPU share of all other threads; the engine is the thread that computes most."""
    spent = {
        task: tuple(now - then for now, then in zip(after[task], before.get(task, (0.0, 0.0)), strict=True))
        for task in after
    }
    engine = max(spent, key=lambda task: spent[task][0])
    running, waiting = spent[engine]
    others = sum(seconds for task, (seconds, _) in spent.items() if task != engine)
    return max(0.0, 1 - (running + waiting) / wall), others / wall


if __name__ == "__main__":
    main()
