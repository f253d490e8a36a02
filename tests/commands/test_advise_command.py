"""`lora-tui advise`: what to try with a bake."""

import json
from pathlib import Path

import pytest
from advised_bakes import START, add_measured, an_aim, workspace_at

from trainer.journal.journal import Journal
from trainer.measures.of_pictures import TOKEN_EFFECT


@pytest.fixture
def here(tmp_path: Path) -> Path:
    workspace = workspace_at(tmp_path / "ws")
    with Journal(workspace.journal_path) as journal:
        add_measured(journal, TOKEN_EFFECT, 0.5)
    return workspace.root


def test_it_says_what_to_try_and_remembers_what_was_named(here: Path, lora_tui_here) -> None:
    nothing = lora_tui_here("advise", "1", "--in", str(here))
    assert "none of them known to be right" in nothing.stdout and "--list` lists the symptoms" in nothing.stdout
    first = lora_tui_here("advise", "1", "--symptom", "outfit-bleed", "--symptom", "static", "--in", str(here)).stdout
    lines = first.splitlines()
    assert [line for line in lines if line[:2] in ("1.", "2.", "3.", "4.")] == [
        "1. Data",
        "2. Repeats",
        "3. Steps",
        "4. Rates",
    ]
    assert "  [x] outfit bleed: pieces of one outfit on others (outfit-bleed)" in lines
    assert any(line.strip().startswith("− ") for line in lines) and any(line.strip().startswith("+ ") for line in lines)
    assert f"unet_lr={START['unet_lr'] / 3:.1e}"[:8] in first
    again = lora_tui_here("advise", "1", "--in", str(here)).stdout
    assert again == first
    forgotten = lora_tui_here("advise", "1", "--forget", "--in", str(here)).stdout
    assert forgotten == nothing.stdout


def test_the_list_and_json_have_every_symptom(here: Path, lora_tui_here) -> None:
    from trainer.advice.symptoms import SYMPTOMS

    listed = lora_tui_here("advise", "1", "--symptom", "static", "--list", "--in", str(here)).stdout.splitlines()
    assert {line.split()[0] for line in listed} == set(SYMPTOMS)
    assert next(line for line in listed if line.startswith("static ")).endswith("[ticked]")
    found = json.loads(lora_tui_here("advise", "1", "--json", "--in", str(here)).stdout)
    assert {each["key"] for each in found["symptoms"] if each["chosen"]} == {"static"}
    assert [move["step"] for move in found["moves"]] == ["steps", "rates"]
    assert found["moves"][1]["ladder"]["knobs"] == ["unet_lr"]
    assert found["moves"][1]["reasons"][0]["sources"][0]["source"] == "notes"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (
            ("1", "--symptom", "statik"),
            "--symptom: statik; expected a symptom's key, such as static; `lora-tui advise N --list` lists them",
        ),
        (("9",), "no bake 9"),
        (("9", "--aim"), "no bake 9"),
        (("1", "--ladder", "body-rate"), "--ladder: no move body-rate"),
        (
            ("1", "--symptom", "outfit-bleed", "--ladder", "captions"),
            "move captions: is tested by hand; copy the folder",
        ),
    ],
)
def test_what_is_wrong_is_one_line(here: Path, lora_tui_here, words: tuple[str, ...], error: str) -> None:
    done = lora_tui_here("advise", *words, "--in", str(here))
    assert done.returncode == 2
    assert error in done.stderr and len(done.stderr.splitlines()) == 1


def test_the_aim_names_its_model_its_range_and_the_rates_to_try(
    here: Path, lora_tui_here, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainer.advice import aim as aiming

    monkeypatch.setattr(aiming, "aim_for_band", lambda journal, workspace, number: an_aim(number))
    lines = lora_tui_here("advise", "1", "--aim", "--in", str(here)).stdout.splitlines()
    assert lines[:2] == ["U-Net: done in epochs 3–4", "text encoder: done in epochs 7–8"]
    assert "model: a simple one" in lines and "try text_encoder_lr=0.00022: near step 346" in lines
    found = json.loads(lora_tui_here("advise", "1", "--aim", "--json", "--in", str(here)).stdout)
    assert found["points"][0]["moves"][0] == {"part": "text_encoder", "low": 1.5, "factor": 2.2, "high": 4.8}


def test_a_bake_whose_parts_are_not_placed_has_no_aim_and_says_what_would_place_them(here: Path, lora_tui_here) -> None:
    done = lora_tui_here("advise", "1", "--aim", "--in", str(here))
    assert done.returncode == 2
    assert "bake 1: no part is placed; expected two parts that are placed" in done.stderr
