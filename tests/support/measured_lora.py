"""A finished bake opened again, to measure the validation loss with its LoRA or on another base."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trainer.bake.latents import encode_pictures
from trainer.bake.session import TrainingSession, open_session
from trainer.bake.validation import Validation
from trainer.dataset.buckets import bucket_rules, placement_of
from trainer.dataset.records import Picture
from trainer.jobs.preflight import prepare
from trainer.network.lora_file import read_into
from trainer.settings.subject import resolve
from trainer.settings.toml_file import load_settings


@contextmanager
def opened(folder: Path, base: Path | None = None) -> Iterator[tuple[TrainingSession, tuple[Picture, ...]]]:
    """Open the bake of a folder with its last LoRA, or with an untrained one on another base; yield it and its held-out pictures."""
    path = folder / "settings.toml"
    found = load_settings(path)
    if base is not None:
        found = found.model_copy(update={"pretrained_model_name_or_path": str(base)})
    settings = resolve(found, path)
    planned = prepare(settings)
    with open_session(settings, planned) as session:
        if base is None:
            read_into(session.network, folder / "hifumi.safetensors")
        yield session, planned.validation.pictures


def validation_of(session: TrainingSession, pictures: tuple[Picture, ...]) -> Validation:
    """Return the bake's validation."""
    rules = bucket_rules(session.settings)
    placements = [placement_of(each.width, each.height, rules) for each in pictures]
    return Validation(session, pictures, dict(encode_pictures(session.model, pictures, placements, 8)))


def validation_loss(session: TrainingSession, pictures: tuple[Picture, ...]) -> float:
    """Return the validation loss of the LoRA as it stands."""
    return validation_of(session, pictures).measure(0, lambda done, total: None).loss
