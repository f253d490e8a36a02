"""What does the base of this bake predict? Read from its file, and measured on a few of the bake's own pictures where that is needed."""

import weakref
from collections.abc import Hashable

import torch

from trainer.bake.ground import Ground
from trainer.bake.latent_store import LatentStore
from trainer.bake.latents import encoded
from trainer.bake.report import Report
from trainer.bake.workbench import Workbench
from trainer.lean.arrangement import Arrangement
from trainer.models.noise_schedule import NoiseSchedule
from trainer.models.prediction import Decision, Scores, decide, measure, needs_measuring
from trainer.models.stable_diffusion import StableDiffusion

# Each is seen at several times; more would only cost.
_PICTURES = 4

# Of each loaded base: what decided the scores, and they. On a CPU a large base takes a minute for them.
_before: weakref.WeakKeyDictionary[StableDiffusion, tuple[Hashable, Scores]] = weakref.WeakKeyDictionary()


def find_prediction(bench: Workbench, ground: Ground, report: Report, store: LatentStore | None = None) -> Decision:
    """Decide what the base predicts, and let the model's schedule follow it. Nothing stays on the card of what that took.

    Args:
        bench: before its first step.
        ground: its data and what its base says of itself.
        report: hears what was decided.
        store: where latents are looked up and kept; None for nowhere.

    Raises:
        SettingsError: the setting v_parameterization contradicts what was measured, or nothing can tell.
    """
    settings, said = bench.settings, ground.base.said
    scores = None
    if needs_measuring(said, settings.v_parameterization):
        report.stage("measure")
        scores = _measured(bench, ground, store)
    decision = decide(said, settings.v_parameterization, settings.zero_terminal_snr, scores)
    bench.model.schedule = NoiseSchedule(decision.prediction, decision.zero_terminal_snr, bench.model.device)
    report.say(decision.line, level="warning" if decision.is_warning else "info")
    return decision


def _measured(bench: Workbench, ground: Ground, store: LatentStore | None) -> Scores:
    """Return how well the bare base's output fits noise and v; what was measured before on the same base is not again."""
    model, settings = bench.model, bench.settings
    # One shape, so that they go through the U-Net together.
    bucket = ground.plan.placements[0].bucket
    members = [index for index, placement in enumerate(ground.plan.placements) if placement.bucket == bucket]
    # Whole batches, as they will be asked for again when all are cached.
    together = settings.vae_batch_size
    members = members[: -(-_PICTURES // together) * together]
    pictures = [ground.data.pictures[index] for index in members]
    placements = [ground.plan.placements[index] for index in members]
    found = dict(encoded(model, pictures, placements, together, store))
    model.put_vae_away()
    prepared = [found[index] for index in range(len(members))][:_PICTURES]
    captions = [picture.caption for picture in pictures][:_PICTURES]
    key = (
        tuple(each.latents.numpy().tobytes() for each in prepared),
        tuple(each.sizes for each in prepared),
        tuple(captions),
        (settings.seed, settings.clip_skip, settings.max_token_length),
        Arrangement.of(settings),
    )
    before = _before.get(model)
    if before is not None and before[0] == key:
        return before[1]
    with bench.base_alone(), torch.no_grad():
        text = bench.texts.of(captions, bench.texts.tokenize(captions))
        for part in model.encoders:
            model.put_encoder_away(part)
        model.bring_unet()
        latents = torch.stack([each.latents for each in prepared]).to(model.device)
        sizes = torch.tensor([each.sizes for each in prepared], device=model.device)
        scores = measure(model, latents, text, sizes, settings.seed)
    model.put_unet_away()
    _before[model] = (key, scores)
    return scores
