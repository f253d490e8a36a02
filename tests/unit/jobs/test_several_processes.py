"""Bakes of several processes: settings, plan and metadata, and what is refused where other numbers of them are there."""

from pathlib import Path

import pytest

from trainer.demo.workspace import make_demo
from trainer.errors import SettingsError
from trainer.jobs.bakes import queue_bake
from trainer.jobs.fork import resume
from trainer.jobs.preflight import prepare
from trainer.jobs.several_processes import check_processes, launched_overrides
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState
from trainer.machine import launch
from trainer.machine.launch import LaunchedProcess
from trainer.memory.request import request_of
from trainer.network.data_metadata import data_metadata
from trainer.plan.plan import plan_line
from trainer.settings.model import Settings
from trainer.settings.subject import resolve
from trainer.settings.toml_file import load_settings


@pytest.fixture
def two_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "_launched", LaunchedProcess(0, 2, 0, {}))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo(tmp_path_factory.mktemp("several") / "demo").root


def settings_in(root: Path, *overrides: str) -> Settings:
    return resolve(load_settings(root / "hifumi.toml", overrides), root / "hifumi.toml")


def test_two_gpus_have_the_batches_of_one_with_twice_the_batch_size(root: Path) -> None:
    two = prepare(settings_in(root, "train_batch_size=2", "num_processes=2"))
    one = prepare(settings_in(root, "train_batch_size=4"))
    assert two.data.groups == one.data.groups
    assert two.plan.total_steps == one.plan.total_steps
    assert "2 processes × 2 pictures" in plan_line(two.plan)
    assert "processes" not in plan_line(one.plan)


def test_a_lora_tells_the_pictures_of_a_step_as_sd_scripts_does(root: Path) -> None:
    planned = prepare(settings_in(root, "train_batch_size=3", "num_processes=2", "gradient_accumulation_steps=4"))
    said = data_metadata(planned.settings, planned.data, planned.plan)
    assert said["ss_batch_size_per_device"] == 3
    assert said["ss_total_batch_size"] == 24


def test_each_gpu_needs_the_memory_of_its_share(root: Path) -> None:
    two = request_of(prepare(settings_in(root, "train_batch_size=2", "num_processes=3")), "card")
    one = request_of(prepare(settings_in(root, "train_batch_size=2")), "card")
    assert two.largest == one.largest


def test_a_trainer_whose_count_on_several_gpus_is_not_known_is_refused(two_processes: None) -> None:
    for processes in (1, 2):
        with pytest.raises(SettingsError, match="leave behave_like blank"):
            check_processes(Settings(num_processes=processes, behave_like="kohya_ss 2023-02"))


def test_the_launcher_sets_the_number(two_processes: None) -> None:
    assert launched_overrides() == ("num_processes=2",)
    check_processes(Settings(num_processes=2))


@pytest.mark.parametrize(("wanted", "way_out"), [(1, "without `accelerate launch`"), (3, "--num_processes 3")])
def test_another_number_than_the_bakes_is_refused_with_the_way_out(
    wanted: int, way_out: str, two_processes: None
) -> None:
    with pytest.raises(SettingsError, match=way_out) as refused:
        check_processes(Settings(num_processes=wanted))
    assert "2 processes were started" in refused.value.line()


def test_a_bake_of_two_is_neither_queued_nor_resumed_by_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = prepare(settings_in(root, "num_processes=2"))
    workspace = make_demo(root)
    with Journal(workspace.journal_path) as journal:
        with pytest.raises(SettingsError, match="accelerate launch --num_processes 2"):
            queue_bake(journal, workspace, planned, why="", engine="e")
        monkeypatch.setattr(launch, "_launched", LaunchedProcess(0, 2, 0, {}))
        bake = queue_bake(journal, workspace, planned, why="", engine="e")
        journal.bakes.set_state(bake.number, BakeState.STOPPED)
        monkeypatch.setattr(launch, "_launched", None)
        with pytest.raises(SettingsError, match="1 process was started"):
            resume(journal, bake.number, "e")
        assert journal.bakes.read(bake.number).state is BakeState.STOPPED
