"""A bake from its settings to its last file: load, cache, step after step, save."""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import torch

from trainer.bake.latent_cache import LatentCache
from trainer.bake.latents import PreparedPicture, encode_pictures
from trainer.bake.loop import LoopInputs, TrainingLoop
from trainer.bake.orders import ChangeSetting, EndBake, MakeGrid, Orders, PauseBake, SaveNow
from trainer.bake.prediction_type import find_prediction_type
from trainer.bake.reporter import Reporter
from trainer.bake.saving.state import read_state
from trainer.bake.session import TrainingSession, open_session
from trainer.dataset.buckets import Placement, placements_of
from trainer.dataset.captions import fixed_caption
from trainer.dataset.manifest import manifest_bytes, write_manifest
from trainer.dataset.records import Picture
from trainer.errors import OutOfMemory
from trainer.jobs.preflight import PlannedBake, prepare
from trainer.journal.journal import Journal
from trainer.journal.metrics import MetricWriter
from trainer.journal.records import Bake, BakeState
from trainer.models.file_hashes import hashes_of
from trainer.settings.model import Settings
from trainer.settings.toml_file import save_settings

PreparedBy = dict[int, PreparedPicture]

LATENTS = Path("cache") / "latents"
"""Where a workspace keeps latents."""


def run_bake(
    bake: Bake,
    settings: Settings,
    folder: Path,
    journal: Journal,
    trouble: Callable[[str], None] = lambda line: None,
    surveyed: Callable[[PlannedBake], None] = lambda planned: None,
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
    report = Reporter(journal, bake.number, trouble)
    try:
        state = _bake(bake, settings, folder, report, surveyed)
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(
            f"stage {report.at}",
            found="the card's memory is full",
            way_out="lower train_batch_size or resolution, or set gradient_checkpointing = true",
        ) from error
    journal.bakes.set_state(bake.number, state)
    return state


def _bake(
    bake: Bake, settings: Settings, folder: Path, report: Reporter, surveyed: Callable[[PlannedBake], None]
) -> BakeState:
    orders = Orders(report)
    report.stage("load")
    planned = prepare(settings)
    surveyed(planned)
    data = keep_records(settings, planned, folder, report)
    with ExitStack() as closing:
        closing.callback(orders.close)
        session = closing.enter_context(open_session(settings, planned))
        report.log(f"{planned.base.name} on {session.model.device}, precision {session.precision.name}")
        for note in session.notes:
            report.log(note, level="warning")
        store = _store(session, report)
        decision = find_prediction_type(session, planned, report, store)
        pictures = _cached(session, planned.data.pictures, planned.plan.placements, store, orders, report)
        if isinstance(pictures, BakeState):
            return _ended_early(pictures, report)
        held_out = _held_out(session, planned, store, orders, report)
        if isinstance(held_out, BakeState):
            return _ended_early(held_out, report)
        store.close()
        for note in session.model.vae_notes:
            report.log(note, level="warning")
        # From here on the card has what a step needs, and before it had what the stage needed.
        session.model.put_vae_away()
        _settle_texts(session, planned)
        session.model.bring_unet()
        report.stage("hash")
        hashes = hashes_of(planned.base.path, orders.stop_requested)
        vae_hashes = hashes_of(Path(settings.vae), orders.stop_requested) if settings.vae else None
        metrics = closing.enter_context(MetricWriter(report.journal.path, report.number))
        inputs = LoopInputs(bake, folder, session, planned, decision, hashes, vae_hashes, pictures, held_out, data)
        course = TrainingLoop(inputs, orders, report, metrics)
        closing.callback(course.close)
        _begin(course, bake, report)
        report.state(BakeState.BAKING)
        return course.run()


def _begin(course: TrainingLoop, bake: Bake, report: Reporter) -> None:
    """Put the course where it begins: at its own newest state, at another bake's, or at nothing."""
    if bake.attempt > 1 and course.resume():
        return
    if bake.starts_from:
        path = report.journal.path.parent / bake.starts_from
        course.start_from(read_state(path), str(path))


def _ended_early(state: BakeState, report: Reporter) -> BakeState:
    report.log(f"{state} before the first step: there is nothing to save")
    return state


def _store(session: TrainingSession, report: Reporter) -> LatentCache:
    """Return where latents are looked up and kept: in memory, and in the workspace where the settings say so."""
    on_disk = session.settings.cache_latents_to_disk
    folder = report.journal.path.parent / LATENTS if on_disk else None
    return LatentCache(session.model, folder, partial(report.log, level="warning"))


def _cached(
    session: TrainingSession,
    pictures: Sequence[Picture],
    placements: Sequence[Placement],
    store: LatentCache,
    orders: Orders,
    report: Reporter,
) -> PreparedBy | BakeState:
    """Return what the U-Net takes of each picture, or how the bake was told to end."""
    report.stage("cache", 0, len(pictures))
    prepared: PreparedBy = {}
    for index, one in encode_pictures(session.model, pictures, placements, session.settings.vae_batch_size, store):
        prepared[index] = one
        report.stage("cache", len(prepared), len(pictures))
        end = _obey_orders(orders, report)
        if end is not None:
            return end
    return prepared


def _obey_orders(orders: Orders, report: Reporter) -> BakeState | None:
    """Do what can be done of what was ordered before the first step; return how the bake ends, None where it continues."""
    for order in orders.take(BakeState.STARTING):
        match order:
            case SaveNow():
                report.log("there is nothing to save yet")
            case ChangeSetting():
                orders.refuse("no step is done yet: wait for the first")
            case MakeGrid():
                orders.postpone()
            case PauseBake():
                pass
            case EndBake(state):
                return state
    return None


def _held_out(
    session: TrainingSession, planned: PlannedBake, store: LatentCache, orders: Orders, report: Reporter
) -> PreparedBy | BakeState:
    """Return the same of the validation pictures, or how the bake was told to end."""
    if planned.validation is None:
        return {}
    return _cached(session, planned.validation.pictures, placements_of(planned.validation), store, orders, report)


def _settle_texts(session: TrainingSession, planned: PlannedBake) -> None:
    """Keep the outputs of encoders that never train, where every showing of a picture has the same words; bring the others."""
    fixed = [fixed_caption(picture) for picture in planned.data.pictures]
    held_out = planned.validation.pictures if planned.validation else ()
    words = [caption for caption in fixed if caption is not None]
    if len(words) == len(fixed):
        session.text_embeddings.cache_for([*words, *(picture.caption for picture in held_out)])
    for part in session.model.encoders:
        if part not in session.trained_parts.initial:
            session.text_embeddings.freeze(part)
    session.text_embeddings.place()


def keep_records(settings: Settings, planned: PlannedBake, folder: Path, report: Reporter) -> str:
    """Write settings.toml and data.json.gz into the bake's folder, and what will run into the journal; return the manifest's sha256.

    Raises:
        WorkspaceError: the folder cannot be written.
    """
    journal, number = report.journal, report.number
    save_settings(settings, folder / "settings.toml")
    content = manifest_bytes(planned.data)
    write_manifest(content, folder / "data.json.gz")
    journal.results.set_manifest(number, content)
    # The data may have changed since the bake was queued.
    journal.bakes.set_plan(number, planned.plan.total_steps, planned.plan.steps_per_epoch)
    for note in (*planned.data.notes, *planned.plan.warnings):
        report.log(note, level="warning")
    return hashlib.sha256(content).hexdigest()
