"""Settings of a first bake fit the GPU that they are for, as predicted for a base of real size."""

from pathlib import Path

import pytest
from ready_steps import ENDLESS, REAL, planned_of
from tiny_anima import hollow_files

from trainer.demo.workspace import make_demo
from trainer.families.registry import family_record
from trainer.memory.request import request_of
from trainer.memory.simulate import predict
from trainer.models.identify import identify_base

GIB = 2**30


@pytest.mark.parametrize(("card", "room"), [(6, 3.6), (8, 5.6), (12, 9.0)])
def test_a_first_bake_of_anima_leaves_room_for_a_desktop(tmp_path: Path, card: int, room: float) -> None:
    base = hollow_files()
    first = family_record(identify_base(str(base)).family).first_settings_on(card * GIB)
    options = [f"{name}={str(value).lower()}" for name, value in first.items()]
    planned = planned_of(
        make_demo(tmp_path / "demo").root,
        (*ENDLESS, *REAL, f"pretrained_model_name_or_path={base}", "mixed_precision=bf16", *options),
    )
    assert planned.settings.size == (1024, 1024)
    peaks = predict(request_of(planned, "card")).peaks
    assert max(peak.bytes for peak in peaks) <= room * GIB
