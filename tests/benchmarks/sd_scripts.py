"""sd-scripts in a folder that the user names, run by the interpreter in it on settings that `lora-tui export` writes for it."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from paced_runs import Trainer

_PROGRAMS = {"sd1": "train_network.py", "sdxl": "sdxl_train_network.py"}
_PYTHONS = ("venv/bin/python", ".venv/bin/python")
# What its folder of tokenizers calls CLIP's; SDXL's second one differs in how it is filled up.
_TOKENIZERS = {"openai_clip-vit-large-patch14": "<|endoftext|>", "laion_CLIP-ViT-bigG-14-laion2B-39B-b160k": "!"}


@dataclass(frozen=True)
class Checkout:
    """sd-scripts, and the interpreter that has what it needs.

    Attributes:
        folder, python: where they are.
        version: its commit, short; empty where the folder is no repository.
    """

    folder: Path
    python: Path
    version: str


def checkout_in(folder: Path) -> Checkout:
    """Return the sd-scripts in `folder`.

    Raises:
        LookupError: there is none, or no interpreter in it.
    """
    if not folder.is_dir():
        raise LookupError("no such folder")
    if missing := [name for name in _PROGRAMS.values() if not (folder / name).is_file()]:
        raise LookupError(f"no checkout of sd-scripts: it has no {' and no '.join(missing)}")
    folder = folder.resolve()
    python = next((folder / name for name in _PYTHONS if (folder / name).is_file()), None)
    if python is None:
        raise LookupError(f"no Python in it with what sd-scripts needs: neither {' nor '.join(_PYTHONS)}")
    words = ["git", "-C", str(folder), "describe", "--tags", "--always"]
    try:
        version = subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        version = ""
    return Checkout(folder, python, version)


def bake_of_scripts(
    checkout: Checkout, name: str, family: str, like: Trainer, options: Sequence[str], folder: Path
) -> Trainer:
    """Return sd-scripts with the settings and pictures of a bake of this program.

    Args:
        checkout: of sd-scripts.
        name: what the tables call it.
        family: of the base.
        like: the bake, in a demo workspace.
        options: its changes of the demo's settings, each as `name=value`.
        folder: where the settings are written for it, and what it writes itself.
    """
    settings = folder / "settings.toml"
    changes = [word for option in options for word in ("--set", option)]
    export = ["export", str(folder / "demo" / "hifumi.toml"), "--to", "sd-scripts", "--out", str(settings), *changes]
    subprocess.run([sys.executable, "-m", "lora_tui", *export], env=dict(like.env), check=True, capture_output=True)
    # Once it is stated, even 1 has sd-scripts give the encoder's last norm what accelerate made fp32, and in bf16 a CPU's takes none.
    said = settings.read_text().splitlines(keepends=True)
    settings.write_text("".join(line for line in said if line.strip() != "clip_skip = 1"))
    _write_tokenizers(folder / "tokenizers")
    program = (
        *(str(checkout.folder / _PROGRAMS[family]), "--config_file", str(settings)),
        *("--dataset_config", str(settings.with_suffix(".dataset.toml"))),
        *("--output_dir", str(folder / "output"), "--tokenizer_cache_dir", str(folder / "tokenizers")),
        # Its loaders would be processes of their own, whose memory and time nobody counts.
        *("--max_data_loader_n_workers", "0"),
    )
    # It reads its own sources, and asks no one on the network.
    left_out = ("OMP_NUM_THREADS", "PYTHONPATH")
    env = {key: value for key, value in os.environ.items() if key not in left_out} | {"HF_HUB_OFFLINE": "1"}
    return Trainer(name, checkout.python, program, checkout.folder, env)


def _write_tokenizers(folder: Path) -> None:
    """Write CLIP's tokenizer where sd-scripts looks before it asks the network; the vocabulary is this program's."""
    from trainer.prompts.clip_tokens import END, START, clip_vocabulary

    tokens, merges = clip_vocabulary()
    for name, padding in _TOKENIZERS.items():
        place = folder / name
        place.mkdir(parents=True)
        (place / "vocab.json").write_text(json.dumps(tokens))
        (place / "merges.txt").write_text("#version: 0.2\n" + "\n".join(map(" ".join, merges)) + "\n")
        said = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": padding}
        (place / "special_tokens_map.json").write_text(json.dumps(said))
        config = {**said, "model_max_length": 77, "tokenizer_class": "CLIPTokenizer", "do_lower_case": True}
        (place / "tokenizer_config.json").write_text(json.dumps(config))
