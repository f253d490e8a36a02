"""LoRA files named by a path, a name of the workspace, or bake and epoch: `12@5`."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import ModelError
from trainer.grid.first_spec import epochs_of
from trainer.grid.model_files import ModelFiles
from trainer.journal.journal import Journal
from trainer.models.adapter_config import lora_file, lora_name
from trainer.models.identify import refuse_pickle
from trainer.models.start_weights import LORA_WANTED, refuse_folder
from trainer.refusals import user_path
from trainer.text import printable
from trainer.workspace import Workspace

LAST = "last"
"""The newest epoch of a bake."""

# Of a path; one that no file can have may be of any length.
_MAX_SHOWN = 300
_EPOCH = re.compile(r"(\d{1,9})@(\S{1,40})")


@dataclass(frozen=True)
class LoraReference:
    """A LoRA file that was asked for.

    Attributes:
        path: the file, or the folder of PEFT or diffusers that holds it.
        label: what it is called where people read: its name, or `bake 12, epoch 5`.
        bake: the bake that it was named by; None for any other file.
    """

    path: Path
    label: str
    bake: int | None = None

    @property
    def name(self) -> str:
        """The file's name without a folder."""
        return self.path.name


def find_lora(text: str, workspace: Workspace | None) -> LoraReference:
    """Return the LoRA file that a text means.

    Args:
        text: a path; `BAKE@EPOCH` with the epoch's label as grids have it (`3`, `s600`) or `last`; or the name of a LoRA of the workspace.
        workspace: whose bakes it may name; None where there is none.

    Raises:
        ModelError: there is no such file, it is a pickle, or a folder without a LoRA.
        WorkspaceError: the workspace has no bake of that number.
        PathError: no file can have that path.
    """
    wanted = text.strip()
    if not wanted:
        raise ModelError("LoRA", found="blank", expected=f"{LORA_WANTED}; or BAKE@EPOCH, such as 12@5")
    place = user_path(wanted)
    match = _EPOCH.fullmatch(wanted)
    if match is not None and not os.path.lexists(place):
        return _of_epoch(int(match[1]), match[2], wanted, workspace)
    if wanted.isdecimal() and not os.path.lexists(place):
        raise ModelError(
            "LoRA",
            found=f"no file `{printable(wanted, 20)}`",
            expected=f"{LORA_WANTED}; or BAKE@EPOCH",
            way_out=f"`{printable(wanted, 20)}@last` is the last LoRA of that bake",
        )
    if "/" not in wanted and workspace is not None and not os.path.lexists(place):
        path = ModelFiles(workspace.root).lora(wanted)
    else:
        path = Path(os.path.abspath(place))
    return LoraReference(checked_lora(path), lora_name(lora_file(path)))


def checked_lora(path: Path) -> Path:
    """Return the path of a LoRA after seeing that it is a file, or a folder that holds one, and no pickle.

    Raises:
        ModelError: it is not.
    """
    if os.path.isdir(path):
        refuse_folder(path)
    elif not os.path.lexists(path):
        raise ModelError(printable(str(path), _MAX_SHOWN), found="no such file", expected=LORA_WANTED)
    else:
        # Says it too where nothing is there.
        refuse_pickle(path, LORA_WANTED)
    return path


def _of_epoch(number: int, label: str, shown: str, workspace: Workspace | None) -> LoraReference:
    if workspace is None:
        raise ModelError(
            printable(shown, 60),
            found="names a bake, and there is no workspace here",
            expected=LORA_WANTED,
            way_out="name the workspace with `--in`",
        )
    with Journal(workspace.journal_path) as journal:
        epochs = {epoch.label: workspace.root / epoch.file for epoch in epochs_of(journal, workspace, [number])}
    chosen = [*epochs][-1:] if label == LAST else [each for each in (label, label.removeprefix("e")) if each in epochs]
    if not chosen:
        raise ModelError(
            f"bake {number}",
            found=f"has no saved epoch {printable(label, 40)}"
            if epochs
            else "has not saved a LoRA that is still there",
            expected=f"one of {printable(', '.join([*epochs, LAST]), 200)}" if epochs else "a bake with a saved LoRA",
        )
    step = chosen[0].removeprefix("s")
    words = f"step {step}" if step != chosen[0] else f"epoch {step}"
    return LoraReference(checked_lora(epochs[chosen[0]]), f"bake {number}, {words}", number)
