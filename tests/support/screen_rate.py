"""Run lora-tui with its screen's figures read at another pace.

    python screen_rate.py SECONDS ARGS…

SECONDS pass between two looks at the journal, after each of which the screen shows what has changed.
"""

import sys
from functools import partial

if __name__ == "__main__":
    seconds = float(sys.argv[1])
    sys.argv = ["lora-tui", *sys.argv[2:]]
    from lora_tui.screens import bake

    bake.Feed = partial(bake.Feed, interval=seconds)  # type: ignore[assignment,misc]
    from lora_tui.cli import main

    main()
