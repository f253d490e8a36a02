"""What needs torch: bases and LoRAs read into modules, and states put back into a session, as bakes and grids do."""

import shutil
from contextlib import ExitStack
from pathlib import Path

import torch
from fuzz_workspace import BAKE, STEPS
from run_bakes import BakeRunner

from trainer.bake import run
from trainer.bake.orders import Orders
from trainer.bake.prediction_type import find_prediction_type
from trainer.bake.reporter import Reporter
from trainer.bake.saving.contents import StateContents
from trainer.bake.saving.state import State, read_state
from trainer.bake.session import open_session
from trainer.jobs.bakes import check
from trainer.jobs.preflight import PlannedBake
from trainer.journal.journal import Journal
from trainer.journal.metrics import MetricWriter
from trainer.journal.state_files import file_name
from trainer.models.identify import DEMO_BASE, identify_base
from trainer.models.kohya_names import ModuleNames
from trainer.models.stable_diffusion.loading import load_parts
from trainer.network.lora_content import load_lora
from trainer.sampling.picture_files import _apart, _is_of, _same
from trainer.settings.toml_file import load_settings

FOLDER = "torch"
"""Beside the workspace: what is made here once."""

torch.set_num_threads(1)


class _Resumed:
    """A bake that is about to start, into which states are put back.

    Args:
        place: where its journal and its folder are.
        planned: what it bakes.
    """

    def __init__(self, place: Path, planned: PlannedBake) -> None:
        runner = BakeRunner(place, Journal(place / "journal.sqlite"))
        self.good: State = read_state(runner.bake(planned.settings) / "state" / file_name(STEPS))
        bake = runner.queue(planned.settings)
        report, closing = Reporter(runner.journal, bake.number), ExitStack()
        session = closing.enter_context(open_session(planned.settings, planned))
        cache, orders = run._latent_cache(session, report), Orders(report)
        held_out = run._encode_held_out(session, planned, cache, orders, report)
        assert isinstance(held_out, dict)
        inputs = run._LoopInputs(
            bake=bake,
            folder=place / bake.folder,
            data_hash="",
            planned=planned,
            session=session,
            decision=find_prediction_type(session, planned, report, cache),
            hashes=None,
            vae_hashes=None,
            trained={},
            held_out=held_out,
        )
        curves = closing.enter_context(MetricWriter(runner.journal.path, bake.number))
        loop = run._build_loop(inputs, curves, orders, report, closing)
        self.contents: StateContents = loop.states._contents
        # As long as the process lives.
        self._closing = closing


_resumed: list[_Resumed] = []


def prepare(root: Path) -> None:
    """Bake a few steps, put the state they leave into the workspace at `root`, and open another bake of the same."""
    place = root.parent / FOLDER
    place.mkdir()
    path = root / "hifumi.toml"
    changes = {"max_train_steps": STEPS}
    planned = check(load_settings(path).model_copy(update=changes), path)
    _resumed.append(_Resumed(place, planned))
    bakes = next((place / "bakes").glob("0001-*"))
    shutil.copyfile(bakes / "state" / file_name(STEPS), root / BAKE / "state" / file_name(STEPS))
    shutil.copyfile(bakes / "hifumi.safetensors", root / "models" / "hifumi.safetensors")


def load_base(root: Path) -> None:
    """Load the base of the workspace as a bake does."""
    load_parts(identify_base(str(root / "models" / "base")), device="cpu", dtype=torch.float32)


def load_lora_on_demo(file: Path) -> None:
    """Read a LoRA's weights, named for the demo base."""
    base = identify_base(DEMO_BASE)
    load_lora(file).named_for(ModuleNames(base.family, base.lora_shapes))


def resume_state(root: Path, file: Path) -> None:
    """Put a state back as a resumed bake does, after a good one, so that nothing is left of the input before."""
    resumed = _resumed[0]
    resumed.contents.put_back(resumed.good)
    state = read_state(file)
    resumed.contents.warn_of_changes(state)
    resumed.contents.put_back(state)


def compare_pictures(one: Path, other: Path) -> None:
    """Compare two pictures of grids as a grid does before it takes one for another."""
    if _is_of(one, ""):
        _same(one, other)
        _apart(one, other)
