"""Are answers kept, do errors reach the asker, and does nobody wait for what nobody wants? With the real process."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_folder import make_hostile
from ready_steps import ENDLESS, planned_of

from trainer.errors import LoraTuiError, ModelError
from trainer.memory.peak import MemoryPrediction, Peak
from trainer.memory.predictor import PeakPredictor, PredictionStopped
from trainer.memory.request import MemoryRequest, request_of


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from trainer.demo.workspace import make_demo

    return make_demo(tmp_path_factory.mktemp("predictor") / "demo").root


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "peaks.json"


@pytest.fixture
def predictor(cache: Path) -> Iterator[PeakPredictor]:
    with PeakPredictor(cache) as predictor:
        yield predictor


def request(root: Path, *options: str) -> MemoryRequest:
    return request_of(planned_of(root, (*ENDLESS, *options)), "cpu")


def test_an_answer_is_worked_out_once(
    predictor: PeakPredictor, cache: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What lies beside the settings is neither imported nor read as an answer.
    mark = make_hostile(tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    question = request(root, "train_batch_size=1")
    assert predictor.known(question) is None
    # Somebody asks and goes away; the next question finds the answer of the first one there.
    with pytest.raises(PredictionStopped):
        predictor.predict(question, stop=lambda: True)
    with pytest.raises(ModelError, match="no such file"):
        predictor.predict(MemoryRequest.from_json({**question.to_json(), "base": "/nowhere/base.safetensors"}))
    prediction = predictor.known(question)
    assert prediction is not None
    assert prediction.bucket == (64, 64)
    assert [peak.stage for peak in prediction.peaks] == ["cache", "step"]
    process = predictor._process
    assert process is not None
    predictor.close()
    assert not process.alive
    # Another program finds it in the file, and so does a question that differs in what decides nothing.
    with PeakPredictor(cache) as other:
        assert other.known(request(root, "train_batch_size=1", "seed=5")) == prediction
        assert other.predict(question) == prediction
        assert other._process is None
    assert not mark.exists()


def test_a_damaged_file_or_one_of_another_release_is_forgotten(cache: Path, root: Path) -> None:
    question = request(root)
    answer = MemoryPrediction("cpu", "no", (64, 64), 4, (Peak("step", "now", {"lora": 1}),), 2, 3, 4.0, (), False, 5.0)
    predictor = PeakPredictor(cache)
    predictor._store(question.key, answer.to_json())
    assert PeakPredictor(cache).known(question) == answer
    kept = json.loads(cache.read_text())
    for broken in (
        "",
        "{",
        "[]",
        json.dumps({**kept, "made_by": [0]}),
        json.dumps({**kept, "peaks": {question.key: {}}}),
    ):
        cache.write_text(broken)
        assert PeakPredictor(cache).known(question) is None


def test_a_process_that_dies_is_an_error_and_the_next_question_starts_another(
    predictor: PeakPredictor, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = request(root)
    began = time.monotonic()

    def kill() -> bool:
        assert predictor._process is not None
        predictor._process.kill()
        return time.monotonic() - began > 60

    with pytest.raises(LoraTuiError, match="the prediction process ended"):
        predictor.predict(question, stop=kill)
    assert predictor._process is None
    with pytest.raises(PredictionStopped):
        predictor.predict(question, stop=lambda: True)
    assert predictor._process is not None
