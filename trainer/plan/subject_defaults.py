"""Subject and settings for a first bake, derived from its pictures and its base."""

import os
from pathlib import Path

from pydantic import ValidationError

from trainer.dataset.records import DataSet
from trainer.dataset.scan import scan
from trainer.dataset.sources import folder_words
from trainer.dataset.trigger import guessed_trigger
from trainer.families.registry import family_record
from trainer.prompts.attention import escaped
from trainer.settings.model import Settings
from trainer.settings.parts import Family
from trainer.settings.refusal import refused_setting
from trainer.settings.subject import DEMO_BASE, Subject

# An epoch of about this many pictures gives saves that differ enough to choose between.
_PICTURES_PER_EPOCH = 200
# The demo base: 64 px pictures, a VAE that shrinks by 4 and a U-Net that halves three times, so sides are multiples of 32;
# rank, rates and batch are what its data were tried with.
_DEMO: dict[str, object] = {
    "resolution": "64",
    "min_bucket_reso": 32,
    "max_bucket_reso": 128,
    "bucket_reso_steps": 32,
    "train_batch_size": 4,
    "network_dim": 8,
    "network_alpha": 8.0,
    "unet_lr": 2e-3,
    "text_encoder_lr": 1e-3,
    "max_train_epochs": 6,
}


def subject_defaults(
    name: str,
    data_dir: Path,
    base: str,
    validation_dir: Path | None = None,
    *,
    family: Family,
    gpu_bytes: int | None = None,
) -> tuple[Subject, Settings]:
    """Return the subject and the settings of a first bake; the paths are in the subject, and the settings name it.

    Args:
        name: of the subject and its files.
        data_dir: folder with the pictures.
        base: path of the base model, or `demo`.
        validation_dir: folder with pictures kept out of training, or None.
        family: the base's.
        gpu_bytes: memory of the GPU that it will be baked on; None where there is none.

    Raises:
        DatasetError: the pictures cannot be used.
        SettingsError: `name` is no file name.
    """
    data = scan(data_dir, caption_extension=Settings().caption_extension)
    flat = [folder for folder in data.folders if folder_words(folder.name) is None]
    values: dict[str, object] = {"subject": name, "output_name": name}
    if flat and len(flat) == len(data.folders):
        values["dataset_repeats"] = max(1, round(_PICTURES_PER_EPOCH / len(data.pictures)))
    if base == DEMO_BASE:
        values |= _DEMO
    else:
        values |= family_record(family).first_settings_on(gpu_bytes)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise refused_setting(error, lambda field: "name" if field in ("subject", "output_name") else field) from None
    trigger = guess_trigger(name, data)
    subject = Subject(
        name=name,
        trigger=trigger,
        train_data_dir=os.path.abspath(data_dir),
        validation_data_dir=os.path.abspath(validation_dir) if validation_dir else "",
        pretrained_model_name_or_path=base if base == DEMO_BASE else os.path.abspath(base),
        outfits=_outfits(data),
        prompts={"plain": escaped(trigger)},
        seeds=[0, 1, 2, 3],
    )
    return subject, settings


def guess_trigger(name: str, data: DataSet) -> str:
    """Return the word that seems to call the subject: the `N_name` folder's, else the captions' first, else `name`."""
    captions = [picture.caption for picture in data.pictures if picture.caption_file]
    return guessed_trigger(name, (folder.name for folder in data.folders), captions)


def _outfits(data: DataSet) -> dict[str, str]:
    """Return folder → words, as a prompt has them, where the pictures lie in several `N_name` folders."""
    words = {folder.name: folder_words(folder.name) or "" for folder in data.folders}
    named = {folder: escaped(text) for folder, text in words.items() if text}
    return named if len(named) > 1 else {}
