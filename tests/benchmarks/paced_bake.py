"""A trainer's steps at the pace of another process, whichever trainer it is.

    python paced_bake.py PROGRAM ARGUMENTS…

Runs PROGRAM, a Python file or `-m` and a module, in this process. A step ends where an optimizer's step does: all that the trainer
does between two of them counts. After each one it waits for an order, which `paced_runs` gives so that several trainers can take
their steps in turns.
"""

import ctypes
import json
import os
import runpy
import signal
import sys
import time
from contextlib import suppress
from typing import IO, Any

import torch
from paced_runs import ORDERS, REPLIES
from process_memory import most_resident, peak_resident
from torch.optim.optimizer import register_optimizer_step_post_hook

# prctl(2): the signal when the parent ends.
_PR_SET_PDEATHSIG = 1


class _Pace:
    """Lets a step be taken for each order, and says what it took."""

    def __init__(self, orders: IO[str], replies: IO[str]) -> None:
        self._orders, self._replies = orders, replies
        self._began = time.perf_counter()
        self._loss: torch.Tensor | None = None
        self._memory: Any = None

    def heard(self, loss: torch.Tensor) -> None:
        """Keep what a backward pass starts from."""
        self._loss = loss.detach()

    def step_ended(self, *_: object) -> None:
        """Report the step that has ended, and come back when the next one may begin."""
        if self._loss is None:
            # Without a backward pass it was no step: some trainers call their optimizer once before the first one.
            return
        if card := torch.cuda.is_available():
            torch.cuda.synchronize()
        reply = {"seconds": time.perf_counter() - self._began, "loss": float(self._loss)}
        self._loss = None
        if self._memory is None:
            reply["peak_bytes"] = float(peak_resident())
            self._memory = most_resident()
            self._most = self._memory.__enter__()
            if card:
                torch.cuda.reset_peak_memory_stats()
        self._say(reply)
        if not self._orders.readline():
            self._end(card)
        self._began = time.perf_counter()

    def _end(self, card: bool) -> None:
        self._memory.__exit__(None, None, None)
        reply = {"steps_bytes": float(self._most.bytes)}
        if card:
            reply["card_bytes"] = float(torch.cuda.max_memory_allocated())
            reply["card_reserved"] = float(torch.cuda.max_memory_reserved())
        self._say(reply)
        # Nobody wants the LoRA.
        os._exit(0)

    def _say(self, reply: dict[str, float]) -> None:
        self._replies.write(json.dumps(reply) + "\n")
        self._replies.flush()


def _listen(pace: _Pace) -> None:
    """Let the pace know of every backward pass and of every step of any optimizer."""
    backward = torch.Tensor.backward

    def heard(loss: torch.Tensor, *arguments: Any, **named: Any) -> None:
        pace.heard(loss)
        backward(loss, *arguments, **named)

    torch.Tensor.backward = heard  # type: ignore[method-assign, assignment]
    register_optimizer_step_post_hook(pace.step_ended)


def main() -> None:
    """Run the trainer that the command line names."""
    with suppress(OSError, AttributeError):
        # Between two turns it is stopped, and would stay so for ever.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _listen(_Pace(os.fdopen(int(os.environ[ORDERS])), os.fdopen(int(os.environ[REPLIES]), "w")))
    # The names of this folder are not the trainer's.
    del sys.argv[0], sys.path[0]
    if sys.argv[0] == "-m":
        del sys.argv[0]
        sys.path.insert(0, os.getcwd())
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
