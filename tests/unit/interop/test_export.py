"""What an export says of every setting: what sd-scripts lacks, numbers of another trainer, changes made while baking."""

import json
import tomllib
from pathlib import Path

import pytest
from other_values import other_values

from trainer.dataset.read import read_data
from trainer.demo.workspace import make_demo
from trainer.formats.prompt_file import prompts_in_lines
from trainer.grid.sample_prompts import sample_pictures
from trainer.interop.documents import read_document
from trainer.interop.export.data import SUBSET_OPTIONS
from trainer.interop.export.export import OF_DATA, Exported, export_settings, in_effect
from trainer.interop.export.said_apart import LOST, NOT_NEEDED
from trainer.interop.export.targets import TARGETS
from trainer.interop.importer import import_documents
from trainer.interop.option_export import is_ours_alone
from trainer.interop.option_rules import NETWORK_ARGS
from trainer.journal.bake_folder import write_bake_json
from trainer.journal.journal import Journal
from trainer.journal.records import Mark, MarkKind, NewBake
from trainer.models.identify import identify_base
from trainer.plan.behaviour import imitate
from trainer.settings.describe import fields
from trainer.settings.model import Settings
from trainer.settings.subject import resolve
from trainer.settings.toml_file import load_settings, settings_toml

# Of networks.lora's arguments, and of lists of rates and folders.
ELSEWHERE = {*NETWORK_ARGS.values(), "text_encoder_lr2", "num_repeats"}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo(tmp_path_factory.mktemp("demo") / "demo").root / "hifumi.toml"


def exported(settings: Settings, path: Path, target: str = "sd-scripts") -> Exported:
    return export_settings(settings, path, TARGETS[target], path.parent / "out", path.parent / "out.dataset.toml")


def values(made: Exported) -> dict[str, object]:
    return dict(import_documents([read_document(made.text.encode(), "the export")]).values)


def test_every_setting_that_sd_scripts_lacks_has_its_sentence() -> None:
    own = {info.name for info in fields() if is_ours_alone(info.name)} - ELSEWHERE
    validated = {"validation_seed", "validate_every_n_steps"}
    assert {*LOST, *NOT_NEEDED} == own | validated
    assert set(LOST) & set(NOT_NEEDED) == set()


@pytest.mark.parametrize("target", TARGETS)
def test_a_value_other_than_the_default_is_never_dropped_silently(target: str, demo: Path) -> None:
    """All settings at other values at once: what does not come back is lost, or is said to be another value."""
    given = load_settings(demo).model_dump() | {
        name: value
        for name, value in other_values().items()
        if name not in ("network_train_text_encoder_only", "int8_base", "train_minutes", "behave_like")
        and not isinstance(getattr(Settings(), name), str)
    }
    settings = resolve(Settings.model_validate(given | {"dataset_repeats": 1, "max_bucket_reso": 128}), demo)
    made = exported(settings, demo, target)
    assert [each.setting for each in made.report.settings] == [info.name for info in fields()]
    assert all(each.why for each in made.report.settings if each.fate != "written")
    back = import_documents([read_document(made.text.encode(), "the export")]).settings
    in_folders = SUBSET_OPTIONS if target == "easy-training-scripts" else ()
    written = [each.setting for each in made.report.of("written") if each.setting not in (*OF_DATA, *in_folders)]
    assert [name for name in written if in_effect(settings, name) != in_effect(back, name)] == []
    assert len(written) > 60
    assert {each.setting for each in made.report.of("lost")} & {"network_dim", "conv_dim", "seed", "clip_skip"} == set()


def test_a_stop_and_a_schedule_of_its_own_are_lost_by_name(demo: Path) -> None:
    changes = {
        "text_encoder_stop": "2ep",
        "text_encoder_lr_scheduler": "constant",
        "int8_base": True,
        "keep_states": "3",
    }
    settings = resolve(load_settings(demo).model_copy(update=changes), demo)
    report = exported(settings, demo).report
    lost = {each.setting: each.value for each in report.of("lost")}
    assert lost.keys() >= {"text_encoder_stop", "text_encoder_lr_scheduler", "int8_base"}
    assert lost["text_encoder_stop"] == "2ep"
    assert next(each for each in report.settings if each.setting == "keep_states").fate == "not needed"


@pytest.mark.parametrize("trainer", ["legacy ps script 2023-02", "kohya_ss 2023-02", "easy training scripts 2023-02"])
def test_settings_that_behave_like_another_trainer_are_written_as_the_numbers_that_run(
    trainer: str, demo: Path
) -> None:
    text = settings_toml(load_settings(demo)).replace("[data]", f'[data]\nbehave_like = "{trainer}"', 1)
    path = demo.parent / "like.toml"
    path.write_text("\n".join(line for line in text.splitlines() if not line.startswith("# behave_like")))
    settings = resolve(load_settings(path, ["lr_warmup_steps=10%", "max_train_epochs=3", "train_batch_size=3"]), path)
    runs = imitate(settings, read_data(settings)).settings
    made = exported(settings, path)
    found = values(made)
    assert found.get("max_train_epochs") == runs.max_train_epochs
    assert found.get("max_train_steps", runs.max_train_steps) == runs.max_train_steps
    assert found["lr_warmup_steps"] == runs.lr_warmup_steps
    assert runs.lr_warmup_steps != "10%"
    assert any(trainer in note for note in made.report.notes)
    # What it computes to nothing is named, too.
    computed = {
        each.setting: each.to for each in made.report.of("translated") if each.why == "as that trainer computes it"
    }
    epochs = runs.max_train_epochs
    assert computed.get("max_train_epochs") == ("max_train_epochs = blank" if epochs is None else None)


def test_changes_made_while_baking_are_reported_where_the_settings_are_a_bakes_own(demo: Path, tmp_path: Path) -> None:
    settings = resolve(load_settings(demo), demo)
    (tmp_path / "settings.toml").write_text(settings_toml(settings))
    with Journal(tmp_path / "journal.sqlite") as journal:
        new = NewBake(
            name="x", why="", settings_toml=settings_toml(settings), engine="e", total_steps=40, steps_per_epoch=40
        )
        bake = journal.bakes.add(new)
        journal.results.add_mark(bake.number, Mark(12, 1.0, MarkKind.SET, "unet_lr=5e-5"))
        write_bake_json(journal, bake.number, tmp_path)
    report = exported(settings, tmp_path / "settings.toml").report
    (change,) = [each for each in report.settings if each.setting.startswith("set at")]
    assert (change.setting, change.value, change.fate) == ("set at step 12", "unet_lr=5e-5", "lost")


def test_the_guis_prompts_are_the_lines_of_the_prompt_file(demo: Path, tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("a girl --n bad hands --w 64\na boy\n")
    changes = {"sample_prompts": str(tmp_path / "prompts.txt"), "sample_every_n_epochs": 1}
    settings = resolve(load_settings(demo).model_copy(update=changes), demo)
    made = exported(settings, demo, "kohya-gui")
    assert json.loads(made.text)["sample_prompts"] == "a girl --n bad hands --w 64\na boy"
    back = import_documents([read_document(made.text.encode(), "the export")], subject="x")
    assert back.subject is not None
    assert list(back.subject.prompts.values()) == ["a girl", "a boy"]
    assert back.subject.negative_prompt == "bad hands"


@pytest.mark.parametrize("target", TARGETS)
def test_folders_of_a_data_set_file_are_found_from_anywhere(target: str, demo: Path) -> None:
    """Relative ones count from the file here, and from the current folder in sd-scripts."""
    data_set = demo.parent / "sets.toml"
    data_set.write_text(
        "[[datasets]]\nresolution = 64\n[[datasets.subsets]]\nimage_dir = 'data/10_hifumi_chan'\nnum_repeats = 2\n"
        "caption_extension = ['.txt', '.caption']\n"
    )
    settings = resolve(load_settings(demo, [f"dataset_config={data_set}"]), demo)
    made = exported(settings, demo, target)
    told = made.text if target == "easy-training-scripts" else next(iter(made.beside.values()))
    document = tomllib.loads(told)
    (subset,) = document["subsets"] if "subsets" in document else document["datasets"][0]["subsets"]
    assert (subset["image_dir"], subset["num_repeats"]) == (str(demo.parent / "data" / "10_hifumi_chan"), 2)
    assert subset["caption_extension"] == ".txt"


def test_a_data_set_file_that_others_read_alike_is_named_as_it_is(demo: Path) -> None:
    data_set = demo.parent / "absolute.toml"
    data_set.write_text(f"[[datasets]]\n[[datasets.subsets]]\nimage_dir = '{demo.parent}/data/10_hifumi_chan'\n")
    settings = resolve(load_settings(demo, [f"dataset_config={data_set}"]), demo)
    made = exported(settings, demo)
    assert made.beside == {}
    assert str(data_set) in made.how


@pytest.mark.parametrize("target", TARGETS)
def test_the_subjects_prompts_are_a_line_for_each_picture(target: str, demo: Path) -> None:
    settings = resolve(load_settings(demo, ["sample_every_n_epochs=2", "sample_seeds=2", "sample_steps=7"]), demo)
    base = identify_base("demo")
    pictures = sample_pictures(settings, demo, base, "epsilon", zero_terminal_snr=False)
    made = exported(settings, demo, target)
    (lines,) = (
        [json.loads(made.text)["sample_prompts"]]
        if target == "kohya-gui"
        else [text for path, text in made.beside.items() if path.name == "out.prompts.txt"]
    )
    asked = prompts_in_lines(lines, "the lines")
    assert [(each.prompt, each.seed, each.steps, each.width) for each in asked] == [
        (each.recipe.prompt, each.recipe.seed, 7, each.recipe.width) for each in pictures
    ]
    assert len(asked) > 2
    assert "sample_every_n_epochs" not in {each.setting for each in made.report.of("lost")}
    back = import_documents([read_document(made.text.encode(), "the export")], subject="x")
    assert back.values["sample_every_n_epochs"] == 2
    if target == "kohya-gui":
        assert back.subject is not None
        assert list(back.subject.prompts.values()) == list(dict.fromkeys(each.recipe.prompt for each in pictures))
        assert back.subject.seeds == list(dict.fromkeys(each.recipe.seed for each in pictures))
        assert (back.values["sample_seeds"], back.values["sample_steps"]) == (2, 7)


@pytest.mark.parametrize(("behave_like", "written"), [("", (3, 3, 0)), ("kohya_ss 2026-07", (3, 0, 0))])
def test_the_guis_own_epochs_are_written_where_its_own_arithmetic_is_meant(
    behave_like: str, written: tuple[int, int, int], demo: Path
) -> None:
    settings = resolve(load_settings(demo, [f"behave_like={behave_like}", "max_train_epochs=3"]), demo)
    found = json.loads(exported(settings, demo, "kohya-gui").text)
    assert (found["epoch"], found["max_train_epochs"], found["max_train_steps"]) == written
