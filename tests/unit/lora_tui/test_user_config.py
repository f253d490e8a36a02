"""The user's config file: options, keys, and each mistake as one line with file, line and key."""

from pathlib import Path

import pytest

from lora_tui.keys.own_keys import DEFAULT_KEYS
from lora_tui.user_config import OPTIONS, UserConfig, read_user_config
from trainer.config_tables import config_file


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def read(text: str | bytes) -> UserConfig:
    path = config_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_user_config()


def lines(text: str | bytes) -> list[str]:
    return [problem.line() for problem in read(text).problems]


def test_without_a_file_everything_is_as_it_is() -> None:
    assert read_user_config() == UserConfig()
    assert (read_user_config().mouse, read_user_config().keys) == (True, DEFAULT_KEYS)


def test_options_and_keys_are_read() -> None:
    config = read('mouse = false\n[keys]\n"bake.pause" = "f6"\nplan.open = "f7"\n[keys.queue]\nopen = "f8"\n')
    assert config.problems == ()
    assert config.mouse is False
    assert [config.keys.shown(name) for name in ("bake.pause", "plan.open", "queue.open")] == ["f6", "f7", "f8"]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.key)
def test_an_option_takes_true_and_false_and_nothing_else(option) -> None:
    assert read(f"{option.key} = {str(not option.default).lower()}").options[option.key] is not option.default
    (line,) = lines(f'# mine\n{option.key} = "off"\n')
    assert f"config.toml line 2: {option.key}: off; expected true or false" in line
    assert read(f"{option.key} = 3").options[option.key] is option.default


def test_an_unknown_option_is_named_with_the_nearest() -> None:
    (line,) = lines("mous = false\n")
    assert "config.toml line 1: mous: no such option; expected mouse" in line


def test_a_mistake_in_a_key_names_file_line_and_id_and_the_rest_holds() -> None:
    config = read('mouse = false\n[keys]\n"plan.open" = "f7"\n"bake.pause" = "n"\n')
    (problem,) = config.problems
    assert "config.toml line 4: bake.pause: bake.pause and subject.new both have n on the Bake screen" in problem.line()
    assert config.keys.shown("plan.open") == "f7"
    assert config.mouse is False


def test_the_line_of_an_id_in_a_table_of_its_own_is_found() -> None:
    (line,) = lines('[keys.bake]\n\npaus = "f6"\n')
    assert "config.toml line 3: bake.paus: no such action" in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[keys\n"a" = "b"', "line 1"),
        (b"\xff\xfe\x00", "UTF-8"),
        ("keys = 5", "expected a table, [keys]"),
        ("[keys]\nbake = 5", "no such action"),
        ("[keys]\n[keys.bake]\n", "no such action"),
        ("[[keys]]\n", "expected a table, [keys]"),
        ('"\\u001b[31m" = 1', "no such option"),
    ],
)
def test_whatever_is_wrong_is_one_line(text: str | bytes, said: str) -> None:
    found = lines(text)
    assert len(found) == 1
    assert said in found[0] and "\x1b" not in found[0] and "\n" not in found[0]


def test_a_folder_or_a_broken_link_in_its_place_is_said() -> None:
    config_file().mkdir(parents=True)
    assert "a folder" in read_user_config().problems[0].line()
    config_file().rmdir()
    config_file().symlink_to("nowhere")
    assert "no such file" in read_user_config().problems[0].line()


def test_the_dashboard_is_opened_with_what_the_file_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import nullcontext
    from types import SimpleNamespace

    from lora_tui import app, dashboard, dashboard_exit
    from lora_tui.terminal import capabilities, redirect
    from trainer.workspace import make_workspace

    opened: list[tuple[str, object]] = []

    def run(self: app.LoraApp, **options: object) -> dashboard_exit.QuitChoice:
        opened.append((self.keys.shown("bake.pause"), options))
        return dashboard_exit.QuitChoice.QUIT

    monkeypatch.setattr(app.LoraApp, "run", run)
    monkeypatch.setattr(capabilities, "need_screen", lambda: None)
    monkeypatch.setattr(dashboard, "_detect_graphics", lambda: None)
    monkeypatch.setattr(redirect, "output_redirected", lambda path: nullcontext(SimpleNamespace(gone=False)))
    workspace = make_workspace(tmp_path / "workspace")
    read('mouse = false\n[keys]\n"bake.pause" = "f6"\n')
    dashboard.open_watcher(workspace, orders=False)
    config_file().unlink()
    dashboard.open_watcher(workspace, orders=False)
    assert opened == [("f6", {"mouse": False}), ("space", {"mouse": True})]
