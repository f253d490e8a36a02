"""A grid in the middle of a bake: made between two steps on the loaded base, without changing any later bit of the bake."""

import gc
import logging
import os
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Self

import torch

from trainer.bake.pictures.compute_setup import session_compute_setup
from trainer.bake.pictures.grid_orders import GridControl
from trainer.bake.pictures.lend_model import lend_model
from trainer.bake.reporter import Reporter
from trainer.bake.session import TrainingSession
from trainer.errors import GridError, as_bake_failure
from trainer.grid.recipe import ComputeSetup, HalfType, Recipe
from trainer.journal.grid_records import GridState
from trainer.journal.journal import Journal
from trainer.journal.records import Stage
from trainer.sampling.make_grid import Progress, make_grid
from trainer.sampling.sampler import GridSampler
from trainer.settings.subject import DEMO_BASE
from trainer.text import printable
from trainer.workspace import Workspace

_OWN_VAE = "the base's own VAE"
_log = logging.getLogger(__name__)


class SessionProvider:
    """Provides a sampler on a bake's model while the block lasts; the model must be lent (`lend_model`).

    Args:
        session: has the loaded base, the only one that recipes may name.
    """

    def __init__(self, session: TrainingSession) -> None:
        self._session = session
        self._closing = ExitStack()
        self._sampler: GridSampler | None = None

    def __enter__(self) -> Self:
        """Return the provider."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take the grid's LoRAs off."""
        self._closing.close()

    def loaded(self) -> Mapping[str, str]:
        """Return place -> sha256 of base and VAE as the bake loaded them."""
        contents = self._session.contents().items()
        return {place if place == DEMO_BASE else os.path.realpath(place): found.sha256 for place, found in contents}

    def compute_setup(self, precision: str, half: HalfType) -> ComputeSetup:
        """Return what the bake computes with, whatever precision the grid asks for."""
        return session_compute_setup(self._session)

    def sampler(self, recipe: Recipe) -> GridSampler:
        """Return the sampler on the loaded base.

        Raises:
            GridError: the recipe is for another base or another VAE.
        """
        settings = self._session.settings
        for where, wanted, loaded in (
            ("base", recipe.base, settings.pretrained_model_name_or_path),
            ("vae", recipe.vae, settings.vae),
            # What the settings leave blank was found around the base, which is the same.
            *((name, place, loaded) for name, place in recipe.components if (loaded := str(getattr(settings, name)))),
        ):
            if not _is_same(wanted, loaded):
                raise GridError(
                    where,
                    found=printable(wanted, 200) or _OWN_VAE,
                    expected=f"the one that the bake has loaded, {printable(loaded, 200) or _OWN_VAE}",
                    way_out="make this grid as a separate job",
                )
        if self._sampler is None:
            self._sampler = GridSampler(self._session.model)
            self._closing.callback(self._sampler.close)
        return self._sampler


def grid_between_steps(session: TrainingSession, report: Reporter, argument: str) -> str:
    """Make a grid now; return why it could not be made, "" where it was or was ended early. The bake continues in any case.

    Args:
        session: between two steps.
        report: knows the journal and the bake.
        argument: of the order: the grid's number.
    """
    if not argument.isdecimal():
        return "not a grid number"
    number = int(argument)
    with report.during(Stage.GRID):
        try:
            _make(session, report, number)
        except Exception as error:
            _log.exception("grid %d", number)
            line = as_bake_failure("grid", error).line()
            report.trouble(f"grid {number}: {line}")
            report.attempt(lambda: _note_failure(report.journal, number, line))
            return line
        finally:
            # After a failure its frames still held tensors when the card's memory was freed.
            gc.collect()
            if session.model.device.type == "cuda":
                torch.cuda.empty_cache()
    return ""


def _make(session: TrainingSession, report: Reporter, number: int) -> None:
    journal = report.journal
    progress = Progress(partial(report.stage, Stage.GRID), report.log)
    with lend_model(session, base_alone=True), SessionProvider(session) as provider:
        make_grid(number, journal, Workspace(journal.path.parent), provider, GridControl(report), progress)


def _note_failure(journal: Journal, number: int, line: str) -> None:
    """Note why a grid failed before it was being made; later failures are noted where it is made."""
    if journal.grids.read(number).state is not GridState.FAILED:
        journal.grids.set_state(number, GridState.FAILED, printable(line))


def _is_same(wanted: str, loaded: str) -> bool:
    if not wanted or not loaded or DEMO_BASE in (wanted, loaded):
        return wanted == loaded
    return os.path.realpath(wanted) == os.path.realpath(loaded)
