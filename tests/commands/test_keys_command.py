"""`lora-tui keys`: the keys in force as data, what is wrong in the config beside it."""

import json
from pathlib import Path

import pytest

from lora_tui.keys.keymap import ACTIONS


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "lora-tui").mkdir()
    return tmp_path / "lora-tui" / "config.toml"


def test_it_lists_every_action_with_its_keys(lora_tui_here, config: Path) -> None:
    done = lora_tui_here("keys")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == len(ACTIONS)
    (pause,) = [line for line in lines if line.split()[0] == "bake.pause"]
    assert pause.split()[1] == "space" and "(the Bake screen)" in pause


def test_own_keys_are_marked_and_mistakes_go_to_stderr(lora_tui_here, config: Path) -> None:
    config.write_text('[keys]\n"bake.pause" = "f6"\n"plan.open" = "n"\n"bake.report" = ""\n')
    done = lora_tui_here("keys")
    assert done.returncode == 2
    assert "config.toml line 3: plan.open: plan.open and subject.new both have n on the Bake screen" in done.stderr
    assert "* bake.pause" in done.stdout and "  plan.open" in done.stdout
    data = json.loads(lora_tui_here("keys", "--json").stdout)
    assert data["config"] == str(config)
    found = {action["id"]: action for action in data["actions"]}
    assert (found["bake.pause"]["keys"], found["bake.pause"]["own"]) == (["f6"], True)
    assert (found["bake.report"]["keys"], found["plan.open"]["keys"]) == ([], ["p"])
    assert found["journal.delete"]["default"] == ["delete", "x"]
