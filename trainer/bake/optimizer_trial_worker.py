"""The process that tries an optimizer for a plan: a question on stdin, the answer on stdout, JSON; low priority, no GPU.

python -m trainer.bake.optimizer_trial_worker
"""

import json
import os
import sys
from typing import Any

import torch

from trainer.bake.optimizer_trial import StepRefused, try_optimizer
from trainer.errors import SettingsError
from trainer.families.registry import add_family
from trainer.settings.toml_file import parse_settings

_LOWEST_PRIORITY = 19


def main() -> None:
    """Answer one question."""
    os.nice(_LOWEST_PRIORITY)
    # What libraries print must not stand in the answer, whichever way they print it.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    json.dump(_answer(json.load(sys.stdin)), answers)
    answers.flush()
    # Some leave threads behind that would keep the process.
    os._exit(0)


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of the error, nothing where there is none."""
    add_family(question["family_module"])
    settings = parse_settings(question["settings"], "the trial of the optimizer")
    shapes = [tuple(shape) for shape in question["shapes"]]
    try:
        try_optimizer(settings, question["family"], shapes, torch.device("cpu"))
    except SettingsError as error:
        fields = {"where": error.where, "found": error.found, "expected": error.expected, "way_out": error.way_out}
        if not isinstance(error, StepRefused):
            return fields
        return {**fields, "only_here": error.at_once, "unknown": error.for_want_of_memory}
    return {}


if __name__ == "__main__":
    main()
