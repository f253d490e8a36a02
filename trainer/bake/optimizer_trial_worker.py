"""The process that tries an optimizer for a plan, started by `PythonChild`: a line of JSON for the question and for the answer."""

import json
import os
import sys
from typing import Any

import torch

from trainer.bake.optimizer_trial import StepRefused, try_optimizer
from trainer.errors import SettingsError
from trainer.families.registry import add_family
from trainer.machine.python_child import answers
from trainer.settings.toml_file import parse_settings


def main() -> None:
    """Answer one question."""
    stream = answers()
    stream.write(json.dumps(_answer(json.loads(sys.stdin.readline()))) + "\n")
    stream.flush()
    # Some leave threads behind that would keep the process.
    os._exit(0)


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of the error; where there is none, what the optimizer keeps."""
    add_family(question["family_module"])
    settings = parse_settings(question["settings"], "the trial of the optimizer")
    shapes = [tuple(shape) for shape in question["shapes"]]
    try:
        kept = try_optimizer(settings, question["family"], shapes, torch.device("cpu"))
    except SettingsError as error:
        fields = {"where": error.where, "found": error.found, "expected": error.expected, "way_out": error.way_out}
        if not isinstance(error, StepRefused):
            return fields
        return {**fields, "only_here": error.at_once, "unknown": error.for_want_of_memory}
    return {} if kept is None else {"kept": kept.to_json()}


if __name__ == "__main__":
    main()
