"""Easy Training Scripts' TOML of today: its groups, its tables of arguments, its folders."""

import tomllib
from collections.abc import Mapping

import pytest

from trainer.interop.documents import read_document
from trainer.interop.importer import format_of, import_documents
from trainer.interop.record import SourceDocument
from trainer.interop.trainers.easy_training_scripts import EASY_TRAINING_SCRIPTS, GROUPS, RULES


def document(text: str) -> SourceDocument:
    return read_document(text.encode(), "a file")


def values(text: str) -> Mapping[str, object]:
    """Return the settings that a file with these groups gives; it has one group besides, so that it is recognised."""
    return import_documents([document(f"{text}\n[general_args.args]\nseed = 5\n")]).values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[optimizer_args.args]\nwarmup_ratio = 0.07", {"lr_warmup_steps": "7%"}),
        (
            "[general_args.dataset_args]\nresolution = [512, 768]\nbatch_size = 3",
            {"resolution": "512,768", "train_batch_size": 3},
        ),
        (
            '[optimizer_args.args.optimizer_args]\nweight_decay = "0.1"\nbetas = "0.9,0.99"',
            {"optimizer_args": ["weight_decay=0.1", "betas=0.9:0.99"]},
        ),
        ("[network_args.args.network_args]\nconv_dim = 8\nconv_alpha = 1.0", {"conv_dim": 8, "conv_alpha": 1.0}),
        ("[network_args.args.network_args]\ndropout = 0.25", {"network_dropout": 0.25}),
        ('[saving_args.args]\neasy_name = "mei"\noutput_name = "${replace}-v2"', {"output_name": "mei-v2"}),
        ("[extra_args.args]\nmin_snr_gamma = 5", {"min_snr_gamma": 5.0}),
        ('[extra_args.args]\ncaption_prefix = "a, "', {"caption_prefix": "a, "}),
        ("[optimizer_args.args]\ntext_encoder_lr = 0.0\nunet_lr = 0.0", {"text_encoder_lr": None, "unet_lr": None}),
        (
            '[optimizer_args.args]\nlearning_rate = 1e-4\nlr_scheduler_type = "LoraEasyCustomOptimizer.x.RexAnnealingWarmRestarts"\n'
            "[optimizer_args.args.lr_scheduler_args]\nmin_lr = 1e-5",
            {"learning_rate": 1e-4, "lr_scheduler": "rex", "lr_scheduler_min_lr_ratio": 0.1},
        ),
    ],
)
def test_groups_and_tables_are_settings(text: str, expected: dict[str, object]) -> None:
    found = dict(values(text))
    assert found.pop("seed") == 5
    # What it leaves out, as 75 it must.
    assert found.pop("max_token_length") == "75"
    assert (
        found == pytest.approx(expected)
        if all(isinstance(each, float) for each in expected.values())
        else found == expected
    )


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[network_args.args]\nfa = true", "network_args.args.fa"),
        ('[network_args.args.network_args]\nalgo = "loha"', "network_args.args.network_args.algo"),
        ("[network_args.args.network_args]\nunit = 4", "network_args.args.network_args.unit"),
        ('[flux_args.args]\nt5xxl = "a.safetensors"', "flux_args.args.t5xxl"),
        ("[saving_args.args]\ntag_occurrence = true", "saving_args.args.tag_occurrence"),
        ('[train_mode]\ntrain_mode = "lora"', "train_mode.train_mode"),
    ],
)
def test_what_has_no_effect_says_why(text: str, key: str) -> None:
    report = import_documents([document(f"{text}\n[general_args.args]\nseed = 5\n")]).report
    row = next(each for each in report.keys if each.key == key)
    assert (row.fate, bool(row.why)) == ("without effect", True)


def test_it_is_recognised_by_its_groups_and_behaves_like_its_day() -> None:
    assert format_of(document("[bucket_args.dataset_args]\nenable_bucket = true\n")) is EASY_TRAINING_SCRIPTS
    assert format_of(document("[bucket_args]\nenable_bucket = true\n")) is not EASY_TRAINING_SCRIPTS
    assert EASY_TRAINING_SCRIPTS.profile({}) == "easy training scripts 2025-04"


def test_every_key_with_a_group_stands_in_the_table() -> None:
    assert set(GROUPS) - {rule.key for rule in RULES} == set()


def test_an_unknown_key_is_kept_and_counted() -> None:
    text = "[extra_args.args]\nmy_own = 3\n"
    made = import_documents([document(text)])
    assert [key.key for key in made.report.of("unknown")] == ["extra_args.args.my_own"]
    assert made.report.count_line().startswith("1 key:")
    assert "# extra_args.args.my_own = 3" in made.text
    assert tomllib.loads(made.text).keys() <= {"data"}


def test_no_folders_of_pictures_is_no_unknown_key() -> None:
    made = import_documents(
        [read_document(b"subsets = []\n[general_args.args]\nseed = 3\n[network_args.args]\nnetwork_dim = 8\n", "x")]
    )
    assert made.report.of("unknown") == ()
    assert made.values["network_dim"] == 8


def test_what_the_trainer_sets_itself_is_told_where_the_file_leaves_it_out_alone() -> None:
    words = "max_token_length=75"
    short = import_documents([document("[general_args.args]\nseed = 3\n[network_args.args]\nnetwork_dim = 8\n")])
    assert [note for note in short.report.notes if words in note]
    long = import_documents(
        [document("[general_args.args]\nmax_token_length = 225\n[network_args.args]\nnetwork_dim = 8\n")]
    )
    assert not [note for note in long.report.notes if words in note]


def test_groups_without_keys_are_no_unknown_keys() -> None:
    text = "[noise_args]\n[sample_args]\n[logging_args.args]\n[general_args.args]\nseed = 3\n[network_args.args]\nnetwork_dim = 8\n"
    made = import_documents([document(text)])
    assert made.report.of("unknown") == ()
    assert {each.why for each in made.report.keys if each.value == "{}"} == {"blank"}
