"""What the engine keeps of a job's energy while the job runs."""

from pathlib import Path

import pytest

from trainer.engine import engine as module
from trainer.engine.engine import Engine
from trainer.journal.journal import Journal
from trainer.journal.records import NewBake
from trainer.machine.launch import LaunchedProcess
from trainer.machine.readings import CardReading
from trainer.workspace import make_workspace

KEY = "3f2a0d10-1111-2222-3333-444455556666"


class CountingCards:
    """Two cards, the second of which counts 100 J with every reading."""

    energy = 0.0

    def read(self) -> tuple[tuple[CardReading, ...], str]:
        self.energy += 100.0
        other = CardReading(0, "other", power=500.0, uuid="GPU-0", energy=self.energy * 7)
        return (other, CardReading(1, "ours", power=50.0, uuid=f"GPU-{KEY}", energy=self.energy)), ""


@pytest.mark.parametrize(("device", "joules"), [(KEY, 100.0), ("cpu", None)])
def test_the_energy_of_its_own_gpu_is_kept_up_to_its_end_and_over_its_attempts(
    device: str, joules: float | None, tmp_path: Path
) -> None:
    workspace = make_workspace(tmp_path)
    with Journal(workspace.journal_path) as journal:
        journal.bakes.add(NewBake(name="x", settings_toml="", engine="e", total_steps=4, steps_per_epoch=2))
        journal.bakes.set_device(1, device)
        for attempt in (1, 2):
            with Engine(workspace, CountingCards())._telemetry(1, journal):
                _until_read(journal, attempt)
            taken = journal.bakes.read(1)
            assert taken.energy_joules == (None if joules is None else joules * attempt)
            assert taken.energy_by == ("" if joules is None else "counter")


def test_of_a_bake_over_several_gpus_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "launched", lambda: LaunchedProcess(0, 2, 0, {}))
    workspace = make_workspace(tmp_path)
    with Journal(workspace.journal_path) as journal:
        journal.bakes.add(NewBake(name="x", settings_toml="", engine="e", total_steps=4, steps_per_epoch=2))
        journal.bakes.set_device(1, KEY)
        with Engine(workspace, CountingCards())._telemetry(1, journal):
            _until_read(journal, 1)
        assert journal.bakes.read(1).energy_joules is None


def _until_read(journal: Journal, readings: int) -> None:
    import time

    end = time.monotonic() + 60
    while len(journal.telemetry.read(0.0, 1)) < readings:
        assert time.monotonic() < end
        time.sleep(0.01)
