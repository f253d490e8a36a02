"""After a bake its memory stands in the journal: what was predicted, and what it took."""

import json
from pathlib import Path

from fake_predictor import FakePredictor
from run_engine import SHORT, EngineRunner

from trainer.demo.workspace import make_demo
from trainer.engine.engine import Engine
from trainer.memory.request import request_of


def test_a_bake_records_its_predicted_and_measured_peak(tmp_path: Path) -> None:
    predictor = FakePredictor()
    runner = EngineRunner(make_demo(tmp_path / "w"), lambda workspace: Engine(workspace, predictor=predictor))
    try:
        expected = predictor.predict(request_of(runner.ready(*SHORT)))
        bake = runner.bake(*SHORT)
        # What is noted behind the last state is there once the engine has ended.
        assert runner.engine.close(wait=60)
        bake = runner.journal.bakes.read(bake.number)
        told = json.loads((runner.folder(bake) / "bake.json").read_text("utf-8"))["bake"]
    finally:
        runner.close()
    assert bake.predicted_peak == expected.reserved
    assert json.loads(bake.predicted_peak_parts)["parts"] == dict(expected.peak.parts)
    # By how much the process grew: little where tests before it have left room, and never a GiB on the demo.
    assert bake.measured_peak is not None
    assert 0 < bake.measured_peak < 1 << 30
    assert (told["predicted_peak"], told["measured_peak_allocated"]) == (
        bake.predicted_peak,
        bake.measured_peak_allocated,
    )
