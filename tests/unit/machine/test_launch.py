"""What a launcher of several processes says in the environment."""

from typing import Any

import pytest

from trainer.errors import DeviceError
from trainer.machine import launch
from trainer.machine.launch import launched, read_launch, take_launch

OF_TORCHRUN = {
    "RANK": "1",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "10.0.0.7",
    "MASTER_PORT": "29512",
    "TORCHELASTIC_USE_AGENT_STORE": "True",
    "ACCELERATE_MIXED_PRECISION": "no",
}


@pytest.fixture(autouse=True)
def not_launched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "_launched", None)


def test_a_process_knows_its_number_and_leaves_nothing_of_it_to_what_it_starts() -> None:
    environment = {**OF_TORCHRUN, "HOME": "/home/me", "ACCELERATE_USE_CPU": "true"}
    process = take_launch(environment)
    assert process is not None and launched() is process
    assert (process.rank, process.processes, process.local_rank, process.leads) == (1, 4, 1, False)
    assert environment == {"HOME": "/home/me", "ACCELERATE_USE_CPU": "true", "CUDA_VISIBLE_DEVICES": "1"}
    # For torch, which makes the connection.
    assert process.environment == OF_TORCHRUN


@pytest.mark.parametrize(
    "without",
    [
        {},
        {**OF_TORCHRUN, "WORLD_SIZE": "1", "RANK": "0"},
        {name: value for name, value in OF_TORCHRUN.items() if name != "MASTER_ADDR"},
        {name: value for name, value in OF_TORCHRUN.items() if name != "RANK"},
        {**OF_TORCHRUN, "RANK": "4"},
        {**OF_TORCHRUN, "WORLD_SIZE": "many"},
        {**OF_TORCHRUN, "RANK": "-1"},
    ],
)
def test_what_says_nothing_of_several_processes_leaves_a_process_alone(without: dict[str, str]) -> None:
    environment = dict(without)
    assert take_launch(environment) is None
    assert launched() is None
    assert environment == without


@pytest.mark.parametrize(
    ("visible", "local_rank", "own"),
    [(None, 3, "3"), ("2,5", 1, "5"), (" 2 , GPU-aa ", 1, "GPU-aa"), ("", 1, "")],
)
def test_each_process_sees_one_gpu(visible: str | None, local_rank: int, own: str) -> None:
    environment = {**OF_TORCHRUN, "LOCAL_RANK": str(local_rank)}
    if visible is not None:
        environment["CUDA_VISIBLE_DEVICES"] = visible
    take_launch(environment)
    assert environment["CUDA_VISIBLE_DEVICES"] == own


def test_more_processes_than_gpus_are_refused() -> None:
    with pytest.raises(DeviceError, match="no more processes than there are GPUs"):
        take_launch({**OF_TORCHRUN, "CUDA_VISIBLE_DEVICES": "0"})


def test_a_computer_name_says_nothing_of_a_launch() -> None:
    kept: dict[str, Any] = {"RANKING": "1", "WORLD_SIZES": "2"}
    assert read_launch({**OF_TORCHRUN, **kept}) is not None
    assert not set(kept) & set(read_launch({**OF_TORCHRUN, **kept}).environment)  # type: ignore[union-attr]
