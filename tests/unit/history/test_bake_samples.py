from pathlib import Path

from PIL import Image

from trainer.history.bake_samples import BakeSamples, samples_in
from trainer.journal.sample_files import sample_name


def made(folder: Path, *names: str, size: tuple[int, int] = (8, 12)) -> None:
    (folder / "samples").mkdir(exist_ok=True)
    for name in names:
        Image.new("RGB", size).save(folder / "samples" / name)


def test_samples_are_found_by_the_names_that_a_bake_gives(tmp_path: Path) -> None:
    made(
        tmp_path,
        sample_name(40, "01-school-s3"),
        sample_name(40, "02-x"),
        sample_name(0, "02-x"),
        sample_name(120, "02-x"),
    )
    made(tmp_path, "step00000040.png", "preview.png", size=(1, 1))
    (tmp_path / "samples" / sample_name(7, "note")).with_suffix(".txt").write_text("no picture")
    found = samples_in(tmp_path)
    assert (found.steps, found.names) == ((0, 40, 120), ("01-school-s3", "02-x"))
    assert found.files[40, "02-x"].name == "step00000040-02-x.png"
    assert found.sizes == {"01-school-s3": (8, 12), "02-x": (8, 12)}
    # At a step that made no picture of a name the one before stands for it.
    assert [found.newest("02-x", step) for step in (0, 39, 40, 500)] == [0, 0, 40, 120]
    assert [found.newest("01-school-s3", step) for step in (0, 40, 120)] == [None, 40, 40]


def test_a_bake_without_samples_has_none_and_a_broken_picture_no_size(tmp_path: Path) -> None:
    assert samples_in(tmp_path / "gone") == samples_in(tmp_path) == BakeSamples()
    made(tmp_path, sample_name(3, "a"))
    (tmp_path / "samples" / sample_name(4, "a")).write_bytes(b"half a pict")
    found = samples_in(tmp_path)
    assert (found.steps, found.sizes) == ((3, 4), {})
