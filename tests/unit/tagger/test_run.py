"""Taggers run over pictures by onnxruntime: all layouts and outputs, batches, what is kept, and how it ends."""

import sqlite3
from pathlib import Path

import pytest
from PIL import Image
from tiny_tagger import TinyTagger, write_tagger, write_tags

from trainer.errors import ModelError, SettingsError
from trainer.tagger import run as run_module
from trainer.tagger.files import find_tagger
from trainer.tagger.record import TaggedRun
from trainer.tagger.run import check_installed, run_tagger
from trainer.tagger.score_cache import ScoreCache

pytest.importorskip("onnxruntime")


def painted(folder: Path, name: str, colour: str, size: tuple[int, int] = (40, 40), mode: str = "RGB") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(folder / name)
    return folder / name


def seen(run: TaggedRun, folder: Path) -> dict[Path, list[str]]:
    tags = find_tagger(folder).tags
    return {
        path: [tags[score.place].name for score in each if score.probability > 0.5] for path, each in run.scores.items()
    }


@pytest.mark.parametrize(
    "tiny",
    [
        TinyTagger("NHWC", last="Sigmoid"),
        TinyTagger("NHWC", last="Add", batch=2),
        TinyTagger("NCHW", last="Mul", divides=False, order="RGB", side=48),
        TinyTagger("NCHW", last="Sigmoid", divides=False, order="RGB", batch=1, external="weights.bin"),
    ],
    ids=lambda tiny: f"{tiny.layout}-{tiny.last}-{tiny.batch}",
)
def test_colours_come_in_as_the_model_takes_them_and_out_as_probabilities(tmp_path: Path, tiny: TinyTagger) -> None:
    folder = write_tagger(tmp_path / "tagger", tiny)
    pictures = [
        painted(tmp_path / "data", "red.png", "red"),
        painted(tmp_path / "data", "blue.png", "blue"),
        painted(tmp_path / "data", "green.png", "lime"),
    ]
    shown: list[tuple[int, int]] = []
    with ScoreCache(None) as cache:
        run = run_tagger(
            find_tagger(folder), pictures, cache, show=lambda done, total: shown.append((done, total)), batch=2
        )
    assert list(seen(run, folder).values()) == [["red_dress"], ["blue_sky"], ["green_hair"]]
    assert all(0 <= score.probability <= 1 for each in run.scores.values() for score in each)
    assert (run.asked, run.stopped, run.faults) == (3, False, {})
    assert shown[0] == (0, 3) and shown[-1] == (3, 3)
    # Only where the values had to tell it is said that they are logits.
    assert bool(run.notes) == (tiny.last == "Mul")


def test_what_was_said_is_kept_until_picture_or_tagger_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_tagger(tmp_path / "tagger")
    red, clear = painted(tmp_path, "red.png", "red"), painted(tmp_path, "clear.png", "#00f0", mode="RGBA")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")
    # Files that were written just now may be written again within a tick of the clock.
    monkeypatch.setattr("trainer.file_mark.TICK", -1.0)
    with ScoreCache(tmp_path / "cache.sqlite") as cache:
        first = run_tagger(find_tagger(folder), [red, clear, broken, red], cache)
        again = run_tagger(find_tagger(folder), [red, clear], cache)
        painted(tmp_path, "red.png", "blue")
        changed = run_tagger(find_tagger(folder), [red, clear], cache)
    assert (first.asked, again.asked, changed.asked) == (3, 0, 1)
    assert again.scores == {path: first.scores[path] for path in (red, clear)}
    assert list(first.faults) == [broken]
    # What is transparent lies on white, in which every colour is.
    assert sorted(seen(first, folder)[clear]) == ["blue_sky", "green_hair", "red_dress"]
    assert seen(changed, folder)[red] == ["blue_sky"]


def test_a_run_that_is_stopped_keeps_what_was_done(tmp_path: Path) -> None:
    folder = write_tagger(tmp_path / "tagger")
    pictures = [painted(tmp_path, f"{number}.png", "red") for number in range(4)]
    done: list[int] = []
    with ScoreCache(None) as cache:
        run = run_tagger(
            find_tagger(folder),
            pictures,
            cache,
            show=lambda count, _: done.append(count),
            stop=lambda: max(done, default=0) >= 2,
            batch=1,
        )
    assert run.stopped
    assert 0 < len(run.scores) < 4


@pytest.mark.parametrize(
    ("tiny", "reason"),
    [
        (TinyTagger(nan=True), "answers are no numbers"),
        (TinyTagger(last="Mul", batch=None, side=32), "gives 6 answers"),
    ],
    ids=["nan", "rows"],
)
def test_a_model_whose_answers_do_not_fit_is_refused(tmp_path: Path, tiny: TinyTagger, reason: str) -> None:
    folder = write_tagger(tmp_path / "tagger", tiny)
    tagger = find_tagger(folder)
    if "answers" in reason and not tiny.nan:
        # The file changed behind our back: the shape in it was of other rows.
        write_tags(folder / "selected_tags.csv", tiny.tags)
        tagger = type(tagger)(tagger.model, tagger.tags_file, tagger.tags[:-1], tagger.input, tagger.output, "other")
    with ScoreCache(None) as cache, pytest.raises(ModelError, match=reason):
        run_tagger(tagger, [painted(tmp_path, "a.png", "red")], cache)


def test_a_model_that_onnxruntime_cannot_run_is_named(tmp_path: Path) -> None:
    folder = write_tagger(tmp_path / "tagger")
    tagger = find_tagger(folder)
    content = (folder / "model.onnx").read_bytes().replace(b"ReduceMean", b"ReduceGone")
    (folder / "model.onnx").write_bytes(content)
    with ScoreCache(None) as cache, pytest.raises(ModelError, match="onnxruntime cannot run it") as refused:
        run_tagger(tagger, [painted(tmp_path, "a.png", "red")], cache)
    assert refused.value.where == str(folder / "model.onnx")


def test_without_the_package_the_way_out_is_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"onnxruntime is not installed; pip install 'lora-tui\[tagger\]'"):
        check_installed()
    folder = write_tagger(tmp_path / "tagger")
    with ScoreCache(None) as cache, pytest.raises(SettingsError, match="not installed"):
        run_tagger(find_tagger(folder), [painted(tmp_path, "a.png", "red")], cache)


def test_a_batch_out_of_range_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    tagger = find_tagger(write_tagger(tmp_path))
    for batch in (0, -1, 65):
        with ScoreCache(None) as cache, pytest.raises(SettingsError, match="from 1 to 64"):
            run_tagger(tagger, [], cache, batch=batch)


@pytest.mark.parametrize("content", [b"no database at all", b"", b"SQLite format 3\0" + bytes(100)])
def test_a_cache_that_is_damaged_is_made_again(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cache" / "scores.sqlite"
    path.parent.mkdir()
    path.write_bytes(content)
    with ScoreCache(path) as cache:
        assert cache.get("key", [tmp_path / "a.png"]) == {}
    assert sqlite3.connect(path).execute("SELECT count(*) FROM score").fetchone() == (0,)


def test_a_cache_of_other_columns_and_rows_of_nonsense_are_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.file_mark.TICK", -1.0)
    path, picture = tmp_path / "scores.sqlite", painted(tmp_path, "a.png", "red")
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE score (other TEXT)")
    connection.close()
    with ScoreCache(path) as cache:
        cache.keep("key", {picture: ()})
        assert cache.get("key", [picture]) == {picture: ()}
    for odd in ("nonsense", "[[-1, 0.5]]", "[[0, 7]]", "[1]", '[["a", "b"]]'):
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE score SET tags = ?", (odd,))
        connection.close()
        with ScoreCache(path) as cache:
            assert cache.get("key", [picture]) == {}
