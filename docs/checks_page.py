"""Prints docs/checks.md: every check before a bake, from the list in trainer/checks/registry.py."""

from trainer.checks.record import Severity
from trainer.checks.registry import CHECKS

_HEAD = """\
<!-- Made by `make docs` from trainer/checks/registry.py; change it there. -->

# Checks before a bake

    lora-tui check hifumi.toml

lists everything that is wrong or doubtful in pictures, captions and settings, each with its place and the way out. `plan`, `bake`
and `queue add` print the warnings of the same list, and the dashboard counts them above the plan; `c` opens them.

- An **error** refuses the bake. `check` lists all of them at once, where the other commands name the first and count the rest.
- A **warning** is something that will not do what it seems to.
- A **note** is worth knowing and often meant so.

Exit codes: 0 if there are only notes and accepted findings, 1 if there are warnings, 2 if the bake would be refused (4 if only a GPU
is missing, 5 if only disk space is). `--json` prints every finding with all its cases.

What is meant so can be accepted with a reason:

    lora-tui check hifumi.toml --accept caption-missing --why "the folder's name says it all"

or with `a` in the dashboard. It is then listed as accepted, with the reason, and no longer printed by the other commands. The
acceptance stands in `subjects/hifumi.accepted.json` and lapses as soon as a picture, a caption or the repeats change, or the check
finds something else. `--withdraw KEY` takes it back. Errors cannot be accepted.

Near-duplicates are found by a perceptual hash (dHash) of a small copy of each picture, confirmed by its colours: pictures saved again,
scaled, slightly cropped or brightened are found, other drawings of one character are not. The hashes are kept by content in the
workspace's `cache/`; `--no-compare` leaves these checks out. Pictures of more than 50 megapixels are not compared.
"""

_TITLES = {Severity.ERROR: "Errors", Severity.WARNING: "Warnings", Severity.NOTE: "Notes"}


def page() -> str:
    """Return the page as Markdown."""
    return "\n".join([_HEAD, *(f"## {title}\n\n{_table(severity)}" for severity, title in _TITLES.items())])


def _table(severity: Severity) -> str:
    rows = [f"| `{check.key}` | {check.title} | {check.way_out} |" for check in CHECKS if check.severity is severity]
    return "\n".join(["| key | finds | way out |", "|---|---|---|", *rows]) + "\n"


if __name__ == "__main__":
    print(page(), end="")
