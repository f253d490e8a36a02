"""Run lora-tui and note when torch is first looked for.

    python first_frame.py MARK ARGS…

writes the monotonic clock (seconds) into the file MARK at that moment.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType


class _Watch:
    """An import finder that finds nothing and remembers being asked for torch."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name == "torch" and not self._mark.exists():
            self._mark.write_text(repr(time.monotonic()))


if __name__ == "__main__":
    sys.meta_path.insert(0, _Watch(Path(sys.argv[1])))
    sys.argv = ["lora-tui", *sys.argv[2:]]
    from lora_tui.cli import main

    main()
