"""A workspace with two bakes of which much is known, and a grid of the second one's LoRAs, as a report needs them."""

import math
from dataclasses import replace
from pathlib import Path

from made_grid import made_grid

from trainer.dataset.manifest import ListedPicture, Manifest, manifest_bytes
from trainer.gallery.sheets import write_sheets
from trainer.gallery.sidecar import with_paths, write_sidecar
from trainer.journal.grid_records import CellNote
from trainer.journal.journal import Journal
from trainer.journal.measure_records import BakeNote, MeasuredValue
from trainer.journal.records import BakeState, Checkpoint, NewBake
from trainer.settings.model import Settings
from trainer.settings.toml_file import settings_toml
from trainer.workspace import Workspace

HOSTILE = "<script>alert(1)</script> & [b]x[/b] `c` | d\x1b[31m"
"""A text that is neither markup nor a control code, wherever it stands."""

EPOCHS = (40, 80, 120)
NOON = 1_795_000_000.0


def reported_workspace(root: Path, *, hostile: str = "") -> Workspace:
    """Make it: bake 2 is a re-bake of 1 with another rate; its LoRAs were measured, seen in a grid and judged.

    Args:
        root: its folder.
        hostile: a text that stands in every place where a user's, or a file's, may stand.
    """
    workspace = Workspace(root)
    root.mkdir(parents=True, exist_ok=True)
    with Journal(workspace.journal_path) as journal:
        for unet_lr, parent in ((1e-4, None), (3e-4, 1)):
            _bake(journal, unet_lr, parent, hostile)
        _measures(journal, 1)
        _measures(journal, 2)
        bake = journal.bakes.read(2)
        (root / bake.folder).mkdir(parents=True)
        _grid(journal, workspace, bake.folder, hostile)
        text = f"Halo from **epoch 2** on.\n\n![far](http://example.org/x.png) {hostile}".strip()
        journal.notes.keep(BakeNote(bake=2, text=text, tags={"te": True, hostile or "halo": True}, best_step=80))
        journal.log.write("the GPU is hot", bake=2, level="warning")
        journal.log.write("baking", bake=2)
        journal.log.write(f"a picture was left out {hostile}".strip(), bake=2, level="warning")
    return workspace


def _bake(journal: Journal, unet_lr: float, parent: int | None, hostile: str) -> None:
    settings = Settings(subject="hifumi", unet_lr=unet_lr, text_encoder_lr=2e-5, training_comment=hostile[:40])
    new = NewBake(
        name=f"hifumi {hostile}".strip(),
        settings_toml=settings_toml(settings),
        engine="e",
        total_steps=120,
        steps_per_epoch=40,
        why=f"a larger rate {hostile}".strip() if parent else "",
        parent=parent,
    )
    number = journal.bakes.add(new).number
    pictures = tuple(
        ListedPicture(f"{folder}/{at}.png", f"{at:064x}", 10, 64, 64, 3, f"1girl, {folder} {hostile}", False, 0, None)
        for at, folder in enumerate(["3_school"] * 5 + ["3_beach"] * (4 if parent is None else 2))
    )
    journal.results.set_manifest(number, manifest_bytes(Manifest(pictures=pictures)))
    loss = [(step, 0.12 + 0.05 * math.exp(-step / 40) + 0.01 * math.sin(step)) for step in range(1, 121)]
    journal.curves.add(number, "loss", loss)
    journal.curves.add(number, "grad_norm", [(step, value * 5) for step, value in loss])
    for part, rate in (("unet", unet_lr), ("text_encoder", 2e-5)):
        journal.curves.add(number, f"lr_{part}", [(step, rate * min(1.0, step / 12)) for step in range(1, 121)])
    for at, step in enumerate(EPOCHS):
        saved = Checkpoint(at + 1, step, f"hifumi-{at + 1:06d}.safetensors", 10**7, 0.13, 0.12, -0.02 * at, 0.004, NOON)
        journal.results.add_checkpoint(number, saved)
        journal.results.add_validation(number, step, 0.12 - 0.01 * at, -0.01 * at, 0.004)
    journal.bakes.set_state(number, BakeState.DONE)


def _measures(journal: Journal, number: int) -> None:
    values = []
    for at, step in enumerate(EPOCHS):
        encoder = 0.7 - 0.3 * at
        for scope, shift in (("", 0.0), ("outfit school", 0.05), ("outfit beach", -0.05), ("folder 3_beach", 0.0)):
            shares = {"unet": 0.9 - encoder - shift, "text_encoder": encoder + shift}
            about = {"step": step, "scope": scope, "count": 16}
            values += [
                MeasuredValue(name="output_share", part=part, value=share, low=share - 0.1, high=share + 0.1, **about)
                for part, share in shares.items()
            ]
            lead = shares["text_encoder"] - shares["unet"]
            values.append(MeasuredValue(name="output_lead", value=lead, low=lead - 0.1, high=lead + 0.1, **about))
            values.append(MeasuredValue(name="output_together", value=0.1, **about))
        values.append(MeasuredValue(step=step, name="output_alone", part="unet", value=0.1 * 3**at, count=16))
        values.append(MeasuredValue(step=step, name="memorization_auc", value=0.55 + 0.15 * at, count=16))
        values.append(MeasuredValue(step=step, name="memorization_p", value=0.3 / 100**at, count=16))
    values.append(MeasuredValue(step=120, name="output_last", part="unet", value=0.4, low=0.3, high=0.5, count=16))
    journal.measures.add(number, values)


def _grid(journal: Journal, workspace: Workspace, bake_folder: str, hostile: str) -> None:
    row = journal.grids.add(name=f"epochs {hostile}".strip(), spec="{}")
    folder = workspace.root / row.folder
    made = made_grid(folder, (3, 1, 1, 2))
    here = workspace.root / bake_folder
    made = with_paths(made, lambda path: str(here / Path(path).name) if path.endswith(".safetensors") else path)
    cells = tuple(
        replace(cell, recipe=replace(cell.recipe, loras=tuple(replace(use, unet=1.0, text_encoder=1.0) for use in cell.recipe.loras)))
        for cell in made.cells
    )  # fmt: skip
    made = replace(made, cells=cells)
    write_sidecar(made, folder)
    write_sheets(made, folder)
    for cell, verdict in zip(made.cells, ("under", "under", "right", "right", "over", ""), strict=True):
        ticks = {f"halo {hostile}".strip(): verdict != "under"}
        journal.grids.set_cell_note(
            CellNote(row.number, cell.place.name, favourite=verdict == "right", whole=verdict, ticks=ticks)
        )
