"""The plan in sections, over pictures that are there."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from rich.cells import cell_len

from trainer.dataset.read import read_data
from trainer.plan.plan import Plan, make_plan
from trainer.plan.report import WIDTH, ReportSection, report, report_json
from trainer.prompts.clip_tokens import clip_tokens
from trainer.settings.model import Settings
from trainer.settings.parts import Family


@dataclass(frozen=True)
class Said:
    prediction: str | None = None
    zero_terminal_snr: bool | None = None
    source: str = ""


@dataclass(frozen=True)
class Base:
    name: str = "a base"
    family: Family = "sd1"
    markers: Said = Said("epsilon", None, "scheduler_config.json")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """3 pictures, 4 times each, 2 of them captioned; 2 of the class at large."""
    captions = {"a": "hero, sitting", "b": "hero, standing", "c": None}
    for folder, names in (("data/4_hero", captions), ("reg/1_girl", {"d": "girl", "e": "girl, sitting"})):
        (tmp_path / folder).mkdir(parents=True)
        for name, caption in names.items():
            Image.new("RGB", (64, 96 if name == "a" else 64)).save(tmp_path / folder / f"{name}.png")
            if caption:
                (tmp_path / folder / f"{name}.txt").write_text(caption)
    return Settings(
        train_data_dir=str(tmp_path / "data"),
        pretrained_model_name_or_path="base",
        resolution="64",
        min_bucket_reso=32,
        max_bucket_reso=128,
        bucket_reso_steps=32,
        train_batch_size=2,
        max_train_epochs=2,
        output_name="hero",
    )


def with_reg(settings: Settings) -> Settings:
    return settings.model_copy(update={"reg_data_dir": str(Path(settings.train_data_dir).parent / "reg")})


def plan_of(settings: Settings, family: Family = "sd1") -> Plan:
    return make_plan(settings, read_data(settings), family=family, lora_bytes=10**6, state_bytes=10**7)


def sections(settings: Settings, base: Base = Base()) -> dict[str, str]:
    made = report(settings, read_data(settings), plan_of(settings, base.family), base)
    return {section.title.split(":")[0]: "\n".join(section.lines) for section in made}


def test_the_captioned_pictures_are_counted(settings: Settings) -> None:
    assert sections(settings)["pictures"].startswith("2 of 3 captioned\n")
    assert "2 of 2 regularisation pictures captioned" in sections(with_reg(settings))["pictures"]


def test_the_exposures_of_a_folder_are_pictures_times_repeats_times_epochs(settings: Settings) -> None:
    line = sections(settings)["folders"]
    assert "4_hero" in line and "3 × 4" in line and "24 exposures" in line


def test_outfits_and_epochs_show_their_exposures(settings: Settings) -> None:
    data, plan = read_data(settings), plan_of(settings)
    outfits = {"sitting": "sitting", "4_other": "other"}
    made = {each.title: each.lines for each in report(settings, data, plan, Base(), outfits=outfits)}
    lines = [re.sub(" +", " ", line) for line in made["outfits by exposure"]]
    assert lines == [
        "sitting 1 picture 8 exposures",
        "4_other 0 pictures 0 exposures",
        "no outfit 2 pictures 16 exposures",
    ]
    by_epoch = {line[:30].strip(): line[30:].split() for line in made["exposures by epoch"]}
    assert by_epoch[""] == ["1", "2"]
    assert by_epoch["folder 4_hero"] == ["12", "24"]
    assert by_epoch["outfit sitting"] == ["4", "8"]
    assert by_epoch["hero"] == ["12", "24"]
    assert all(cell_len(line) <= WIDTH for line in made["exposures by epoch"])
    values = report_json(settings, data, plan, outfits=outfits)["exposures"]
    assert isinstance(values, dict)
    assert values["outfits"][0] == {"name": "sitting", "words": "sitting", "pictures": 1, "times_shown": 8}
    assert values["by_epoch"][0]["after"] == [12, 24]
    assert "outfits by exposure" not in sections(settings)


def test_a_regularisation_folder_says_so(settings: Settings) -> None:
    lines = sections(with_reg(settings))["folders"].splitlines()
    assert [line.endswith("reg") for line in lines] == [False, True]


def test_tags_come_with_pictures_and_exposures_the_most_shown_first(settings: Settings) -> None:
    first = sections(settings)["tags by exposure"].splitlines()[0]
    assert first.startswith("hero ") and "exposures" in first


def test_rare_tags_are_counted_and_not_listed(settings: Settings) -> None:
    caption = Path(settings.train_data_dir) / "4_hero" / "a.txt"
    caption.write_text(", ".join(f"tag {number}" for number in range(60)))
    lines = sections(settings)["tags by exposure"].splitlines()
    assert len(lines) < 30
    assert "more tags, at most 8 exposures each" in lines[-1]


def test_every_bucket_has_a_bar(settings: Settings) -> None:
    lines = sections(settings)["buckets"].splitlines()
    assert len(lines) == len(plan_of(settings).buckets) == 2
    assert all("▇" in line and "batch" in line for line in lines)


def test_every_part_of_the_base_has_its_rate_and_the_stop(settings: Settings) -> None:
    stopping = settings.model_copy(update={"text_encoder_stop": "1ep"})
    rates = sections(stopping, Base(family="sdxl"))["rates"]
    assert "U-Net" in rates and "second text encoder" in rates
    assert "stops after step 6" in rates


@pytest.mark.parametrize(
    ("said", "asked", "words"),
    [
        (Said("v", True, "key v_pred"), "auto", "v-prediction (from key v_pred)"),
        (Said(), "auto", "measured at the start"),
        (Said("epsilon", None, "x"), "yes", "v-prediction requested"),
    ],
)
def test_the_report_names_the_prediction_type_of_the_base(
    settings: Settings, said: Said, asked: str, words: str
) -> None:
    settings = settings.model_copy(update={"v_parameterization": asked})
    assert words in sections(settings, Base(markers=said))["base"]


def test_each_file_of_a_base_of_several_is_named(settings: Settings) -> None:
    several = settings.model_copy(update={"qwen3": "/m/text_encoders/q.safetensors", "vae": "/m/vae/v.safetensors"})
    said = sections(several, Base(family="anima", markers=Said("flow", False, "")))["base"]
    assert "Qwen3 text encoder: /m/text_encoders/q.safetensors" in said
    assert "separate VAE: /m/vae/v.safetensors" in said


def test_what_is_asked_of_a_diffusion_model_is_not_said_of_a_flow(settings: Settings) -> None:
    asked = settings.model_copy(update={"v_parameterization": "yes", "zero_terminal_snr": "yes"})
    said = sections(asked, Base(markers=Said("flow", False, "")))["base"]
    assert (
        "velocity of a flow" in said
        and "(from" not in said
        and "v-prediction" not in said
        and "zero terminal" not in said
    )


def test_the_report_names_files_states_and_their_disk_space(settings: Settings) -> None:
    text = sections(settings)["files and disk"]
    assert "2 LoRA files, 1.0 MB each in fp16: hero-000001.safetensors … hero.safetensors" in text
    assert "10.0 MB each" in text


def test_warnings_have_their_sign(settings: Settings) -> None:
    made = report(settings, read_data(settings), plan_of(settings), Base(), ["one", "\x1b[2Jtwo"])
    assert made[-1].lines == ("! one", r"! \x1b[2Jtwo")


def test_codes_and_wide_letters_in_names_leave_the_columns_straight(settings: Settings) -> None:
    folder = Path(settings.train_data_dir) / "4_hero"
    (folder / "a.txt").write_text("青い髪の少女が笑っている夏の海の背景とても長いタグ, \x1b[31mred, e\u0301te\u0301")
    tags = sections(settings)["tags by exposure"]
    assert "\x1b" not in tags
    ends = {cell_len(re.match(r".*\d pictures?", line)[0]) for line in tags.splitlines()}
    assert len(ends) == 1


def test_pictures_of_numbers_fit_their_width(settings: Settings) -> None:
    settings = with_reg(settings)
    made: tuple[ReportSection, ...] = report(settings, read_data(settings), plan_of(settings), Base())
    drawn = [
        line
        for each in made
        if each.title.split(":")[0] in ("folders", "tags by exposure", "buckets", "times")
        for line in each.lines
    ]
    assert drawn and max(map(cell_len, drawn)) <= WIDTH


def test_the_json_has_exposures_groups_and_stops(settings: Settings) -> None:
    settings = with_reg(settings).model_copy(update={"text_encoder_stop": "1ep", "loraplus_unet_lr_ratio": 4.0})
    told = json.loads(json.dumps(report_json(settings, read_data(settings), plan_of(settings))))
    assert told["stops"] == {"text_encoder": told["steps_per_epoch"]}
    assert {folder["name"] for folder in told["exposures"]["folders"]} == {"4_hero", "1_girl"}
    assert told["exposures"]["tags"][0]["tag"] == "hero"
    rates = {(group["part"], group["which"]): group["rate"] for group in told["groups"]}
    assert rates == pytest.approx({("unet", "down"): 1e-4, ("unet", "up"): 4e-4, ("text_encoder", "both"): 2e-5})


def test_tags_that_are_never_read_are_named_apart(settings: Settings) -> None:
    caption = Path(settings.train_data_dir) / "4_hero" / "a.txt"
    caption.write_text(", ".join(["hero", *["standing on a rock"] * 20, "red boots", "sitting"]))
    data = read_data(settings)
    plan = make_plan(settings, data, family="sd1", tokens=clip_tokens)
    made = {section.title: section.lines for section in report(settings, data, plan, Base())}
    tags = made["tags by exposure"]
    assert "never read, beyond the 75 tokens: red boots, sitting" in tags
    assert not any(line.startswith(("red boots", "sitting ")) for line in tags)
    told = report_json(settings, data, plan)["exposures"]["tags"]  # type: ignore[index]
    assert {"tag": "red boots", "pictures": 1, "times_shown": 0, "times_cut": 8} in told
    assert json.loads(json.dumps(report_json(settings, data, plan)))["cut"][0]["tokens"] == 106


def test_what_nearly_every_caption_repeats_is_said(settings: Settings) -> None:
    folder = Path(settings.train_data_dir) / "4_hero"
    for number, place in enumerate(("cave", "sea", "hill", "city", "sky")):
        Image.new("RGB", (64, 64)).save(folder / f"n{number}.png")
        look = "silver armour, " if place != "sky" else ""
        (folder / f"n{number}.txt").write_text(f"hero, 1boy, {look}{place}")
    (folder / "a.txt").write_text("hero, silver armour")
    (folder / "b.txt").write_text("hero, silver armour")
    lines = sections(settings)["tags by exposure"].splitlines()
    assert lines[-1].startswith("in 80% of the captions or more: silver armour; ")


def test_a_sentence_that_every_caption_repeats_is_found_in_prose(settings: Settings) -> None:
    folder = Path(settings.train_data_dir) / "4_hero"
    for name, place in zip("abcd", ("cave", "sea", "hill", "city"), strict=True):
        Image.new("RGB", (64, 64)).save(folder / f"{name}.png")
        (folder / f"{name}.txt").write_text(f"The hero stands near a {place}. He wears silver armour.")
    assert "in 80% of the captions or more: He wears silver armour; " in sections(settings)["tags by exposure"]


@pytest.mark.parametrize(
    ("epochs", "shown"), [(6, ["1", "2", "4", "6"]), (3, ["1", "2", "3"]), (10, ["1", "3", "7", "10"])]
)
def test_the_first_epoch_and_the_last_are_among_those_shown(settings: Settings, epochs: int, shown: list[str]) -> None:
    longer = settings.model_copy(update={"max_train_epochs": epochs})
    assert sections(longer)["exposures by epoch"].splitlines()[0].split() == shown


def test_of_a_single_epoch_there_is_nothing_to_show_by_epoch(settings: Settings) -> None:
    assert "exposures by epoch" not in sections(settings.model_copy(update={"max_train_epochs": 1}))
