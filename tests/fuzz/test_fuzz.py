"""Inputs made wrong at random: no traceback, nothing slow or large, nothing written outside, nothing raw on a terminal."""

from pathlib import Path

import pytest
from fuzz_kinds import KINDS, Kind
from fuzz_runner import Tally, run_jobs
from fuzz_table import SETTINGS, jobs_of, setting_jobs
from odd_values import ODD_SETTINGS

SAMPLE = 2


def faults_of(tallies: dict[str, Tally]) -> str:
    return "\n\n".join(fault for tally in tallies.values() for fault in tally.faults)


def test_a_sample_of_every_kind(tmp_path: Path) -> None:
    """The valid files, which show that the records are right, and two of each kind made wrong; and some settings with odd values."""
    jobs = [job for kind in KINDS for job in jobs_of(kind, SAMPLE)] + setting_jobs()[::397]
    tallies = run_jobs(jobs, tmp_path / "fuzz")
    assert not faults_of(tallies)
    assert sum(tally.inputs for tally in tallies.values()) == len(jobs)


def test_there_are_46_odd_values() -> None:
    assert len(set(ODD_SETTINGS)) == 46


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_input_of_a_kind_is_read_or_refused(kind: Kind, tmp_path: Path) -> None:
    tallies = run_jobs(jobs_of(kind), tmp_path / "fuzz", torch=bool(kind.torch))
    print(tallies[kind.name].row())
    assert not faults_of(tallies)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_every_setting_takes_or_refuses_odd_values(tmp_path: Path) -> None:
    tallies = run_jobs(setting_jobs(), tmp_path / "fuzz")
    print(tallies[SETTINGS].row())
    assert not faults_of(tallies)
