"""Settings in and out of TOML."""

import os
import random
import stat
from pathlib import Path

import pytest

from trainer.errors import SettingsError
from trainer.settings.describe import FieldInfo, fields, shown_value
from trainer.settings.model import Settings
from trainer.settings.toml_file import (
    apply_overrides,
    load_settings,
    parse_settings,
    save_settings,
    settings_toml,
    with_value,
)

NASTY = [
    "",
    " spaces at the ends ",
    "two\nlines\r\nand a tab\t",
    "\x1b[31mred\x1b[0m \x00 \x7f",
    "[bold]markup[/] \"\"\" ''' \\ #",
    "ünïcödé 宇宙 \U0001f525 \u202e\u2028",
]


def refusal(text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        parse_settings(text, "h.toml")
    assert "\n" not in caught.value.line()
    return caught.value.line()


FREE = {
    "training_comment",
    "keep_tokens_separator",
    "secondary_separator",
    "caption_prefix",
    "caption_suffix",
    "validation_outfit",
    *(info.name for info in fields() if info.kind == "path"),
}
"""Settings of any text at all."""

POOLS: dict[str, list[object]] = {
    "output_name": ["", "hifumi", "名前 with blanks", "a.b-c_d"],
    "subject": ["", "hifumi", "名前"],
    "resolution": ["512", "640,384", "768"],
    "lr_warmup_steps": ["0", "100", "10%", "0.05", 0.1, 250],
    "text_encoder_lr_warmup_steps": ["", "100", "10%", 0.1],
    "lr_decay_steps": ["0", "20%", 30],
    "token_warmup_step": ["0", "20%", 30],
    "lr_scheduler_args": [[], "step_rules=1:100,0.5:200,0.1", ["step_rules=0.5"]],
    "caption_extension": [[".txt"], [".caption", ".txt"], "txt, .cap"],
    "num_repeats": [[], ["10_school=4"], "a=0, b c=10000"],
    "exclude_pictures": [[], ["10_school/a.png"], '"a, b.png", 3_x/"c".png', ["1girl, solo.png", '"q".jpg']],
    "optimizer_type": ["AdamW", "lion", "torch.optim.NAdam"],
    "optimizer_args": [[], ["weight_decay=0.1"], ["betas=0.9,0.99", "eps=1e-7"]],
    "unet_stop": ["", "3ep", 600, "50%"],
    "text_encoder_stop": ["", "3 epochs", "0.5"],
    "text_encoder_stop2": ["", "3ep"],
    "sample_resolution": ["", "512", "640x384", 768],
    "keep_states": ["last", "epochs", "3", 12],
    "checkpointed_blocks": ["", "up_blocks.3", "up_blocks.3, down_blocks.0.resnets, text_encoder"],
    "on_done": ["", "notify-send 'baked # 1'", 'a "b\\"c" 名前'],
    "on_trouble": ["", "~/tell.sh --loud"],
}


def random_settings(seed: int) -> Settings:
    """Settings with about half of the fields at values anywhere within their bounds."""
    chance = random.Random(seed)
    values = {info.name: random_value(info, chance) for info in fields() if chance.random() < 0.5}
    values |= {"min_bucket_reso": 256, "max_bucket_reso": 1024}
    values |= {"bucket_reso_steps": chance.choice([8, 32, 64])}
    values |= {"min_timestep": chance.randint(0, 499), "max_timestep": chance.randint(500, 1000)}
    if values.get("fp8_base"):
        values["int8_base"] = False
    if values.get("network_train_unet_only"):
        values["network_train_text_encoder_only"] = False
    if values.get("network_train_text_encoder_only"):
        values["network_train_unet_only"] = False
    return Settings(**values)


def random_value(info: FieldInfo, chance: random.Random) -> object:
    if info.optional and chance.random() < 0.3:
        return None
    if info.name in POOLS:
        return chance.choice(POOLS[info.name])
    low, high = info.low or 0.0, info.high or 0.0
    inside = [low + (high - low) * part for part in (1 / 3, 0.5, chance.random(), 10 ** chance.uniform(-6, 0))]
    pools: dict[str, list[object]] = {
        "bool": [True, False],
        "int": [chance.randint(int(low), int(high))],
        "float": [*inside, *([] if info.above else [low]), *([] if info.below else [high])],
        "choice": list(info.choices),
    }
    assert info.kind in pools or info.name in FREE
    return chance.choice(pools.get(info.kind, NASTY))


@pytest.mark.parametrize("seed", range(200))
def test_settings_written_and_read_back_are_equal(seed: int) -> None:
    settings = random_settings(seed)
    assert parse_settings(settings_toml(settings), "written") == settings


@pytest.mark.parametrize("seed", range(60))
def test_settings_saved_over_others_and_read_back_are_equal(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "hifumi.toml"
    save_settings(random_settings(seed + 1000), path)
    settings = random_settings(seed)
    save_settings(settings, path)
    assert load_settings(path) == settings


@pytest.mark.parametrize("seed", range(60))
def test_what_the_form_shows_is_what_it_reads(seed: int) -> None:
    settings = random_settings(seed)
    shown_alike = settings.model_copy(update=dict.fromkeys(FREE, ""))
    for info in fields():
        assert with_value(shown_alike, info.name, shown_value(shown_alike, info.name)) == shown_alike


def test_keys_may_stand_flat_or_in_tables_of_any_name() -> None:
    flat = parse_settings("seed = 7\nnetwork_dim = 8\n", "h.toml")
    in_tables = parse_settings("[whatever]\nseed = 7\n[x.y]\nnetwork_dim = 8\n", "h.toml")
    assert flat == in_tables == Settings(seed=7, network_dim=8)


def test_an_empty_file_is_all_defaults() -> None:
    assert parse_settings("", "h.toml") == Settings()


def test_numbers_may_stand_for_amounts_and_sizes() -> None:
    settings = parse_settings("lr_warmup_steps = 0.05\nresolution = 640\n", "h.toml")
    assert (settings.lr_warmup_steps, settings.resolution) == ("0.05", "640")


def test_blank_is_none_where_a_setting_may_be_blank() -> None:
    assert parse_settings('unet_lr = ""\nmax_train_epochs = ""', "h.toml") == Settings(
        unet_lr=None, max_train_epochs=None
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("network_dim = 5000", "network_dim: 5000; expected a whole number from 1 to 1024; the default is 32"),
        ("network_dim = 0", "0; expected a whole number from 1 to 1024"),
        ("network_dim = 8.5", "8.5; expected a whole number"),
        ("network_dim = true", "true; expected a whole number"),
        ('network_dim = "many"', '"many"; expected a whole number'),
        ("network_dim = [8]", "[8]; expected a whole number"),
        ("network_dim = {rank = 8}", "a table; expected a whole number"),
        ("seed = -1", "-1; expected a whole number from 0 to 4294967295"),
        ("seed = 2020-02-02", "2020-02-02; expected a whole number"),
        ("unet_lr = 2.0", "2.0; expected a number from 0 to 1, or blank"),
        ("unet_lr = nan", "nan; expected a number"),
        ("noise_offset = inf", "inf; expected a number from 0 to 1"),
        ("min_snr_gamma = 0", "0; expected a number above 0"),
        ("bucket_reso_steps = 20", "20; expected a whole number from 8 to 512, a multiple of 8"),
        ('enable_bucket = "perhaps"', '"perhaps"; expected true or false; the default is true'),
        ('lr_scheduler = "cosin"', '"cosin"; expected one of constant, constant_with_warmup, linear, cosine,'),
        ('lr_warmup_steps = "200%"', '"200%"; expected a share of at most 100%'),
        ('resolution = "huge"', '"huge"; expected `512` or `width,height`'),
        ("caption_extension = []", "[]; expected at least one"),
        ("caption_extension = [5]", "5; expected a list of texts"),
        ('optimizer_args = ["lr=1"]', "expected any argument but `lr`: unet_lr, text_encoder_lr"),
        ('optimizer_args = ["x"]', "expected `weight_decay=0.01`"),
        (
            'lr_scheduler = "reduce_lr_on_plateau"',
            "expected another schedule: this one follows the loss",
        ),
        (
            'text_encoder_lr_scheduler = "adafactor:1e-3"',
            "expected another schedule: with this one Adafactor finds its own rates",
        ),
        ("network_dropout = 1", "1; expected a number from 0 and below 1"),
        ("train_data_dir = 5", "train_data_dir: 5; expected a path"),
        ('output_name = "a/b"', '"a/b"; expected a file name without folders'),
        ('output_name = "a\\nb"', "expected a file name without folders, control characters"),
        ('subject = "../x"', '"../x"; expected a file name'),
    ],
)
def test_a_wrong_value_names_its_place_what_it_is_and_what_may_stand_there(text: str, said: str) -> None:
    line = refusal("# first\n" + text)
    assert line.startswith("h.toml line 2: ")
    assert said in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "network_train_unet_only = true\nnetwork_train_text_encoder_only = true",
            "both on; expected at most one of them; switch one off",
        ),
        ("resolution = 128", "128 lies outside the buckets; expected min_bucket_reso 256 to max_bucket_reso 1024"),
        ("resolution = 64\nmin_bucket_reso = 32\nbucket_reso_steps = 128", "64 is smaller than bucket_reso_steps 128"),
    ],
)
def test_settings_that_exclude_each_other_are_refused(text: str, said: str) -> None:
    assert said in refusal(text)


def test_bounds_of_buckets_count_after_rounding_as_in_sd_scripts() -> None:
    assert parse_settings("resolution = 256\nmin_bucket_reso = 300", "h.toml").size == (256, 256)


def test_a_size_outside_the_buckets_is_fine_where_buckets_are_made_as_needed_or_not_at_all() -> None:
    assert parse_settings("resolution = 128\nbucket_no_upscale = true", "h.toml").size == (128, 128)
    assert parse_settings("resolution = 128\nenable_bucket = false", "h.toml").size == (128, 128)


def test_escape_codes_in_keys_and_values_are_made_visible() -> None:
    line = refusal('"\\u001b[31mred" = 1')
    assert "\x1b" not in line
    line = refusal('lr_scheduler = "\\u001b[2J"')
    assert "\x1b" not in line


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("unet_lr", "1e-4", 1e-4),
        ("unet_lr", "0.0001", 1e-4),
        ("unet_lr", " 1E-4 ", 1e-4),
        ("unet_lr", "", None),
        ("unet_lr", "  ", None),
        ("max_train_epochs", "", None),
        ("network_dim", "8", 8),
        ("max_train_steps", "1e3", 1000),
        ("max_train_steps", "1_600", 1600),
        ("max_train_steps", "1600.0", 1600),
        ("network_alpha", "8", 8.0),
        ("enable_bucket", "no", False),
        ("enable_bucket", "False", False),
        ("enable_bucket", "OFF", False),
        ("xformers", "yes", True),
        ("xformers", " true", True),
        ("xformers", "On", True),
        ("lr_scheduler", "Cosine", "cosine"),
        ("mixed_precision", "BF16", "bf16"),
        ("optimizer_type", "adamw", "AdamW"),
        ("caption_extension", ".txt, .cap", [".txt", ".cap"]),
        ("caption_extension", "txt", [".txt"]),
        ("optimizer_args", "betas=0.9,0.99, eps=1e-7", ["betas=0.9:0.99", "eps=1e-7"]),
        ("optimizer_args", "", []),
        ("resolution", "512x768", "512,768"),
        ("lr_warmup_steps", "5 %", "5%"),
        ("train_data_dir", " /data/hifumi ", "/data/hifumi"),
        ("training_comment", "[b]x[/b]", "[b]x[/b]"),
    ],
)
def test_typed_text_becomes_a_value(name: str, text: str, value: object) -> None:
    assert getattr(with_value(Settings(), name, text), name) == value


def test_typed_text_changes_nothing_else() -> None:
    before = Settings(seed=7)
    assert with_value(before, "network_dim", "8") == before.model_copy(update={"network_dim": 8})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("network_dim", ""),
        ("network_dim", "8.5"),
        ("network_dim", "inf"),
        ("unet_lr", "0,0001"),
        ("unet_lr", "fast"),
        ("enable_bucket", ""),
        ("lr_scheduler", "cos"),
        ("caption_extension", ""),
        ("resolution", "128"),
        ("min_bucket_reso", "1024 px"),
    ],
)
def test_a_wrong_typed_text_is_refused_in_the_name_of_its_field(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        with_value(Settings(), name, text)
    assert caught.value.where == name


def test_an_unknown_field_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(SettingsError, match="did you mean `unet_lr`"):
        with_value(Settings(), "unet_rl", "1")


def test_overrides_are_put_on_top_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "h.toml"
    path.write_text("seed = 7\nunet_lr = 1e-3\n")
    assert load_settings(path, ["unet_lr=", "network-dim=8"]) == Settings(seed=7, unet_lr=None, network_dim=8)


def test_overrides_are_checked_together_not_in_their_order() -> None:
    changed = apply_overrides(Settings(), ["resolution=128", "min_bucket_reso=64"])
    assert changed.size == (128, 128)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("unet_lr", "--set unet_lr: not in the form NAME=VALUE"),
        ("=5", "not in the form NAME=VALUE"),
        ("unett_lr=1", "--set unett_lr: unknown setting `unett_lr`; did you mean `unet_lr`?"),
        ("network_dim=x", '--set network_dim: "x"; expected a whole number from 1 to 1024'),
    ],
)
def test_a_wrong_override_is_one_line(override: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        apply_overrides(Settings(), [override])
    assert said in caught.value.line()


def test_all_unknown_overrides_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        apply_overrides(Settings(), ["unett_lr=1", "network_dim=x", "zzz=2", "v2=false"])
    assert "--set: 3 keys that lora-tui does not know there: `unett_lr`, `zzz`, `v2`" in caught.value.line()
    assert caught.value.details[:2] == ("unett_lr: did you mean `unet_lr`?", "zzz: remove it")


def test_a_missing_file_a_folder_and_other_bytes_are_each_one_line(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin.toml").write_bytes('training_comment = "gr\xfcn"'.encode("latin-1"))
    (tmp_path / "large.toml").write_bytes(b"#" * 5_000_000)
    said = []
    for name in ("missing.toml", "folder", "latin.toml", "large.toml", "folder/x/y.toml"):
        with pytest.raises(SettingsError) as caught:
            load_settings(tmp_path / name)
        assert name in caught.value.where
        said.append(caught.value.found)
    assert said == [
        "no such file",
        "a folder",
        "not UTF-8 text (byte 22), probably CP1252",
        "cannot be read (it has 5,000,000 bytes; at most 4,194,304 are read)",
        "no such file",
    ]


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "h.toml"
    path.write_bytes(b"\xef\xbb\xbfseed = 7\r\n")
    assert load_settings(path).seed == 7


COMMENTED = """\
# my settings
seed = 7  # lucky

[rates]   # tables of my own
unet_lr = 0.00010   # tried 2e-4
# text_encoder_lr = 5e-5

[network]
network_dim = 16
"""


def test_saving_keeps_comments_order_and_what_did_not_change(tmp_path: Path) -> None:
    path = tmp_path / "h.toml"
    path.write_text(COMMENTED)
    settings = load_settings(path)
    save_settings(settings, path)
    assert path.read_text() == COMMENTED
    save_settings(with_value(settings, "network_dim", "8"), path)
    assert path.read_text() == COMMENTED.replace("network_dim = 16", "network_dim = 8")


def test_a_changed_value_keeps_the_comment_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "h.toml"
    path.write_text(COMMENTED)
    save_settings(with_value(load_settings(path), "unet_lr", ""), path)
    assert path.read_text() == COMMENTED.replace("unet_lr = 0.00010", 'unet_lr = ""')


def test_a_new_value_goes_into_the_table_of_its_section(tmp_path: Path) -> None:
    path = tmp_path / "h.toml"
    path.write_text(COMMENTED)
    settings = apply_overrides(load_settings(path), ["network_alpha=8", "noise_offset=0.05"])
    save_settings(settings, path)
    text = path.read_text()
    assert load_settings(path) == settings
    assert text.index("[network]") < text.index("network_alpha = 8.0") < text.index("[noise]\nnoise_offset = 0.05")


@pytest.mark.parametrize(
    "text",
    [
        "rates.unet_lr = 1e-3\nrates.text_encoder_lr = 1e-3\n",
        "rates = {unet_lr = 1e-3}\nseed = 1\n",
        "[rates]\nunet_lr = 1e-3\n[data]\nseed = 1\n[rates.more]\nmax_grad_norm = 2.0\n",
        "[a.b]\nseed = 1\n[x]\n[a.c]\nunet_lr = 1e-3\n",
        '"unet_lr" = 1e-3\n',
        "",
        "# only a comment",
    ],
)
def test_saving_reads_back_whatever_form_the_file_has(text: str, tmp_path: Path) -> None:
    path = tmp_path / "h.toml"
    path.write_text(text)
    settings = apply_overrides(load_settings(path), ["unet_lr=5e-4", "seed=3", "noise_offset=0.1", "max_train_epochs="])
    save_settings(settings, path)
    assert load_settings(path) == settings


def test_saving_over_a_broken_file_leaves_it_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "h.toml"
    path.write_text("unet_lr = \n")
    with pytest.raises(SettingsError, match="broken TOML"):
        save_settings(Settings(), path)
    assert path.read_text() == "unet_lr = \n"


def test_a_file_that_cannot_be_written_is_a_settings_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be written"):
        save_settings(Settings(), tmp_path / "no such folder" / "h.toml")


def test_a_folder_and_a_file_without_permission_are_settings_errors(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.touch(mode=0)
    if os.access(locked, os.R_OK):
        pytest.skip("this user may read and write everything")
    path = tmp_path / "h.toml"
    path.write_text("seed = 7\n")
    path.chmod(0o444)
    with pytest.raises(SettingsError, match="Permission denied"):
        save_settings(Settings(), path)
    tmp_path.chmod(0o555)
    with pytest.raises(SettingsError, match="Permission denied"):
        save_settings(Settings(), tmp_path / "new.toml")
    tmp_path.chmod(0o755)
    assert path.read_text() == "seed = 7\n"


def test_saving_keeps_the_mode_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "h.toml"
    path.write_text("seed = 7\n")
    path.chmod(0o640)
    save_settings(Settings(seed=8), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["h.toml"]


def test_saving_through_a_link_keeps_the_link(tmp_path: Path) -> None:
    (tmp_path / "real.toml").write_text("seed = 7\n")
    (tmp_path / "h.toml").symlink_to("real.toml")
    save_settings(Settings(seed=8), tmp_path / "h.toml")
    assert (tmp_path / "h.toml").is_symlink()
    assert (tmp_path / "real.toml").read_text() == "seed = 8\n"


def test_a_write_that_breaks_half_way_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "h.toml"
    path.write_text("seed = 7\n")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SettingsError, match="No space left on device"):
        save_settings(Settings(seed=8), path)
    assert path.read_text() == "seed = 7\n"
    assert [file.name for file in tmp_path.iterdir()] == ["h.toml"]


def test_blanks_are_written_so_that_they_read_back_as_blanks() -> None:
    text = settings_toml(Settings(unet_lr=None))
    assert "# min_snr_gamma =\n" in text
    assert 'unet_lr = ""\n' in text
