"""What a LoRA from elsewhere cannot be: resumed, forked, extended, or have twins."""

from collections.abc import Callable
from pathlib import Path

import pytest
from lora_on_disk import write_lora

from trainer.errors import WorkspaceError
from trainer.history.imports import find_loras, import_loras
from trainer.jobs.fork import extend, preview_fork, resume
from trainer.jobs.twin import preview_twins
from trainer.journal.journal import Journal
from trainer.workspace import Workspace, make_workspace

ASKED: dict[str, Callable[[Journal, Workspace], object]] = {
    "resume": lambda journal, workspace: resume(journal, 1, "x"),
    "fork": lambda journal, workspace: preview_fork(journal, workspace, 1),
    "extend": lambda journal, workspace: extend(journal, workspace, 1, epochs=2, engine="x"),
    "twin": lambda journal, workspace: preview_twins(journal, workspace, 1),
}


@pytest.mark.parametrize("asked", ASKED)
def test_a_lora_from_elsewhere_is_refused_with_how_it_could_be_baked_here(tmp_path: Path, asked: str) -> None:
    workspace = make_workspace(tmp_path / "lora")
    with Journal(workspace.journal_path) as journal:
        import_loras(journal, workspace, find_loras([write_lora(tmp_path / "cat.safetensors")]))
        with pytest.raises(WorkspaceError, match=r"bake 1: its LoRA comes from elsewhere.*`lora-tui import`"):
            ASKED[asked](journal, workspace)
