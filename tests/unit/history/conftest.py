"""A workspace with a journal, and bakes put into it as the tests need them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from made_grid import made_grid

from trainer.gallery.sidecar import MadeCell, write_sidecar
from trainer.history.facts import make_missing
from trainer.history.history import BakeHistory
from trainer.journal.grid_records import CellNote
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState, Checkpoint, NewBake
from trainer.settings.model import Settings
from trainer.settings.toml_file import settings_toml
from trainer.workspace import Workspace

AddBake = Callable[..., int]
Read = Callable[[], BakeHistory]
Judge = Callable[[Sequence[Path], Mapping[tuple[int, int], CellNote]], None]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def journal(workspace: Workspace) -> Iterator[Journal]:
    with Journal(workspace.journal_path) as journal:
        yield journal


@pytest.fixture
def add(journal: Journal, workspace: Workspace) -> AddBake:
    """Add a bake that ended and saved LoRAs at the ends of its epochs of 40 steps; return its number."""

    def add(
        name: str = "hifumi",
        *,
        parent: int | None = None,
        epochs: int = 0,
        state: BakeState | None = BakeState.DONE,
        starts_from: str = "",
        files: bool = False,
        **settings: object,
    ) -> int:
        new = NewBake(
            name=name,
            settings_toml=settings_toml(Settings.model_validate(settings)),
            engine="",
            total_steps=40 * max(1, epochs),
            steps_per_epoch=40,
            parent=parent,
            starts_from=starts_from,
        )
        number = journal.bakes.add(new).number
        folder = workspace.root / f"bakes/{number:04d}-{name}"
        for epoch in range(1, epochs + 1):
            file = f"{name}-{epoch:06d}.safetensors"
            saved = Checkpoint(epoch, 40 * epoch, file, 9, 0.1 / epoch, None, None, None, 1e9)
            journal.results.add_checkpoint(number, saved)
            if files:
                (folder / "state").mkdir(parents=True, exist_ok=True)
                (folder / file).write_bytes(b"123456789")
                (folder / "state" / f"{40 * epoch:08d}.safetensors").write_bytes(b"1234")
        if state is not None:
            journal.bakes.set_state(number, BakeState.STARTING)
            journal.bakes.set_state(number, state)
        return number

    return add


@pytest.fixture
def read(journal: Journal, workspace: Workspace) -> Read:
    """Make the facts that are missing and read the history."""

    def read() -> BakeHistory:
        make_missing(journal, workspace)
        history = BakeHistory(journal)
        history.refresh()
        return history

    return read


@pytest.fixture
def judge(workspace: Workspace, journal: Journal) -> Judge:
    """Make a grid of two epochs of a bake by U-Net weight from 0 to 1, with verdicts on pictures by (epoch, row)."""

    def judge(files: Sequence[Path], verdicts: Mapping[tuple[int, int], CellNote]) -> None:
        grid = journal.grids.add(name="epochs", spec="{}", bake=None)
        folder = workspace.root / grid.folder
        made = made_grid(folder, (2, 5, 1, 1))

        def own(cell: MadeCell) -> MadeCell:
            loras = tuple(replace(use, path=files[cell.place.x]) for use in cell.recipe.loras)
            return replace(cell, recipe=replace(cell.recipe, loras=loras))

        write_sidecar(replace(made, cells=tuple(map(own, made.cells))), folder)
        for (epoch, row), note in verdicts.items():
            journal.grids.set_cell_note(replace(note, grid=grid.number, cell=f"x{epoch}-y{row}-z1-s1"))

    return judge
