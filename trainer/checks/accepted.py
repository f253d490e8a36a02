"""Findings that a user has accepted, kept beside the subject: each with its reason, until the data or the finding change."""

import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

from trainer.atomic_file import write_atomically
from trainer.checks.record import CheckResult, Severity
from trainer.dataset.manifest import manifest_of
from trainer.dataset.records import DataSet
from trainer.errors import SettingsError, WorkspaceError
from trainer.finding import Finding
from trainer.text import printable
from trainer.typed_values import WrongValue, read_json

_FORMAT = 1
# A subject has a few dozen at most.
_MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class Acceptance:
    """One accepted check.

    Attributes:
        check: its key.
        why: the user's reason.
        when: epoch seconds.
        data: fingerprint of the data at that time.
        findings: fingerprints of what it had found.
    """

    check: str
    why: str
    when: float
    data: str
    findings: tuple[str, ...]


@dataclass(frozen=True)
class _Kept:
    format: int
    accepted: tuple[Acceptance, ...]


class DataFingerprint:
    """The fingerprint of a bake's data: contents, captions and repeats of all pictures, and the files that cannot be used.

    Worked out when it is first asked for, because it reads every file once.

    Args:
        data_sets: the data, and those kept out of training.
    """

    def __init__(self, data_sets: Sequence[DataSet]) -> None:
        self._data_sets = data_sets

    @cached_property
    def text(self) -> str:
        """sha256 in hex."""
        parts = [
            (asdict(manifest_of(data, None, {})), [fault.check for fault in data.faults]) for data in self._data_sets
        ]
        return _digest(json.dumps(parts, sort_keys=True))


def accepted_path(subject_file: Path) -> Path:
    """Return the file with what was accepted for a subject, beside the subject's own."""
    return subject_file.with_name(f"{subject_file.stem}.accepted.json")


def read_accepted(path: Path) -> tuple[Acceptance, ...]:
    """Return what was accepted, nothing where the file is missing.

    Raises:
        SettingsError: the file cannot be read or is damaged.
    """
    try:
        kept: _Kept = read_json(path, _Kept, _MAX_BYTES)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise _damaged(path, f"cannot be read ({error.strerror})") from error
    except WrongValue as error:
        raise _damaged(path, f"not a file of accepted findings ({error})") from None
    if kept.format != _FORMAT:
        raise _damaged(path, f"format {kept.format}")
    return kept.accepted


def write_accepted(path: Path, accepted: Iterable[Acceptance]) -> None:
    """Write what is accepted, atomically.

    Raises:
        WorkspaceError: the file cannot be written.
    """
    try:
        write_atomically(path, json.dumps(asdict(_Kept(_FORMAT, tuple(accepted))), indent=1).encode("ascii"))
    except OSError as error:
        raise WorkspaceError(
            printable(str(path)), found=f"cannot be written ({error.strerror})", way_out="fix its permissions"
        ) from error


def with_acceptances(
    results: Iterable[CheckResult], accepted: Iterable[Acceptance], data: DataFingerprint
) -> tuple[CheckResult, ...]:
    """Return the results with the reasons of those that were accepted, on these very data."""
    known = {each.check: each for each in accepted}
    return tuple(
        replace(result, accepted=its.why)
        if (its := known.get(result.check.key)) is not None
        and result.severity is not Severity.ERROR
        and finding_fingerprint(result.finding) in its.findings
        and its.data == data.text
        else result
        for result in results
    )


def accept(
    results: Sequence[CheckResult], accepted: Iterable[Acceptance], check: str, why: str, data: DataFingerprint
) -> tuple[Acceptance, ...]:
    """Return the acceptances with one more: of everything that a check has found now.

    Raises:
        SettingsError: the check found nothing, found errors, or there is no reason.
    """
    found = [result for result in results if result.check.key == check]
    there = ", ".join(sorted({result.check.key for result in results if result.severity is not Severity.ERROR}))
    if not found:
        raise SettingsError(
            printable(check, 60),
            found="nothing found by a check of this name",
            expected=f"one of those that found something ({there})" if there else "a check that found something",
        )
    if found[0].severity is Severity.ERROR:
        raise SettingsError(check, found="an error", expected="a warning or a note", way_out=found[0].way_out)
    if not why.strip():
        raise SettingsError(check, found="no reason", expected="why it is accepted")
    fingerprints = tuple(dict.fromkeys(finding_fingerprint(result.finding) for result in found))
    new = Acceptance(check, why.strip(), time.time(), data.text, fingerprints)
    return (*(each for each in accepted if each.check != check), new)


def finding_fingerprint(finding: Finding) -> str:
    """Return the fingerprint of what was found, to be compared with that of later."""
    return _digest(json.dumps(asdict(finding), sort_keys=True))[:16]


def _damaged(path: Path, found: str) -> SettingsError:
    return SettingsError(
        printable(str(path)),
        found=found,
        expected="what `lora-tui check --accept` wrote",
        way_out="remove it, and accept again what is meant",
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
