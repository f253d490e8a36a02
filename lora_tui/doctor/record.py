"""Records of the doctor: what it looks at, one check, and one finding."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from trainer.errors import ExitCode
from trainer.refusals import refusal_of
from trainer.text import printable
from trainer.workspace import Workspace


class HealthLevel(IntEnum):
    """How bad a finding is; a higher one is worse."""

    OK = 0
    WARNING = 1
    ERROR = 2

    @property
    def word(self) -> str:
        """`ok`, `warning` or `error`."""
        return self.name.lower()


@dataclass(frozen=True)
class HealthFinding:
    """One line of the doctor.

    Attributes:
        check: key of the check that found it.
        level: how bad it is.
        text: what was found.
        way_out: what the user can do about it; never "" for a warning or an error.
    """

    check: str
    level: HealthLevel
    text: str
    way_out: str = ""

    def line(self) -> str:
        """Return it on one line: level, check, what was found, and the way out."""
        way_out = f"; {printable(self.way_out)}" if self.way_out else ""
        return f"{self.level.word:7}  {self.check:9}  {printable(self.text)}{way_out}"


@dataclass(frozen=True)
class Surroundings:
    """What the doctor looks at, so that a test may hand in others.

    Attributes:
        environment: variables of the process.
        terminal: whether standard output is a terminal.
        size: its columns and lines.
        encoding: of what is printed.
        workspace: the one here, None without one.
        nvml: a library with the names of `pynvml`; None imports that.
        try_torch: whether a process of its own tries torch on the GPU.
        now: epoch seconds.
    """

    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    terminal: bool = False
    size: tuple[int, int] = (80, 24)
    encoding: str = "utf-8"
    workspace: Workspace | None = None
    nvml: Any = None
    try_torch: bool = False
    now: float = field(default_factory=time.time)


@dataclass(frozen=True)
class HealthCheck:
    """One thing that is looked at.

    Attributes:
        key: names it in a line.
        what: what it looks at, for the documentation.
        look: yields the level, the text and the way out of each finding.
    """

    key: str
    what: str
    look: Callable[[Surroundings], Iterator[tuple[HealthLevel, str, str]]]

    def findings(self, around: Surroundings) -> Iterator[HealthFinding]:
        """Yield what it finds; one that fails is an error that says so, and ends no other."""
        try:
            for level, text, way_out in self.look(around):
                yield HealthFinding(self.key, level, text, way_out)
        except OSError as error:
            refused = refusal_of(error)
            text, way_out = f"{refused.where}: {refused.found}", refused.way_out or "see to the file system"
            yield HealthFinding(self.key, HealthLevel.ERROR, text, way_out)
        except Exception as error:  # whatever a driver or a file system raises, the other checks are looked at
            text = f"this check failed itself: {type(error).__name__}: {error}"
            yield HealthFinding(self.key, HealthLevel.ERROR, text, "report it with `lora-tui doctor --bundle FILE`")


def exit_code_of(levels: Iterator[HealthLevel]) -> ExitCode:
    """Return the exit code of a process that found these: as `lora-tui check`, 0, 1 for warnings, 2 for errors."""
    worst = max(levels, default=HealthLevel.OK)
    codes = {
        HealthLevel.OK: ExitCode.DONE,
        HealthLevel.WARNING: ExitCode.BAKE_FAILED,
        HealthLevel.ERROR: ExitCode.USAGE,
    }
    return codes[worst]
