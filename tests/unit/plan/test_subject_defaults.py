"""Defaults of a new subject."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from trainer.checks.record import CheckedBake
from trainer.checks.registry import run_checks
from trainer.dataset.read import read_data
from trainer.errors import DatasetError, SettingsError
from trainer.plan.plan import make_plan
from trainer.plan.subject_defaults import subject_defaults
from trainer.prompts.attention import PromptPiece, parse


def draw(folder: Path, captions: Sequence[str | None]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index, caption in enumerate(captions):
        Image.new("RGB", (64, 64)).save(folder / f"{index}.png")
        if caption is not None:
            (folder / f"{index}.txt").write_text(caption)
    return folder


def trigger(folder: Path, name: str = "fallback") -> str:
    return subject_defaults(name, folder, "demo", family="sd1")[0].trigger


def test_the_trigger_is_the_word_of_the_only_folder(tmp_path: Path) -> None:
    draw(tmp_path / "10_hifumi_chan", ["1girl, halo"])
    assert trigger(tmp_path) == trigger(tmp_path / "10_hifumi_chan") == "hifumi_chan"


def test_the_trigger_is_the_tag_in_front_that_most_captions_share(tmp_path: Path) -> None:
    captions = ["hifumi_chan, halo", "1girl, hifumi_chan, smile", "hifumi_chan, backpack", "scenery, sky"]
    assert trigger(draw(tmp_path / "x", captions)) == "hifumi_chan"


def test_several_folders_do_not_name_the_trigger_but_the_outfits(tmp_path: Path) -> None:
    draw(tmp_path / "3_school", ["hifumi_chan, school uniform"])
    draw(tmp_path / "3_frills", ["hifumi_chan, frilled dress"])
    subject, _ = subject_defaults("x", tmp_path, "demo", family="sd1")
    assert subject.trigger == "hifumi_chan"
    assert subject.outfits == {"3_school": "school", "3_frills": "frills"}


@pytest.mark.parametrize(
    "captions",
    [
        [None, None],
        ["1girl, solo", "1girl, solo"],
        ["red, a", "blue, b", "green, c"],
        ["solo, 1girl, hifumi", "2girls, solo, hifumi"],
    ],
)
def test_without_a_shared_tag_in_front_the_name_is_the_trigger(captions: list[str | None], tmp_path: Path) -> None:
    assert trigger(draw(tmp_path / "x", captions), "hifumi") == "hifumi"


@pytest.mark.parametrize(("pictures", "repeats"), [(1, 200), (16, 12), (150, 1), (300, 1)])
def test_a_flat_folder_gets_repeats_for_about_two_hundred_pictures_an_epoch(
    pictures: int, repeats: int, tmp_path: Path
) -> None:
    _, settings = subject_defaults("x", draw(tmp_path / "flat", [None] * pictures), "demo", family="sd1")
    assert settings.dataset_repeats == repeats


def test_a_folder_with_repeats_keeps_its_own(tmp_path: Path) -> None:
    draw(tmp_path / "10_x", [None])
    assert subject_defaults("x", tmp_path, "demo", family="sd1")[1].dataset_repeats == 1


def test_the_paths_are_in_the_subject_and_the_settings_name_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(tmp_path / "data" / "10_x", [None])
    monkeypatch.chdir(tmp_path)
    subject, settings = subject_defaults("hifumi", Path("data"), "models/sd15", Path("held"), family="sd1")
    assert subject.train_data_dir == str(tmp_path / "data")
    assert subject.validation_data_dir == str(tmp_path / "held")
    assert subject.pretrained_model_name_or_path == str(tmp_path / "models" / "sd15")
    assert (settings.subject, settings.output_name, settings.train_data_dir) == ("hifumi", "hifumi", "")


def test_the_resolution_follows_the_base(tmp_path: Path) -> None:
    draw(tmp_path / "10_x", [None])
    _, demo = subject_defaults("x", tmp_path, "demo", family="sd1")
    assert (demo.size, demo.min_bucket_reso, demo.max_bucket_reso, demo.bucket_reso_steps) == ((64, 64), 32, 128, 32)
    assert subject_defaults("x", tmp_path, "/models/sd15", family="sd1")[1].size == (512, 512)
    sdxl = subject_defaults("x", tmp_path, "/models/sdxl.safetensors", family="sdxl")[1]
    assert (sdxl.size, sdxl.max_bucket_reso, sdxl.train_batch_size) == ((1024, 1024), 2048, 1)


def test_a_proposal_can_be_planned_without_a_warning(tmp_path: Path) -> None:
    draw(tmp_path / "flat", [None] * 16)
    for base in ("demo", "/models/sd15"):
        _, settings = subject_defaults("x", tmp_path / "flat", base, family="sd1")
        data = read_data(settings.model_copy(update={"train_data_dir": str(tmp_path / "flat")}))
        made = make_plan(settings, data, family="sd1")
        found = run_checks(CheckedBake(settings, data, plan=made))
        assert [result for result in found if result.check.looks_at == "settings"] == []


def test_a_name_that_is_not_a_file_name_is_refused(tmp_path: Path) -> None:
    draw(tmp_path / "10_x", [None])
    with pytest.raises(SettingsError, match=r'^name: "a/b"; expected a file name'):
        subject_defaults("a/b", tmp_path, "demo", family="sd1")


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="an empty folder"):
        subject_defaults("x", tmp_path, "demo", family="sd1")


def test_brackets_are_escaped_in_what_is_proposed_for_prompts(tmp_path: Path) -> None:
    draw(tmp_path / "3_school (old)", ["knight [rose], sea"])
    draw(tmp_path / "3_beach", ["knight [rose], sun"])
    subject, _ = subject_defaults("x", tmp_path, "demo", family="sd1")
    assert subject.trigger == "knight [rose]"
    assert subject.prompts == {"plain": r"knight \[rose\]"}
    assert subject.outfits["3_school (old)"] == r"school \(old\)"
    pieces = parse(subject.prompts["plain"])
    assert pieces == (PromptPiece("knight [rose]", 1.0),)
