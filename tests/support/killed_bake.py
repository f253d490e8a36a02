"""`python killed_bake.py WHEN ARGS…` is `lora-tui ARGS…` that kills itself, as a power cut would, at one moment.

WHEN is `step:N` (after step N), `state:N` or `lora:N` (while the Nth state or LoRA of this process is half written), or `never`.
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

    if what in ("state", "lora"):
        atomic_file.os.replace = _dies_at(int(number), what, os.replace)  # type: ignore[attr-defined]
    from trainer.bake import loop

    loop.train_step = _timed(loop.train_step, int(number) if what == "step" else 0)
    from lora_tui.cli import main as lora_tui

    sys.argv[0] = "lora-tui"
    lora_tui()


def _dies_at(count: int, what: str, replace: Callable[..., None]) -> Callable[..., None]:
    left = count

    def move(source: Path, target: Path) -> None:
        nonlocal left
        is_state = Path(target).parent.name == "state"
        if Path(target).suffix == ".safetensors" and is_state == (what == "state"):
            left -= 1
            if not left:
                os.truncate(source, os.path.getsize(source) // 2)
                _die()
        replace(source, target)

    return move


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
