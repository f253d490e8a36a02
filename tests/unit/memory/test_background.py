"""What was predicted for a bake stands in the journal; what predicts is a rule."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_predictor import GIB, FakePredictor

from trainer.demo.workspace import demo_settings, make_demo
from trainer.errors import SettingsError
from trainer.jobs.bakes import check
from trainer.jobs.preflight import PlannedBake
from trainer.journal.journal import Journal
from trainer.journal.records import NewBake
from trainer.memory import request as request_module
from trainer.memory.background import BackgroundPrediction
from trainer.memory.request import request_of


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> PlannedBake:
    root = make_demo(tmp_path_factory.mktemp("demo")).root
    return check(demo_settings(), root / "hifumi.toml")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.bakes.add(NewBake(name="a", why="", settings_toml="", engine="e", total_steps=1, steps_per_epoch=1))
        yield journal


def noted(journal: Journal, predictor: FakePredictor, planned: PlannedBake) -> BackgroundPrediction:
    background = BackgroundPrediction(predictor, journal.path)
    background.start(1, planned)
    assert background._thread is not None
    if predictor.gate.is_set():
        background._thread.join(10)
    return background


@pytest.fixture
def on_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_module, "card_device", lambda: True)


@pytest.mark.usefixtures("on_a_card")
def test_on_a_card_the_prediction_is_worked_out_and_noted_with_its_parts(
    journal: Journal, planned: PlannedBake
) -> None:
    noted(journal, FakePredictor(), planned)
    bake = journal.bakes.read(1)
    assert bake.predicted_peak == 5 * GIB
    assert json.loads(bake.predicted_peak_parts) == {
        "policy": "card",
        "stage": "step",
        "moment": "backward of up_blocks.1",
        "parts": {"weights": GIB, "activations": 4 * GIB},
    }


def test_on_a_cpu_only_what_is_known_is_noted(
    journal: Journal, planned: PlannedBake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_module, "card_device", lambda: False)
    predictor = FakePredictor()
    noted(journal, predictor, planned)
    assert (predictor.asked, journal.bakes.read(1).predicted_peak) == ([], None)
    predictor.predict(request_of(planned))
    noted(journal, predictor, planned)
    assert journal.bakes.read(1).predicted_peak == 5 * GIB


@pytest.mark.usefixtures("on_a_card")
def test_a_bake_that_ends_before_its_prediction_waits_for_none(journal: Journal, planned: PlannedBake) -> None:
    predictor = FakePredictor()
    predictor.gate.clear()
    background = noted(journal, predictor, planned)
    background.end()
    assert background._thread is not None and not background._thread.is_alive()
    assert journal.bakes.read(1).predicted_peak is None


@pytest.mark.usefixtures("on_a_card")
def test_what_cannot_be_predicted_is_no_trouble_of_the_bake(
    journal: Journal, planned: PlannedBake, caplog: pytest.LogCaptureFixture
) -> None:
    predictor = FakePredictor()
    predictor.error = SettingsError("memory prediction", found="it broke")
    noted(journal, predictor, planned)
    assert journal.bakes.read(1).predicted_peak is None
    assert "it broke" in caplog.text
