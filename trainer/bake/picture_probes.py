"""The probe by pictures as a bake's settings ask for it."""

import os
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from pathlib import Path

from torch import Tensor

from trainer.bake.latents import PreparedPicture
from trainer.bake.pictures.compute_setup import session_compute_setup
from trainer.bake.probed_bake import ProbedBake
from trainer.dataset.records import DataSet
from trainer.errors import LoraTuiError
from trainer.grid.probe_pictures import ProbeSet, probe_set
from trainer.grid.recipe import fingerprint
from trainer.models.latent_files import LatentFiles
from trainer.probes.picture_probe import PictureProbe, ProbedModel
from trainer.probes.probe import Probe

BASE_PICTURES = Path("cache") / "base-pictures"
"""The folder in a workspace of the latents of pictures that the base alone makes, by fingerprint."""


def picture_probes(bake: ProbedBake) -> Iterator[Probe]:
    """Yield the probe by pictures where it is asked for; without it the bake goes on where the prompts became wrong after its check."""
    session, planned, report = bake.session, bake.planned, bake.report
    if not planned.settings.measure_pictures:
        return
    training = _latents_by_folder(planned.data, bake.trained)
    try:
        wanted = _wanted(bake, training)
    except LoraTuiError as error:
        line = f"no test pictures are measured: {error.line()}"
        report.log(line, level="warning")
        report.trouble(line)
        return
    compute_setup = session_compute_setup(session)
    contents = {os.path.realpath(place): found.sha256 for place, found in session.contents().items()}
    marks = [
        fingerprint(picture.recipe, compute_setup, lambda path: contents[os.path.realpath(path)])
        for picture in wanted.pictures
    ]
    yield PictureProbe(
        ProbedModel(session.model, session.without_lora, compute_setup),
        wanted,
        marks,
        LatentFiles(report.journal.path.parent / BASE_PICTURES, partial(report.log, level="warning")),
        training,
        report.log,
    )


def _wanted(bake: ProbedBake, folders: Collection[str]) -> ProbeSet:
    planned, decision = bake.planned, bake.decision
    return probe_set(
        planned.settings,
        # The bake's own folder lies in the workspace whose subject it is.
        bake.folder / "settings.toml",
        planned.base,
        decision.prediction,
        zero_terminal_snr=decision.zero_terminal_snr,
        folders=folders,
    )


def _latents_by_folder(data: DataSet, trained: Mapping[int, PreparedPicture]) -> dict[str, list[Tensor]]:
    """Return the latents of the subject's pictures, folder by folder; those of regularisation are not of the subject."""
    found: dict[str, list[Tensor]] = {}
    for index, picture in enumerate(data.pictures):
        if not picture.is_reg:
            found.setdefault(picture.folder, []).append(trained[index].latents)
    return found
