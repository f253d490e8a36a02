"""The error family: every failure a user can meet, worded once, with what was found, what was expected and the way out."""

from collections.abc import Sequence
from enum import IntEnum

from trainer.text import MAX_MESSAGE, printable, shortened

# Of MAX_MESSAGE: a line gets `lora-tui: ` before it, or what it is about.
_ROOM_AROUND = 60
# Of the way out; no text of ours is longer, but a path in it may be.
_MAX_WAY_OUT = 240


class ExitCode(IntEnum):
    """What the process tells its caller."""

    DONE = 0
    """The command did what was asked."""
    BAKE_FAILED = 1
    """A bake started and failed; the journal and bake.log say where. `check`: there are warnings that nobody accepted; `doctor`: there are warnings."""
    USAGE = 2
    """The command line, the settings or the data are wrong; nothing was started."""
    OUT_OF_MEMORY = 3
    """The GPU's memory, or the computer's, is full; lower what the message names."""
    NO_DEVICE = 4
    """The settings need a GPU or a driver that is missing, or the GPU is busy."""
    DISK_FULL = 5
    """The disk has no space for what a bake writes or a command prints; what was saved before is complete."""
    INTERRUPTED = 130
    """Stopped by SIGINT."""
    TERMINATED = 143
    """Stopped by SIGTERM."""


class LoraTuiError(Exception):
    """A failure with one clear line: subject, what was found, what was expected, the way out.

    Args:
        where: the file, field or stage that is wrong.
        found: what was found.
        expected: what should be there.
        way_out: what the user can do about it.
        details: more about it, a line each, for where there is room; the error must be clear without them.
    """

    exit_code: ExitCode = ExitCode.USAGE

    def __init__(
        self, where: str, *, found: str, expected: str = "", way_out: str = "", details: Sequence[str] = ()
    ) -> None:
        self.where = where
        self.found = found
        self.expected = expected
        self.way_out = way_out
        self.details = tuple(shortened(printable(detail), MAX_MESSAGE) for detail in details)
        super().__init__(self.line())

    def line(self) -> str:
        """Return the complete error on one line that a terminal can show, well below MAX_MESSAGE: values are shortened, the way out is not."""
        way_out = shortened(printable(self.way_out), _MAX_WAY_OUT)
        room = MAX_MESSAGE - _ROOM_AROUND - len("".join((": ", "; expected ", "; ", way_out)))
        where, found, expected = _fitted([printable(part) for part in (self.where, self.found, self.expected)], room)
        parts = [f"{where}: {found}"]
        if expected:
            parts.append(f"expected {expected}")
        if way_out:
            parts.append(way_out)
        return "; ".join(parts)


class PathError(LoraTuiError):
    """The system refuses a path: no permission on the way, a name that is too long, a user that does not exist, a folder that is gone.

    Fix the path it names, or the permissions of the folder; nothing was written there.
    """


class SettingsError(LoraTuiError):
    """A setting, a settings file or a subject file is wrong.

    Fix the line or the setting it names; what is allowed follows after `expected`.
    """


class DatasetError(LoraTuiError):
    """The pictures or captions cannot be used.

    Fix, move or remove the file or folder it names; nothing in it was changed.
    """


class ModelError(LoraTuiError):
    """The base model, a LoRA file or a training state cannot be used.

    Give `pretrained_model_name_or_path` an SD1.x, SDXL or Anima model in fp16, bf16 or fp32: one .safetensors file, or a diffusers folder with .safetensors weights; download a truncated file again.
    """


class GridError(LoraTuiError):
    """A grid cannot be made as requested: an axis, a prompt, a picture's text or a style is wrong.

    Fix the axis or field it names; nothing was made yet, and pictures made before are kept.
    """


class DeliveryError(LoraTuiError):
    """A LoRA cannot be copied to the folder or machine where it is to be used.

    Fix the target it names: an existing, writable folder, or `host:folder` as ssh knows it; what was there before is unchanged.
    """


class TerminalError(LoraTuiError):
    """The dashboard cannot be shown here: there is no terminal, or it can only print lines.

    Use the commands that print (`lora-tui bake`, `status`), or a terminal that can place text.
    """


class WorkspaceError(LoraTuiError):
    """The workspace or its journal cannot be read or written.

    Fix the folder's permissions or free disk space; `lora-tui journal rebuild` rebuilds a broken journal from the bakes' folders.
    """

    full: bool = False
    """Whether a full disk is the reason."""


class DeviceError(LoraTuiError):
    """The settings need a GPU or a driver that is missing, or the GPU is busy.

    Choose settings that need none, or wait: a bake that may wait starts when the GPU is free.
    """

    exit_code = ExitCode.NO_DEVICE


class OutOfMemory(LoraTuiError):
    """The GPU's memory, or the computer's, is full.

    Lower `train_batch_size` or `resolution`, turn on `gradient_checkpointing`, or close other programs that use the memory.
    """

    exit_code = ExitCode.OUT_OF_MEMORY


class DiskFull(LoraTuiError):
    """The disk has no space for what a bake writes.

    Free disk space, or keep less: `save_every_n_epochs`, `keep_states`, `state_budget`. A running bake waits for space and then continues by itself.
    """

    exit_code = ExitCode.DISK_FULL


class BakeFailed(LoraTuiError):
    """A bake started and failed in one of its stages.

    The traceback is in the bake's `bake.log`. What was saved before is complete: `lora-tui resume` continues from the last state.
    """

    exit_code = ExitCode.BAKE_FAILED


def _fitted(parts: Sequence[str], room: int) -> list[str]:
    """Return the texts with the longest ones shortened, all to one length, so that together they have at most `room` characters."""
    limit = room
    for number, length in enumerate(sorted(map(len, parts))):
        limit = room // (len(parts) - number)
        if length > limit:
            break
        room -= length
    else:
        return list(parts)
    return [shortened(part, limit) for part in parts]


def as_bake_failure(stage: str, error: BaseException) -> LoraTuiError:
    """Return `error` as a member of the family; a foreign one becomes BakeFailed naming the stage it failed in."""
    if isinstance(error, LoraTuiError):
        return error
    reason = " ".join(str(error).split()) or "no message"
    return BakeFailed(
        f"stage {stage}",
        found=f"{type(error).__name__}: {reason}",
        way_out="the traceback is in bake.log; what was saved before is complete",
    )
