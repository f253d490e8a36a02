"""The table of trainers: a cell for each column, what differs marked and given its reason from the records."""

from pathlib import Path

import pytest
from odd_folder import SMALL, odd_folder, put, worked_folder

from trainer.dataset.found_files import found_data
from trainer.errors import SettingsError
from trainer.parity.columns import HERE, AskedSettings, asked_settings, changed_settings
from trainer.parity.compare import parity_table
from trainer.parity.like import change_lines, settings_like, with_changes
from trainer.parity.table import ParityCell, ParityTable, parity_json
from trainer.profiles.registry import OURS, PROFILES
from trainer.settings.describe import fields
from trainer.settings.model import Settings

WORKED: dict[str, object] = {
    **SMALL,
    "enable_bucket": True,
    "bucket_no_upscale": False,
    "train_batch_size": 4,
    "max_train_epochs": 5,
    "lr_warmup_steps": "5%",
    "lr_scheduler": "cosine",
}


def asked_of(folder: Path, **values: object) -> AskedSettings:
    """Return settings of which those given were asked for."""
    stated = {"train_data_dir": str(folder), **values}
    return AskedSettings(Settings.model_validate(stated), frozenset(stated))


def table_of(asked: AskedSettings, *keys: str, family: str = "sd1") -> ParityTable:
    return parity_table(asked, found_data(asked.settings), family=family, profiles=keys)


def cell(table: ParityTable, row: str, column: str) -> ParityCell:
    (found,) = (each for each in table.rows if each.key == row)
    return found.cells[table.columns.index(column)]


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> ParityTable:
    return table_of(asked_of(worked_folder(tmp_path_factory.mktemp("worked")), **WORKED))


@pytest.mark.parametrize(
    ("key", "row", "text"),
    [
        ("legacy ps script 2023-02", "pictures_counted", "16 → 160"),
        ("legacy ps script 2023-02", "pictures_trained", "12 → 120"),
        ("legacy ps script 2023-02", "steps_shown", "200"),
        ("legacy ps script 2023-02", "warmup", "10"),
        ("legacy ps script 2023-02", "steps_run", "200"),
        ("legacy ps script 2023-02", "epochs", "7, the last cut"),
        ("anon-1337 2023-02", "pictures_counted", "10 → 100"),
        ("anon-1337 2023-02", "steps_shown", "125"),
        ("anon-1337 2023-02", "warmup", "6"),
        ("anon-1337 2023-02", "steps_run", "155"),
        ("anon-1337 2023-02", "epochs", "5"),
        ("easy training scripts 2023-02", "pictures_counted", "13 → 130"),
        ("easy training scripts 2023-02", "steps_shown", "162"),
        ("easy training scripts popup 2023-02", "warmup", "8"),
        ("easy training scripts popup 2023-02", "steps_run", "155"),
        ("kohya_ss 2023-02", "pictures_counted", "9 → 90"),
        ("kohya_ss 2023-02", "steps_shown", "113"),
        ("kohya_ss 2023-02", "warmup", "6"),
        ("kohya_ss 2023-02", "epochs", "4, the last cut"),
        ("sd-scripts 2023-01", "pictures_counted", "12 → 120"),
        ("sd-scripts 2023-01", "steps_run", "155"),
        ("sd-scripts 2023-01", "warmup", "0"),
        ("sd-scripts 2023-02", "steps_run", "190"),
        ("sd-scripts 2023-01 on Linux", "pictures_counted", "10 → 100"),
    ],
)
def test_the_worked_example_stands_in_the_table(worked: ParityTable, key: str, row: str, text: str) -> None:
    assert cell(worked, row, key).text == text


def test_the_first_column_are_the_settings_as_they_stand_and_every_row_is_full(worked: ParityTable) -> None:
    assert worked.columns == (HERE, *PROFILES)
    assert all(len(row.cells) == len(worked.columns) == len(worked.titles) for row in worked.rows)
    assert not any(row.cells[0].differs for row in worked.rows)
    assert len({row.key for row in worked.rows}) == len(worked.rows)


@pytest.mark.parametrize("more", [{}, {"gradient_accumulation_steps": 3, "max_train_epochs": 2}])
def test_whatever_differs_has_its_reason_and_nothing_else_has(tmp_path: Path, more: dict[str, object]) -> None:
    for folder in (worked_folder(tmp_path / "worked"), odd_folder(tmp_path / "odd")):
        table = table_of(asked_of(folder, **SMALL, **more))
        for row in table.rows:
            for each in row.cells[1:]:
                assert bool(each.reason) == each.differs, (row.key, each)
                assert not each.reason.endswith("."), (row.key, each)


def test_pictures_that_do_not_count_are_named_with_why(worked: ParityTable) -> None:
    assert "10_a/12.gif: .gif does not count" in cell(worked, "pictures_counted", "kohya_ss 2023-02").details
    assert "10_a/7.JPG: .JPG is not .jpg to it" in cell(worked, "pictures_counted", "kohya_ss 2023-02").details
    assert "10_a/sub/a.png: it lies in a folder in a folder" in cell(worked, "pictures_counted", OURS).details
    assert not any("sub/" in line for line in cell(worked, "pictures_counted", "legacy ps script 2023-02").details)


def test_the_same_number_of_other_pictures_is_a_difference(tmp_path: Path) -> None:
    put(tmp_path / "1_a", ["a.png", "b.gif"], (64, 64))
    put(tmp_path / "1_a" / "in", ["c.png"], (64, 64))
    # Ours counts a and the gif, ai-toolkit a and the one in the folder in the folder.
    counted = cell(
        table_of(asked_of(tmp_path, **SMALL), "ai-toolkit 2026-08"), "pictures_counted", "ai-toolkit 2026-08"
    )
    assert (counted.text, counted.differs) == ("2", True)


def test_what_was_not_asked_for_has_each_trainers_default_and_what_was_holds(tmp_path: Path) -> None:
    put(tmp_path / "1_a", ["a.png"], (64, 64))
    asked = asked_of(tmp_path, **SMALL, network_dim=128)
    table = table_of(asked)
    scales = {key: cell(table, "scale", key).text for key in table.columns}
    assert scales[HERE] == "16 / 128 = 0.125"
    assert scales["anon-1337 2023-02"] == "1 / 128 = 7.81e-3"
    assert scales["easy training scripts 2023-02"] == "64 / 128 = 0.5"
    assert scales["cloneofsimo lora 2023-02"] == "128 / 128 = 1"
    pair = cell(table, "pair_unet", "anon-1337 2023-02")
    assert pair.text == "1e-3 | 7.81e-6"
    assert "network_alpha = 1 by default" in pair.reason and "network_dim" not in pair.reason


def test_a_default_that_is_not_known_is_called_unknown_until_it_is_asked_for(tmp_path: Path) -> None:
    put(tmp_path / "1_a", ["a.png"], (64, 64))
    legacy = "legacy ps script 2023-02"
    open_ = table_of(asked_of(tmp_path, **SMALL), legacy)
    assert {cell(open_, row, legacy).text for row in ("rate_unet", "scale", "steps_run", "warmup")} == {"unknown"}
    assert "unet_lr" in cell(open_, "rate_unet", legacy).reason
    stated = table_of(asked_of(tmp_path, **SMALL, unet_lr=3e-4), legacy)
    assert cell(stated, "rate_unet", legacy).text == "3e-4"


def test_a_trainer_that_stops_says_so_in_what_it_would_count_and_still_shows_its_rates(tmp_path: Path) -> None:
    table = table_of(asked_of(odd_folder(tmp_path), **SMALL, max_train_epochs=1))
    steps = cell(table, "steps_run", "kohya_ss 2023-02")
    assert (steps.text, "1.5_half" in steps.reason) == ("stops", True)
    assert cell(table, "rate_unet", "kohya_ss 2023-02").text == "1e-3"
    # PowerShell rounds what Python does not read.
    assert cell(table, "steps_run", "anon-1337 2023-02").text != "stops"


def test_a_resolution_outside_a_trainers_buckets_stops_those_that_have_sd_scripts_buckets(tmp_path: Path) -> None:
    put(tmp_path / "1_a", ["a.png"], (64, 64))
    table = table_of(asked_of(tmp_path, resolution="1024", max_train_epochs=1, train_batch_size=1))
    stopped = {key for key in table.columns if cell(table, "steps_run", key).text == "stops"}
    assert {"easy training scripts 2023-02", "legacy ps script 2023-02"} <= stopped
    assert not stopped & {HERE, OURS, "anon-1337 2023-02", "kohya_ss 2026-07", "OneTrainer 2026-08"}
    assert "max_bucket_reso 960" in cell(table, "steps_run", "easy training scripts 2023-02").reason


def test_sdxl_has_rows_for_both_of_its_encoders(tmp_path: Path) -> None:
    put(tmp_path / "1_a", ["a.png"], (64, 64))
    keys = {row.key for row in table_of(asked_of(tmp_path, **SMALL), OURS, family="sdxl").rows}
    assert {"rate_text_encoder", "rate_text_encoder_2", "pair_text_encoder_2"} <= keys


def test_regularisation_has_a_row_where_there_is_any(tmp_path: Path) -> None:
    put(tmp_path / "set" / "2_a", ["a.png", "b.png"], (64, 64))
    put(tmp_path / "reg" / "1_r", [f"{n}.png" for n in range(9)], (64, 64))
    asked = asked_of(tmp_path / "set", **SMALL, reg_data_dir=str(tmp_path / "reg"))
    table = table_of(asked)
    assert cell(table, "regularisation", "sd-scripts 2026-02").text == "9 → 4"
    assert cell(table, "regularisation", "OneTrainer 2026-08").text == "9"
    assert "regularisation" not in {row.key for row in table_of(asked_of(tmp_path / "set", **SMALL)).rows}


def test_a_schedule_that_is_not_run_to_its_end_is_shown_as_cut(tmp_path: Path) -> None:
    put(tmp_path / "1_a", [f"{n}.png" for n in range(8)], (64, 64))
    asked = asked_of(tmp_path, **SMALL, gradient_accumulation_steps=2, lr_scheduler="cosine")
    cut = cell(table_of(asked), "schedule", "sd-scripts 2023-01")
    assert cut.text == "cosine, cut" and "first part" in cut.reason


def test_columns_are_chosen_by_name_and_a_mistyped_name_has_the_nearest(tmp_path: Path) -> None:
    put(tmp_path / "1_a", ["a.png"], (64, 64))
    asked = asked_of(tmp_path, **SMALL)
    assert table_of(asked, "OneTrainer 2026-08", OURS, OURS).columns == (HERE, "OneTrainer 2026-08", OURS)
    with pytest.raises(SettingsError) as wrong:
        table_of(asked, "onetrainer")
    assert wrong.value.way_out == "did you mean OneTrainer 2026-08?"
    assert wrong.value.details == tuple(PROFILES)


def test_control_characters_of_a_folder_reach_no_cell(tmp_path: Path) -> None:
    put(tmp_path / "x\x1b[31m_a", ["a.gif"], (64, 64))
    table = table_of(asked_of(tmp_path, **SMALL))
    texts = [text for row in table.rows for each in row.cells for text in (each.text, each.reason, *each.details)]
    assert any("\\x1b" in text for text in texts) and not any("\x1b" in text for text in texts)


def test_a_file_that_writes_every_setting_out_asks_for_what_differs_from_the_defaults(tmp_path: Path) -> None:
    settings = Settings(train_data_dir=str(tmp_path), network_dim=8, seed=7)
    every = [info.name for info in fields()]
    assert asked_settings(settings, every).stated == {"train_data_dir", "network_dim", "seed"}
    assert asked_settings(settings, ["network_dim", "network_alpha"]).stated == {"network_dim", "network_alpha"}
    assert asked_settings(settings).stated == changed_settings(settings)


def test_the_table_is_plain_json(worked: ParityTable) -> None:
    values = parity_json(worked)
    assert list(values) == ["columns", "titles", "rows"]


@pytest.mark.parametrize("key", list(PROFILES))
def test_settings_taken_over_bake_as_the_column_that_they_were_taken_from(tmp_path: Path, key: str) -> None:
    folder = worked_folder(tmp_path)
    put(folder, ["flat.png"], (64, 64))
    asked = asked_of(folder, **WORKED, gradient_accumulation_steps=2, max_train_steps=70)
    before = table_of(asked, key)
    like = settings_like(asked, key)
    after = with_changes(asked.settings, like)
    taken = table_of(AskedSettings(after, asked.stated | frozenset(like.changes)), key)
    for one, other in zip(before.rows, taken.rows, strict=True):
        machine = one.key in ("optimizer", "precision")
        if not machine and one.cells[1].text != "unknown":
            assert other.cells[0].text == one.cells[1].text, one.key
    assert after.behave_like == (None if key == OURS else key)


@pytest.mark.parametrize("key", list(PROFILES))
def test_a_trainer_taken_over_and_ours_taken_back_leave_the_settings_as_they_were(tmp_path: Path, key: str) -> None:
    put(tmp_path / "3_a", ["a.png", "b.png"], (64, 64))
    asked = asked_of(
        tmp_path, **WORKED, gradient_accumulation_steps=4, max_train_steps=70, text_encoder_lr=0.0, network_dim=24
    )
    after = with_changes(asked.settings, settings_like(asked, key))
    for middle in (key, "kohya_ss 2023-02", "easy training scripts 2023-02"):
        after = with_changes(after, settings_like(AskedSettings(after, asked.stated), middle))
    back = with_changes(after, settings_like(asked_settings(after), OURS))
    assert back == asked.settings


def test_what_changes_is_said_line_by_line_with_its_reason(tmp_path: Path) -> None:
    put(tmp_path / "1_a", ["a.png"], (64, 64))
    asked = asked_of(tmp_path, network_dim=64, max_train_epochs=4)
    like = settings_like(asked, "kohya_ss 2023-02")
    lines = change_lines(asked.settings, like)
    assert "network_alpha = 16 → 1: sd-scripts' own default" in lines
    assert any(line.startswith("lr_scheduler_num_cycles = 1 → 4: its blank field") for line in lines)
    assert any(line.startswith("behave_like = blank → kohya_ss 2023-02: ") for line in lines)
    assert not any(line.startswith(("network_dim", "max_train_epochs", "mixed_precision")) for line in lines)
    assert any("AdamW8bit" in note for note in like.notes)


def test_our_own_column_takes_back_what_makes_settings_like_another(tmp_path: Path) -> None:
    settings = Settings(train_data_dir=str(tmp_path), behave_like="anon-1337 2023-02", network_dim=48)
    asked = asked_settings(settings)
    after = with_changes(settings, settings_like(asked, OURS))
    assert after == Settings(train_data_dir=str(tmp_path), network_dim=48)


def test_a_reason_names_what_alone_explains_the_cell(tmp_path: Path) -> None:
    put(tmp_path / "2_a", ["a.png", "b.png", "c.JPG"], (64, 64))
    asked = asked_of(tmp_path, **SMALL, max_train_epochs=4, train_batch_size=2, lr_warmup_steps="10%")
    table = table_of(asked)
    # A constant schedule has no warm-up, whatever the rules for a share are.
    assert "share" not in cell(table, "warmup", "sd-scripts 2026-02").reason
    assert "lr_scheduler = constant" in cell(table, "warmup", "sd-scripts 2026-02").reason
    # The part is left out: which rate it would have had decides nothing.
    encoder = cell(table, "rate_text_encoder", "ai-toolkit 2026-08")
    assert encoder.reason.startswith("network_train_unet_only = yes") and "learning_rate" not in encoder.reason
    # It knows steps alone, and how many these are is a default.
    steps = cell(table, "steps_run", "ai-toolkit 2026-08")
    assert "max_train_steps = 1000 by default" in steps.reason and "knows steps alone" in steps.reason


def test_pictures_that_no_trainer_counts_are_named_too(tmp_path: Path) -> None:
    put(tmp_path / "2_a", ["a.png"], (64, 64))
    for name in ("b.jxl", "c.HEIC", "d.avif", "notes.md"):
        (tmp_path / "2_a" / name).write_bytes(b"x")
    table = table_of(asked_of(tmp_path, **SMALL))
    for key in PROFILES:
        named = cell(table, "pictures_counted", key).details
        if key == "cloneofsimo lora 2023-02":
            # It looks into the data folder itself and finds nothing.
            continue
        assert [line for line in named if "b.jxl" in line] and [line for line in named if "c.HEIC" in line], key
        assert not any("notes" in line for line in named)
    today = cell(table, "pictures_trained", "sd-scripts 2026-02").details
    assert "2_a/d.avif: .avif counts only where a package for it is installed" in today


def test_what_an_engine_does_otherwise_is_a_reason_only_where_it_shows(tmp_path: Path) -> None:
    key = "sd-scripts 2023-02"
    put(tmp_path / "7_a", [f"{n}.png" for n in range(5)], (64, 64))
    like: dict[str, object] = {**SMALL, "max_train_epochs": 2, "enable_bucket": True}
    # 35 pictures: 5 batches of 8 to an epoch; of 5 different ones at most, 7.
    small = cell(table_of(asked_of(tmp_path, **like, train_batch_size=8), key), "steps_run", key)
    assert small.text == "14"
    assert "different pictures" in small.reason and "accumulation" not in small.reason
    # 12 batches of 3 in either, 4 steps of 3 batches in ours.
    many = {**like, "train_batch_size": 3, "gradient_accumulation_steps": 3}
    accumulated = cell(table_of(asked_of(tmp_path, **many), key), "steps_run", key)
    assert accumulated.text == "24"
    assert "accumulation" in accumulated.reason and "different pictures" not in accumulated.reason


def test_the_popup_proposes_half_of_the_dim_that_was_asked_for(tmp_path: Path) -> None:
    key = "easy training scripts popup 2023-02"
    put(tmp_path / "2_a", ["a.png"], (64, 64))
    asked = asked_of(tmp_path, **SMALL, network_dim=24)
    assert cell(table_of(asked, key), "scale", key).text == "12 / 24 = 0.5"
    assert with_changes(asked.settings, settings_like(asked, key)).network_alpha == 12
    both = asked_of(tmp_path, **SMALL, network_dim=64, network_alpha=64.0)
    assert cell(table_of(both, key), "scale", key).text == "64 / 64 = 1"
