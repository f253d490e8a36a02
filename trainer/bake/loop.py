"""A bake from its settings to its last file: load, cache, step after step, save."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from trainer.bake.checkpoints import Checkpoints
from trainer.bake.feeding import Feed
from trainer.bake.ground import Ground, keep_records, survey
from trainer.bake.latents import encoded
from trainer.bake.orders import Orders
from trainer.bake.readings import Readings
from trainer.bake.report import Report
from trainer.bake.step import train_step
from trainer.bake.validation import Validation, Verdict
from trainer.bake.workbench import Workbench, workbench
from trainer.dataset.buckets import Placement, place, rules_of
from trainer.dataset.scan import Picture
from trainer.errors import BakeFailed
from trainer.journal.journal import Journal
from trainer.journal.metrics import MetricWriter
from trainer.journal.records import Bake, BakeState
from trainer.network.metadata import Origin
from trainer.settings.model import Settings

Latents = dict[int, Tensor]


def run_bake(bake: Bake, settings: Settings, folder: Path, journal: Journal) -> BakeState:
    """Bake a LoRA into `folder` and return DONE, or STOPPED where it was ordered to stop; the journal has the state then.

    The stage at work (`load`, `cache`, `validate`, `step`, `save`) stands in the journal; after a failure it names the place.
    Equal settings and data give equal LoRAs bit for bit on one machine, whatever ran in the process before.

    Args:
        bake: the journal's row.
        settings: with every path filled in.
        folder: the bake's own, there already.
        journal: opened in this thread.

    Raises:
        LoraTuiError: settings, data, base or machine do not allow the bake.
        Exception: whatever else a library raises.
    """
    report = Report(journal, bake.number)
    try:
        state = _bake(settings, folder, report)
    except torch.OutOfMemoryError as error:
        raise BakeFailed(
            f"stage {report.at}",
            found="the card's memory is full",
            way_out="lower train_batch_size or resolution, or set gradient_checkpointing = true",
        ) from error
    journal.set_state(bake.number, state)
    return state


def _bake(settings: Settings, folder: Path, report: Report) -> BakeState:
    orders = Orders(report)
    report.stage("load")
    ground = survey(settings)
    keep_records(settings, ground, folder, report)
    with workbench(settings, ground) as bench:
        report.say(f"{ground.base.name} on {bench.model.device}, precision {bench.precision.name}")
        latents = _cached(bench, ground.data.pictures, ground.plan.placements, orders, report)
        held_out = None if latents is None else _held_out(bench, ground, orders, report)
        if latents is None or held_out is None:
            report.say("stopped before the first step: there is nothing to save")
            return BakeState.STOPPED
        bench.model.put_vae_away()
        report.journal.set_state(report.number, BakeState.BAKING)
        return _train(bench, ground, folder, latents, held_out, orders, report)


def _cached(
    bench: Workbench, pictures: Sequence[Picture], placements: Sequence[Placement], orders: Orders, report: Report
) -> Latents | None:
    """Return the latents by picture, or None where the bake was told to stop."""
    report.stage("cache", 0, len(pictures))
    latents: Latents = {}
    for index, latent in encoded(bench.model, pictures, placements, bench.settings.vae_batch_size):
        latents[index] = latent
        report.stage("cache", len(latents), len(pictures))
        nothing_yet = partial(report.say, "there is nothing to save yet")
        if orders.obey(BakeState.STARTING, save=nothing_yet, settle=lambda: None):
            return None
    return latents


def _held_out(bench: Workbench, ground: Ground, orders: Orders, report: Report) -> Latents | None:
    """Return the latents of the validation pictures, or None where the bake was told to stop."""
    if ground.validation is None:
        return {}
    rules = rules_of(bench.settings)
    pictures = ground.validation.pictures
    return _cached(bench, pictures, [place(each.width, each.height, rules) for each in pictures], orders, report)


def _train(
    bench: Workbench,
    ground: Ground,
    folder: Path,
    latents: Latents,
    held_out: Latents,
    orders: Orders,
    report: Report,
) -> BakeState:
    journal, number, total = report.journal, report.number, bench.plan.total_steps
    device = bench.model.device
    with ExitStack() as closing:
        metrics = closing.enter_context(MetricWriter(journal.path, number))
        readings = Readings(device, [each.name for each in ground.data.folders], metrics.put, report.say)
        # Also after a failure, so that the curves reach the step that broke.
        closing.callback(readings.settle)
        origin = Origin.now(ground.data, bench.plan, validation_pictures=len(held_out), precision=bench.precision.name)
        checkpoints = Checkpoints(bench, folder, origin, report, readings)
        validation = Validation(bench, ground.validation.pictures, held_out) if ground.validation else None
        verdict = _validated(validation, 0, report) if validation else None
        feed = closing.enter_context(Feed(bench, ground.data, latents, pin=device.type == "cuda"))
        report.stage("step", 0, total)
        readings.start_clock()
        state = BakeState.DONE
        for work in feed:
            readings.note(work, train_step(bench, work))
            report.stage("step", work.step, total)
            if work.ends_epoch:
                journal.add_folder_losses(number, work.epoch, readings.folder_losses())
            if validation and validation.due(work):
                verdict = _validated(validation, work.step, report)
            checkpoints.save_planned(work, verdict)
            save_now = partial(checkpoints.save_now, work, verdict)
            if work.step < total and orders.obey(BakeState.BAKING, save=save_now, settle=readings.settle):
                checkpoints.save_at_stop(work, verdict)
                report.say(f"stopped after step {work.step} of {total}")
                state = BakeState.STOPPED
                break
            readings.start_clock()
        readings.settle()
        readings.write(folder / "metrics.npz")
    return state


def _validated(validation: Validation, step: int, report: Report) -> Verdict:
    with report.aside("validate"):
        verdict = validation.measure(step, partial(report.stage, "validate"))
    report.journal.add_validation(report.number, step, verdict.loss, verdict.change, verdict.error)
    return verdict
