"""Names of sample pictures: written and read back by the same rule."""

from pathlib import Path

import pytest

from trainer.journal.sample_files import SAMPLES_FOLDER, sample_name, sample_paths, sample_steps


def test_pictures_are_found_by_the_step_they_were_made_after(tmp_path: Path) -> None:
    (tmp_path / SAMPLES_FOLDER).mkdir()
    for step, name in ((40, "01-seed1"), (40, "02-seed1"), (0, "01"), (123_456_789, "x-y")):
        (tmp_path / SAMPLES_FOLDER / sample_name(step, name)).write_bytes(b"a picture")
    for odd in ("step40-x.png", "notes.txt", "step00000040-x.png.part", "step00000050.png"):
        (tmp_path / SAMPLES_FOLDER / odd).write_bytes(b"")
    assert sample_steps(tmp_path) == {0: 1, 40: 2, 123_456_789: 1}
    assert [path.name for path in sample_paths(tmp_path, 40)] == [
        "step00000040-01-seed1.png",
        "step00000040-02-seed1.png",
    ]


@pytest.mark.parametrize("made", ["nothing", "file"])
def test_without_a_folder_there_are_none(tmp_path: Path, made: str) -> None:
    if made == "file":
        (tmp_path / SAMPLES_FOLDER).write_bytes(b"")
    assert sample_steps(tmp_path) == {}
