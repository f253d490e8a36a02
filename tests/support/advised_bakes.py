"""A workspace with bakes that advice is asked about, and ladders over one of their settings, made of rows alone."""

from collections.abc import Sequence
from pathlib import Path

from made_twins import EPOCH, add_bake

from trainer.advice.aim import AimPoint, BandAim, PartMove
from trainer.advice.zones import PartZone
from trainer.journal.journal import Journal
from trainer.journal.ladder_records import LadderBakeRow
from trainer.journal.measure_records import MeasuredValue
from trainer.journal.records import Checkpoint
from trainer.judging.variants import Variant
from trainer.ladders.build import ladder_of_knob, settings_of_rungs
from trainer.ladders.files import spec_toml
from trainer.settings.kept import kept_toml
from trainer.settings.model import Settings
from trainer.workspace import Workspace, make_workspace

START: dict[str, object] = {
    "pretrained_model_name_or_path": "demo",
    "max_train_epochs": 2,
    "subject": "hifumi",
    "output_name": "x",
    "unet_lr": 1e-3,
    "text_encoder_lr": 1e-4,
}
"""Settings of the bake that advice is asked about."""


def workspace_at(folder: Path) -> Workspace:
    """Return a new workspace."""
    return make_workspace(folder)


def add_measured(journal: Journal, name: str, value: float, part: str = "", **settings: object) -> int:
    """Write a bake that is done, with one measure after both epochs, and a LoRA row for each; return its number."""
    made = add_bake(
        journal, **{**{key: each for key, each in START.items() if key != "pretrained_model_name_or_path"}, **settings}
    )
    journal.measures.add(
        made, [MeasuredValue(step=step, name=name, part=part, value=value, count=8) for step in (EPOCH, 2 * EPOCH)]
    )
    for epoch in (1, 2):
        saved = Checkpoint(epoch, epoch * EPOCH, f"x-{epoch}.safetensors", 9, 0.1, None, None, None, 1e9)
        journal.results.add_checkpoint(made, saved)
    return made


def add_ladder(
    journal: Journal, knob: str, rungs: Sequence[str], values: Sequence[Sequence[float]], name: str, part: str = ""
) -> int:
    """Write a ladder around START whose rungs are baked, with a value of one measure for each twin of each rung; return its number."""
    settings = Settings.model_validate(START)
    spec = ladder_of_knob(settings, knob, rungs, twins=len(values[0]))
    row = journal.ladders.add(
        title=spec.title, spec_toml=spec_toml(spec), settings_toml=kept_toml(settings, journal.paths), of_bake=None
    )
    rows = []
    for rung, changed, here in zip(spec.rungs, settings_of_rungs(settings, spec), values, strict=True):
        for twin, value in enumerate(here):
            own = {each: getattr(changed, each) for each in START if each != "pretrained_model_name_or_path"}
            bake = add_measured(journal, name, value, part, **{**own, "seed": 100 * row.number + twin})
            rows.append(LadderBakeRow(ladder=row.number, rung=rung.label, twin=twin, bake=bake))
    journal.ladders.keep_bakes(rows)
    return row.number


def an_aim(bake: int) -> BandAim:
    """Return an aim with one point and a ladder around it."""
    settings = Settings.model_validate(START)
    spec = ladder_of_knob(settings, "text_encoder_lr", ["1", "2", "4"])
    zones = (
        PartZone("unet", "U-Net", 300, 400, "done in epochs 3–4", spacing=100),
        PartZone("text_encoder", "text encoder", 700, 800, "done in epochs 7–8", spacing=100),
    )
    variant = Variant("rate", "aims for one epoch", ("text_encoder_lr=0.0002",))
    move = PartMove("text_encoder", 1.5, 2.2, 4.8)
    point = AimPoint(
        "the text encoder to the U-Net's epoch", 346, (move,), "text_encoder_lr=0.00022: near step 346", variant
    )
    return BandAim(bake, zones, {}, (point,), spec, ("model: a simple one",))
