"""sd-scripts' configs, command lines and data set files as settings, every key with its fate."""

import tomllib
from pathlib import Path

import interop_sources as sources
import pytest

from trainer.interop.documents import read_document
from trainer.interop.importer import Imported, import_documents
from trainer.interop.report import FATES


def imported(*raw: bytes, **more) -> Imported:
    names = ("a.toml", "b.toml", "c.toml")
    documents = [read_document(each, name) for each, name in zip(raw, names, strict=False)]
    return import_documents(documents, exists=lambda path: False, **more)


def fates(made: Imported) -> dict[str, str]:
    return {key.key.rpartition(".")[2]: key.fate for key in made.report.keys}


def why(made: Imported, key: str) -> str:
    return next(each.why for each in made.report.keys if each.key.rpartition(".")[2] == key)


SOURCES = {
    "an old config": (sources.OLD_CONFIG, "31 keys: 18 taken, 4 translated, 8 without effect, 1 unknown"),
    "a config of today": (sources.NEW_CONFIG, "39 keys: 23 taken, 6 translated, 9 without effect, 1 unknown"),
    "a config edited by hand": (sources.EDITED_CONFIG, "13 keys: 9 taken, 1 translated, 2 without effect, 1 unknown"),
    "a bash script": (sources.BASH_COMMAND, "24 keys: 14 taken, 4 translated, 6 without effect, 0 unknown"),
    "a batch file": (sources.BATCH_COMMAND, "14 keys: 8 taken, 3 translated, 2 without effect, 1 unknown"),
    "a PowerShell script": (sources.POWERSHELL_COMMAND, "20 keys: 10 taken, 5 translated, 5 without effect, 0 unknown"),
    "a data set in TOML": (sources.DATA_SET_TOML, "13 keys: 11 taken, 0 translated, 1 without effect, 1 unknown"),
    "a data set edited by hand": (
        sources.DATA_SET_EDITED,
        "12 keys: 10 taken, 0 translated, 1 without effect, 1 unknown",
    ),
    "a data set in JSON": (sources.DATA_SET_JSON, "9 keys: 7 taken, 0 translated, 2 without effect, 0 unknown"),
}


@pytest.mark.parametrize(("raw", "line"), SOURCES.values(), ids=SOURCES)
def test_every_key_has_one_fate_and_the_line_counts_them(raw: bytes, line: str) -> None:
    made = imported(raw)
    assert made.report.count_line() == line
    assert sum(len(made.report.of(fate)) for fate in FATES) == len(made.report.keys)
    assert all(each.why for each in made.report.of("without effect"))
    assert all(each.to for fate in ("taken", "translated") for each in made.report.of(fate))
    for key in made.report.of("unknown"):
        assert f"# {key.key} = {key.value}" in made.text


def test_each_key_knows_its_line_where_a_name_stands_in_several_tables_too() -> None:
    places = {key.key: key.line for key in imported(sources.DATA_SET_TOML).report.keys}
    assert (places["datasets[0].subsets[0].image_dir"], places["datasets[0].subsets[1].image_dir"]) == (13, 19)
    places = {key.key: key.line for key in imported(sources.DATA_SET_JSON).report.keys}
    assert (places["datasets[0].batch_size"], places["datasets[0].subsets[1].metadata_file"]) == (4, 6)


def test_what_an_old_config_says_is_in_the_settings() -> None:
    made = imported(sources.OLD_CONFIG)
    settings = made.settings
    assert (settings.network_dim, settings.network_alpha, settings.unet_lr) == (128, 128, 1e-4)
    assert (settings.optimizer_type, settings.caption_extension) == ("AdamW8bit", [".txt"])
    assert (settings.max_train_epochs, settings.clip_skip, settings.seed) == (20, 2, 31337)
    assert why(made, "max_train_steps") == "max_train_epochs wins"
    assert fates(made)["logging_prefix"] == "unknown"
    assert made.report.profile == "sd-scripts 2023-02"


def test_what_a_config_of_today_says_is_in_the_settings() -> None:
    made = imported(sources.NEW_CONFIG)
    settings = made.settings
    assert (settings.conv_dim, settings.conv_alpha, settings.rank_dropout) == (8, 4, 0.1)
    assert settings.optimizer_args == ["weight_decay=0.05", "betas=0.9:0.99"]
    assert (settings.text_encoder_lr, settings.text_encoder_lr2) == (5e-5, 1e-5)
    assert (settings.lr_warmup_steps, settings.sample_sampler) == ("5%", "Euler a")
    assert (settings.max_train_epochs, settings.max_train_steps) == (None, 2000)
    assert made.report.profile == "sd-scripts 2026-02"


def test_texts_for_numbers_count_and_a_value_out_of_bounds_stops_nothing() -> None:
    made = imported(sources.EDITED_CONFIG)
    assert (made.settings.network_dim, made.settings.unet_lr, made.settings.text_encoder_lr) == (64, 1e-4, 0)
    assert made.values["keep_tokens"] == 2 and made.values["shuffle_caption"] is True
    assert "clip_skip" not in made.values and "expected a whole number from 1 to 12" in why(made, "clip_skip")
    assert made.values["save_every_n_epochs"] is None
    assert made.values["pretrained_model_name_or_path"] == r"D:\models\nai.safetensors"
    assert {key.key: key.line for key in made.report.keys}["clip_skip"] == 8


def test_a_command_is_read_out_of_the_script_around_it_with_its_variables_filled_in() -> None:
    made = imported(sources.BASH_COMMAND)
    assert made.values["train_data_dir"] == "/data/my sets/hifumi"
    assert (made.values["network_dim"], made.values["conv_dim"], made.values["resolution"]) == (32, 4, "512,768")
    assert made.values["lr_warmup_steps"] == "5%"
    assert "seed" not in made.values and "nothing is run" in why(made, "seed")
    assert "flip_aug" not in fates(made)
    batch = imported(sources.BATCH_COMMAND)
    assert batch.values["pretrained_model_name_or_path"] == r"D:\models\nai.safetensors"
    assert (batch.values["network_dim"], batch.values["max_token_length"]) == (64, "225")


def test_variables_of_a_script_are_given_to_the_command_or_have_no_effect() -> None:
    made = imported(sources.POWERSHELL_COMMAND)
    assert made.values["network_dim"] == 128
    assert (fates(made)["$network_dim"], fates(made)["$unused"]) == ("translated", "without effect")
    assert "max_train_steps" not in made.values


@pytest.mark.parametrize("raw", [sources.OLD_CONFIG, sources.BASH_COMMAND, sources.POWERSHELL_COMMAND])
def test_line_ends_and_byte_order_marks_change_nothing(raw: bytes) -> None:
    plain = imported(raw)
    for other in (sources.BOM + raw, raw.replace(b"\n", b"\r\n"), raw.decode().encode("utf-16")):
        made = imported(other)
        assert (dict(made.values), made.report.keys) == (dict(plain.values), plain.report.keys)


def test_a_data_set_is_written_beside_the_settings_with_the_folders_of_here(tmp_path: Path) -> None:
    made = imported(
        sources.DATA_SET_TOML, path_map={"d:/lora": "/data", "/content": "/srv"}, data_set_name="x-data.toml"
    )
    assert made.settings.dataset_config == "x-data.toml"
    assert 'image_dir = "/data/10_hifumi"' in made.data_set_text
    assert 'image_dir = "/srv/reg"' in made.data_set_text
    assert "mood" not in made.data_set_text and "flip_aug" not in made.data_set_text
    assert why(made, "flip_aug").startswith("pictures are not augmented")
    assert {key.fate for key in made.report.keys if key.key.endswith("image_dir")} == {"translated"}
    assert dict(made.report.paths) == {r"D:\lora\10_hifumi": "/data/10_hifumi", "/content/reg": "/srv/reg"}


def test_a_data_set_edited_by_hand_is_read_with_its_texts_for_numbers() -> None:
    made = imported(sources.DATA_SET_EDITED, path_map={r"D:\lora": "/data/lora"})
    assert tomllib.loads(made.data_set_text) == {
        "general": {"caption_extension": ".txt", "shuffle_caption": True, "keep_tokens": 2},
        "datasets": [
            {
                "resolution": [512, 768],
                "batch_size": 2,
                "subsets": [
                    {"image_dir": "/data/lora/set/10_a", "num_repeats": 10, "class_tokens": "a girl"},
                    {"image_dir": "/data/lora/reg/1_girl", "is_reg": True},
                ],
            }
        ],
    }


def test_a_data_set_that_was_written_is_one_that_a_bake_reads(tmp_path: Path) -> None:
    from trainer.dataset.dataset_toml import read_dataset_toml
    from trainer.settings.model import Settings

    for raw in (sources.DATA_SET_TOML, sources.DATA_SET_JSON):
        made = imported(raw, path_map={"D:\\lora": str(tmp_path)})
        path = tmp_path / "data.toml"
        path.write_text(made.data_set_text)
        read = read_dataset_toml(path, Settings())
        assert [source.repeats for source in read.sources] in ([10, 1], [3])


def test_a_config_and_its_data_set_make_one_bake_in_which_the_data_set_wins() -> None:
    made = imported(sources.NEW_CONFIG, sources.DATA_SET_TOML)
    assert "train_data_dir" not in made.values and made.values["dataset_config"] == "data-set.toml"
    assert "data set" in why(made, "train_data_dir")
    assert len(made.report.keys) == 39 + 13 and {key.file for key in made.report.keys} == {"a.toml", "b.toml"}


def test_a_command_wins_over_the_config_that_it_names() -> None:
    command = b"accelerate launch train_network.py --config_file=a.toml --network_dim=8 --seed 5"
    made = imported(sources.OLD_CONFIG, command)
    assert (made.values["network_dim"], made.values["seed"], made.values["unet_lr"]) == (8, 5, 1e-4)
    assert why(made, "network_dim").startswith("network_dim of b.toml wins") or "wins" in next(
        key.why for key in made.report.keys if key.key.endswith(".network_dim")
    )


def test_words_that_are_of_no_option_are_unknown_and_not_dropped() -> None:
    made = imported(b"accelerate launch -m x train_network.py first --network_dim=8 second --xformers --seed 5\n")
    unknown = {key.key: key.value for key in made.report.of("unknown")}
    assert unknown == {"argument_1": '"first"', "argument_2": '"second"'}
    assert (made.settings.network_dim, made.settings.seed, made.settings.xformers) == (8, 5, True)


@pytest.mark.parametrize(
    "line",
    [
        "python train_network.py --network_dim=$(nproc --all) --unet_lr `cat rate --of x` --seed 5\n",
        "#!/bin/bash\npython train_network.py --network_dim $(expr $(nproc) / 2) --seed 5 --unet_lr=`cat a b`\n",
        "$a = 1\npython train_network.py --network_dim=$([int]($a + 3)) --seed 5 --unet_lr=$(Get-Rate -Of x)\n",
    ],
)
def test_what_a_shell_works_out_is_one_value_however_many_words_it_has(line: str) -> None:
    made = imported(line.encode())
    assert made.settings.seed == 5
    assert not made.report.of("unknown")
    idle = {key.key: key.why for key in made.report.of("without effect")}
    assert all("worked out while the script runs" in idle[name] for name in ("network_dim", "unet_lr"))


def test_files_that_name_one_another_are_said_to_be_read() -> None:
    command = read_document(b"python train_network.py --config_file D:\\kohya\\cat.toml --seed 3", "start.bat")
    config = read_document(b'network_dim = 8\ndataset_config = "sets.toml"\n', "here/cat.toml")
    data = read_document(b'[[datasets]]\nresolution = 512\n[[datasets.subsets]]\nimage_dir = "x"\n', "here/sets.toml")
    report = import_documents([command, config, data], exists=lambda path: False).report
    why = {each.key: each.why for each in report.keys}
    assert why["config_file"] == "that file is read with this one"
    assert why["dataset_config"] == "the data set file that is written beside the settings"
    alone = import_documents([command], exists=lambda path: False).report
    assert "not named" in next(each.why for each in alone.keys if each.key == "config_file")


@pytest.mark.parametrize(
    ("raw", "base"),
    [
        (
            b'network_module = "networks.lora_flux"\nnetwork_dim = 8\nt5xxl = "t5.safetensors"\nguidance_scale = 1.0\n',
            "Flux",
        ),
        (b'[model]\npretrained_model_name_or_path = "x"\nclip_g = "g"\nclip_l = "l"\n', "SD3"),
        (b"accelerate launch lumina_train_network.py --gemma2 g.safetensors --ae a.safetensors --seed 3", "Lumina"),
    ],
)
def test_files_for_other_bases_say_so(raw: bytes, base: str) -> None:
    made = imported(raw)
    assert made.report.of("unknown") == ()
    assert [note for note in made.report.notes if f"for {base}, which cannot be trained here" in note]


def test_options_of_other_scripts_have_a_reason_and_each_encoder_its_rate() -> None:
    made = imported(
        b"python sdxl_train_network.py --text_encoder_lr1 1e-5 --text_encoder_lr2 2e-5 --learning_rate_te 1e-6"
    )
    assert (made.values["text_encoder_lr"], made.values["text_encoder_lr2"]) == (1e-5, 2e-5)
    assert "whole model" in why(made, "learning_rate_te")
    assert made.report.notes == ()
