"""The prediction type of a bake's base, read from its file, and measured on a few of the bake's own pictures where needed."""

import weakref
from collections.abc import Hashable

import torch

from trainer.bake.latent_cache import LatentCache
from trainer.bake.latents import encode_pictures
from trainer.bake.reporter import Reporter
from trainer.bake.session import TrainingSession
from trainer.families.registry import family_record
from trainer.jobs.preflight import PlannedBake
from trainer.journal.records import Stage
from trainer.lean.compute_options import ComputeOptions
from trainer.models.base_model import BaseModel
from trainer.models.prediction_type import (
    PredictionDecision,
    PredictionScores,
    decide,
    decision_by_family,
    measure,
    needs_measuring,
)

# Each is seen at several times; more would only cost.
_PICTURES = 4

# Of each loaded base: what decided the scores, and they. On a CPU a large base takes a minute for them.
_before: weakref.WeakKeyDictionary[BaseModel, tuple[Hashable, PredictionScores]] = weakref.WeakKeyDictionary()


def find_prediction_type(
    session: TrainingSession, planned: PlannedBake, report: Reporter, store: LatentCache | None = None
) -> PredictionDecision:
    """Decide what the base predicts, and let the model's schedule follow it. Nothing stays on the card of what that took.

    Args:
        session: before its first step.
        planned: its data and what its base says of itself.
        report: hears what was decided.
        store: where latents are looked up and kept; None for nowhere.

    Raises:
        SettingsError: the setting v_parameterization contradicts what was measured, or nothing can tell.
    """
    settings, said = session.settings, planned.base.markers
    scores, always = None, family_record(session.model.family).prediction
    if always is not None:
        decision = decision_by_family(always)
    else:
        if needs_measuring(said, settings.v_parameterization):
            report.stage(Stage.MEASURE)
            scores = _measured(session, planned, store)
        decision = decide(said, settings.v_parameterization, settings.zero_terminal_snr, scores)
    session.model.schedule = session.model.schedule_for(decision.prediction, decision.zero_terminal_snr)
    report.log(decision.line, level="warning" if decision.is_warning else "info")
    return decision


def _measured(session: TrainingSession, planned: PlannedBake, store: LatentCache | None) -> PredictionScores:
    """Return how well the bare base's output fits noise and v; what was measured before on the same base is not again.

    What it predicts is the base's own: only scores that do not tell clearly are taken anew on other pictures, or with other noise.
    """
    model, settings = session.model, session.settings
    before = _before.get(model)
    if before is not None and before[1].is_clear:
        return before[1]
    # One shape, so that they go through the U-Net together.
    bucket = planned.plan.placements[0].bucket
    members = [index for index, placement in enumerate(planned.plan.placements) if placement.bucket == bucket]
    # Whole batches, as they will be asked for again when all are cached.
    together = settings.vae_batch_size
    members = members[: -(-_PICTURES // together) * together]
    pictures = [planned.data.pictures[index] for index in members]
    placements = [planned.plan.placements[index] for index in members]
    found = dict(encode_pictures(model, pictures, placements, together, store))
    # All the other pictures are encoded next.
    model.put_vae_away(for_good=False)
    prepared = [found[index] for index in range(len(members))][:_PICTURES]
    captions = [picture.caption for picture in pictures][:_PICTURES]
    key = (
        tuple(each.latents.numpy().tobytes() for each in prepared),
        tuple(each.time_ids for each in prepared),
        tuple(captions),
        (settings.seed, settings.clip_skip, settings.max_token_length),
        ComputeOptions.of(settings),
    )
    if before is not None and before[0] == key:
        return before[1]
    with session.base_alone(), torch.no_grad():
        text = session.text_embeddings.of(captions, session.text_embeddings.tokenize(captions))
        for part in model.encoders:
            model.put_encoder_away(part)
        model.bring_body()
        latents = torch.stack([each.latents for each in prepared]).to(model.device)
        sizes = torch.tensor([each.time_ids for each in prepared], device=model.device)
        scores = measure(model, latents, text, sizes, settings.seed)
    model.put_body_away()
    _before[model] = (key, scores)
    return scores
