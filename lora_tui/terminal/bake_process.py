"""The process of a bake that another lora-tui runs, and whether it has a terminal."""

import os
from collections.abc import Callable

from trainer.journal.processes import process_alive
from trainer.journal.records import Bake


def terminal_of(pid: int) -> str:
    """Return where process `pid` reads from: `on pts/3`, `without a terminal`, or "" if that cannot be seen.

    A process whose terminal was closed, or that was started without one, reads from /dev/null.
    """
    try:
        path = os.readlink(f"/proc/{pid}/fd/0")
    except OSError:
        return ""
    if path.startswith(("/dev/pts/", "/dev/tty")) and os.path.exists(path):
        return f"on {path.removeprefix('/dev/')}"
    return "without a terminal"


def process_text(
    bake: Bake | None,
    engine_key: str,
    *,
    alive: Callable[[int, float], bool] = process_alive,
    terminal: Callable[[int], str] = terminal_of,
) -> str:
    """Return the process of a live bake that engine `engine_key` does not run, in a few words; empty for any other."""
    if bake is None or not bake.state.live or bake.engine == engine_key or bake.pid is None:
        return ""
    if not alive(bake.pid, bake.pid_started or 0.0):
        return f"its process {bake.pid} is gone"
    return f"in process {bake.pid} {terminal(bake.pid)}".rstrip()
