"""Trainers that take their steps in turns: any program whose steps end in one of torch's optimizers."""

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

TRAINER = """
import sys, torch
weight = torch.nn.Parameter(torch.tensor([float(sys.argv[1])]))
optimizer = torch.optim.SGD([weight], lr=0.5)
optimizer.step()  # without gradients: no step of a training
for step in range(int(sys.argv[2])):
    (weight * weight).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    weight.data += 1
sys.exit("no more pictures")
"""


@pytest.fixture
def paced() -> Any:
    return import_module("paced_runs")


def trainer(paced: Any, folder: Path, name: str, start: float, steps: int) -> Any:
    program = folder / "train.py"
    program.write_text(TRAINER)
    return paced.Trainer(name, Path(sys.executable), (str(program), str(start), str(steps)), folder, dict(os.environ))


@pytest.mark.long
@pytest.mark.parametrize("together", [True, False])
def test_each_takes_the_steps_that_are_asked_for(paced: Any, tmp_path: Path, together: bool) -> None:
    both = [trainer(paced, tmp_path, name, start, 100) for name, start in (("one", 3.0), ("other", 5.0))]
    taken = paced.take_turns(both, warm=1, steps=2, together=together)
    # The first step and the warm one are left out; from the first on each begins at 1.
    assert {name: each.losses for name, each in taken.items()} == {"one": [1.0, 1.0], "other": [1.0, 1.0]}
    assert all(len(each.seconds) == 2 and each.steps_bytes > 0 and each.start > 0 for each in taken.values())


@pytest.mark.long
def test_one_that_ends_too_early_is_told_with_its_last_words(paced: Any, tmp_path: Path) -> None:
    with pytest.raises(paced.RunFailed, match=r"short ended before its steps were taken:\n(.*\n)*no more pictures"):
        paced.take_turns([trainer(paced, tmp_path, "short", 3.0, 2)], warm=1, steps=2, together=True)


@pytest.mark.long
def test_the_others_race_without_one_that_fails(paced: Any, tmp_path: Path) -> None:
    both = [trainer(paced, tmp_path, name, 3.0, steps) for name, steps in (("short", 2), ("whole", 100))]
    taken, failed = paced.those_that_can(both, warm=1, steps=2, together=True)
    assert list(taken) == ["whole"] and taken["whole"].losses == [1.0, 1.0]
    assert list(failed) == ["short"] and "no more pictures" in failed["short"]
