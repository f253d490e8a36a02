"""The record of a check before a bake, and what checks are given to look at."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from trainer.dataset.picture_likeness import PictureThumbnails
from trainer.dataset.records import DataSet
from trainer.errors import LoraTuiError
from trainer.finding import Finding
from trainer.plan.plan import Plan
from trainer.settings.model import Settings


class Severity(StrEnum):
    """How grave a finding is; the gravest first."""

    ERROR = "error"
    """The bake is refused, or bound to fail."""
    WARNING = "warning"
    """Something will not do what it seems to."""
    NOTE = "note"
    """Worth knowing; often meant so."""


LooksAt = Literal["pictures", "masks", "captions", "tags", "buckets", "settings", "commands", "base"]
"""What of a bake a check is about."""

Needs = Literal["data", "plan", "thumbnails"]
"""What must be there for a check to run."""


@dataclass(frozen=True)
class CheckedBake:
    """What checks look at.

    Attributes:
        settings: as they will run, every path filled in.
        data: the pictures; files that cannot be used stand in its faults.
        validation: the pictures kept out of training, None where there are none.
        plan: of these settings on these pictures; None where none can be made.
        trigger: the subject's word; "" where no subject is named or it has none.
        thumbnails: of the pictures; None where they are not compared.
        refusal: the error with which the bake is refused for other reasons than its pictures, None for none.
        accepted_fault: why what the user accepted cannot be read, None where it can.
    """

    settings: Settings
    data: DataSet
    validation: DataSet | None = None
    plan: Plan | None = None
    trigger: str = ""
    thumbnails: PictureThumbnails | None = None
    refusal: LoraTuiError | None = None
    accepted_fault: LoraTuiError | None = None

    @property
    def planned(self) -> Plan:
        """The plan, for checks that need one."""
        assert self.plan is not None
        return self.plan

    def has(self, needs: Needs) -> bool:
        """Return whether what a check needs is there."""
        return {
            "data": True,
            "plan": self.plan is not None,
            "thumbnails": self.thumbnails is not None,
        }[needs]


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        key: names it on the command line, in JSON and where its findings are accepted.
        severity: of what it finds.
        looks_at: what it is about.
        title: what it finds, in a few words.
        way_out: what the user can do, for findings that say nothing of their own.
        needs: what must be there for it to run.
        run: finds; gives findings with its key alone.
    """

    key: str
    severity: Severity
    looks_at: LooksAt
    title: str
    way_out: str
    needs: Needs
    run: Callable[[CheckedBake], Iterable[Finding]]


@dataclass(frozen=True)
class CheckResult:
    """One finding of a check.

    Attributes:
        check: what found it.
        finding: what was found.
        accepted: the reason for which the user accepted it, None where nobody did.
    """

    check: Check
    finding: Finding
    accepted: str | None = None

    @property
    def severity(self) -> Severity:
        """How grave it is."""
        return self.check.severity

    @property
    def open(self) -> bool:
        """Whether nobody has accepted it."""
        return self.accepted is None

    @property
    def way_out(self) -> str:
        """What the user can do about it."""
        return self.finding.way_out or self.check.way_out
