"""The files of a tagger: found, seen to belong together, and read for how the model takes pictures."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_tagger import TAGS, TinyTagger, write_tagger, write_tags

from trainer.errors import ModelError
from trainer.tagger.files import find_tagger
from trainer.tagger.record import KnownTag
from trainer.tagger.selected_tags import kinds_of, read_tags


def test_a_folder_and_its_model_are_the_same_tagger(tmp_path: Path) -> None:
    folder = write_tagger(tmp_path / "wd-tiny")
    tagger = find_tagger(folder)
    assert tagger.name == "wd-tiny"
    assert [(tag.name, tag.category) for tag in tagger.tags] == list(TAGS)
    assert find_tagger(folder / "model.onnx") == tagger
    (folder / "model.onnx").rename(folder / "other.onnx")
    # The only model of a folder need not be called model.onnx.
    assert find_tagger(folder).name == "other"


def test_a_model_with_the_colours_last_takes_bgr_from_0_to_255(tmp_path: Path) -> None:
    # As in the folders of WD taggers: config.json is for the weights of another library.
    folder = write_tagger(tmp_path, TinyTagger(side=64))
    (folder / "config.json").write_text(json.dumps({"pretrained_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}}))
    rules = find_tagger(folder).input
    assert (rules.layout, rules.width, rules.height, rules.channels, rules.mean) == ("NHWC", 64, 64, "BGR", None)
    assert rules.batch is None
    assert any("itself divides by 255" in reason for reason in rules.reasons)


@pytest.mark.parametrize(
    ("files", "mean", "deviation", "source"),
    [
        ({}, 0.5, 0.5, "nothing beside the model"),
        ({"config.json": {"pretrained_cfg": {"mean": [0.4] * 3, "std": [0.2] * 3}}}, 0.4, 0.2, "from config.json"),
        (
            {
                "preprocess.json": {"stages": [{"type": "normalize", "mean": [0.1] * 3, "std": [0.3] * 3}]},
                "config.json": {"mean": [0.4] * 3, "std": [0.2] * 3},
            },
            0.1,
            0.3,
            "from preprocess.json",
        ),
        ({"config.json": {"mean": "half", "std": [0, 0, 0]}}, 0.5, 0.5, "nothing beside the model"),
        ({"config.json": {"mean": [10**400] * 3, "std": [1e300] * 3}}, 0.5, 0.5, "nothing beside the model"),
        ({"config.json": {"mean": [float("nan")] * 3, "std": [1, 1, 1]}}, 0.5, 0.5, "nothing beside the model"),
    ],
)
def test_a_model_with_the_colours_first_takes_rgb_normalized_as_the_files_say(
    tmp_path: Path, files: dict[str, object], mean: float, deviation: float, source: str
) -> None:
    folder = write_tagger(tmp_path, TinyTagger("NCHW", divides=False, order="RGB", batch=1))
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    rules = find_tagger(folder).input
    assert (rules.layout, rules.channels, rules.batch) == ("NCHW", "RGB", 1)
    assert (rules.mean, rules.deviation) == ((mean,) * 3, (deviation,) * 3)
    assert source in rules.reasons[1]


def test_a_model_with_the_colours_first_that_divides_itself_takes_0_to_255(tmp_path: Path) -> None:
    rules = find_tagger(write_tagger(tmp_path, TinyTagger("NCHW", order="RGB"))).input
    assert (rules.layout, rules.channels, rules.mean) == ("NCHW", "RGB", None)


def test_the_user_may_name_the_order_of_the_colours(tmp_path: Path) -> None:
    rules = find_tagger(write_tagger(tmp_path), channels="RGB").input
    assert rules.channels == "RGB"
    assert rules.reasons[-1] == "RGB: as you say"


@pytest.mark.parametrize(("last", "probabilities"), [("Sigmoid", True), ("Add", False), ("Mul", None)])
def test_whether_the_answers_are_probabilities_is_read_from_the_last_operation(
    tmp_path: Path, last: str, probabilities: bool | None
) -> None:
    assert find_tagger(write_tagger(tmp_path, TinyTagger(last=last))).output.probabilities is probabilities  # type: ignore[arg-type]


def _other_rows(folder: Path) -> None:
    write_tags(folder / "selected_tags.csv", TAGS[:-1])


def _without_tags(folder: Path) -> None:
    (folder / "selected_tags.csv").unlink()


def _other_columns(folder: Path) -> None:
    (folder / "selected_tags.csv").write_text("tag,kind\na,0\n")


def _wrong_category(folder: Path) -> None:
    (folder / "selected_tags.csv").write_text("name,category\n1girl,general\n")


def _no_model(folder: Path) -> None:
    (folder / "model.onnx").unlink()


def _binary_tags(folder: Path) -> None:
    (folder / "selected_tags.csv").write_bytes(b"name,category\n\xff\xfe,0\n")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_other_rows, "5 rows, and model.onnx has 6 outputs"),
        (_without_tags, "no selected_tags.csv beside model.onnx"),
        (_other_columns, "the columns tag, kind"),
        (_wrong_category, "line 2: the category general"),
        (_no_model, "no model.onnx"),
        (_binary_tags, "not UTF-8"),
    ],
)
def test_files_that_do_not_fit_are_refused_by_name(tmp_path: Path, spoil: Callable[[Path], None], reason: str) -> None:
    folder = write_tagger(tmp_path)
    spoil(folder)
    with pytest.raises(ModelError, match=reason):
        find_tagger(folder)


def test_another_csv_file_may_be_named(tmp_path: Path) -> None:
    folder = write_tagger(tmp_path / "model")
    (folder / "selected_tags.csv").rename(tmp_path / "mine.csv")
    assert len(find_tagger(folder, tmp_path / "mine.csv").tags) == len(TAGS)


def test_weights_beside_the_model_are_taken_and_missing_ones_named(tmp_path: Path) -> None:
    folder = write_tagger(tmp_path, TinyTagger(external="weights.bin"))
    before = find_tagger(folder).key
    os.utime(folder / "weights.bin", (1, 1))
    assert find_tagger(folder).key != before
    (folder / "weights.bin").unlink()
    with pytest.raises(ModelError, match=r"its weights are in weights\.bin, which is missing"):
        find_tagger(folder)


@pytest.mark.parametrize(
    "place", ["../outside.bin", "sub/../../outside.bin", "/tmp/outside.bin", "C:/outside.bin", "."]
)
def test_weights_outside_the_models_folder_are_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "outside.bin").write_bytes(bytes(72))
    folder = write_tagger(tmp_path / "tagger", TinyTagger(external=place))
    with pytest.raises(ModelError, match="weights outside its folder"):
        find_tagger(folder)


def test_a_link_out_of_the_folder_is_outside(tmp_path: Path) -> None:
    (tmp_path / "outside.bin").write_bytes(bytes(72))
    folder = write_tagger(tmp_path / "tagger", TinyTagger(external="weights.bin"))
    (folder / "weights.bin").unlink()
    (folder / "weights.bin").symlink_to(tmp_path / "outside.bin")
    with pytest.raises(ModelError, match="weights outside its folder"):
        find_tagger(folder)


def test_a_model_that_takes_no_pictures_is_refused(tmp_path: Path) -> None:
    folder = write_tagger(tmp_path, TinyTagger(side=5000))
    with pytest.raises(ModelError, match="sides of 16 to 4096 px"):
        find_tagger(folder)


def test_rows_may_have_other_columns_quotes_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "tags.csv"
    path.write_text('\ufeffid,name,category,count,ips\n0,"a,""b""",0,1,"[""x""]"\n1,saber_(fate),4,1,[]\n', "utf-8")
    assert read_tags(path) == (KnownTag('a,"b"', 0), KnownTag("saber_(fate)", 4))
    assert kinds_of(read_tags(path)) == {"saber (fate)": "character"}
