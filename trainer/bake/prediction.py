"""What does the base of this bake predict? Read from its file, and measured on a few of the bake's own pictures where that is needed."""

import torch

from trainer.bake.ground import Ground
from trainer.bake.latents import encoded
from trainer.bake.report import Report
from trainer.bake.workbench import Workbench
from trainer.models.noise_schedule import NoiseSchedule
from trainer.models.prediction import Decision, decide, measure, needs_measuring

# Each is seen at several times; more would only cost.
_PICTURES = 4


def find_prediction(bench: Workbench, ground: Ground, report: Report) -> Decision:
    """Decide what the base predicts, and let the model's schedule follow it.

    Raises:
        SettingsError: the setting v_parameterization contradicts what was measured, or nothing can tell.
    """
    settings, said = bench.settings, ground.base.said
    scores = None
    if needs_measuring(said, settings.v_parameterization):
        report.stage("measure")
        # One shape, so that they go through the U-Net together.
        bucket = ground.plan.placements[0].bucket
        chosen = [i for i, placement in enumerate(ground.plan.placements) if placement.bucket == bucket][:_PICTURES]
        pictures = [ground.data.pictures[index] for index in chosen]
        placements = [ground.plan.placements[index] for index in chosen]
        found = dict(encoded(bench.model, pictures, placements, settings.vae_batch_size))
        prepared = [found[index] for index in range(len(pictures))]
        captions = [picture.caption for picture in pictures]
        with bench.base_alone(), torch.no_grad():
            text = bench.texts.of(captions, bench.texts.tokenize(captions))
            latents = torch.stack([each.latents for each in prepared]).to(bench.model.device)
            sizes = torch.tensor([each.sizes for each in prepared], device=bench.model.device)
            scores = measure(bench.model, latents, text, sizes, settings.seed)
    decision = decide(said, settings.v_parameterization, settings.zero_terminal_snr, scores)
    bench.model.schedule = NoiseSchedule(decision.prediction, decision.zero_terminal_snr, bench.model.device)
    report.say(decision.line, level="warning" if decision.is_warning else "info")
    return decision
