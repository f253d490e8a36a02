"""`python killed_bake.py WHEN ARGS…` is `lora-tui ARGS…` that kills itself, as a power cut would, at one moment.

WHEN is `step:N` (after step N), `state:N`, `lora:N` or `picture:N` (while the Nth state, LoRA or picture of this process is half
written), `resume:0` or `resume:1` (the journal is back at the state, and the bake not yet, or is too), or `never`.
Each step's number and time are appended to the file that $STEP_TIMES names.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main() -> None:
    """Run the command with the moment laid in."""
    what, _, number = sys.argv.pop(1).partition(":")
    from trainer import atomic_file

    if what in ("state", "lora", "picture"):
        atomic_file.os.replace = _dies_at(int(number), what, os.replace)  # type: ignore[attr-defined]
    if what == "resume":
        from trainer.bake.saving.contents import StateContents

        StateContents.put_back = _dies_around(StateContents.put_back, after=number == "1")  # type: ignore[method-assign]
    from trainer.bake import loop

    loop.train_step = _timed(loop.train_step, int(number) if what == "step" else 0)
    from lora_tui.cli import main as lora_tui

    sys.argv[0] = "lora-tui"
    lora_tui()


def _dies_at(count: int, what: str, replace: Callable[..., None]) -> Callable[..., None]:
    left = count

    def move(source: Path, target: Path) -> None:
        nonlocal left
        if _kind(Path(target)) == what:
            left -= 1
            if not left:
                os.truncate(source, os.path.getsize(source) // 2)
                _die()
        replace(source, target)

    return move


def _kind(target: Path) -> str:
    if target.suffix == ".safetensors":
        return "state" if target.parent.name == "state" else "lora"
    return "picture" if target.suffix == ".png" else ""


def _dies_around(put_back: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    def dying(*arguments: Any) -> Any:
        if after:
            put_back(*arguments)
        _die()

    return dying


def _timed(step: Callable[..., Any], last: int) -> Callable[..., Any]:
    times = Path(os.environ["STEP_TIMES"])

    def timed(session: Any, work: Any) -> Any:
        result = step(session, work)
        with times.open("a") as file:
            file.write(f"{work.step} {time.time()}\n")
        if work.step == last:
            _die()
        return result

    return timed


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


if __name__ == "__main__":
    main()
