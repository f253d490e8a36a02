"""`lora-tui export`: the files, the report, and the demo's settings against sd-scripts' own list of options."""

import json
import shlex
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from trainer.demo.workspace import make_demo
from trainer.interop.documents import open_document
from trainer.interop.export.targets import TARGETS
from trainer.interop.importer import import_documents

LoraTui = Callable[..., "CompletedProcess[str]"]
OPTIONS: Mapping[str, Mapping[str, object]] = json.loads(
    (Path(__file__).parents[1] / "support" / "sd_scripts_options.json").read_text()
)
"""What train_network.py and sdxl_train_network.py of 2026-02 take: type, number of values and choices of each option."""
DATA_SET: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parents[1] / "support" / "sd_scripts_data_set.json").read_text()
)
"""What each table of a data set file takes: of data sets, of every table, and of folders of pictures with and without masks."""
TYPES: Mapping[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "number": (int, float), "switch": (bool,)}


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    return make_demo(tmp_path / "demo").root / "hifumi.toml"


def wrong(options: Mapping[str, object]) -> list[str]:
    """Return what sd-scripts would not take of some options: unknown names, values of another type or none of the choices."""
    return [f"{name} = {value!r}" for name, value in options.items() if not _is_taken(OPTIONS.get(name), value)]


def _is_taken(known: Mapping[str, object] | None, value: object) -> bool:
    if known is None:
        return False
    kinds = TYPES[str(known["type"])]
    values = value if "nargs" in known and isinstance(value, list) else [value]
    choices = known.get("choices")
    return all(
        isinstance(each, kinds)
        and (isinstance(each, bool) == (kinds == (bool,)))
        and (not isinstance(choices, list) or each in choices)
        for each in values
    )


def test_the_list_itself_refuses_what_sd_scripts_refuses() -> None:
    assert wrong({"network_dim": 8, "unet_lr": 1, "text_encoder_lr": [1e-5, 2e-5], "max_token_length": 150}) == []
    bad = {
        "network_dims": 8,
        "network_dim": "8",
        "cache_latents": 1,
        "unet_lr": [1e-4],
        "max_token_length": 75,
        "seed": True,
    }
    assert len(wrong(bad)) == len(bad)


SETTINGS = [
    (),
    (
        "--set=conv_dim=4",
        "--set=optimizer_args=betas=0.9:0.99",
        "--set=text_encoder_lr2=1e-5",
        "--set=max_token_length=225",
        "--set=lr_scheduler=piecewise_constant",
        "--set=lr_scheduler_args=step_rules=1:2,0.5",
        "--set=sample_every_n_epochs=1",
        "--set=sample_sampler=Euler a",
        "--set=max_train_epochs=",
        "--set=token_warmup_step=10%",
    ),
]


@pytest.mark.parametrize("overrides", SETTINGS)
def test_sd_scripts_takes_every_option_of_an_export(
    overrides: tuple[str, ...], lora_tui_here: LoraTui, demo: Path, tmp_path: Path
) -> None:
    ran = lora_tui_here("export", demo, "--to", "sd-scripts", "--out", tmp_path / "a b.toml", *overrides)
    assert ran.returncode == 0, ran.stderr
    tables = tomllib.loads((tmp_path / "a b.toml").read_text())
    options = {name: value for table in tables.values() for name, value in table.items()}
    assert len(options) > 60
    assert wrong(options) == []
    # The command that runs it names both files, and is one that our own importer reads.
    line = next(line for line in ran.stdout.splitlines() if line.startswith("to run it: "))
    words = shlex.split(line.removeprefix("to run it: "))
    assert words[words.index("--config_file") + 1] == str(tmp_path / "a b.toml")
    data_set = Path(words[words.index("--dataset_config") + 1])
    (dataset,) = tomllib.loads(data_set.read_text())["datasets"]
    assert [(Path(each["image_dir"]).name, each["num_repeats"]) for each in dataset["subsets"]] == [
        ("10_hifumi_chan", 10)
    ]


@pytest.mark.parametrize(
    ("overrides", "kind"),
    [
        ((), "pictures"),
        (
            ("--set=alpha_mask=true", "--set=masked_loss=true", "--set=caption_prefix=a, ", "--set=resolution=64,96"),
            "pictures",
        ),
        (("--set=masked_loss=true", "--set=conditioning_data_dir=data/10_hifumi_chan"), "masked"),
        (
            ("--set=num_repeats=10_hifumi_chan=3", "--set=token_warmup_step=10%", "--set=bucket_no_upscale=true"),
            "pictures",
        ),
    ],
)
def test_sd_scripts_takes_every_key_of_the_data_set_file(
    overrides: tuple[str, ...], kind: str, lora_tui_here: LoraTui, demo: Path, tmp_path: Path
) -> None:
    """Unlike its settings, sd-scripts checks this file, table by table."""
    ran = lora_tui_here("export", demo, "--to", "sd-scripts", "--out", tmp_path / "x.toml", *overrides)
    assert ran.returncode == 0, ran.stderr
    document = tomllib.loads((tmp_path / "x.dataset.toml").read_text())
    assert document.keys() == {"general", "datasets"}
    (dataset,) = document["datasets"]
    subsets = dataset.pop("subsets")
    outer = DATA_SET["dataset"] | DATA_SET["any"] | DATA_SET["words"]
    inner = DATA_SET["any"] | DATA_SET[kind] | (DATA_SET["words"] if kind == "pictures" else {})
    assert _wrong_in(document["general"], outer) == _wrong_in(dataset, outer) == []
    assert [_wrong_in(subset, inner) for subset in subsets] == [[]]
    assert all("conditioning_data_dir" in subset for subset in subsets) == (kind == "masked")
    assert all(subset.get("alpha_mask", False) for subset in subsets) == any("alpha_mask" in each for each in overrides)


def _wrong_in(table: Mapping[str, object], known: Mapping[str, str]) -> list[str]:
    values = {name: value if isinstance(value, list) else [value] for name, value in table.items()}
    return [
        name
        for name, found in values.items()
        if name not in known or not all(isinstance(each, TYPES[known[name]]) for each in found)
    ]


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_written_is_recognised_and_every_key_of_it_is_known(
    target: str, lora_tui_here: LoraTui, demo: Path, tmp_path: Path
) -> None:
    out = tmp_path / f"x{TARGETS[target].ending}"
    ran = lora_tui_here("export", demo, "--to", target, "--out", out)
    assert ran.returncode == 0, ran.stderr
    made = import_documents([open_document(out)])
    assert made.report.title == TARGETS[target].format.title
    assert made.report.of("unknown") == ()
    assert made.values["network_dim"] == 8


def test_the_report_names_what_is_lost_and_counts_every_setting(lora_tui_here: LoraTui, demo: Path) -> None:
    ran = lora_tui_here("export", demo, "--to", "sd-scripts", "--set", "text_encoder_stop=3ep", "--json")
    report = json.loads(ran.stdout)
    lost = {each["setting"]: each["why"] for each in report["settings"] if each["fate"] == "lost"}
    assert lost["text_encoder_stop"].startswith("there it trains to the end")
    assert sum(report["counts"].values()) == len(report["settings"])
    assert "network_dim = 8" in report["text"]
    assert "image_dir" in report["beside"]["hifumi.sd-scripts.dataset.toml"]


def test_without_a_file_the_text_alone_is_on_standard_output(lora_tui_here: LoraTui, demo: Path) -> None:
    ran = lora_tui_here("export", demo, "--to", "kohya-gui")
    assert json.loads(ran.stdout)["network_dim"] == 8
    assert "settings: " in ran.stderr


def test_files_that_exist_stay_unless_forced(lora_tui_here: LoraTui, demo: Path, tmp_path: Path) -> None:
    (tmp_path / "x.dataset.toml").write_text("mine")
    command = ("export", demo, "--to", "sd-scripts", "--out", tmp_path / "x.toml")
    ran = lora_tui_here(*command)
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)
    assert "x.dataset.toml: already exists" in ran.stderr
    assert not (tmp_path / "x.toml").exists()
    assert lora_tui_here(*command, "--force").returncode == 0
    assert "[[datasets]]" in (tmp_path / "x.dataset.toml").read_text()


def test_settings_whose_pictures_are_not_here_are_exported_as_they_are_named(
    lora_tui_here: LoraTui, tmp_path: Path
) -> None:
    (tmp_path / "a.toml").write_text(
        "train_data_dir = 'D:\\sets'\npretrained_model_name_or_path = 'D:\\m.safetensors'\nnetwork_dim = 4\n"
    )
    ran = lora_tui_here("export", tmp_path / "a.toml", "--to", "sd-scripts")
    assert ran.returncode == 0, ran.stderr
    assert "network_dim = 4" in ran.stdout
    assert "# the pictures cannot be looked at" in ran.stdout
    assert "# the base cannot be looked at" in ran.stdout
    assert tomllib.loads(ran.stdout)["network"]["network_dim"] == 4


def test_every_target_can_be_named() -> None:
    from lora_tui.commands.export import _TARGETS

    assert list(_TARGETS) == list(TARGETS)


def test_the_gui_is_told_of_folders_as_they_are_or_by_a_data_set_file(
    lora_tui_here: LoraTui, demo: Path, tmp_path: Path
) -> None:
    out = tmp_path / "x.json"
    assert lora_tui_here("export", demo, "--to", "kohya-gui", "--out", out).returncode == 0
    plain = json.loads(out.read_text())
    assert (plain["train_data_dir"], plain["dataset_config"]) == (str(demo.parent / "data"), "")
    assert not (tmp_path / "x.dataset.toml").exists()
    # Other repeats than the folder's name has, which the GUI cannot be told.
    changed = ("--set", "num_repeats=10_hifumi_chan=3", "--force")
    assert lora_tui_here("export", demo, "--to", "kohya-gui", "--out", out, *changed).returncode == 0
    told = json.loads(out.read_text())
    assert (told["train_data_dir"], told["dataset_config"]) == ("", str(tmp_path / "x.dataset.toml"))
    (dataset,) = tomllib.loads((tmp_path / "x.dataset.toml").read_text())["datasets"]
    assert [each["num_repeats"] for each in dataset["subsets"]] == [3]
