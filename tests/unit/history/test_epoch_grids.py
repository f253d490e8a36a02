"""The grid by whose pictures a saved LoRA is judged."""

import pytest

from trainer.history.epoch_grids import newest_grid_of
from trainer.journal.journal import Journal
from trainer.long_work import WorkStopped, watched
from trainer.workspace import Workspace


def test_it_is_the_newest_with_a_picture_of_the_lora_alone_at_full_weight(
    add, judge, journal: Journal, workspace: Workspace
) -> None:
    bake, other = add(epochs=3), add(epochs=2)
    loras = {
        (number, epoch): workspace.root / f"bakes/{number:04d}-hifumi/hifumi-{epoch:06d}.safetensors"
        for number in (bake, other)
        for epoch in (1, 2, 3)
    }
    judge([loras[bake, 1], loras[bake, 2]], {})
    judge([loras[bake, 2], loras[other, 1]], {})
    assert newest_grid_of(journal, workspace, bake, 40) == 1
    assert newest_grid_of(journal, workspace, bake, 80) == 2
    assert newest_grid_of(journal, workspace, other, 40) == 2
    assert newest_grid_of(journal, workspace, bake, 120) is None
    # Row 5 is the one at full weight: without its picture there is nothing to judge by.
    (workspace.root / journal.grids.read(2).folder / "x1-y5-z1-s1.png").unlink()
    assert newest_grid_of(journal, workspace, bake, 80) == 1
    (workspace.root / journal.grids.read(1).folder / "grid.json").write_text("{")
    assert newest_grid_of(journal, workspace, bake, 80) is None


def test_looking_for_it_can_be_ended(add, judge, journal: Journal, workspace: Workspace) -> None:
    judge([workspace.root / "a.safetensors", workspace.root / "b.safetensors"], {})
    with pytest.raises(WorkStopped), watched(lambda now: None, lambda: True):
        newest_grid_of(journal, workspace, add(epochs=1), 40)
