"""What needs torch: bases and LoRAs read into modules, and states put back into a session, as bakes and grids do."""

import json
import queue
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from fuzz_workspace import BAKE, STEPS
from run_bakes import BakeRunner

from trainer.bake import run
from trainer.bake.saving.contents import StateContents
from trainer.bake.saving.state import State, read_state
from trainer.jobs.bakes import check
from trainer.jobs.preflight import PlannedBake
from trainer.journal.journal import Journal
from trainer.journal.state_files import HEADER_KEY, file_name
from trainer.models.identify import DEMO_BASE, identify_base
from trainer.models.kohya_names import ModuleNames
from trainer.models.stable_diffusion.loading import load_parts
from trainer.network.lora_content import load_lora
from trainer.sampling.picture_files import _apart, _is_of, _same
from trainer.settings.toml_file import load_settings

FOLDER = "torch"
"""Beside the workspace: what is made here once."""

torch.set_num_threads(1)


class _WaitingBake:
    """A bake in a thread of its own that waits before its first step, and there puts states back.

    Args:
        place: where its journal and its folder are.
        planned: what it bakes.
    """

    def __init__(self, place: Path, planned: PlannedBake) -> None:
        self._asked: queue.SimpleQueue[Callable[[StateContents], object]] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._place, self._planned = place, planned
        threading.Thread(target=self._bake, daemon=True).start()
        if failure := self._answers.get():
            raise failure

    def do(self, what: Callable[[StateContents], object]) -> None:
        """Let the bake's thread do something with the contents of its states; raise what it raises."""
        self._asked.put(what)
        if failure := self._answers.get():
            raise failure

    def _bake(self) -> None:
        build = run._build_loop

        def build_and_wait(*inputs: Any) -> Any:
            contents = build(*inputs).states._contents
            answer: BaseException | None = None
            while True:
                self._answers.put(answer)
                try:
                    answer = None
                    self._asked.get()(contents)
                except BaseException as error:
                    answer = error

        try:
            run._build_loop = build_and_wait
            runner = BakeRunner(self._place, Journal(self._place / "journal.sqlite"))
            runner.run(runner.queue(self._planned.settings), self._planned.settings)
        except BaseException as error:
            self._answers.put(error)


_waiting: list[_WaitingBake] = []
_good: list[State] = []


def prepare(root: Path) -> None:
    """Bake a few steps, put the state they leave into the workspace at `root`, and start another bake of the same."""
    place = root.parent / FOLDER
    place.mkdir()
    path = root / "hifumi.toml"
    planned = check(load_settings(path).model_copy(update={"max_train_steps": STEPS}), path)
    with Journal(place / "journal.sqlite") as journal:
        baked = BakeRunner(place, journal).bake(planned.settings)
    _good.append(read_state(baked / "state" / file_name(STEPS)))
    state = (baked / "state" / file_name(STEPS)).read_bytes()
    (root / BAKE / "state" / file_name(STEPS)).write_bytes(_without_digest(state))
    shutil.copyfile(baked / "hifumi.safetensors", root / "models" / "hifumi.safetensors")
    _waiting.append(_WaitingBake(place, planned))


def _without_digest(content: bytes) -> bytes:
    """Return a state without the digest of its content, as older ones are: a file made to harm would have the right one."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"] = {HEADER_KEY: header["__metadata__"][HEADER_KEY]}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def load_base(root: Path) -> None:
    """Load the base of the workspace as a bake does."""
    load_parts(identify_base(str(root / "models" / "base")), device="cpu", dtype=torch.float32)


def load_lora_on_demo(file: Path) -> None:
    """Read a LoRA's weights, named for the demo base."""
    base = identify_base(DEMO_BASE)
    load_lora(file).named_for(ModuleNames(base.family, base.lora_shapes))


def resume_state(root: Path, file: Path) -> None:
    """Put a state back as a resumed bake does, after a good one, so that nothing is left of the input before."""

    def resume(contents: StateContents) -> None:
        contents.put_back(_good[0])
        state = read_state(file)
        contents.warn_of_changes(state)
        contents.put_back(state)

    _waiting[0].do(resume)


def compare_pictures(one: Path, other: Path) -> None:
    """Compare two pictures of grids as a grid does before it takes one for another."""
    if _is_of(one, ""):
        _same(one, other)
        _apart(one, other)
