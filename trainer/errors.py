"""The error family: every failure a user can meet, worded once, with what was found, what was expected and the way out."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells its caller."""

    DONE = 0
    """The command did what was asked."""
    BAKE_FAILED = 1
    """A bake began and broke; the journal and bake.log say where."""
    USAGE = 2
    """The command line, the settings or the data are wrong; nothing was started."""
    NO_DEVICE = 4
    """The settings need a card or a driver that is not there."""
    INTERRUPTED = 130
    """Stopped by SIGINT."""
    TERMINATED = 143
    """Stopped by SIGTERM."""


class LoraTuiError(Exception):
    """A failure with one clear line: subject, what was found, what was expected, the way out.

    Args:
        where: the file, field or stage that is wrong.
        found: what is there.
        expected: what should be there.
        way_out: what the user can do about it.
    """

    exit_code: ExitCode = ExitCode.USAGE

    def __init__(self, where: str, *, found: str, expected: str = "", way_out: str = "") -> None:
        self.where = where
        self.found = found
        self.expected = expected
        self.way_out = way_out
        super().__init__(self.line())

    def line(self) -> str:
        """Return the whole error on one line."""
        parts = [f"{self.where}: {self.found}"]
        if self.expected:
            parts.append(f"expected {self.expected}")
        if self.way_out:
            parts.append(self.way_out)
        return "; ".join(parts)


class SettingsError(LoraTuiError):
    """A setting, a settings file or a subject file is wrong."""


class DatasetError(LoraTuiError):
    """The pictures or captions cannot be used."""


class ModelError(LoraTuiError):
    """The base model or a LoRA file cannot be used."""


class WorkspaceError(LoraTuiError):
    """The workspace or its journal cannot be read or written."""


class DeviceError(LoraTuiError):
    """The settings need a card or a driver that is not there."""

    exit_code = ExitCode.NO_DEVICE


class BakeFailed(LoraTuiError):
    """A bake began and broke in one of its stages."""

    exit_code = ExitCode.BAKE_FAILED


def as_bake_failure(stage: str, error: BaseException) -> LoraTuiError:
    """Return `error` as a member of the family; a foreign one becomes BakeFailed naming the stage it broke in."""
    if isinstance(error, LoraTuiError):
        return error
    reason = " ".join(str(error).split()) or "no message"
    return BakeFailed(
        f"stage {stage}",
        found=f"{type(error).__name__}: {reason}",
        way_out="the traceback is in bake.log; what was saved before is whole",
    )
