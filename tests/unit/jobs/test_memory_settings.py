"""Settings of memory that do not fit the base are refused before anything of it is loaded, on every computer alike."""

from pathlib import Path

import pytest

from trainer.demo.workspace import make_demo
from trainer.errors import SettingsError
from trainer.jobs.preflight import PlannedBake, prepare
from trainer.settings.subject import resolve
from trainer.settings.toml_file import load_settings


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo(tmp_path_factory.mktemp("demo") / "demo").root / "hifumi.toml"


def planned(demo: Path, count: int) -> PlannedBake:
    return prepare(resolve(load_settings(demo, (f"blocks_to_swap={count}",)), demo))


def test_more_blocks_to_swap_than_the_base_has_are_refused(demo: Path) -> None:
    most = planned(demo, 0).base.swapped_blocks
    assert most is not None and planned(demo, most).settings.blocks_to_swap == most
    with pytest.raises(SettingsError) as raised:
        planned(demo, most + 1)
    said = f"blocks_to_swap: {most + 1}; expected at most {most}, as many blocks as the base's U-Net has"
    assert raised.value.line() == f"{said}; set blocks_to_swap = {most} for all of them"
