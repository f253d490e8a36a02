"""One grid over the rungs of a ladder: epochs across, a row for each rung and twin."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from lora_on_disk import write_lora
from made_ladders import baked, spec_of_factors

from trainer.demo.workspace import demo_settings, demo_subject
from trainer.errors import GridError
from trainer.grid.expand import expand
from trainer.grid.model_files import ModelFiles
from trainer.grid.spec import parse_spec, spec_json
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState, Checkpoint, NewBake
from trainer.ladders.grid import grid_spec
from trainer.ladders.record import LadderSpec, LadderState
from trainer.settings.subject import save_subject
from trainer.settings.toml_file import settings_toml
from trainer.workspace import Workspace, make_workspace

SPEC = replace(spec_of_factors((0.1, 1, 10)), twins=2)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = make_workspace(tmp_path / "workspace")
    save_subject(demo_subject(), workspace.subjects / "hifumi.toml")
    return workspace


@pytest.fixture
def journal(workspace: Workspace) -> Iterator[Journal]:
    with Journal(workspace.journal_path) as journal:
        yield journal


def add(journal: Journal, workspace: Workspace, epochs: int, base: str = "demo") -> int:
    settings = demo_settings().model_copy(update={"output_name": "h", "pretrained_model_name_or_path": base})
    new = NewBake(name="h", settings_toml=settings_toml(settings), engine="", total_steps=240, steps_per_epoch=40)
    bake = journal.bakes.add(new)
    for epoch in range(1, epochs + 1):
        file = f"h-{epoch:06d}.safetensors"
        write_lora(workspace.root / bake.folder / file)
        saved = Checkpoint(epoch, 40 * epoch, file, 1, None, None, None, None, 1e9)
        journal.results.add_checkpoint(bake.number, saved)
    journal.bakes.set_state(bake.number, BakeState.DONE)
    return bake.number


def ladder(journal: Journal, workspace: Workspace, spec: LadderSpec = SPEC, epochs: int = 2) -> LadderState:
    places = [(rung, twin) for rung in range(len(spec.rungs)) for twin in range(spec.twins)]
    return baked(spec, {place: add(journal, workspace, epochs) for place in places})


def test_epochs_go_across_and_each_rung_and_twin_has_a_row(journal: Journal, workspace: Workspace) -> None:
    spec = grid_spec(journal, workspace, ladder(journal, workspace))
    made = expand(parse_spec(spec_json(spec), "grid"), ModelFiles(workspace.root))
    assert made.x.labels == ("1", "2")
    assert made.y.labels == ("×0.1", "×0.1 twin 1", "×1", "×1 twin 1", "×10", "×10 twin 1")
    assert (made.y.kind, made.y.title) == ("bake", "Bake")
    seeds = len(made.seeds)
    assert seeds >= 4 and len(made.cells) == 2 * 6 * seeds
    of_row = {(cell.place.x, cell.place.y): cell.recipe.loras[0].path for cell in made.cells}
    assert len(set(of_row.values())) == 12
    assert of_row[1, 4].parent.name.startswith("0005-") and of_row[1, 4].name == "h-000002.safetensors"
    assert made.cells[0].epoch == "×0.1:1"


def test_without_twins_a_rung_has_its_first_bake(journal: Journal, workspace: Workspace) -> None:
    spec = grid_spec(journal, workspace, ladder(journal, workspace), twins=False)
    assert expand(spec, ModelFiles(workspace.root)).y.labels == ("×0.1", "×1", "×10")


def test_bakes_of_other_lengths_are_shown_at_common_epochs_and_at_their_ends(
    journal: Journal, workspace: Workspace
) -> None:
    state = baked(replace(SPEC, twins=1), {(rung, 0): add(journal, workspace, rung + 1) for rung in range(3)})
    made = expand(grid_spec(journal, workspace, state), ModelFiles(workspace.root))
    assert made.x.labels == ("1", "last")
    last = {cell.place.y: cell.recipe.loras[0].path.name for cell in made.cells if cell.place.x == 1}
    assert last == {0: "h-000001.safetensors", 1: "h-000002.safetensors", 2: "h-000003.safetensors"}


def test_a_label_with_commas_and_colons_is_a_row(journal: Journal, workspace: Workspace) -> None:
    rungs = tuple(replace(rung, label=f'unet_lr ×{at}, "te": {at}') for at, rung in enumerate(SPEC.rungs))
    spec = grid_spec(journal, workspace, ladder(journal, workspace, replace(SPEC, rungs=rungs, twins=1)))
    assert expand(spec, ModelFiles(workspace.root)).y.labels == tuple(rung.label for rung in rungs)


def test_rungs_without_a_saved_lora_are_left_out_and_without_any_it_is_refused(
    journal: Journal, workspace: Workspace
) -> None:
    state = baked(SPEC, {(0, 0): add(journal, workspace, 1), (1, 0): add(journal, workspace, 0)})
    assert expand(grid_spec(journal, workspace, state), ModelFiles(workspace.root)).y.labels == ("×0.1",)
    with pytest.raises(GridError, match="no bake of it has saved a LoRA"):
        grid_spec(journal, workspace, baked(SPEC, {(1, 0): add(journal, workspace, 0)}))


def test_rungs_on_other_bases_are_refused(journal: Journal, workspace: Workspace) -> None:
    bakes = {(0, 0): add(journal, workspace, 1), (1, 0): add(journal, workspace, 1, base="/models/a.safetensors")}
    with pytest.raises(GridError, match="rungs on 2 bases"):
        grid_spec(journal, workspace, baked(SPEC, bakes))
