"""Settings that a workspace keeps name its own files from its root, wherever it is."""

import ast
from pathlib import Path

import pytest

from trainer.settings.describe import fields
from trainer.settings.kept import kept_from_beside, kept_path, kept_settings, kept_toml, save_beside
from trainer.settings.model import Settings
from trainer.settings.subject import resolve
from trainer.settings.toml_file import load_settings, parse_settings
from trainer.workspace_paths import WorkspacePaths

PATHS = [info.name for info in fields() if info.kind == "path"]
ROOT = Path(__file__).parents[3]
SOURCES = [path for room in ("trainer", "lora_tui") for path in (ROOT / room).rglob("*.py")]


def settings_in(root: Path) -> Settings:
    """Return settings whose every path lies in `root`, but one."""
    values = {name: str(root / "files" / name) for name in PATHS}
    return Settings.model_validate({**values, "vae": "/models/vae.safetensors"})


def test_every_path_of_the_settings_moves_with_the_workspace(tmp_path: Path) -> None:
    old, new = WorkspacePaths(tmp_path / "old"), WorkspacePaths(tmp_path / "new")
    kept = kept_toml(settings_in(old.root), old)
    assert str(tmp_path) not in kept
    assert kept_settings(kept, "x", new) == settings_in(new.root)


def test_an_older_versions_absolute_paths_mean_those_of_now(tmp_path: Path) -> None:
    old, new = WorkspacePaths(tmp_path / "old"), WorkspacePaths(tmp_path / "new", (tmp_path / "old",))
    before = kept_toml(settings_in(old.root), WorkspacePaths(tmp_path / "another"))
    assert str(tmp_path / "old") in before
    assert kept_settings(before, "x", new) == settings_in(new.root)


def test_the_file_in_a_bakes_folder_can_be_baked_from_there(tmp_path: Path) -> None:
    paths = WorkspacePaths(tmp_path / "old")
    file = paths.root / "bakes" / "0001-x" / "settings.toml"
    file.parent.mkdir(parents=True)
    for _ in range(2):
        save_beside(settings_in(paths.root), file, paths)
    assert 'train_data_dir = "../../files/train_data_dir"' in file.read_text()
    paths.root.rename(tmp_path / "new")
    moved = tmp_path / "new" / "bakes" / "0001-x" / "settings.toml"
    wanted = settings_in(tmp_path / "new")
    assert resolve(load_settings(moved), moved) == wanted.model_copy(update={"output_name": "lora"})
    kept = kept_from_beside(moved.read_text(), moved, WorkspacePaths(tmp_path / "new"))
    assert parse_settings(kept, "x") == parse_settings(kept_toml(settings_in(paths.root), paths), "x")


def test_a_damaged_file_in_a_bakes_folder_is_kept_as_it_is(tmp_path: Path) -> None:
    assert kept_from_beside("not = [toml", tmp_path / "settings.toml", WorkspacePaths(tmp_path)) == "not = [toml"


@pytest.mark.parametrize("name", ["demo", "~", "~somebody", "plain", "a b"])
def test_a_file_of_any_name_is_read_back_as_itself(tmp_path: Path, name: str) -> None:
    paths = WorkspacePaths(tmp_path)
    settings = Settings(pretrained_model_name_or_path=str(tmp_path / name), train_data_dir=str(tmp_path / name))
    assert kept_settings(kept_toml(settings, paths), "x", paths) == settings
    file = tmp_path / "settings.toml"
    save_beside(settings, file, paths)
    assert resolve(load_settings(file), file).pretrained_model_name_or_path == str(tmp_path / name)


def test_what_is_no_absolute_path_stays_as_it_is(tmp_path: Path) -> None:
    for text in ("", "demo", "~/models/x.safetensors", "hifumi-000003", "models/x.safetensors"):
        assert kept_path(text, WorkspacePaths(tmp_path)) == text


def calls_in(source: Path) -> list[ast.Call]:
    text = source.read_text("utf-8")
    # Parsing every module takes seconds.
    return [node for node in ast.walk(ast.parse(text if "settings_toml" in text else "")) if isinstance(node, ast.Call)]


def name_of(call: ast.expr) -> str:
    function = call.func if isinstance(call, ast.Call) else call
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def test_nothing_that_was_kept_is_read_without_the_places_of_now() -> None:
    # They look at no path.
    but = {
        ROOT / path
        for path in (
            "trainer/plan/saves.py",
            "lora_tui/commands/order.py",
            "trainer/bake/saving/state.py",
            "trainer/history/facts.py",
        )
    }
    wrong = [
        source
        for source in SOURCES
        for call in calls_in(source)
        if name_of(call) == "parse_settings" and call.args and name_of(call.args[0]) == "settings_toml"
    ]
    assert set(wrong) <= but
    assert wrong, "nothing was looked at"


def test_nothing_is_kept_with_the_places_of_today() -> None:
    # A live setting's own text; what was in no folder of a bake; the rows of the journal themselves.
    fine = ("kept_toml", "toml", "Constant", "BoolOp", "settings_toml")
    given = [
        (source.relative_to(ROOT).as_posix(), name_of(word.value) or type(word.value).__name__)
        for source in SOURCES
        for call in calls_in(source)
        for word in call.keywords
        if word.arg == "settings_toml"
    ]
    assert [each for each in given if each[1] not in fine] == []
    assert ("trainer/jobs/bakes.py", "kept_toml") in given
