"""The worker process of the predictor, started by `PythonChild`: a line of JSON for each question and each answer."""

import json
import select
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO

from trainer.machine.python_child import answers

if TYPE_CHECKING:
    from trainer.memory.fake_session import KeptBase

# It ends by itself when nobody has asked for this long: torch and what it imports take half a gigabyte.
_IDLE_SECONDS = 600.0


def main() -> None:
    """Answer until stdin closes or nobody asks any more."""
    _answer_all(answers())


def _answer_all(stream: TextIO) -> None:
    while select.select([0], [], [], _IDLE_SECONDS)[0]:
        # One question at a time is asked, so that nothing waits in a buffer that select does not see.
        line = sys.stdin.readline()
        if not line:
            return
        stream.write(json.dumps(_answer(json.loads(line))) + "\n")
        stream.flush()


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    # Imported with the first question: the program that starts the process need not wait.
    from trainer.errors import LoraTuiError
    from trainer.machine.imports import without_garbage_collection

    try:
        # Nor during an answer, a sixth of whose time it takes: nothing in it waits to be found.
        with without_garbage_collection():
            from trainer.memory.request import MemoryRequest
            from trainer.memory.simulate import predict

            return {"prediction": predict(MemoryRequest.from_json(question), _kept_base()).to_json()}
    except LoraTuiError as error:
        fields = {"where": error.where, "found": error.found, "expected": error.expected, "way_out": error.way_out}
        return {"error": fields | {"kind": type(error).__name__}}
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return {"broke": reason[:500]}


@cache
def _kept_base() -> "KeptBase":
    from trainer.memory.fake_session import KeptBase

    return KeptBase()


if __name__ == "__main__":
    main()
