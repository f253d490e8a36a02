"""`lora-tui plan`: the peak of memory beside the plan, and settings that fit."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from memory_model import MIB, MemoryModel

from lora_tui.cli import main
from lora_tui.commands import exits
from trainer.errors import ExitCode, ModelError
from trainer.jobs.bakes import check, queue_bake
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState
from trainer.memory.peak import MemoryPrediction
from trainer.memory.predictor import PeakPredictor
from trainer.memory.request import MemoryRequest, request_of
from trainer.settings.subject import load_subject, save_subject
from trainer.settings.toml_file import load_settings
from trainer.workspace import Workspace

Plan = Callable[..., Result]


@pytest.fixture
def plan(demo: Workspace, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Return a function that runs `lora-tui plan` on the demo's settings, memory predicted by a small model."""
    model = MemoryModel()
    monkeypatch.setattr(PeakPredictor, "predict", lambda self, request, stop=None: model(request))
    # A process that has an engine ends at once and would take the tests with it.
    monkeypatch.setattr(exits, "leave", sys.exit)
    path = demo.root / "hifumi.toml"

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["plan", str(path), *arguments])

    return run


@pytest.fixture
def path(demo: Workspace) -> Path:
    return demo.root / "hifumi.toml"


def _fits_with_levers(path: Path) -> str:
    """Return a size in which the demo's settings do not fit by the model, and leaner ones do."""
    return f"{_model_peak(path) // MIB - 5}MiB"


def _model_peak(path: Path) -> int:
    return MemoryModel()(request_of(check(load_settings(path), path), "card")).reserved


def test_the_plan_shows_the_peak_by_stage_and_part(plan: Plan) -> None:
    told = plan().output
    assert "memory on a GPU" in told and "optimizer" in told and "at most" in told
    assert told.index("files and disk") < told.index("memory on a GPU")


def test_without_memory_nothing_is_predicted(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: PeakPredictor, request: MemoryRequest, stop: object = None) -> MemoryPrediction:
        raise AssertionError("asked")

    monkeypatch.setattr(PeakPredictor, "predict", refuse)
    ran = plan("--no-memory")
    assert ran.exit_code == 0 and "memory on" not in ran.output


def test_a_plan_without_a_prediction_is_still_a_plan(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: PeakPredictor, request: MemoryRequest, stop: object = None) -> MemoryPrediction:
        raise ModelError("base", found="cannot be taken apart")

    monkeypatch.setattr(PeakPredictor, "predict", broken)
    ran = plan()
    assert ran.exit_code == 0 and "not known: base: cannot be taken apart" in ran.output
    assert json.loads(plan("--json").output)["memory"] == {"error": "base: cannot be taken apart"}
    assert plan("--fit", "8GB").exit_code == ExitCode.USAGE


def test_fit_proposes_and_changes_nothing(plan: Plan, path: Path) -> None:
    before = path.read_bytes()
    ran = plan("--fit", _fits_with_levers(path))
    assert ran.exit_code == 0, ran.output
    assert "fastest that fits" in ran.output and "gradient_checkpointing = yes" in ran.output
    assert path.read_bytes() == before


def test_apply_writes_what_fit_found_and_shows_it(plan: Plan, path: Path) -> None:
    size, before = _fits_with_levers(path), path.read_text()
    ran = plan("--fit", size, "--apply")
    assert ran.exit_code == 0, ran.output
    added = [line for line in ran.output.splitlines() if line.startswith("+") and not line.startswith("+++")]
    assert added and all(line[1:] in path.read_text().splitlines() for line in added)
    # Comments and everything else stay.
    assert [line for line in before.splitlines() if line.startswith("#")] == [
        line for line in path.read_text().splitlines() if line.startswith("#")
    ]
    again = plan("--fit", size, "--apply")
    assert again.exit_code == 0 and "fits in" in again.output and "nothing to change" in again.output


def test_where_nothing_fits_the_code_says_so_and_apply_writes_nothing(plan: Plan, path: Path) -> None:
    before = path.read_bytes()
    ran = plan("--fit", "100MiB", "--apply")
    assert ran.exit_code == ExitCode.OUT_OF_MEMORY and "what else helps" in ran.output
    assert path.read_bytes() == before


def test_json_holds_plan_memory_and_fit(plan: Plan, path: Path) -> None:
    values = json.loads(plan("--fit", _fits_with_levers(path), "--json").output)
    assert values["total_steps"] and values["memory"]["peaks"] and values["fit"]["best"]["changes"]


@pytest.mark.parametrize("arguments", [("--fit", "8XB"), ("--apply",), ("--fit", "8GB", "--apply", "--set", "seed=2")])
def test_a_wrong_size_is_refused_before_anything_is_predicted(plan: Plan, arguments: tuple[str, ...]) -> None:
    ran = plan(*arguments)
    assert ran.exit_code == ExitCode.USAGE and "memory on" not in ran.output


@pytest.mark.long
def test_settings_found_for_the_demo_are_predicted_to_fit(lora_tui, path: Path) -> None:
    ran = lora_tui("plan", path, "--json")
    assert ran.returncode == 0, ran.stderr
    limit = json.loads(ran.stdout)["memory"]["reserved"] // MIB - 3
    ran = lora_tui("plan", path, "--fit", f"{limit}MiB", "--apply", "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["applied"]
    assert json.loads(lora_tui("plan", path, "--json").stdout)["memory"]["reserved"] <= limit * MIB


def test_minutes_become_steps_once_a_bake_was_measured(plan: Plan, demo: Workspace) -> None:
    asked = ("--no-memory", "--set", "train_minutes=40")
    first = plan(*asked)
    assert first.exit_code == ExitCode.DONE
    assert "40 steps / epoch, 40 min → steps from a measurement at the start" in first.output
    with Journal(demo.journal_path) as journal:
        ready = check(load_settings(demo.root / "hifumi.toml"), demo.root / "hifumi.toml")
        bake = queue_bake(journal, demo, ready, why="", engine="")
        journal.curves.add(bake.number, "seconds_per_step", [(step, 0.5) for step in range(1, 41)])
        journal.bakes.set_setup_seconds(bake.number, 100.0)
        journal.bakes.set_state(bake.number, BakeState.DONE)
    again = plan(*asked)
    assert "40 min → ≈ 4,600 steps (measured 0.50 s/step on " in again.output
    assert "100 s of them for loading" not in again.output
    assert "2 min of them for loading and caching, as in bake 1" in again.output
    assert "the anon-1337 script, with 2.00it/s typed into it, would train 1,200 steps: it inverts" in again.output
    values = json.loads(plan(*asked, "--json").output)
    assert (values["total_steps"], values["timing"]["speed"]["seconds"]) == (4600, 0.5)
    assert values["timing"]["anon_1337_script"]["steps"] == 1200
    # Another size computes at another speed.
    assert "steps from a measurement" in plan(*asked, "--set", "train_batch_size=2").output


@pytest.fixture
def unnamed(demo: Workspace) -> Path:
    """The demo's settings file, with no validation pictures named in the subject."""
    subject = demo.subjects / "hifumi.toml"
    save_subject(load_subject(subject).model_copy(update={"validation_data_dir": ""}), subject)
    return demo.root / "hifumi.toml"


def test_pictures_to_hold_out_are_offered_and_none_is_before_the_user_says_so(plan: Plan, unnamed: Path) -> None:
    before = unnamed.read_bytes()
    told = " ".join(plan("--no-memory").output.split())
    assert "16 pictures ×10 → 160 / epoch" in told
    assert "validation_split = 0.1: 2 pictures held out, 14 left, 35 steps / epoch" in told
    assert "validation_split = 0.25: 4 pictures held out, 12 left, 30 steps / epoch" in told
    offers = json.loads(plan("--no-memory", "--json").output)["held_out"]
    assert [offer["held_out"] for offer in offers["offers"]] == [2, 4] and offers["pictures"] == []
    assert unnamed.read_bytes() == before


def test_a_yes_writes_the_setting_and_the_plan_shows_what_is_left(plan: Plan, unnamed: Path) -> None:
    told = plan("--no-memory", "--hold-out", "25%")
    assert told.exit_code == 0 and "12 pictures ×10 → 120 / epoch · 4 held out · " in told.output
    line = "4 pictures held out, by validation_split and seed 0: 12 left, 30 steps / epoch"
    assert line in " ".join(told.output.split())
    assert "+validation_split = 0.25" in told.output
    assert load_settings(unnamed).validation_split == 0.25
    assert len(json.loads(plan("--no-memory", "--json").output)["held_out"]["pictures"]) == 4
    assert plan("--no-memory", "--hold-out", "0").exit_code == 0
    assert load_settings(unnamed).validation_split == 0


def test_what_cannot_be_held_out_changes_no_file(plan: Plan, path: Path, unnamed: Path) -> None:
    before = unnamed.read_bytes()
    for asked, said in (("winter", "no folder of training pictures is called that"), ("200%", "a share such as 10%")):
        refused = plan("--no-memory", "--hold-out", asked)
        assert refused.exit_code == 2 and said in refused.stderr
    whole = plan("--no-memory", "--hold-out", "hifumi_chan")
    assert whole.exit_code == 2 and "holds out all there are: 16 training pictures" in whole.stderr
    assert plan("--hold-out", "10%", "--set", "seed=1").exit_code == 2
    assert unnamed.read_bytes() == before
