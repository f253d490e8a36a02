"""`lora-tui measure`: tables and JSON of any LoRA files, how they meet, and what is missing in a bake."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from lora_kinds import write_kinds
from lora_of_numbers import Layer, write_lora_of_numbers

from trainer.journal.journal import Journal
from trainer.journal.records import Checkpoint, NewBake
from trainer.models.identify import DEMO_BASE, identify_base
from trainer.settings.subject import resolve
from trainer.settings.toml_file import load_settings, settings_toml
from trainer.workspace import Workspace

LoraTui = Callable[..., "CompletedProcess[str]"]
UNET, TEXT = "lora_unet_mid_block_attentions_0_proj_in", "lora_te_text_model_encoder_layers_0_mlp_fc1"
SMALL = {UNET: Layer(40, 24, 4, kernel=1), TEXT: Layer(30, 20, 12)}


def demo_layers(rank: int = 4) -> dict[str, Layer]:
    return {
        name: Layer(shape.outputs, shape.inputs, rank, kernel=shape.kernel if shape.is_conv else None)
        for name, shape in identify_base(DEMO_BASE).lora_shapes.items()
        if not shape.needs_conv_dim and not shape.only_in_files
    }


@pytest.fixture
def baked(demo: Workspace) -> list[Path]:
    """The demo with a bake of three saved LoRAs of which nothing was measured."""
    path = demo.root / "hifumi.toml"
    text = settings_toml(resolve(load_settings(path), path))
    new = NewBake(name="hifumi", why="", settings_toml=text, engine="e", total_steps=120, steps_per_epoch=40)
    with Journal(demo.journal_path) as journal:
        folder = demo.root / journal.bakes.add(new).folder
        folder.mkdir(parents=True)
        row = Checkpoint(1, 40, "", 1, None, None, None, None, 0.0)
        files = []
        for epoch in (1, 2, 3):
            file = folder / f"hifumi-{epoch}.safetensors"
            journal.results.add_checkpoint(1, replace(row, epoch=epoch, step=40 * epoch, file=file.name))
            files.append(write_lora_of_numbers(file, demo_layers(), near=0.3 * epoch))
    return files


def test_one_file_has_a_line_for_each_part_and_block_group(lora_tui_here: LoraTui, tmp_path: Path) -> None:
    file = write_lora_of_numbers(tmp_path / "hifumi.safetensors", SMALL)
    done = lora_tui_here("measure", file)
    assert done.returncode == 0, done.stderr
    title, head, *lines = [line for line in done.stdout.splitlines() if line]
    assert title == "hifumi.safetensors: 2 modules of rank 4 to 12"
    assert head.split("  ")[-1].strip() == "spread"
    assert [line[:20].rstrip() for line in lines] == [
        "whole LoRA",
        "U-Net",
        "  middle projections",
        "text encoder",
        "  layer 0",
    ]


def test_beside_its_base_a_file_has_the_share_of_the_bases_weights(lora_tui_here: LoraTui, tmp_path: Path) -> None:
    file = write_lora_of_numbers(tmp_path / "demo.safetensors", demo_layers())
    plain, beside = (
        json.loads(lora_tui_here("measure", file, "--json", *more).stdout)["files"][0]["measures"]
        for more in ((), ("--base", "demo"))
    )
    shares = [row for row in beside if row["measure"] == "delta_share"]
    assert [row for row in beside if row not in shares] == plain
    assert shares[0]["part"] == shares[0]["group"] == ""
    assert 0 < shares[0]["value"] < 100
    assert "change / weights" in lora_tui_here("measure", file, "--base", "demo").stdout


def test_two_files_are_compared_with_chance_and_a_caveat(lora_tui_here: LoraTui, tmp_path: Path) -> None:
    files = [write_lora_of_numbers(tmp_path / f"{name}.safetensors", SMALL, seed=at) for at, name in enumerate("abc")]
    done = lora_tui_here("measure", *files)
    for pair in ("a.safetensors and b.safetensors", "a.safetensors and c.safetensors", "b.safetensors and c"):
        assert pair in done.stdout
    assert "chance" in done.stdout
    assert "2510.03262" in done.stdout
    found = json.loads(lora_tui_here("measure", *files, "--json").stdout)
    assert [(each["first"], each["second"]) for each in found["interference"]] == [(0, 1), (0, 2), (1, 2)]
    whole = found["interference"][0]["meet"][0]
    assert whole["modules"] == 2
    assert abs(whole["cosine"]) < 0.2
    assert "2510.03262" in found["caveat"]


def test_files_that_share_no_module_say_so(lora_tui_here: LoraTui, tmp_path: Path) -> None:
    files = [write_lora_of_numbers(tmp_path / f"{name}.safetensors", {name: layer}) for name, layer in SMALL.items()]
    assert "no module in common" in lora_tui_here("measure", *files).stdout


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["nothing.safetensors"], "nothing.safetensors"),
        (["broken.safetensors"], "holds NaN in module lora_unet_mid_block_attentions_0_proj_in"),
        (["small.safetensors", "--base", "demo"], "has 24 inputs and 40 outputs; expected"),
        (["strange.safetensors", "--base", "demo"], "do not belong to the base"),
        (["7"], "no bake 7"),
        (["1", "--base", "demo"], "--base belongs to files"),
    ],
)
def test_what_cannot_be_measured_is_named(
    lora_tui_here: LoraTui, demo: Workspace, words: list[str], reason: str
) -> None:
    write_lora_of_numbers(demo.root / "small.safetensors", SMALL)
    write_lora_of_numbers(demo.root / "broken.safetensors", {UNET: Layer(40, 24, 4, size=float("nan"))})
    strange = {f"lora_unet_down_blocks_{number}_attentions_7_proj_in": Layer(4, 4, 1) for number in range(3)}
    write_lora_of_numbers(demo.root / "strange.safetensors", strange)
    done = lora_tui_here("measure", *words, folder=demo.root)
    assert done.returncode != 0
    assert reason in done.stderr, done.stderr
    assert done.stdout == ""


def test_what_is_missing_in_a_bake_is_made_up_for_once(
    lora_tui_here: LoraTui, demo: Workspace, baked: list[Path]
) -> None:
    baked[1].unlink()
    done = lora_tui_here("measure", "1", folder=demo.root)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == [
        "bake 1 hifumi: 2 LoRAs measured now",
        "! 1 file not there any more, so not measured",
    ]
    assert "text encoder   120" in done.stdout
    again = json.loads(lora_tui_here("measure", "1", "--json", folder=demo.root).stdout)
    assert again["measured_now"] == []
    assert {row["step"] for row in again["measures"]} == {40, 120}
    assert {row["measure"] for row in again["measures"]} >= {"delta_share", "movement", "cosine_before", "rank_used"}


def test_a_broken_file_of_a_bake_keeps_none_of_the_others_from_being_measured(
    lora_tui_here: LoraTui, demo: Workspace, baked: list[Path]
) -> None:
    baked[1].write_bytes(baked[1].read_bytes()[:5000])
    done = lora_tui_here("measure", "1", folder=demo.root)
    assert done.returncode == 0, done.stderr
    head, note, *_ = done.stdout.splitlines()
    assert head == "bake 1 hifumi: 2 LoRAs measured now"
    assert note.startswith("! not measured: ")
    assert baked[1].name in note
    found = json.loads(lora_tui_here("measure", "1", "--json", folder=demo.root).stdout)
    assert {row["step"] for row in found["measures"] if row["measure"] == "movement"} == {120}
    assert [baked[1].name in line for line in found["not_measured"]] == [True]


def test_a_file_called_like_a_number_is_the_file(lora_tui_here: LoraTui, demo: Workspace, baked: list[Path]) -> None:
    (demo.root / "1").write_bytes(baked[0].read_bytes())
    assert "modules of rank 4" in lora_tui_here("measure", "1", folder=demo.root).stdout


def test_a_dora_is_measured_beside_its_base_and_named_without_it(lora_tui_here: LoraTui, tmp_path: Path) -> None:
    some = dict(list(identify_base(DEMO_BASE).lora_shapes.items())[::20])
    path = write_kinds(tmp_path / "x.safetensors", some, ["lora", "lokr"], dora="inputs")
    alone = lora_tui_here("measure", path)
    assert alone.returncode == 0 and "LoKr with DoRA" in alone.stdout.splitlines()[0]
    assert "not measured: the change of a DoRA depends on the base's weights" in alone.stdout + alone.stderr
    assert "whole LoRA" not in alone.stdout
    assert "whole LoRA" in lora_tui_here("measure", path, "--base", "demo").stdout
    (file,) = json.loads(lora_tui_here("measure", path, path, "--base", "demo", "--json").stdout)["files"][:1]
    assert file["needs_base"] == [] and file["measures"]
    (file,) = json.loads(lora_tui_here("measure", path, "--json").stdout)["files"]
    assert len(file["needs_base"]) == len(some) and not file["measures"]


def test_an_imported_dora_without_its_base_keeps_no_size_that_is_not_its_own(
    lora_tui_here: LoraTui, demo: Workspace
) -> None:
    some = dict(list(identify_base(DEMO_BASE).lora_shapes.items())[::20])
    write_kinds(demo.root / "x.safetensors", some, ["lora"], dora="outputs")
    assert lora_tui_here("bakes", "add", demo.root / "x.safetensors", "--in", demo.root).returncode == 0
    done = lora_tui_here("measure", "1", "--in", demo.root)
    assert "not measured: x.safetensors: a DoRA in" in done.stdout + done.stderr
    with Journal(demo.journal_path) as journal:
        assert journal.measures.of_bake(1, ["delta_norm"]) == []
