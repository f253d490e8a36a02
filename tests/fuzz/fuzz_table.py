"""The fuzz whole, with its figures: `python tests/fuzz/fuzz_table.py [KIND …]` prints a row for each kind, and faults to standard error.

FUZZ_SEED chooses other inputs than those of the tests, FUZZ_COUNT how many of each kind.
"""

import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = map(str, (REPOSITORY, REPOSITORY / "tests/support", REPOSITORY / "tests/fuzz"))

from fuzz_kinds import KINDS, Kind  # noqa: E402
from fuzz_runner import SEED, TABLE_HEAD, Job, Tally, run_jobs  # noqa: E402
from odd_values import ODD_SETTINGS  # noqa: E402

from trainer.settings.describe import fields  # noqa: E402

COUNT = int(os.environ.get("FUZZ_COUNT", "500"))
"""Inputs of each kind, beside the valid ones."""

SETTINGS = "every setting"


def jobs_of(kind: Kind, count: int = COUNT) -> list[Job]:
    """Return the valid files of a kind and `count` made of them."""
    return [("kind", kind.name, SEED, index) for index in range(len(kind.files) + -(-count // kind.share))]


def setting_jobs() -> list[Job]:
    """Return every setting with every odd value."""
    pairs = ((info.name, literal) for info in fields() for literal in ODD_SETTINGS)
    return [("setting", name, literal, index) for index, (name, literal) in enumerate(pairs)]


def main(names: list[str]) -> None:
    """Print the table of some kinds, or of all, and their faults to standard error as they come."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    print(TABLE_HEAD, flush=True)
    for kind in KINDS:
        if not names or kind.name in names:
            _show(run_jobs(jobs_of(kind), folder / kind.name.replace(" ", "-"), torch=bool(kind.torch)).values())
    if not names or SETTINGS in names:
        _show(run_jobs(setting_jobs(), folder / "settings-46").values())


def _show(tallies: Iterable[Tally]) -> None:
    for tally in tallies:
        print(tally.row(), flush=True)
        alike = defaultdict(list)
        for fault in tally.faults:
            alike[fault[-160:]].append(fault)
        for faults in alike.values():
            print(f"\n{len(faults)} × {faults[0]}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
