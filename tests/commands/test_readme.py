"""The README, the walk of a first bake and the pages of commands and of other trainers are true: every command in them runs."""

import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from lora_on_disk import write_lora
from packaging.requirements import Requirement

import trainer.demo
from trainer.demo.workspace import make_demo
from trainer.errors import ExitCode
from trainer.settings.toml_file import apply_overrides, load_settings, save_settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = ROOT / "docs"
TABLE = (DOCS / "commands.md").read_text(encoding="utf-8")


def commands_of(text: str) -> list[str]:
    return [line for block in re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL) for line in block.splitlines()]


COMMANDS = commands_of(README)
FIRST_BAKE = commands_of((DOCS / "first-bake.md").read_text(encoding="utf-8"))
COMING = commands_of((DOCS / "other-trainers.md").read_text(encoding="utf-8"))
SMALL = [
    "resolution=64",
    "min_bucket_reso=32",
    "max_bucket_reso=128",
    "bucket_reso_steps=32",
    "max_train_epochs=",
    "max_train_steps=2",
]


def test_the_commands_of_a_first_bake_run_one_after_the_other(lora_tui_here, tmp_path: Path, monkeypatch) -> None:
    """As written, on the demo's pictures and a copy of its base at the path that the pages use; those of the README are among them."""
    shutil.copytree(make_demo(tmp_path / "demo").root / "data", tmp_path / "pictures")
    shutil.copytree(Path(trainer.demo.__file__).parent / "model", tmp_path / "path" / "to" / "model")
    monkeypatch.chdir(tmp_path)
    own = [line for line in COMMANDS if line.startswith("lora-tui ")]
    assert [shlex.split(line)[1] for line in own] == ["new", "check", "plan", "bake", "ladder"]
    walk = [line for line in FIRST_BAKE if line.startswith("lora-tui ")]
    assert [line for line in own if " ladder " not in line] == walk[:4]
    shown = ""
    for line in [*walk, own[-1]]:
        ran = lora_tui_here(*shlex.split(line)[1:])
        assert ran.returncode == 0, f"{line}: {ran.stderr}"
        shown = ran.stdout
        if " new " in line:
            # What `new` proposes for a real base would take hours here.
            path = tmp_path / "hifumi.toml"
            save_settings(apply_overrides(load_settings(path), SMALL), path)
    assert (tmp_path / "bakes" / "0001-hifumi" / "hifumi.safetensors").is_file()
    # A bake that is there is one of the ten.
    assert "1 of 10 bakes done" in shown


SOURCES = {
    "legacy.ps1": "$num_epochs = 3\n$network_dim = 8\n$total = 10\n"
    "accelerate launch train_network.py --network_module=networks.lora --network_dim=$network_dim --max_train_steps=([int]($total * $num_epochs))\n",
    "train_network.ps1": '$ckpt = "C:\\m.safetensors" # base\n$image_dir = "C:\\set"\n$network_dim = 8\n$desired_training_time = 0\n# Config end\n',
    "easy.toml": "[[subsets]]\nimage_dir = 'D:\\set\\3_x'\nnum_repeats = 3\n[network_args.args]\nnetwork_dim = 8\n[general_args.args]\npretrained_model_name_or_path = 'D:\\m'\n",
    "kohya.json": '{"max_resolution": "512,512", "pretrained_model_name_or_path": "D:/m", "train_data_dir": "D:\\\\set", "network_dim": 8, "LoRA_type": "Standard", "lr_warmup": 10}',
    "db_config.json": '{"model_name": "x", "lora_unet_rank": 8, "use_lora": true, "concepts_list": [{"instance_data_dir": "D:\\\\set"}]}',
    "peft-folder/adapter_config.json": '{"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["to_q"]}',
    "config.toml": 'network_module = "networks.lora"\nnetwork_dim = 8\npretrained_model_name_or_path = "D:/m"\n',
    "dataset.toml": "[[datasets]]\nresolution = 512\n[[datasets.subsets]]\nimage_dir = 'D:\\set\\3_x'\nnum_repeats = 3\n",
    "onetrainer.json": '{"training_method": "LORA", "model_type": "STABLE_DIFFUSION_15", "lora_rank": 8, "concepts": []}',
    "run.toml": "epochs = 3\ndataset = 'folders.toml'\n[model]\ntype = 'sdxl'\n[adapter]\ntype = 'lora'\nrank = 8\n",
    "folders.toml": "resolutions = [512]\n[[directory]]\npath = 'D:\\set'\n",
    "job.yaml": "job: extension\nconfig:\n  name: x\n  process:\n    - type: sd_trainer\n      network:\n        type: lora\n        linear: 8\n",
}
"""Files of the trainers that the README names, each with a LoRA of rank 8."""


def test_the_commands_for_settings_of_others_run_one_after_the_other(
    lora_tui_here, tmp_path: Path, monkeypatch
) -> None:
    make_demo(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name, text in SOURCES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    write_lora(tmp_path / "some-lora.safetensors", rank=8)
    named = {word for line in COMING for word in shlex.split(line)[2:]}
    assert {*SOURCES, "some-lora.safetensors"} - named == {"peft-folder/adapter_config.json"}
    for line in COMING:
        ran = lora_tui_here(*shlex.split(line)[1:])
        assert ran.returncode == 0, f"{line}: {ran.stderr}"
    made = sorted(tmp_path.glob("from-*.toml"))
    made = [path for path in made if not path.stem.endswith("-data")]
    assert len(made) == 10
    assert {path.name: load_settings(path).network_dim for path in made} == {path.name: 8 for path in made}
    assert load_settings(tmp_path / "again.toml").network_dim == 8
    assert (tmp_path / "back-to-sd-scripts.toml").is_file()


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("make ")])
def test_make_knows_its_targets(line: str) -> None:
    ran = subprocess.run([*shlex.split(line), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "lora-tui demo" in ran.stdout or "pytest" in ran.stdout


def test_pip_takes_the_constraints_as_written() -> None:
    """`pip install .` itself is run by the wheel tests and by `make`."""
    line = next(line for line in COMMANDS if line.startswith("pip "))
    assert line == "pip install -c constraints.txt ."
    pinned = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    assert (pinned["torch"], pinned["textual"]) == ("2.13.0", "8.2.8")


def test_every_dependency_has_one_version_that_it_is_tested_with() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {name.lower(): version for name, sign, version in (line.partition("==") for line in lines) if sign}
    for requirement in map(Requirement, wanted):
        assert "==" not in str(requirement.specifier), f"{requirement}: the exact version stands in constraints.txt"
        assert requirement.specifier.contains(pinned[requirement.name.lower()]), requirement


@pytest.mark.parametrize(
    "command",
    [
        "demo",
        "new",
        "plan",
        "convert alpha",
        "bake",
        "status",
        "fork",
        "extend",
        "twin",
        "floor",
        "ladder",
        "advise",
        "watch",
        "grid",
        "page",
        "use",
        "export",
    ],
)
def test_the_options_in_the_table_are_the_commands_own(command: str, lora_tui_here) -> None:
    row = next(line for line in TABLE.splitlines() if line.startswith(f"| `lora-tui {command}"))
    told = lora_tui_here(*command.split(), "--help").stdout
    for option in re.findall(r"--[a-z-]+", row.split("|")[1]):
        assert option in told


def test_every_command_stands_in_the_table(lora_tui) -> None:
    told = lora_tui("--help").stdout
    commands = re.findall(r"^  ([a-z]+) ", told[told.index("Commands:") :], flags=re.MULTILINE)
    assert commands
    assert [name for name in commands if f"| `lora-tui {name}" not in TABLE] == []


def test_the_exit_codes_are_the_programs() -> None:
    line = next(line for line in TABLE.splitlines() if line.startswith("Exit codes:"))
    assert {int(code) for code in re.findall(r"\b(\d+)\b", line)} == {int(code) for code in ExitCode}


def test_every_extra_stands_in_the_table() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {name for name in extras if name != "test"} == set(
        re.findall(
            r"^\| `(\w+)` \| ", README[README.index("## Install") : README.index("## Train")], flags=re.MULTILINE
        )
    )
