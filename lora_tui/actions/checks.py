"""Accepting what the checks found, and taking it back: written beside the subject in a worker thread."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.actions.bakes import Refused
from trainer.errors import LoraTuiError

if TYPE_CHECKING:
    from trainer.jobs.preflight import PlannedBake


@dataclass
class AcceptanceChanged(Message):
    """What is accepted for the subject was written."""


def accept_check(planned: "PlannedBake", path: Path, check: str, why: str) -> Message:
    """Accept what a check finds in a planned bake.

    Args:
        planned: the bake.
        path: its settings file.
        check: key of the check.
        why: the user's reason.
    """
    from trainer.jobs.checks import accept_findings, cached_thumbnails, check_planned

    data_sets = [each for each in (planned.data, planned.validation) if each is not None]
    try:
        # Of pictures that were compared before, the signatures are known.
        results = check_planned(planned, path, cached_thumbnails(path)(data_sets))
        accept_findings(results, planned.settings, data_sets, path, check, why)
    except LoraTuiError as error:
        return Refused(error)
    return AcceptanceChanged()


def withdraw_check(planned: "PlannedBake", path: Path, check: str) -> Message:
    """Take back that what a check finds is accepted; arguments as for accept_check."""
    from trainer.jobs.checks import withdraw_acceptance

    try:
        withdraw_acceptance(planned.settings, path, check)
    except LoraTuiError as error:
        return Refused(error)
    return AcceptanceChanged()
