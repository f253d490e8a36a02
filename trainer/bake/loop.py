"""A bake from its settings to its last file: load, cache, step after step, save."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import torch

from trainer.bake.course import Course, Stock
from trainer.bake.ground import Ground, keep_records, survey
from trainer.bake.latent_store import LatentStore
from trainer.bake.latents import Prepared, encoded
from trainer.bake.orders import Orders, Told
from trainer.bake.prediction import find_prediction
from trainer.bake.report import Report
from trainer.bake.state import read_state
from trainer.bake.workbench import Workbench, workbench
from trainer.dataset.buckets import Placement, placements_of
from trainer.dataset.captions import fixed_caption
from trainer.dataset.data import Picture
from trainer.errors import OutOfMemory, SettingsError
from trainer.journal.journal import Journal
from trainer.journal.metrics import MetricWriter
from trainer.journal.records import Bake, BakeState
from trainer.models.file_hashes import hashes_of
from trainer.settings.model import Settings

PreparedBy = dict[int, Prepared]

LATENTS = Path("cache") / "latents"
"""Where a workspace keeps latents."""


def run_bake(
    bake: Bake,
    settings: Settings,
    folder: Path,
    journal: Journal,
    trouble: Callable[[str], None] = lambda line: None,
    surveyed: Callable[[Ground], None] = lambda ground: None,
) -> BakeState:
    """Bake a LoRA into `folder` and return DONE, or STOPPED or PARKED where that was ordered; the journal has the state then.

    The stage at work (`load`, `cache`, `validate`, `step`, `save`, `state`, `sample`, `grid`) stands in the journal; after a failure it names the place.
    Equal settings and data give equal LoRAs bit for bit on one machine, whatever ran in the process before, and however often the
    bake was interrupted and taken up again (`bake.attempt` above 1).

    Args:
        bake: the journal's row; with `starts_from` it branches from that state, a path relative to the journal's folder.
        settings: with every path filled in.
        folder: the bake's own, there already.
        journal: opened in this thread.
        trouble: takes a line about something that somebody should look at while the bake goes on.
        surveyed: is given the ground before the base is loaded; must return at once.

    Raises:
        LoraTuiError: settings, data, base or machine do not allow the bake.
        Exception: whatever else a library raises.
    """
    report = Report(journal, bake.number, trouble)
    try:
        state = _bake(bake, settings, folder, report, surveyed)
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(
            f"stage {report.at}",
            found="the card's memory is full",
            way_out="lower train_batch_size or resolution, or set gradient_checkpointing = true",
        ) from error
    journal.set_state(bake.number, state)
    return state


def _bake(
    bake: Bake, settings: Settings, folder: Path, report: Report, surveyed: Callable[[Ground], None]
) -> BakeState:
    orders = Orders(report)
    report.stage("load")
    ground = survey(settings)
    surveyed(ground)
    data = keep_records(settings, ground, folder, report)
    with ExitStack() as closing:
        closing.callback(orders.close)
        bench = closing.enter_context(workbench(settings, ground))
        report.say(f"{ground.base.name} on {bench.model.device}, precision {bench.precision.name}")
        for note in bench.notes:
            report.say(note, level="warning")
        store = _store(bench, report)
        decision = find_prediction(bench, ground, report, store)
        pictures = _cached(bench, ground.data.pictures, ground.plan.placements, store, orders, report)
        if isinstance(pictures, Told):
            return _ended_early(pictures, report)
        held_out = _held_out(bench, ground, store, orders, report)
        if isinstance(held_out, Told):
            return _ended_early(held_out, report)
        store.close()
        for note in bench.model.vae_notes:
            report.say(note, level="warning")
        # From here on the card has what a step needs, and before it had what the stage needed.
        bench.model.put_vae_away()
        _settle_texts(bench, ground)
        bench.model.bring_unet()
        report.stage("hash")
        hashes = hashes_of(ground.base.path, orders.told_to_stop)
        vae_hashes = hashes_of(Path(settings.vae), orders.told_to_stop) if settings.vae else None
        metrics = closing.enter_context(MetricWriter(report.journal.path, report.number))
        stock = Stock(bake, folder, bench, ground, decision, hashes, vae_hashes, pictures, held_out, data)
        course = Course(stock, orders, report, metrics)
        closing.callback(course.close)
        _begin(course, bake, report)
        report.state(BakeState.BAKING)
        return course.run()


def _begin(course: Course, bake: Bake, report: Report) -> None:
    """Put the course where it begins: at its own newest state, at another bake's, or at nothing."""
    if bake.attempt > 1 and course.take_up():
        return
    if bake.starts_from:
        path = report.journal.path.parent / bake.starts_from
        course.branch_from(read_state(path), str(path))


def _ended_early(told: Told, report: Report) -> BakeState:
    report.say(f"{told.state} before the first step: there is nothing to save")
    return told.state


def _store(bench: Workbench, report: Report) -> LatentStore:
    """Return where latents are looked up and kept: in memory, and in the workspace where the settings say so."""
    on_disk = bench.settings.cache_latents_to_disk
    folder = report.journal.path.parent / LATENTS if on_disk else None
    return LatentStore(bench.model, folder, partial(report.say, level="warning"))


def _cached(
    bench: Workbench,
    pictures: Sequence[Picture],
    placements: Sequence[Placement],
    store: LatentStore,
    orders: Orders,
    report: Report,
) -> PreparedBy | Told:
    """Return what the U-Net takes of each picture, or how the bake was told to end."""
    report.stage("cache", 0, len(pictures))
    prepared: PreparedBy = {}
    for index, one in encoded(bench.model, pictures, placements, bench.settings.vae_batch_size, store):
        prepared[index] = one
        report.stage("cache", len(prepared), len(pictures))
        told = orders.obey(BakeState.STARTING, _NothingYet(report))
        if told:
            return told
    return prepared


def _held_out(
    bench: Workbench, ground: Ground, store: LatentStore, orders: Orders, report: Report
) -> PreparedBy | Told:
    """Return the same of the validation pictures, or how the bake was told to end."""
    if ground.validation is None:
        return {}
    return _cached(bench, ground.validation.pictures, placements_of(ground.validation), store, orders, report)


def _settle_texts(bench: Workbench, ground: Ground) -> None:
    """Keep the outputs of encoders that never train, where every showing of a picture has the same words; bring the others."""
    fixed = [fixed_caption(picture) for picture in ground.data.pictures]
    held_out = ground.validation.pictures if ground.validation else ()
    words = [caption for caption in fixed if caption is not None]
    if len(words) == len(fixed):
        bench.texts.know([*words, *(picture.caption for picture in held_out)])
    for part in bench.model.encoders:
        if part not in bench.training.begun:
            bench.texts.rest(part)
    bench.texts.take_places()


class _NothingYet:
    """What orders may do before the first step."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def save(self) -> None:
        self._report.say("there is nothing to save yet")

    def settle(self) -> None:
        pass

    def grid(self, argument: str) -> None:
        return None

    def change(self, assignment: str) -> None:
        raise SettingsError(assignment, found="no step is done yet", way_out="wait for the first step")
