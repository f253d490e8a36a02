"""Measure what the user waits for and what the machine's memory must hold.

    make bench                                    every part but those that take longest, as tables
    make bench ONLY="ui real"                     some
    make bench ONLY="steps real" BASE=eb347cf     the same steps beside those of another commit, in turns
    make bench ONLY=real BASE=HEAD~1 CASES=bf16   of those the ones with `bf16` in their name
    make bench ONLY=race SD_SCRIPTS=~/sd-scripts  steps beside those of sd-scripts, in a folder with its venv
    python tests/benchmarks/bench.py --json ui    the same for a program

Machines differ and are noisy: figures of one run are compared with each other. On a card the parts that need none are left out,
and each part has a budget, so that the whole takes less than nine minutes; without one it takes as long as it takes.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import torch
from compared import RACE, BadArgument, Compared, compared_with
from table import Budget, Table, figures, say

from trainer.demo.workspace import make_demo


@dataclass(frozen=True)
class Part:
    """Something to measure: `measure(root, budget)` of the file named, which returns tables.

    Attributes:
        name: of the part and of its file.
        what: it measures.
        on_card: seconds it may take on a card; None where it is left out there unless it is named.
        by_name: whether it is left out everywhere unless it is named, for it takes long.
        compares: whether its file has `measure_beside(compared, budget)`, which takes turns with another commit.
    """

    name: str
    what: str
    on_card: float | None
    by_name: bool = False
    compares: bool = False

    def measure(self, budget: Budget, compared: Compared) -> Sequence[Table]:
        """Return its tables, measured on a demo workspace of its own."""
        module = import_module(self.name)
        if compared.commit is not None or compared.scripts is not None:
            beside: Sequence[Table] = module.measure_beside(compared, budget)
            return beside
        with tempfile.TemporaryDirectory() as folder:
            root = make_demo(Path(folder) / "demo").root
            tables: Sequence[Table] = module.measure(root, budget)
        return tables


PARTS = (
    Part("start", "the first frame, and when torch is first looked for", None),
    Part("keys", "keys while the libraries load, and while nothing runs", None),
    Part("steps", "a step of the demo bake, and other ways to take it", 40, compares=True),
    Part("real", "steps and memory of SD1.5 in its real size, on a card of SDXL too", 150, compares=True),
    Part(RACE, "steps beside those of sd-scripts, or of another commit", 500, by_name=True, compares=True),
    Part("memory", "predicted peaks beside measured ones, and seconds of a prediction", 170),
    Part("history", "the list of 10,000 bakes with ten million points: read, filtered, two compared", None),
    Part("dataset", "an index of 100,000 pictures: made, opened, asked, shown", None, by_name=True),
    Part("curves", "the curves of a million steps: opened, zoomed, written", None),
    Part("caching", "pictures encoded in a second", 40),
    Part("next_bake", "from the end of a bake to the first step of the next", None, compares=True),
    Part("ui", "what the screen costs the bake, and keys while it bakes", None),
    Part("terminals", "a bake whose terminal nobody reads, and one without; bytes that a terminal gets", None),
    Part("measures", "a LoRA in its real size measured by its weights", None),
    Part("grids", "whole grids beside diffusers' own pipeline", None, by_name=True, compares=True),
    Part("grid_order", "a grid in our order and in the axes'", 40),
    Part("encoder_stop", "what stopping the text encoder saves", 50),
    Part("ladder", "five rungs in one engine beside five bakes in a process each", None),
    Part("naive_layers", "predicted peaks beside those of a step written as usual", None),
    Part("compiled", "what compiling blocks saves, and its first step costs", None, by_name=True),
)


def main() -> int:
    """Measure the parts named; return 1 where one of them failed."""
    known = [part.name for part in PARTS]
    parser = argparse.ArgumentParser(description="\n".join(f"{part.name:14s}{part.what}" for part in PARTS))
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("parts", nargs="*", metavar="PART", help="none: all that say something about this machine")
    parser.add_argument("--json", action="store_true", help="print JSON in place of tables")
    parser.add_argument(
        "--base", metavar="COMMIT", default="", help="compare with this commit: steps, real, race, grids"
    )
    parser.add_argument("--sd-scripts", metavar="PATH", default="", help="compare with the sd-scripts in PATH: race")
    parser.add_argument(
        "--cases", metavar="WORDS", default="", help="of what is compared only what has WORDS in its name"
    )
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.parts) - set(known)):
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(known)}")
    able = [part.name for part in PARTS if part.compares]
    if not arguments.parts and (arguments.base or arguments.sd_scripts):
        arguments.parts = [RACE] if arguments.sd_scripts else ["steps", "real"]
    try:
        compared = compared_with(arguments.base, arguments.sd_scripts, arguments.cases, arguments.parts, able)
    except BadArgument as error:
        parser.exit(2, f"{error}\n")
    card = torch.cuda.is_available()
    wanted = [part for part in PARTS if part.name in arguments.parts] if arguments.parts else _all(card)
    failed = False
    told: dict[str, list[dict[str, object]]] = {}
    for part in [None, *wanted]:
        tables, well = ([_machine()], True) if part is None else _measured(part, card, compared)
        failed |= not well
        told["machine" if part is None else part.name] = [table.plain() for table in tables]
        if not arguments.json:
            print("\n\n".join(table.text() for table in tables) + "\n", flush=True)
    if arguments.json:
        print(json.dumps(told, indent=2))
    return int(failed)


def _all(card: bool) -> list[Part]:
    return [part for part in PARTS if not part.by_name and (part.on_card is not None or not card)]


def _measured(part: Part, card: bool, compared: Compared) -> tuple[Sequence[Table], bool]:
    """Return a part's tables and whether it came to its end; one that fails leaves the others to be measured."""
    say(f"{part.name}: {part.what}")
    began = time.monotonic()
    try:
        tables = part.measure(Budget(part.on_card if card else None), compared)
    except Exception as error:
        traceback.print_exc()
        first, *_ = str(error).splitlines() or [""]
        return [figures(part.name, {"failed": f"{type(error).__name__}: {first}"})], False
    say(f"{part.name}: {time.monotonic() - began:.0f} s")
    return tables, True


def _machine() -> Table:
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return figures(
        "machine",
        {
            "cores": os.cpu_count(),
            "threads of torch": torch.get_num_threads(),
            "card": card,
            "load before": os.getloadavg()[0],
            "torch": torch.__version__,
            "Python": platform.python_version(),
        },
    )


if __name__ == "__main__":
    sys.exit(main())
