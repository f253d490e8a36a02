"""Bakes as they stand in a journal once they ended, with values measured of their epochs, for tests of what twins say."""

from collections.abc import Mapping
from dataclasses import replace

from trainer.dataset.manifest import ListedModel, ListedPicture, Manifest, manifest_bytes
from trainer.journal.journal import Journal
from trainer.journal.measure_records import MeasuredValue
from trainer.journal.records import BakeState, Checkpoint, NewBake
from trainer.settings.model import Settings
from trainer.settings.toml_file import settings_toml

EPOCH = 10
PICTURE = ListedPicture("1_a/a.png", "0" * 64, 9, 64, 64, 1, "a, red", is_reg=False, group=0, mask=None)
DATA = Manifest(pictures=(PICTURE,), models={"pretrained_model_name_or_path": ListedModel("1" * 64, 9)})
OTHER_DATA = replace(DATA, pictures=(replace(PICTURE, caption="a, blue"),))


def add_bake(
    journal: Journal,
    values: Mapping[str, float] | None = None,
    *,
    data: Manifest = DATA,
    losses: Mapping[int, float] | None = None,
    parent: int | None = None,
    starts_from: str = "",
    device: str = "cpu",
    **settings: object,
) -> int:
    """Write a bake of two epochs that is done; return its number.

    Args:
        journal: open.
        values: measure -> its value of the U-Net after both epochs.
        data: what it stands on.
        losses: step -> training loss of the LoRA saved there.
        parent, starts_from, device: of its row.
        settings: that differ from the defaults.
    """
    made = Settings.model_validate({"pretrained_model_name_or_path": "demo", "max_train_epochs": 2, **settings})
    new = NewBake(
        name=made.output_name or "x",
        settings_toml=settings_toml(made),
        engine="e",
        total_steps=2 * EPOCH,
        steps_per_epoch=EPOCH,
        parent=parent,
        starts_from=starts_from,
    )
    number = journal.bakes.add(new).number
    journal.bakes.set_device(number, device)
    journal.results.set_manifest(number, manifest_bytes(data))
    rows = [
        MeasuredValue(step=step, name=name, part="unet", value=value, count=4)
        for name, value in (values or {}).items()
        for step in (EPOCH, 2 * EPOCH)
    ]
    journal.measures.add(number, rows)
    for step, loss in (losses or {}).items():
        saved = Checkpoint(step // EPOCH, step, f"x-{step}.safetensors", 9, loss, loss / 2, -loss, 0.1, 1e9)
        journal.results.add_checkpoint(number, saved)
    journal.bakes.set_state(number, BakeState.DONE)
    return number
