"""`lora-tui ladder --preset` starts a preset ladder, and `ladder presets` lists them."""

import json

from trainer.grid.presets import PRESETS as GRID_PRESETS
from trainer.ladders.presets import PRESETS
from trainer.workspace import Workspace


def test_the_list_has_every_preset_with_its_sentence_and_the_grids_beside_them(lora_tui_here) -> None:
    listed = lora_tui_here("ladder", "presets").stdout
    said = " ".join(listed.split())
    assert not [preset.key for preset in PRESETS.values() if f"tests “{preset.quote}”" not in said]
    assert not [preset.key for preset in PRESETS.values() if preset.needs and f"needs {preset.needs}" not in said]
    assert not [grid.key for grid in GRID_PRESETS if grid.quote and grid.key not in listed]
    assert max(map(len, listed.splitlines())) <= 100
    assert "lora-tui ladder --preset KEY" in said
    kept = json.loads(lora_tui_here("ladder", "presets", "--json").stdout)["presets"]
    assert [each["key"] for each in kept] == list(PRESETS)


def test_a_preset_is_previewed_with_what_to_know_and_queued_under_its_key(
    lora_tui_here, demo: Workspace, short: list[str]
) -> None:
    def run(*words: str, code: int = 0) -> str:
        ran = lora_tui_here("ladder", *words, folder=demo.root)
        assert ran.returncode == code, (ran.stdout, ran.stderr)
        return ran.stdout + ran.stderr

    told = run("--preset", "alpha-naive", "--twins", "1", *short, "--dry-run")
    assert [line.split()[:3] for line in told.splitlines()[1:4]] == [
        ["alpha", "1", "network_alpha=1,"],
        ["alpha", "4", "network_alpha=4,"],
        ["alpha", "8", "as"],
    ]
    assert "the factor on lora_down's rate is what makes these different bakes" in told
    run("--preset", "te-rate", "--twins", "1", *short, "--hold")
    shown = json.loads(run("show", "1", "--json"))
    assert (shown["preset"], [rung["label"] for rung in shown["rungs"]]) == ("te-rate", ["×0.1", "×1", "×10"])
    assert PRESETS["te-rate"].quote in shown["question"]
    refused = run("--preset", "te-rate", *short, "--set", "network_train_unet_only=true", "--dry-run", code=2)
    assert "preset te-rate: settings with which the text encoder does not train" in refused
    assert "not known; expected one of lr, unet-rate" in run("--preset", "unet", code=2)
    assert "exclude each other" in run("--preset", "lr", "--knob", "seed", "--rungs", "1", code=2)


def test_a_file_may_name_a_preset_alone(lora_tui_here, demo: Workspace, short: list[str]) -> None:
    (demo.root / "warm.toml").write_text('preset = "warmup"\nsettings = "hifumi.toml"\ntwins = 1\n')
    ran = lora_tui_here("ladder", "warm.toml", *short, "--dry-run", "--json", folder=demo.root)
    assert ran.returncode == 0, ran.stderr
    assert [each["rung"] for each in json.loads(ran.stdout)["bakes"]]
    assert json.loads(ran.stdout)["count"] == 4
