"""A bake from its settings to its last file: load, cache, take the steps, save."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from trainer.bake.evidence import Evidence
from trainer.bake.fixed_steps import LengthInputs, fix_steps, report_pace
from trainer.bake.guards.disk_space import DiskWatch
from trainer.bake.guards.gradients import GradientGuard
from trainer.bake.guards.slow_steps import SlowWatch, card_memory
from trainer.bake.held_out_probe import captions_of_probes
from trainer.bake.latent_cache import LatentCache
from trainer.bake.latents import PreparedPicture, encode_pictures
from trainer.bake.live_settings import LiveSettings
from trainer.bake.loop import TrainingLoop
from trainer.bake.orders import ChangeSetting, EndBake, MakeGrid, Orders, PauseBake, SaveNow
from trainer.bake.pictures.samples import Samples
from trainer.bake.placement import place_encoders
from trainer.bake.prediction_type import find_prediction_type
from trainer.bake.probed_bake import ProbedBake
from trainer.bake.probes import probes_of
from trainer.bake.ranks.leader import LeadingRank, leading
from trainer.bake.reporter import Reporter
from trainer.bake.saving.contents import StateContents
from trainer.bake.saving.folder_records import FolderRecords, write_inputs
from trainer.bake.saving.lora_files import LoraSaver
from trainer.bake.saving.resume import starting_position
from trainer.bake.saving.roll_back import RollBack
from trainer.bake.saving.states import StateSaver
from trainer.bake.session import TrainingSession, open_session
from trainer.bake.step_metrics import StepMetrics
from trainer.bake.validation import Validation
from trainer.dataset.buckets import Placement, placements_of
from trainer.dataset.captions import fixed_caption
from trainer.dataset.manifest import manifest_bytes
from trainer.dataset.records import Picture
from trainer.errors import OutOfMemory
from trainer.jobs.bakes import measured_speed
from trainer.jobs.preflight import PlannedBake, prepare
from trainer.jobs.same_content import manifest_to_start, models_now
from trainer.jobs.several_processes import check_processes
from trainer.journal.journal import Journal
from trainer.journal.metrics import MetricWriter
from trainer.journal.records import Bake, BakeState, Stage
from trainer.measures.background import BackgroundMeasuring
from trainer.measures.of_bake import missing_steps
from trainer.models.model_content import ModelContent, file_hashes
from trainer.models.prediction_type import PredictionDecision
from trainer.network.metadata import Origin
from trainer.settings.model import Settings
from trainer.text import plural

LATENTS = Path("cache") / "latents"
"""The folder of cached latents in a workspace."""

_Prepared = dict[int, PreparedPicture]


def run_bake(
    bake: Bake,
    settings: Settings,
    folder: Path,
    journal: Journal,
    trouble: Callable[[str], None] = lambda line: None,
    on_planned: Callable[[PlannedBake], None] = lambda planned: None,
) -> BakeState:
    """Bake a LoRA into `folder` and return DONE, or STOPPED or PARKED where that was ordered; the journal has the state then.

    The current stage is in the journal; after a failure it names the place. Equal settings and data give equal LoRAs
    bit for bit on one machine, whatever ran in the process before, and however often the bake was interrupted and resumed
    (`bake.attempt` above 1).

    Args:
        bake: the journal's row; with `starts_from` it is forked from that state, a path relative to the journal's folder.
        settings: with every path filled in.
        folder: the bake's own; exists.
        journal: opened in this thread.
        trouble: takes a line about something that needs attention while the bake continues.
        on_planned: takes the planned bake before the base is loaded; must return at once.

    Raises:
        LoraTuiError: settings, data, base or machine do not allow the bake.
        Exception: whatever else a library raises.
    """
    report = Reporter(journal, bake.number, trouble)
    try:
        state = _bake(bake, settings, folder, report, on_planned)
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(
            f"stage {report.at}",
            found="the GPU's memory is full",
            way_out="lower train_batch_size or resolution, or set gradient_checkpointing = true",
        ) from error
    journal.bakes.set_state(bake.number, state)
    return state


def _bake(
    bake: Bake, settings: Settings, folder: Path, report: Reporter, on_planned: Callable[[PlannedBake], None]
) -> BakeState:
    orders, began = Orders(report), time.monotonic()
    report.stage(Stage.LOAD)
    speed = measured_speed(report.journal, settings) if settings.train_minutes is not None else None
    planned = prepare(settings, speed)
    settings = planned.settings
    on_planned(planned)
    check_processes(settings)
    with ExitStack() as closing:
        closing.callback(orders.close)
        ranks = closing.enter_context(leading())
        report.stage(Stage.HASH)
        models = models_now(settings, orders.stop_requested)
        if models is None:
            return _end_ordered(orders, report) or BakeState.STOPPED
        manifest, changes = manifest_to_start(bake, planned, models, report.journal)
        content = manifest_bytes(manifest)
        if bake.attempt == 1:
            write_inputs(settings, planned, content, folder, report)
        _warn(changes, report)
        for line in planned.behaviour:
            report.log(f"behaves like {planned.settings.behave_like}: {line}")
        report.stage(Stage.LOAD)
        session = closing.enter_context(_session_of_all(settings, planned, models, ranks, report))
        precision = "fp32" if session.precision.name == "no" else session.precision.name
        report.log(f"{planned.base.name} on {session.model.device}, precision {precision}")
        _warn(session.notes, report)
        cache = _latent_cache(session, report)
        decision = find_prediction_type(session, planned, report, cache)
        trained = _encode(session, planned.data.pictures, planned.plan.placements, cache, orders, report)
        if isinstance(trained, BakeState):
            return trained
        held_out = _encode_held_out(session, planned, cache, orders, report)
        if isinstance(held_out, BakeState):
            return held_out
        cache.close()
        _warn(session.model.vae_notes, report)
        # Until here the card held what encoding needs, from here on what a step needs.
        session.model.put_vae_away()
        _place_encoders(session, planned, decision)
        session.model.bring_body()
        inputs = _with_fixed_steps(
            _LoopInputs(bake, folder, content, planned, session, decision, trained, held_out),
            _clock_of(began, orders),
            orders,
            report,
        )
        if inputs is None:
            return _end_ordered(orders, report) or BakeState.STOPPED
        curves = closing.enter_context(MetricWriter(report.journal.path, report.number))
        loop = _build_loop(inputs, curves, orders, report, closing)
        if bake.attempt > 1:
            # An attempt that fails before it continues leaves the folder as it was.
            write_inputs(inputs.planned.settings, inputs.planned, content, folder, report)
        report.state(BakeState.BAKING)
        end = loop.run()
        if end is BakeState.DONE:
            curves.flush()
            report_pace(report)
        return end


@contextmanager
def _session_of_all(
    settings: Settings,
    planned: PlannedBake,
    models: Mapping[str, ModelContent],
    ranks: LeadingRank | None,
    report: Reporter,
) -> Iterator[TrainingSession]:
    """Open the session in this process and in those that train the same LoRA, at the same time."""
    if ranks is not None:
        ranks.load_others(settings, planned.plan, models)
    with open_session(settings, planned, models, ranks) as session:
        if ranks is not None:
            ranks.await_others(session.model.device)
            report.log(f"{plural(settings.num_processes, 'process')} train together, each on its share of every batch")
        yield session


def _clock_of(began: float, orders: Orders) -> Callable[[], float]:
    """Return a clock of the seconds since `began` without those of pauses."""
    return lambda: time.monotonic() - began - orders.paused_seconds


def _warn(notes: Iterable[str], report: Reporter) -> None:
    for note in notes:
        report.log(note, level="warning")


def _latent_cache(session: TrainingSession, report: Reporter) -> LatentCache:
    """Return where latents are looked up and kept: in memory, and in the workspace where the settings say so."""
    on_disk = session.settings.cache_latents_to_disk
    folder = report.journal.path.parent / LATENTS if on_disk else None
    return LatentCache(session.model, folder, partial(report.log, level="warning"))


def _encode(
    session: TrainingSession,
    pictures: Sequence[Picture],
    placements: Sequence[Placement],
    cache: LatentCache,
    orders: Orders,
    report: Reporter,
) -> _Prepared | BakeState:
    """Return the latents, masks and sizes of each picture, or how the bake ends where that was ordered."""
    report.stage(Stage.CACHE, 0, len(pictures))
    prepared: _Prepared = {}
    for index, one in encode_pictures(session.model, pictures, placements, session.settings.vae_batch_size, cache):
        prepared[index] = one
        report.stage(Stage.CACHE, len(prepared), len(pictures))
        if (end := _end_ordered(orders, report)) is not None:
            return end
    return prepared


def _end_ordered(orders: Orders, report: Reporter) -> BakeState | None:
    """Return how the bake ends before its first step where that was ordered."""
    end = _obey_orders(orders, report)
    if end is not None:
        report.log(f"{end} before the first step: there is nothing to save")
    return end


def _encode_held_out(
    session: TrainingSession, planned: PlannedBake, cache: LatentCache, orders: Orders, report: Reporter
) -> _Prepared | BakeState:
    """Return the same for the validation pictures."""
    if planned.validation is None:
        return {}
    return _encode(session, planned.validation.pictures, placements_of(planned.validation), cache, orders, report)


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


def _place_encoders(session: TrainingSession, planned: PlannedBake, decision: PredictionDecision) -> None:
    """Cache the outputs of encoders that never train, where a picture's caption never varies; bring the others to the device."""
    fixed = [fixed_caption(picture) for picture in planned.data.pictures]
    held_out = planned.validation.pictures if planned.validation else ()
    captions = [caption for caption in fixed if caption is not None]
    if len(captions) < len(fixed):
        captions = []
    if session.ranks is not None:
        session.ranks.place(decision, captions)
    if captions:
        captions += [picture.caption for picture in held_out]
        captions += captions_of_probes(session.settings, planned.data, planned.validation)
    place_encoders(session, captions)


@dataclass(frozen=True)
class _LoopInputs:
    """What the set-up found and made.

    Attributes:
        bake, folder: the journal's row, and the bake's folder.
        manifest: its bytes.
        planned, session: data and plan; model, LoRA and optimizer.
        decision: what the base predicts.
        trained, held_out: latents, masks and sizes by picture index.
    """

    bake: Bake
    folder: Path
    manifest: bytes
    planned: PlannedBake
    session: TrainingSession
    decision: PredictionDecision
    trained: _Prepared
    held_out: _Prepared


def _with_fixed_steps(
    inputs: _LoopInputs, used: Callable[[], float], orders: Orders, report: Reporter
) -> _LoopInputs | None:
    """Return the same with a number of steps where the bake was given minutes; None where it was ordered to end meanwhile."""
    planned, session = inputs.planned, inputs.session
    report.attempt(lambda: report.journal.bakes.set_setup_seconds(report.number, used()))
    if session.settings.train_minutes is None:
        return inputs
    live = LiveSettings(session, report)
    samples = Samples(session, inputs.folder, planned.base, inputs.decision, report, live, orders.stop_requested)
    start = LengthInputs(
        planned, session, inputs.trained, inputs.held_out, inputs.folder, samples, used, orders.stop_requested
    )
    fixed = fix_steps(start, report)
    if fixed is None:
        return None
    if session.ranks is not None:
        session.ranks.replan(fixed.settings, fixed.plan)
    return replace(inputs, planned=fixed, session=replace(session, settings=fixed.settings, plan=fixed.plan))


def _build_loop(
    inputs: _LoopInputs, curves: MetricWriter, orders: Orders, report: Reporter, closing: ExitStack
) -> TrainingLoop:
    """Return the loop, put where it starts; `closing` gives back the disk's reserve, and writes the metrics even after a failure."""
    bake, folder, planned, session = inputs.bake, inputs.folder, inputs.planned, inputs.session
    disk = DiskWatch(folder, report, orders.stop_requested)
    closing.callback(disk.close)
    live = LiveSettings(session, report)
    gradients = GradientGuard(planned.data, report)
    folder_names = [each.name for each in planned.data.folders]
    metrics = StepMetrics(session.model.device, folder_names, curves.put, gradients.bad_step)
    # The curves reach the step that broke.
    closing.callback(metrics.flush)
    validation = Validation(session, planned.validation.pictures, inputs.held_out) if planned.validation else None
    measuring = closing.enter_context(_measuring(inputs, report)) if session.settings.measure_weights else None
    loras = LoraSaver(session, folder, _origin(inputs), report, metrics, live, disk, measuring)
    contents = StateContents(bake, folder, inputs.manifest, session, live, metrics, validation, loras, report)
    states = StateSaver(folder, contents, live, report, disk)
    samples = Samples(session, folder, planned.base, inputs.decision, report, live, orders.stop_requested)
    probed = ProbedBake(session, planned, folder, inputs.decision, inputs.trained, inputs.held_out, report)
    position = starting_position(bake, session.plan.total_steps, states, contents, live, report)
    if measuring is not None and bake.attempt > 1:
        # A process that was killed may have saved LoRAs that it had not measured yet.
        for saved in missing_steps(report.journal, bake):
            if (folder / saved.file).is_file():
                measuring.saved(saved.step, folder / saved.file, {})
    return TrainingLoop(
        bake=bake,
        session=session,
        data=planned.data,
        prepared=inputs.trained,
        live=live,
        metrics=metrics,
        validation=validation,
        loras=loras,
        states=states,
        records=FolderRecords(folder, metrics, curves, report, disk),
        samples=samples,
        evidence=Evidence(session, probes_of(probed), report, orders.stop_requested),
        gradients=gradients,
        roll_back=RollBack(gradients, states, contents, live, metrics, curves, report, disk),
        slow_steps=SlowWatch(report, partial(card_memory, session.model.device)),
        disk=disk,
        orders=orders,
        report=report,
        position=position,
    )


def _measuring(inputs: _LoopInputs, report: Reporter) -> BackgroundMeasuring:
    return BackgroundMeasuring(
        report.journal.path,
        inputs.bake,
        inputs.folder,
        inputs.planned.base,
        inputs.session.models["pretrained_model_name_or_path"].sha256,
        report.log,
    )


def _origin(inputs: _LoopInputs) -> Origin:
    """Return what the metadata of the LoRA files tell of where they come from."""
    session, decision = inputs.session, inputs.decision
    return Origin.now(
        inputs.planned.data,
        session.plan,
        base=inputs.planned.base,
        prediction=decision.prediction,
        zero_terminal_snr=decision.zero_terminal_snr,
        hashes=file_hashes(session.models, "pretrained_model_name_or_path"),
        vae_hashes=file_hashes(session.models, "vae"),
        validation_pictures=len(inputs.held_out),
        precision=session.precision.name,
    )
