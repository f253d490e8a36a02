"""Command lines as people have them: in notebooks, histories, scripts that gather options, and pastes of a few lines."""

import pytest

from trainer.errors import SettingsError
from trainer.interop.documents import read_document
from trainer.interop.importer import Imported, import_documents

GATHERED = rb"""#!/usr/bin/env bash
base="./models/base.safetensors"
network_dim=24
unet_lr="3e-5"
train_unet_only=1
more=()
if [[ $train_unet_only == 1 ]]; then
  more+=("--network_train_unet_only")
fi
python -m accelerate.commands.launch ${launch[@]} "./sd-scripts/train_network.py" \
  --pretrained_model_name_or_path=$base \
  --network_dim=$network_dim --color_aug \
  --shuffle_caption ${more[@]}
"""


def imported(raw: bytes) -> Imported:
    return import_documents([read_document(raw, "the paste")], exists=lambda path: False)


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        (b"!accelerate launch --num_processes 1 \\\n  train_network.py \\\n  --network_dim=12 --seed 3\n", {"network_dim": 12, "seed": 3}),
        (b"$ python train_network.py --network_dim 12 --vae D:\\v\\x.vae.safetensors\n", {"network_dim": 12, "vae": r"D:\v\x.vae.safetensors"}),
        (
            rb'PS D:\kohya> .\venv\Scripts\accelerate.exe launch "D:\kohya\sdxl_train_network.py" --train_data_dir="D:\my sets\" --keep_tokens=2',
            {"train_data_dir": "D:\\my sets\\", "keep_tokens": 2},
        ),
        (b"--network_dim=12\n--optimizer_type Lion --optimizer_args weight_decay=0.2\n", {"network_dim": 12, "optimizer_type": "Lion", "optimizer_args": ["weight_decay=0.2"]}),
        (b"```bash\naccelerate launch train_network.py --clip_skip=2 # twice\n```\n", {"clip_skip": 2}),
        (b'"network_dim": 12,\n"unet_lr": 1e-4,\n', {"network_dim": 12, "unet_lr": 1e-4}),
        (b'  "network_dim": 12,\n  "unet_lr": 1e-4\n}\n', {"network_dim": 12, "unet_lr": 1e-4}),
        (b'"network_dim": 12, "unet_lr": 1e-4}', {"network_dim": 12, "unet_lr": 1e-4}),
        (b'{"network_dim": 12, // rank\n "vae": "D:\\v\\x.safetensors",}\n', {"network_dim": 12, "vae": r"D:\v\x.safetensors"}),
        (b"network_dim: 12\nunet_lr: 1e-4\n", {"network_dim": 12, "unet_lr": 1e-4}),
        (b"self.clip_skip: int = 2\nself.max_clip_token_length = 150\n", {"clip_skip": 2, "max_token_length": "150"}),
        (b"CUDA_VISIBLE_DEVICES=1 nohup accelerate launch ./train_network.py --seed=-1 --network_dim=12 &\n", {"network_dim": 12}),
    ],
)  # fmt: skip
def test_a_command_is_found_wherever_it_was_copied_from(raw: bytes, values: dict[str, object]) -> None:
    assert {name: value for name, value in imported(raw).values.items() if name != "lr_scheduler"} == values


def test_options_that_a_script_gathers_are_not_taken_for_a_value() -> None:
    made = imported(GATHERED)
    fates = {key.key: (key.fate, key.why) for key in made.report.keys}
    assert made.values["shuffle_caption"] is True
    assert fates["${more[@]}"][0] == "without effect"
    assert made.values["network_dim"] == 24
    # What only its blocks give to the command has the variable's own name.
    assert (made.values["unet_lr"], made.values["network_train_unet_only"]) == (3e-5, True)
    assert made.report.count_line() == "9 keys: 4 taken, 3 translated, 2 without effect, 0 unknown"


def test_what_a_script_is_started_with_is_not_a_value() -> None:
    made = imported(
        b"@echo off\ncall train\naccelerate launch train_network.py --vae=%1 --network_dim=%DIM% --seed=4\n"
    )
    assert dict(made.values) == {"seed": 4}
    assert {key.fate for key in made.report.keys if key.key != "seed"} == {"without effect"}


def test_a_file_that_a_command_names_is_not_opened(tmp_path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("network_dim = 99\n")
    made = imported(f"accelerate launch train_network.py --config_file={config} --seed 1".encode())
    assert dict(made.values) == {"seed": 1}
    assert "name it beside this one" in next(key.why for key in made.report.keys if key.key == "config_file")


GATHERING = rb"""#!/bin/bash
ROOT=/data/sets
RANK=${RANK:-20}
BASE="${BASE:-$ROOT/base model.safetensors}"
SET=${ROOT}/cat
ARGS=(
  --network_dim="$RANK"     # as (before)
  --unet_lr 3e-5
  --optimizer_args weight_decay=0.2 "betas=0.9,0.95"
)
ARGS+=( --train_data_dir "$SET" )
accelerate launch "${LAUNCH[@]}" train_network.py "${ARGS[@]}" --seed ${1:-5} --clip_skip=2
"""


def test_bash_lists_and_defaults_are_read() -> None:
    values = imported(GATHERING).values
    expected = {"network_dim": 20, "unet_lr": 3e-5, "train_data_dir": "/data/sets/cat", "seed": 5, "clip_skip": 2}
    assert {name: values.get(name) for name in expected} == expected
    assert values["optimizer_args"] == ["weight_decay=0.2", "betas=0.9:0.95"]


def test_variables_that_lists_are_made_of_are_of_the_command() -> None:
    report = imported(GATHERING).report
    fates = {each.key: (each.fate, each.to) for each in report.keys}
    assert fates["$RANK"][0] == fates["$ROOT"][0] == "translated"
    assert "--network_dim" in fates["$RANK"][1]
    assert not [note for note in report.notes if "$ARGS" in note]


@pytest.mark.parametrize(
    "raw",
    [
        b"(venv) me@box:~/sd-scripts$ accelerate launch train_network.py \\\n>   --network_dim=12 \\\n> --seed 3\n",
        b"[me@box sd-scripts]$ python3 train_network.py --network_dim 12 --seed 3\n",
        b"(base) PS D:\\kohya> accelerate launch train_network.py --network_dim 12 `\n>>   --seed 3\n",
        b"D:\\kohya>venv\\Scripts\\python.exe train_network.py --output_dir D:\\out\\ --network_dim 12 --seed 3\n",
        b"In [4]: !accelerate launch train_network.py --network_dim=12 --seed=3\n",
        b"accelerate launch train_network.py --mixed_precision fp16\n--network_dim=12\n\n--seed=3\n",
        "accelerate launch train_network.py –network_dim=12 —seed “3” --output_name=“my cat”\n".encode(),
        b"@echo off\nset MORE=--network_dim 12\naccelerate launch train_network.py %MORE% --seed 3\n",
        b'$all = @(\n  "--network_dim=12"  # rank (LoRA)\n  "--seed=3"\n)\naccelerate launch train_network.py $all --xformers\n',
    ],
    ids=["bash", "bash in brackets", "powershell", "cmd", "ipython", "wrapped", "typeset", "batch", "powershell list"],
)
def test_prompts_wrapped_lines_and_typeset_signs_hide_no_option(raw: bytes) -> None:
    values = imported(raw).values
    assert (values["network_dim"], values["seed"]) == (12, 3)
    assert values.get("output_name", "my cat") == "my cat"


def test_a_notebook_is_refused_with_the_way_out() -> None:
    with pytest.raises(SettingsError, match=r"a notebook.*paste the cell"):
        imported(b'{"nbformat": 4, "nbformat_minor": 0, "cells": [{"cell_type": "code", "source": ["!python x.py"]}]}')


def test_what_a_notebook_puts_into_a_command_is_not_taken_for_a_value() -> None:
    made = imported(b"!accelerate launch train_network.py --dataset_config={sets} --network_dim {rank} --seed 4\n")
    assert {each.key: each.fate for each in made.report.keys} == {
        "dataset_config": "without effect",
        "network_dim": "without effect",
        "seed": "taken",
    }


@pytest.mark.parametrize(
    "raw",
    [
        b"import os\n\nnetwork_dim = 8 #@param\nconfig = {\n  'network_dim': network_dim,\n}\n",
        b"# cell\nfrom pathlib import Path\nrank = 8\n\ndef main():\n    run('accelerate launch train_network.py')\n",
    ],
)
def test_a_program_in_python_is_refused_with_the_way_out(raw: bytes) -> None:
    with pytest.raises(SettingsError, match=r"Python.*config that it writes"):
        imported(raw)


def test_settings_in_a_python_program_of_easy_training_scripts_are_read() -> None:
    made = imported(
        b"import os\n\nclass ArgStore:\n    def __init__(self):\n        self.net_dim: int = 24\n        self.alpha: float = 12\n"
        b"        self.scheduler: str = 'cosine'\n        self.base_model: str = ''\n"
    )
    assert made.values["network_dim"] == 24


def test_a_prompt_that_begins_like_a_program_is_a_prompt() -> None:
    made = imported(
        b"for sale, a cat with a sign:\nimport goods\nNegative prompt: bad\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 3, Size: 512x512"
    )
    assert made.report.title.startswith("a picture's recipe")


@pytest.mark.parametrize(
    "raw",
    [
        b"$rank = 12; $seed=3 # both\naccelerate launch train_network.py --network_dim $rank --seed $seed\n",
        b"#!/bin/sh\nRANK=12; SEED='3'\npython train_network.py --network_dim $RANK `# how large` --seed $SEED\n",
        b"CUDA_VISIBLE_DEVICES=1 HF_HOME=/x uv run accelerate launch train_network.py --network_dim 12 --seed 3\n",
        b"sudo nohup poetry run python3 train_network.py --network_dim 12 --seed 3 > log.txt 2>&1 &\n",
    ],
)
def test_statements_of_one_line_and_programs_that_run_programs(raw: bytes) -> None:
    made = imported(raw)
    assert (made.values["network_dim"], made.values["seed"]) == (12, 3)
    assert made.report.of("unknown") == ()


@pytest.mark.parametrize(
    "raw",
    [
        b"> $network_dim = 12\n>\n> $seed = 3\n\n",
        b"> ```\n> !accelerate launch train_network.py \\\n>   --network_dim=12 \\\n>   --seed 3\n> ```\n",
    ],
)
def test_a_quotation_is_read_without_its_signs(raw: bytes) -> None:
    values = imported(raw).values
    assert (values["network_dim"], values["seed"]) == (12, 3)
