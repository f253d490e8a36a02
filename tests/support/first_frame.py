"""Run lora-tui and note when torch is first looked for.

    python first_frame.py MARK ARGS…

At that moment it writes the monotonic clock (seconds) into the file MARK, and a code that no terminal shows among what the
screen writes, so that the order of the two can be read without a clock.
"""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

TOUCHED = b"\x1b]777;torch\x07"


class _Watch:
    """An import finder that finds nothing and remembers being asked for torch."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark
        self._terminal = os.dup(2)

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name == "torch" and not self._mark.exists():
            os.write(self._terminal, TOUCHED)
            # Whoever waits for the mark reads it as soon as there is one.
            whole = self._mark.with_suffix(".part")
            whole.write_text(repr(time.monotonic()))
            whole.replace(self._mark)


if __name__ == "__main__":
    sys.meta_path.insert(0, _Watch(Path(sys.argv[1])))
    sys.argv = ["lora-tui", *sys.argv[2:]]
    from lora_tui.cli import main

    main()
