"""Measuring beside a bake: in the order of saving, dropped where steps are taken again, lost without harm."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lora_of_numbers import Layer, write_lora_of_numbers

from trainer.journal.journal import Journal
from trainer.journal.records import Bake, Checkpoint, NewBake
from trainer.measures import background
from trainer.measures.background import BackgroundMeasuring
from trainer.measures.weights import measure_lora
from trainer.models.identify import DEMO_BASE, identify_base

LAYERS = {"lora_unet_mid_block_attentions_0_proj_in": Layer(80, 80, 4, kernel=1)}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.sqlite") as opened:
        yield opened


@pytest.fixture
def bake(journal: Journal) -> Bake:
    journal.bakes.add(NewBake(name="x", why="", settings_toml="", engine="e", total_steps=9, steps_per_epoch=3))
    claimed = journal.queue.claim("e", os.getpid(), 0.0)
    assert claimed is not None
    return claimed


def save(journal: Journal, bake: Bake, step: int, seed: int | None = None) -> Path:
    file = f"x-{step}.safetensors"
    checkpoint = Checkpoint(
        epoch=1, step=step, file=file, size=1, loss=None, val=None, val_change=None, val_error=None, seconds=float(step)
    )
    journal.results.add_checkpoint(bake.number, checkpoint)
    return write_lora_of_numbers(journal.path.parent / file, LAYERS, seed=step if seed is None else seed)


@contextmanager
def measuring(journal: Journal, bake: Bake, log: Callable[[str], None] = print) -> Iterator[BackgroundMeasuring]:
    base = identify_base(DEMO_BASE)
    with BackgroundMeasuring(journal.path, bake, journal.path.parent, base, "demo", log) as started:
        yield started


class Gate:
    """Stands before every measurement."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.open = threading.Event(), threading.Event()
        self.thread = 0
        self.measured: set[Path] = set()
        monkeypatch.setattr(background, "measure_lora", self._measure)

    def _measure(self, path: Path, **how: Any) -> Any:
        self.thread = threading.get_native_id()
        self.measured.add(path)
        self.reached.set()
        assert self.open.wait(10)
        return measure_lora(path, **how)


def steps(journal: Journal) -> list[int]:
    return sorted(journal.measures.steps(1, "delta_norm"))


def test_each_lora_is_compared_with_the_one_before_it_and_with_the_base(journal: Journal, bake: Bake) -> None:
    with measuring(journal, bake) as measures:
        for step in (3, 6):
            measures.saved(step, save(journal, bake, step), {"": 0.25})
    values = {(each.step, each.name): each.value for each in journal.measures.of_bake(1) if not each.part}
    assert (3, "movement") not in values
    assert values[6, "movement"] == pytest.approx(2**0.5, rel=0.2)
    assert values[6, "rounded_off"] == 0.25
    assert values[6, "delta_share"] is not None
    assert list((journal.path.parent / "cache").glob("norms-*.json"))


def test_a_lora_whose_steps_are_taken_again_is_never_written(
    journal: Journal, bake: Bake, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    with measuring(journal, bake) as measures:
        measures.saved(6, save(journal, bake, 6), {})
        measures.saved(9, save(journal, bake, 9), {})
        gate.reached.wait(10)
        measures.forget_after(3)
        journal.rewind(bake.number, 3)
        measures.saved(6, save(journal, bake, 6, seed=60), {})
        gate.open.set()
    assert steps(journal) == [6]
    (value,) = (each.value for each in journal.measures.of_bake(1, ["delta_norm"]) if not each.part)
    again = measure_lora(journal.path.parent / "x-6.safetensors").values(6)
    assert value == next(each.value for each in again if each.name == "delta_norm")


def test_what_an_earlier_attempt_left_unfinished_is_not_written_into_a_later_one(
    journal: Journal, bake: Bake, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch)
    with measuring(journal, bake) as measures:
        measures.saved(6, save(journal, bake, 6), {})
        gate.reached.wait(10)
        monkeypatch.setattr(type(journal.bakes), "read", lambda self, number: replace(bake, attempt=2))
        gate.open.set()
    assert steps(journal) == []


def test_the_end_waits_only_a_moment_and_says_how_to_make_up_for_the_rest(
    journal: Journal, bake: Bake, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, lines = Gate(monkeypatch), list[str]()
    monkeypatch.setattr(background, "_MAX_WAIT_SECONDS", 0.05)
    began = time.monotonic()
    with measuring(journal, bake, lines.append) as measures:
        for step in (3, 6):
            measures.saved(step, save(journal, bake, step), {})
    assert time.monotonic() - began < 60
    assert lines == ["2 LoRAs not measured yet: `lora-tui measure 1` makes up for what is missing"]
    gate.open.set()
    while steps(journal) != [3, 6]:
        assert time.monotonic() - began < 60
        time.sleep(0.01)


def test_at_the_end_the_bakes_own_thread_measures_what_a_busy_computer_left(
    journal: Journal, bake: Bake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def starved(path: Path, *, stop: Callable[[], bool], **how: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():
            while not stop():
                time.sleep(0.005)
        return measure_lora(path, stop=stop, **how)

    monkeypatch.setattr(background, "measure_lora", starved)
    monkeypatch.setattr(background, "_GRACE_SECONDS", 0.05)
    lines: list[str] = []
    with measuring(journal, bake, lines.append) as measures:
        for step in (3, 6, 9):
            measures.saved(step, save(journal, bake, step), {})
        until_known(measures)
    assert steps(journal) == [3, 6, 9]
    assert lines == []


def until_known(measures: BackgroundMeasuring) -> None:
    """Wait until the base's norms are known."""
    end = time.monotonic() + 60
    while measures._norms is None:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_two_files_of_one_step_are_measured_once(journal: Journal, bake: Bake, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch)
    with measuring(journal, bake) as measures:
        path = save(journal, bake, 3)
        measures.saved(3, path, {})
        assert gate.reached.wait(10)
        measures.saved(3, path.with_name("other.safetensors"), {})
        gate.open.set()
    # On a busy computer the closing thread may begin with the first one again.
    assert gate.measured == {path}


def test_it_has_the_lowest_priority(journal: Journal, bake: Bake, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch)
    with measuring(journal, bake) as measures:
        measures.saved(3, save(journal, bake, 3), {})
        gate.reached.wait(10)
        assert os.getpriority(os.PRIO_PROCESS, gate.thread) == 19
        gate.open.set()


def test_a_file_that_is_gone_is_a_line_in_the_log(journal: Journal, bake: Bake) -> None:
    with measuring(journal, bake) as measures:
        for step in (3, 6):
            save(journal, bake, step).unlink()
            measures.saved(step, journal.path.parent / f"x-{step}.safetensors", {})
    (line,) = journal.log.read(bake=1)
    assert "x-3.safetensors not measured" in line.text
    assert line.level == "warning"
