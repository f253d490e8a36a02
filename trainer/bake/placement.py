"""Placement of a model's encoders for the steps: kept as outputs, at rest, or on the device."""

from collections.abc import Sequence

from trainer.bake.session import TrainingSession


def place_encoders(session: TrainingSession, captions: Sequence[str]) -> None:
    """Cache the outputs of encoders that never train, where captions never vary; bring the others to the device.

    Args:
        session: before its first step.
        captions: every text that will be asked for, where no showing of a picture has other words; else none.
    """
    if captions:
        session.text_embeddings.cache_for(captions)
    for part in session.model.encoders:
        if part not in session.trained_parts.initial:
            session.text_embeddings.freeze(part)
    session.text_embeddings.place()
