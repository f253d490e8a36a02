"""Every wrong input is one clear line on stderr with its exit code, and nothing is written."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from trainer.models.identify import identify_base
from trainer.workspace import Workspace


def _sets(*pairs: str) -> list[str]:
    return [part for pair in pairs for part in ("--set", pair)]


def _lora_as_base(folder: Path) -> list[str]:
    header = json.dumps(
        {"lora_unet_x.lora_down.weight": {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]}}
    ).encode()
    path = folder / "style.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0\0")
    return _sets(f"pretrained_model_name_or_path={path}")


def _pickle_as_base(folder: Path) -> list[str]:
    path = folder / "model.ckpt"
    path.write_bytes(b"\x80\x04K\x01.")
    return _sets(f"pretrained_model_name_or_path={path}")


def _start_from(folder: Path, tensors: dict[str, NDArray[np.float16]], **settings: str) -> list[str]:
    save_file(tensors, folder / "start.safetensors")
    return _sets(
        f"network_weights={folder / 'start.safetensors'}", *(f"{key}={value}" for key, value in settings.items())
    )


def _layer(**others: NDArray[np.float16]) -> dict[str, NDArray[np.float16]]:
    """A layer of rank 2 on the demo's text encoder, of ones."""
    tensors = {
        "lora_down.weight": np.ones((2, 32), np.float16),
        "lora_up.weight": np.ones((32, 2), np.float16),
    } | others
    return {f"lora_te_text_model_encoder_layers_1_self_attn_v_proj.{key}": value for key, value in tensors.items()}


def _loha() -> dict[str, NDArray[np.float16]]:
    """The same as a LoHa."""
    name = "lora_te_text_model_encoder_layers_1_self_attn_v_proj"
    sides = {f"hada_w{half}_{side}": (32, 2) if side == "a" else (2, 32) for half in "12" for side in "ab"}
    return {f"{name}.{role}": np.ones(shape, np.float16) for role, shape in sides.items()}


def _start_from_nan(folder: Path) -> list[str]:
    tensors = _layer(**{"lora_up.weight": np.full((32, 2), np.nan, np.float16)})
    return _start_from(folder, tensors, dim_from_weights="true")


def _start_from_a_folder(folder: Path) -> list[str]:
    return _sets(f"network_weights={folder}")


def _empty_data(folder: Path) -> list[str]:
    (folder / "empty").mkdir()
    return _sets(f"train_data_dir={folder / 'empty'}")


def _broken_tokenizer(folder: Path) -> list[str]:
    base = Path(shutil.copytree(identify_base("demo").path, folder / "base"))
    (base / "tokenizer" / "tokenizer.json").write_text("{")
    return _sets(f"pretrained_model_name_or_path={base}")


WRONG: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    "missing folder": (lambda folder: _sets(f"train_data_dir={folder / 'gone'}"), "gone"),
    "no pictures": (_empty_data, "an empty folder; expected PNG"),
    "unknown key": (lambda _: _sets("unet_lrr=1e-4"), "did you mean `unet_lr`"),
    "out of bounds": (lambda _: _sets("unet_lr=5"), "from 0 to 1"),
    "wrong kind": (lambda _: _sets("network_dim=many"), "network_dim"),
    "no key=value": (lambda _: _sets("network_dim"), "network_dim"),
    "a pickle as base": (_pickle_as_base, "pickle"),
    "a broken tokenizer": (_broken_tokenizer, "expected CLIP's tokenizer"),
    "a LoRA as base": (_lora_as_base, "LoRA"),
    "no such base": (lambda _: _sets("pretrained_model_name_or_path=/nowhere/base"), "/nowhere/base"),
    "fp16 without a GPU": (lambda _: _sets("mixed_precision=fp16"), "bf16"),
    "no start LoRA": (
        lambda folder: _sets(f"network_weights={folder / 'gone.safetensors'}"),
        "gone.safetensors: no such",
    ),
    "a folder as start LoRA": (_start_from_a_folder, "is a folder; expected a LoRA"),
    "NaN in the start LoRA": (
        _start_from_nan,
        "start.safetensors: holds NaN in module lora_te_text_model_encoder_layers_1",
    ),
    "a LoHa as start LoRA": (
        lambda folder: _start_from(folder, _loha(), dim_from_weights="true"),
        "it is a LoHa: lora_te_text_model_encoder_layers_1",
    ),
    "a DoRA as start LoRA": (
        lambda folder: _start_from(folder, _layer(dora_scale=np.ones((32, 1), np.float16))),
        "it is a DoRA",
    ),
    "a start LoRA of another rank": (
        lambda folder: _start_from(folder, _layer()),
        "has rank 2 and alpha 2; expected rank",
    ),
    "a start LoRA of another width": (
        lambda folder: _start_from(folder, _layer(**{"lora_up.weight": np.ones((768, 2), np.float16)})),
        "made for another base",
    ),
    "clip_skip beyond the layers": (lambda _: _sets("clip_skip=9"), "clip_skip"),
}


@pytest.mark.parametrize("command", ["plan", "bake"])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_input_is_one_line_and_exit_code_2(
    wrong: str, command: str, lora_tui_here, demo: Workspace, tmp_path: Path
) -> None:
    make, expected = WRONG[wrong]
    ran = lora_tui_here(command, demo.root / "hifumi.toml", *make(tmp_path))
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert ran.stderr.startswith("lora-tui: ")
    assert ran.stderr.count("\n") == 1
    assert expected in ran.stderr
    assert list(demo.bakes.iterdir()) == []


@pytest.mark.parametrize("command", ["plan", "bake"])
def test_a_process_ends_with_that_line_and_that_code(command: str, fresh_lora_tui, demo: Workspace) -> None:
    ran = fresh_lora_tui(command, demo.root / "hifumi.toml", *_sets("unet_lrr=1e-4"))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("lora-tui: ")
    assert ran.stderr.count("\n") == 1
    assert list(demo.bakes.iterdir()) == []


@pytest.mark.parametrize("text", ["unet_lr = = 1\n", "unet_lr = 1e-4\nunet_lr = 2e-4\n", "[data\n", "\x00"])
def test_broken_toml_names_file_and_place(text: str, lora_tui_here, demo: Workspace) -> None:
    (demo.root / "broken.toml").write_text(text)
    ran = lora_tui_here("bake", demo.root / "broken.toml")
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1), ran.stderr
    assert "broken.toml" in ran.stderr
    assert list(demo.bakes.iterdir()) == []


def test_a_missing_settings_file_is_one_line(fresh_lora_tui, tmp_path: Path) -> None:
    ran = fresh_lora_tui("bake", tmp_path / "gone.toml")
    assert (ran.returncode, "gone.toml: no such file" in ran.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_a_demo_where_nothing_can_be_written_is_one_line(fresh_lora_tui, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    ran = fresh_lora_tui("demo", tmp_path / "file" / "demo")
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1), ran.stderr
    assert "cannot be written" in ran.stderr


def test_a_bake_where_nothing_can_be_written_is_one_line(fresh_lora_tui, demo: Workspace) -> None:
    demo.bakes.rmdir()
    demo.bakes.write_text("in the way")
    ran = fresh_lora_tui("bake", demo.root / "hifumi.toml")
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert "demo/bakes: cannot be written" in ran.stderr


def test_the_dashboard_without_a_terminal_says_what_to_do(fresh_lora_tui, tmp_path: Path) -> None:
    ran = fresh_lora_tui(folder=tmp_path)
    assert ran.returncode == 2
    assert "is not a terminal" in ran.stderr and ran.stderr.count("\n") == 1


def test_the_workspace_of_the_dashboard_is_named_before_no_command(lora_tui_here, tmp_path) -> None:
    ran = lora_tui_here("--in", tmp_path, "status", folder=tmp_path)
    assert (ran.returncode, "lora-tui status --in DIR" in ran.stderr) == (2, True), ran.stderr
    missing = lora_tui_here("--in", tmp_path / "nowhere", folder=tmp_path)
    assert (missing.returncode, "no workspace here or in a parent folder" in missing.stderr) == (2, True)
